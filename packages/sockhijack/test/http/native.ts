/** What tests of the native parser share: both builds, cases that tell which of them failed, and a connection cut in every way. @module */
import test, { type ExecutionContext } from "ava";
import { cutAt, type Run } from "./cutting.ts";
import { type Connection, compile, findCompiler, type Harness, type Message, topology, way } from "./harness.ts";
import type { Random } from "./random.ts";

/** MITSU_TEST_ALL=1: many more of everything that is generated. */
export const all: boolean = process.env.MITSU_TEST_ALL === "1";
const compiler = findCompiler();
const built = compiler ? compile(compiler) : undefined;
test.after.always(() => built?.[Symbol.dispose]());

/** Declares a serial test that skips, loudly, where there is no C compiler. */
export function nativeTest(
  title: string,
  body: (t: ExecutionContext, built: { plain: Harness; sanitized: Harness }) => void | Promise<void>,
): void {
  test.serial(title, async (t) => {
    t.timeout(all ? 3_600_000 : 60_000);
    if (built) return body(t, built);
    console.log(`SKIP ${title}: no C compiler; apt-get install gcc`);
    t.log("skipped: no C compiler; apt-get install gcc");
    t.pass();
  });
}

/** One connection in words, for when a property does not hold of it. */
export function show({ topology, trace, faults, rate, seed, sampling, messages }: Connection): string {
  const text = (bytes: Buffer) => (bytes.every((byte) => byte < 127) ? JSON.stringify(bytes.toString("latin1")) : bytes.toString("hex"));
  const lines = messages.map(({ stream, way, bytes }) => `${"><"[stream]} way ${way} ${text(bytes)}`);
  return [JSON.stringify({ topology, trace, faults, rate, seed, sampling }), ...lines].join("\n");
}

/** Checks each connection; an error tells which. */
export function each<T extends { connection: Connection }>(cases: readonly T[], check: (one: T, index: number) => void): void {
  for (const [index, one] of cases.entries()) {
    try {
      check(one, index);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${show(one.connection)}`.slice(0, 20_000));
    }
  }
}

const { bothHere, clientHere, serverHere } = topology;
/** Most connections have both ends on this node. */
export const anyTopology: readonly number[] = [bothHere, bothHere, bothHere, clientHere, serverHere];

export function connectionOf(random: Random, messages: Message[], faults = 0): Connection {
  return {
    topology: random.pick(anyTopology),
    trace: random.chance(95) ? 2 : 1,
    faults,
    rate: faults ? 1 + random.int(20) : 0,
    seed: random.u32(),
    messages,
  };
}

/** A connection whole, cut in two at every place, and byte by byte, each by one way of sending. */
export function everyCut(runs: readonly Run[], how: number, where: number): Connection[] {
  const one = (messages: Message[]): Connection => ({ topology: where, trace: 2, faults: 0, rate: 0, seed: 7, messages });
  const whole = runs.map((run) => cutAt(run, [], () => how));
  const cuts = runs.flatMap((run, index) =>
    // Long runs are long for one reason: the bytes in their middle are all alike.
    Array.from({ length: run.bytes.length - 1 }, (_, at) => at + 1)
      .filter((at) => run.bytes.length < 2500 || at < 100 || at > run.bytes.length - 100 || at % 512 < 2)
      .map((at) =>
        one(
          whole
            .toSpliced(
              index,
              1,
              cutAt(run, [at], () => how),
            )
            .flat(),
        ),
      ),
  );
  const small = runs.flatMap((run) => cutAt(run, [...run.bytes.keys()].slice(1), () => how));
  return [one(whole.flat()), ...cuts, one(small)];
}

/** The four ways in which a corpus is sent, each with where its ends are. */
export const everyWay: readonly (readonly [way: number, topology: number])[] = [
  [way.redirected, bothHere],
  [way.redirected + way.pieces, bothHere],
  [way.byTcp + way.twice, clientHere],
  [way.segments, serverHere],
];
