/** States for tests. @module */
import fc from "fast-check";
import { NodeState, nodeFigures } from "../../src/bus/node-state.ts";

/** A node with replicas `10.0.0.<n>:80`. */
export function stateOf(name: string, replicas: number): NodeState {
  const state = new NodeState(name);
  state.bootSeconds = 1_800_000_000;
  state.bootRandom = 7;
  state.cpus = 4;
  for (let index = 0; index < replicas; index++) {
    const row = state.replicas.add(`10.0.${index >> 8}.${index & 255}:80`);
    state.replicas.inFlight[row] = index;
    state.replicas.workers[row] = 4;
  }
  return state;
}

const figure32 = fc.float({ min: 0, max: 1e6, noNaN: true });
const share = fc.float({ min: 0, max: 1, noNaN: true });
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((text) => `[${text}]`),
);

/** Any state that can be. */
export const anyState: fc.Arbitrary<NodeState> = fc
  .record({
    name: fc.stringMatching(/^[a-z0-9.-]{1,63}$/),
    boot: fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)),
    sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    sentAtMs: fc.double({ min: 0, max: 1e14, noNaN: true }),
    intervalMs: fc.nat(0xffff),
    figures: fc.array(fc.oneof(figure32, fc.constant(Number.NaN)), { minLength: nodeFigures.length, maxLength: nodeFigures.length }),
    echoes: fc.array(fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.double({ min: 0, max: 1e14, noNaN: true }), figure32), {
      maxLength: 8,
    }),
    replicas: fc.array(
      fc.tuple(address, fc.integer({ min: 1, max: 65535 }), figure32, figure32, figure32, share, figure32, fc.nat(65535), fc.nat(7)),
      {
        maxLength: 20,
      },
    ),
  })
  .map(({ name, boot, sequence, sentAtMs, intervalMs, figures, echoes, replicas }) => {
    const state = new NodeState(name);
    [state.bootSeconds, state.bootRandom] = boot;
    state.sequence = sequence;
    state.sentAtMs = sentAtMs;
    state.intervalMs = intervalMs;
    state.figures.set(figures);
    echoes.forEach(([seconds, random, sentAt, held], row) => {
      state.echoes.bootSeconds[row] = seconds;
      state.echoes.bootRandom[row] = random;
      state.echoes.sentAtMs[row] = sentAt;
      state.echoes.heldMs[row] = held;
    });
    state.echoes.count = echoes.length;
    const { replicas: rows } = state;
    const seen = new Set<string>();
    for (const [host, port, inFlight, serviceMs, latencyMs, failures, weight, workers, flags] of replicas) {
      // The same address in two spellings would be a duplicate, which the caller must not make.
      const canonical = new URL(`http://${host}`).hostname + port;
      if (seen.has(canonical) || canonical.startsWith("[::ffff:")) continue;
      seen.add(canonical);
      const row = rows.add(`${host}:${port}`);
      rows.inFlight[row] = inFlight;
      rows.serviceMs[row] = serviceMs;
      rows.latencyMs[row] = latencyMs;
      rows.failures[row] = failures;
      rows.weight[row] = weight;
      rows.workers[row] = workers;
      rows.flags[row] = flags;
    }
    return state;
  });

/** All of a state as plain values. */
export function plain(state: NodeState): unknown {
  const { replicas, echoes } = state;
  const rows = (count: number, ...columns: ArrayLike<number>[]): number[][] =>
    Array.from({ length: count }, (_, row) => columns.map((column) => column[row]!));
  return {
    ...state,
    figures: [...state.figures],
    keys: Buffer.from(replicas.keys.subarray(0, replicas.count * 18)).toString("hex"),
    replicas: rows(
      replicas.count,
      replicas.inFlight,
      replicas.serviceMs,
      replicas.latencyMs,
      replicas.failures,
      replicas.weight,
      replicas.workers,
      replicas.flags,
    ),
    echoes: rows(echoes.count, echoes.bootSeconds, echoes.bootRandom, echoes.sentAtMs, echoes.heldMs),
  };
}
