/** AXI-Stream source and sink that run inside the model, thousands of cycles a call. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Engine } from "../model/engine.ts";
import type { Field, Layout } from "../model/layout.ts";
import { type Beat, getValue, putValue } from "../model/value.ts";
import { always, type Pattern } from "./pattern.ts";

/** Which handshakes; a prefix `s` stands for `s_valid`, `s_ready` and the payload: every other port `s_…` of its direction. */
export interface StreamPorts {
  readonly source?: string;
  readonly sink?: string;
}

/** How a stream runs. */
export interface StreamOptions {
  /** Ends after so many beats at the sink; as many as were sent unless given. */
  readonly receive?: number;
  /** Ends after so many beats with `last`. */
  readonly frames?: number;
  /** Cycles in which the source offers nothing new. */
  readonly idle?: Pattern;
  /** Cycles in which the sink is not ready. */
  readonly stall?: Pattern;
  /** 1000 and 64 for each beat unless given. */
  readonly maxCycles?: number;
}

/** What came of it. */
export interface Streamed {
  /** What the sink took, by field. */
  readonly beats: readonly Beat[];
  /** The same, packed: the payload's fields in the order of the ports, each of whole words. */
  readonly words: Uint32Array;
  /** Beats that the source gave. */
  readonly accepted: number;
  readonly cycles: number;
}

interface Handshake {
  readonly valid: number;
  readonly ready: number;
  readonly last: number;
  readonly payload: readonly Field[];
  /** Words of a beat. */
  readonly stride: number;
}

const absent: Handshake = { valid: -1, ready: -1, last: -1, payload: [], stride: 0 };

function handshake({ module, fields }: Layout, prefix: string | undefined, payload: "input" | "output"): Handshake {
  if (prefix === undefined) return absent;
  const at = (name: string) => fields.find((field) => field.name === `${prefix}_${name}`)?.offset ?? -1;
  if (at("valid") < 0) throw new TypeError(`${module} has no port ${prefix}_valid`);
  const own = fields.filter(
    ({ name, direction }) =>
      direction === payload && name.startsWith(`${prefix}_`) && name !== `${prefix}_valid` && name !== `${prefix}_ready`,
  );
  return { valid: at("valid"), ready: at("ready"), last: at("last"), payload: own, stride: own.reduce((sum, { words }) => sum + words, 0) };
}

/** Packs beats as the pump takes them. */
function pack(module: string, prefix: string, { payload, stride }: Handshake, beats: readonly Beat[]): Uint32Array {
  const words = new Uint32Array(beats.length * stride);
  for (const [index, beat] of beats.entries()) {
    let at = index * stride;
    for (const field of payload) {
      putValue(words, at, module, field, beat[field.name.slice(prefix.length + 1)] ?? (field.kind === "number" ? 0 : 0n));
      at += field.words;
    }
  }
  return words;
}

function unpack(prefix: string, { payload, stride }: Handshake, words: Uint32Array): readonly Beat[] {
  return Array.from({ length: stride === 0 ? 0 : words.length / stride }, (_, index) => {
    let at = index * stride;
    return Object.fromEntries(
      payload.map((field) => {
        const value = getValue(words, at, field);
        at += field.words;
        return [field.name.slice(prefix.length + 1), value];
      }),
    );
  });
}

/**
 * Runs a stream on an engine; what `Model.stream` does.
 *
 * @throws {MitsuError} `ERR_HDL_STALL` when it does not end within `maxCycles`.
 */
export function pump(
  layout: Layout,
  engine: Engine,
  ports: StreamPorts,
  beats: readonly Beat[] | Uint32Array,
  options: StreamOptions,
): Streamed {
  const source = handshake(layout, ports.source, "input");
  const sink = handshake(layout, ports.sink, "output");
  const input = beats instanceof Uint32Array ? beats : pack(layout.module, ports.source ?? "", source, beats);
  const count = source.stride === 0 ? 0 : input.length / source.stride;
  if (!Number.isInteger(count)) throw new RangeError(`a beat of ${layout.module}.${ports.source} has ${source.stride} words`);
  const frames = options.frames ?? 0;
  const maxCycles = options.maxCycles ?? 1000 + 64 * Math.max(count, options.receive ?? 0);
  const capacity = options.receive ?? (frames > 0 ? maxCycles : count);
  const output = new Uint32Array(sink.valid < 0 ? 0 : capacity * sink.stride);
  const { idle = always, stall = always } = options;
  const parts = [...source.payload, ...sink.payload].flatMap(({ offset, words }) => [offset, words * 4]);
  // The order is that of the enum in src/gen/runtime.ts.
  const job = Int32Array.of(
    ...[source.valid, source.ready, sink.valid, sink.ready, sink.last],
    ...[source.payload.length, sink.payload.length, source.stride * 4, sink.stride * 4],
    ...[count, capacity, frames, idle.length - 1, stall.length - 1, maxCycles],
    ...[0, 0, 0],
    ...parts,
  );
  const bytes = ({ buffer, byteOffset, byteLength }: Uint32Array) => new Uint8Array(buffer, byteOffset, byteLength);
  engine.pump(job, { input: bytes(input), output: bytes(output), idle, stall });
  const [accepted, received, cycles] = [job[15]!, job[16]!, job[17]!];
  const complete = sink.valid < 0 ? accepted === count : frames > 0 ? cycles < maxCycles : received === capacity;
  if (!complete) {
    throw new MitsuError(
      `${layout.module} stalls: after ${cycles} cycles ${accepted} of ${count} beats went in and ${received}${frames ? "" : ` of ${capacity}`} came out`,
      { code: "ERR_HDL_STALL", hint: "look at the handshake in a trace, or allow more maxCycles", exit: exitStatus.failure },
    );
  }
  const words = output.subarray(0, received * sink.stride);
  let unpacked: readonly Beat[] | undefined;
  return {
    get beats() {
      unpacked ??= unpack(ports.sink ?? "", sink, words);
      return unpacked;
    },
    words,
    accepted,
    cycles,
  };
}
