/** What a request costs a filter: callbacks, host functions and copies, without the run's own work. @module */
import {
  action,
  bodyAction,
  type FilterModule,
  type HttpContext,
  inspectModule,
  type Limits,
  loadModule,
  type Plugin,
} from "@mitsu/proxy-wasm";
import type { Case } from "./cases.ts";
import { type HttpCase, runHttp } from "./http-run.ts";
import { LocalHost } from "./local-host.ts";
import { type Started, startLocally } from "./run-case.ts";

/** Of one way of running it. */
export interface Cost {
  /** Of a request, median of three. */
  readonly us: number;
  readonly requests: number;
}

/** Of a filter and its requests. */
export interface Measured {
  readonly withFuel: Cost;
  readonly withoutFuel: Cost;
  /** What the run itself takes for a request; taken off both. */
  readonly runUs: number;
  /** Of all callbacks of a request; the mean. */
  readonly fuel: number;
  /** Calls of the guest for a request. */
  readonly callbacks: number;
  /** Linear memory at the end. */
  readonly memoryBytes: number;
}

/** It is in none of the libraries that tsc is told of. */
const { WebAssembly: webAssembly } = globalThis as unknown as {
  readonly WebAssembly: { compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> };
};
const batch = 256;
const rounds = 3;
/** The engine compiles what is hot a second time. */
const warmUpMs = 300;

/** A filter that does nothing, in no time. */
const idleContext: HttpContext = {
  id: 0,
  requestHeaders: () => action.continue,
  requestBody: () => bodyAction.continue,
  requestTrailers: () => action.continue,
  responseHeaders: () => action.continue,
  responseBody: () => bodyAction.continue,
  responseTrailers: () => action.continue,
  end: () => {},
};
const idlePlugin = { trapped: null, openHttp: () => idleContext } as unknown as Plugin;

class Loop {
  readonly #plugin: Plugin;
  readonly #host: LocalHost;
  readonly #cases: readonly HttpCase[];
  readonly #limit: number;

  constructor({ plugin, host }: Started, cases: readonly HttpCase[], limit: number) {
    this.#plugin = plugin;
    this.#host = host;
    this.#cases = cases;
    this.#limit = limit;
  }

  /** Microseconds a request over about that time. @throws {FilterTrap} */
  run(ms: number): Cost {
    const end = performance.now() + ms;
    const began = performance.now();
    let requests = 0;
    do {
      for (let at = 0; at < batch; at++) {
        const one = this.#cases[(requests + at) % this.#cases.length]!;
        const { trap } = runHttp(this.#plugin, this.#host, one, this.#limit);
        if (trap !== null) throw new Error(`${trap.callback}: ${trap.detail}`);
      }
      requests += batch;
      // Nobody reads them, and they would fill memory.
      this.#host.logs.length = 0;
      this.#host.calls.length = 0;
    } while (performance.now() < end);
    return { us: ((performance.now() - began) * 1e3) / requests, requests };
  }
}

function medianOf(costs: readonly Cost[]): Cost {
  return costs.toSorted((one, other) => one.us - other.us)[Math.floor(costs.length / 2)]!;
}

/** A module as it is, without a counter. */
async function unmetered(bytes: Uint8Array): Promise<FilterModule> {
  return { info: inspectModule(bytes), compiled: await webAssembly.compile(new Uint8Array(bytes)) };
}

/**
 * Measures a filter over requests in turn, with fuel, without, and the run alone; the three take turns, so that all see the same machine.
 *
 * @param one Its requests and settings.
 * @param seconds Of one of three measurements.
 * @throws {MitsuError} as {@link loadModule} and {@link startLocally}; {@link Error} for a trap.
 */
export async function measure(bytes: Uint8Array, name: string, one: Case, limits: Limits, seconds: number): Promise<Measured> {
  const cases = one.steps.flatMap(({ http }) => (http === null ? [] : [http]));
  const metered = startLocally(await loadModule(bytes, limits), name, one.settings, limits);
  const plain = startLocally(await unmetered(bytes), name, one.settings, limits);
  const loops = [metered, plain, { plugin: idlePlugin, host: new LocalHost({ vmId: "" }) }].map(
    (started) => new Loop(started, cases, limits.bodyBytes),
  );
  for (const loop of loops) loop.run(Math.min(warmUpMs, seconds * 1e3));
  const before = metered.plugin.counters;
  const taken: Cost[][] = loops.map(() => []);
  for (let round = 0; round < rounds; round++) for (const [at, loop] of loops.entries()) taken[at]!.push(loop.run(seconds * 1e3));
  const { counters } = metered.plugin;
  const requests = taken[0]!.reduce((sum, cost) => sum + cost.requests, 0);
  const [withFuel, withoutFuel, run] = taken.map(medianOf) as [Cost, Cost, Cost];
  const net = (cost: Cost): Cost => ({ ...cost, us: Math.max(0, cost.us - run.us) });
  return {
    withFuel: net(withFuel),
    withoutFuel: net(withoutFuel),
    runUs: run.us,
    fuel: (counters.fuel - before.fuel) / requests,
    callbacks: (counters.calls - before.calls) / requests,
    memoryBytes: metered.plugin.memoryBytes,
  };
}
