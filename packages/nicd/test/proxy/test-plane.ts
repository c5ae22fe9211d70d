/** A data plane in this process, with listeners on loopback, for tests. @module */
import { type Catalog, parseCatalog } from "@mitsu/catalog";
import { encodeSocketAddress, Listener, Reactor, TcpSocket } from "@mitsu/reactor";
import type { ExecutionContext } from "ava";
import type { Filter } from "../../src/filters/filter.ts";
import { Xoshiro128 } from "../../src/filters/xoshiro.ts";
import type { LiveExchange } from "../../src/live-exchange.ts";
import { DataPlane } from "../../src/proxy/data-plane.ts";
import { Incoming } from "../../src/proxy/incoming.ts";
import type { PassedConnection } from "../../src/proxy/tcp-passage.ts";

/** What is left of an exchange when it is over. */
export interface EndedExchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly flag: string;
  readonly tries: number;
  readonly target: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** A running plane. */
export class TestPlane {
  readonly plane: DataPlane;
  readonly reactor: Reactor;
  /** Where service `web`, port 80, is reached. */
  readonly port: number;
  readonly ended: EndedExchange[] = [];
  readonly passed: PassedConnection[] = [];
  /** Further filters of every route. */
  readonly filters: Filter[];
  readonly #listener: Listener;

  constructor(reactor: Reactor, filters: Filter[]) {
    this.reactor = reactor;
    this.filters = filters;
    const random = new Xoshiro128(Uint32Array.of(0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667));
    this.plane = new DataPlane({
      reactor,
      dial: (endpoint, _, events) => TcpSocket.connect(reactor, encodeSocketAddress(endpoint), events),
      here: () => true,
      loads: null,
      reports: null,
      startMs: 0,
      random: () => random.fraction(),
      onExchange: (x) => void this.ended.push(keep(x)),
      onPassageBegun: () => {},
      onPassage: (passed) => void this.passed.push(passed),
      admitsTcp: null,
      chainParts: () => () => ({
        trace: null,
        authorise: null,
        timers: reactor.timers,
        random: () => random.fraction(),
        workers: 1,
        filters,
      }),
    });
    this.#listener = new Listener(reactor, { address: "127.0.0.1", port: 0 }, false, (fd, client) => {
      const caller = { service: "", address: client.address, port: client.port, by: "nobody" } as const;
      new Incoming(this.plane, { caller, service: "web", port: 80, chosen: null }, (events) => new TcpSocket(reactor, fd, events));
    });
    this.port = this.#listener.at.port;
  }

  configure(yaml: string): void {
    this.plane.configure(catalogOf(yaml));
  }

  /** Exchanges, connections and requests in flight that should be none when all is quiet. */
  get leftovers(): Readonly<Record<string, number>> {
    let inFlight = 0;
    let pending = 0;
    let retries = 0;
    for (const cluster of new Set(this.plane.clusters())) {
      inFlight += cluster.inFlight;
      retries += cluster.retries.inFlight;
      for (const endpoint of cluster.endpoints) {
        pending += endpoint.pending;
        inFlight += endpoint.inFlight;
      }
    }
    return { inFlight, pending, retries };
  }

  async close(): Promise<void> {
    this.#listener.close();
    for (const { stream } of this.plane.downstreams) stream.destroy();
    if (this.reactor !== (await shared)) await this.reactor.stop();
    else if (--users === 0) {
      shared = undefined;
      await this.reactor.stop();
    }
  }
}

/** One for all planes of the process: each loop would make the others wait. */
let shared: Promise<Reactor> | undefined;
let users = 0;

function keep(x: LiveExchange): EndedExchange {
  const { request, response, flag, tries, target, requestBytes, responseBytes } = x;
  return { method: request.method, path: request.path, status: response?.status ?? 0, flag, tries, target, requestBytes, responseBytes };
}

/** Service `web` with the YAML lines given, such as `ports: ["80:8080"]`; a line `__name:` begins a further service. */
export function catalogOf(yaml: string): Catalog {
  const lines = yaml
    .replace(/^/gm, "    ")
    .replace(/^ {4}__/gm, "  ")
    .replace(/^ {6}/gm, "    ");
  return parseCatalog(`version: 1\nservices:\n  web:\n${lines}\n`);
}

/** `web` with replicas on loopback at these ports, and further lines. Several ports: several replicas at 127.0.0.1, 127.0.0.2, … of one port. */
export function webAt(port: number, more = "", replicas = 1): string {
  const addresses = Array.from({ length: replicas }, (_, index) => `{ address: 127.0.0.${index + 1} }`);
  return `ports: ["80:${port}"]\nnic: on\nreplicas: [${addresses.join(", ")}]\n${more}`;
}

/** Opens one, closed with the test. @param alone With a loop of its own, whose clock the test may move. */
export async function testPlane(t: ExecutionContext, yaml: string, filters: Filter[] = [], alone = false): Promise<TestPlane> {
  const catalog = catalogOf(yaml);
  if (!alone) users++;
  if (!alone && !shared) shared = running();
  const reactor = await (alone || !shared ? running() : shared);
  const test = new TestPlane(reactor, filters);
  t.teardown(() => test.close());
  test.plane.configure(catalog);
  return test;
}

async function running(): Promise<Reactor> {
  const reactor = await Reactor.open();
  reactor.run();
  return reactor;
}
