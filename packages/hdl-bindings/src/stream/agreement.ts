/** The same vectors on the RTL and on its software twin, compared bit for bit; for tests with ava. @module */
import type { Model } from "../model/model.ts";
import { type Beat, getValue, putValue } from "../model/value.ts";
import { always, randomPattern } from "./pattern.ts";
import type { StreamOptions, StreamPorts } from "./pump.ts";
import { Scoreboard } from "./scoreboard.ts";

/** As much of ava's `t` as is used. */
interface Assertions {
  readonly notThrows: (work: () => void, message?: string) => unknown;
}

/** A stream and its twin. */
export interface StreamAgreement {
  readonly model: Model;
  readonly ports: StreamPorts;
  readonly beats: readonly Beat[];
  /** All beats that should come out; a field that it leaves out is not compared. */
  readonly twin: (beats: readonly Beat[]) => readonly Beat[];
  /** Of the patterns; 1 unless given. */
  readonly seed?: number;
  /** Before each run; a reset unless given. */
  readonly prepare?: (model: Model) => void;
}

/**
 * Streams the beats at full rate, with an idle source, with back-pressure and with both; each time the RTL must give what the twin gives.
 *
 * @example
 * ```ts
 * test("toeplitz agrees with its twin under idle and back-pressure", async (t) => {
 *   streamsAgree(t, { model: await Toeplitz.open(), ports: { source: "s", sink: "m" }, beats, twin });
 * });
 * ```
 */
export function streamsAgree(
  t: Assertions,
  { model, ports, beats, twin, seed = 1, prepare = (one) => one.reset() }: StreamAgreement,
): void {
  const expected = twin(beats);
  const patterns: Readonly<Record<string, StreamOptions>> = {
    "at full rate": {},
    "with an idle source": { idle: randomPattern(seed, 0.5), stall: always },
    "with back-pressure": { idle: always, stall: randomPattern(seed + 1, 0.5) },
    "with both": { idle: randomPattern(seed + 2, 0.3), stall: randomPattern(seed + 3, 0.7) },
  };
  for (const [name, options] of Object.entries(patterns)) {
    t.notThrows(() => {
      prepare(model);
      const board = new Scoreboard(`${model.layout.module} ${name}`);
      board.expect(...expected);
      board.actual(...model.stream(ports, beats, { ...options, receive: expected.length }).beats);
      board.end();
    }, `seed ${seed}`);
  }
}

/**
 * Gives the RTL and the twin the same inputs in every cycle and compares all outputs that the twin names, after every rising edge.
 *
 * @param inputs Ports by name, one object a cycle; 0 where absent.
 * @param twin One cycle of it: inputs in, outputs after the edge.
 */
export function cyclesAgree(t: Assertions, model: Model, inputs: readonly Beat[], twin: (inputs: Beat) => Beat): void {
  const { fields, inputBytes, outputBytes, module } = model.layout;
  const ins = fields.filter(({ direction }) => direction === "input");
  const outs = fields.filter(({ direction }) => direction === "output");
  const [inWords, outWords] = [inputBytes / 4, outputBytes / 4];
  const given = new Uint32Array(inputs.length * inWords);
  for (const [cycle, ports] of inputs.entries()) {
    for (const field of ins) {
      const value = ports[field.name];
      if (value !== undefined) putValue(given, cycle * inWords + field.offset / 4, module, field, value);
    }
  }
  const taken = new Uint32Array(inputs.length * outWords);
  t.notThrows(() => {
    model.batch(given, taken);
    const board = new Scoreboard(module);
    for (const [cycle, ports] of inputs.entries()) {
      board.expect(twin(ports));
      const at = (offset: number) => cycle * outWords + (offset - inputBytes) / 4;
      board.actual(Object.fromEntries(outs.map((field) => [field.name, getValue(taken, at(field.offset), field)])));
    }
    board.end();
  });
}
