/** What is simulated: servers, clients, load, how speeds change, what is heard and how late. @module */
import type { MembershipOptions, SelectorName, SelectorOptions } from "@mitsu/selector";
import { type Law, meanOf } from "@mitsu/simulation";

/** How requests arrive: all clients' together, each request at a client chosen at random. */
export type ArrivalLaw =
  | { readonly kind: "poisson" | "deterministic" }
  /** Poisson while on, nothing while off; both take exponential times. */
  | { readonly kind: "bursty"; readonly onMs: number; readonly offMs: number };

/** How fast servers work, 1 being full speed. */
export type SpeedLaw =
  | { readonly kind: "equal" }
  /** The first `servers` servers work at `slow`, always. */
  | { readonly kind: "fixed"; readonly slow: number; readonly servers: number }
  /** Each server goes to and fro between 1 and `slow`, an antagonist coming and going; both take exponential times. */
  | { readonly kind: "varying"; readonly slow: number; readonly fastForMs: number; readonly slowForMs: number };

/** A server that is down for a while; what it had in flight is lost. Its node still speaks for it, unless that is gone too: `silent`. */
export interface Outage {
  readonly server: number;
  readonly fromMs: number;
  /** Infinity when it does not come back. */
  readonly toMs: number;
  /** Refused connections are known after a round trip, silence only after the time-out. */
  readonly how: "refused" | "silent";
  /** Clients stop to select it so long before. */
  readonly drainMs: number;
}

/** What clients hear of servers besides answers. */
export interface Feedback {
  /** Each server tells its state so often; Infinity for never. */
  readonly intervalMs: number;
  /** Unless nothing changes there: then ever more seldom, down to this; 0 for always each interval. Clients take silence for what it is: nothing changed. */
  readonly quietMs: number;
  /** From then until a client knows it. */
  readonly delayMs: number;
  /** The broker is gone from here on; Infinity for never. */
  readonly lostAtMs: number;
  /**
   * After a server refused a connection, its node tells, besides the delay; likewise once the server takes connections again, which the node tries every 100 ms.
   * Infinity: each client has to find out for itself.
   */
  readonly failureMs: number;
}

/** One run; times are milliseconds from its beginning. */
export interface Setting {
  readonly selector: SelectorName | "jsq";
  readonly options?: SelectorOptions;
  readonly servers: number;
  /** Requests that a server works on at once; the others wait, first come first served. */
  readonly workers: number;
  readonly clients: number;
  /** Nodes that servers and clients stand on, in turn: on the same there is no network, and reports need no broker. 0: each on one of its own. */
  readonly nodes: number;
  /** Share of the capacity that is asked for; see {@link capacityPerMs}. */
  readonly load: number;
  readonly arrivals: ArrivalLaw;
  /** Of a request at full speed, milliseconds. */
  readonly service: Law;
  readonly speed: SpeedLaw;
  /** One way between nodes, of requests and of answers, milliseconds. */
  readonly network: Law;
  readonly feedback: Feedback;
  /** Answers carry the server's state. */
  readonly piggyback: boolean;
  /**
   * `delayMs` one way; `costMs` of work at the server for each. From the `table`, a probe is answered at once with what was last reported, and so is what comes
   * with answers: that is how nicd has it.
   */
  readonly probe: { readonly answers: "network" | "table"; readonly delayMs: number; readonly costMs: number };
  readonly outages: readonly Outage[];
  /** After which silence is a failure. */
  readonly timeoutMs: number;
  /** Further tries of a request that failed, on another server if there is one. */
  readonly retries: number;
  /** How clients leave out servers that fail, and take them back. */
  readonly membership?: MembershipOptions;
  readonly durationMs: number;
  /** Requests that arrive before are not counted. */
  readonly warmUpMs: number;
  readonly seed: number;
}

/** The setting of the main target: 20 servers whose speed goes to and fro between 1 and ⅓, 50 clients, load 0.85. */
export const usualSetting: Setting = {
  selector: "mitsu",
  servers: 20,
  workers: 1,
  clients: 50,
  nodes: 0,
  load: 0.85,
  arrivals: { kind: "poisson" },
  service: { kind: "exponential", mean: 10 },
  speed: { kind: "varying", slow: 1 / 3, fastForMs: 1000, slowForMs: 1000 },
  network: { kind: "deterministic", mean: 0 },
  feedback: { intervalMs: 1, quietMs: 0, delayMs: 0, lostAtMs: Number.POSITIVE_INFINITY, failureMs: 1 },
  piggyback: false,
  probe: { answers: "network", delayMs: 0.25, costMs: 0 },
  outages: [],
  timeoutMs: 1000,
  retries: 0,
  durationMs: 60_000,
  warmUpMs: 5_000,
  seed: 1,
};

/** A server's mean speed. */
function meanSpeed(speed: SpeedLaw, servers: number): number {
  if (speed.kind === "equal") return 1;
  if (speed.kind === "fixed") return 1 - (speed.servers * (1 - speed.slow)) / servers;
  return (speed.fastForMs + speed.slow * speed.slowForMs) / (speed.fastForMs + speed.slowForMs);
}

/**
 * Requests a millisecond that all servers together can answer at their mean speed.
 *
 * @example
 * ```ts
 * capacityPerMs(usualSetting); // 20 servers at ⅔ of 1 / 10 ms: 1.33
 * ```
 */
export function capacityPerMs({ servers, workers, service, speed }: Setting): number {
  return (servers * workers * meanSpeed(speed, servers)) / meanOf(service);
}
