/** The self-test's own kernel side, namespaces and connections, which it enrols and releases exactly when it wants. @module */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { inNetns } from "@mitsu/ebpf-ts";
import { Kernel, type Unread } from "../kernel/kernel.ts";
import { fact, freshPair, type Plan, planAction, planFor, type SockRecord, stateFlag, tcpState } from "../kernel/layout.ts";
import { expect } from "./check.ts";
import { makeNetworks, type Network, type Networks } from "./networks.ts";
import { ready, type Sockets } from "./sockets.ts";
import { End } from "./stream.ts";

/** How a bench is set up. */
export interface BenchOptions {
  /** The compiled object. */
  readonly object: Uint8Array;
  /** Folder for its pins, `…/selftest-<pid>`; removed by `close`. */
  readonly pins: string;
  readonly promote: boolean;
  readonly unread: Unread;
  readonly sockets: Sockets;
  /** How much more than plain TCP a program without a reader may be rid of, 1.1 unless a test wants to see it fail. */
  readonly memoryRatio?: number;
}

/** Both ends of a connection, and where they are. */
export interface Connection {
  readonly client: End;
  readonly server: End;
  readonly networks: ReadonlySet<Network>;
}

/** What the scan says about both ends. */
export interface View {
  readonly client: SockRecord;
  readonly server: SockRecord;
}

/** The number of the one service. */
const service = 1;
/** The most scans for one step; each follows a pause of a millisecond. */
const mostScans = 50;
const loopback = "127.0.0.1";
/** Those that carry and couple; the hooks of cgroups are not tested here. */
const programs = ["redirect", "verdict", "scan", "watch"];
/** Servers listen here and above: free in a namespace of its own, and below the ports that clients are given, as the flow table expects. */
const firstPort = 20_000;

/**
 * Everything the checks work on.
 *
 * @example
 * ```ts
 * using bench = new Bench({ object, pins, promote: true, unread: "any", sockets: systemSockets() });
 * const { client, server } = bench.coupled();
 * client.send(100);
 * server.receive(100);
 * ```
 */
export class Bench {
  readonly sockets: Sockets;
  readonly networks: Networks;
  readonly memoryRatio: number;
  readonly #kernel: Kernel;
  readonly #open = new Set<number>();
  #connections = 0;
  #ports = 0;

  /** @throws {MitsuError} what loading the programs and making namespaces throw; nothing is left behind. */
  constructor({ object, pins, promote, unread, sockets, memoryRatio }: BenchOptions) {
    this.sockets = sockets;
    this.memoryRatio = memoryRatio ?? 1.1;
    removeAbandoned(dirname(pins));
    let kernel: Kernel | undefined;
    try {
      kernel = Kernel.open({ object, pins, promote, unread, only: programs });
      this.networks = makeNetworks();
    } catch (error) {
      kernel?.close();
      rmSync(pins, { recursive: true, force: true });
      throw error;
    }
    this.#kernel = kernel;
  }

  /** Connects over loopback, by plain TCP. */
  connect(): Connection {
    const place = { network: this.networks.left, address: loopback };
    return this.#connect(place, place);
  }

  /** One loopback connection in each namespace, with the same addresses and ports. */
  twins(): readonly [Connection, Connection] {
    const ports = { server: this.#freePort(), client: this.#freePort() };
    const [left, right] = [this.networks.left, this.networks.right].map((network) => ({ network, address: loopback }));
    return [this.#connect(left!, left!, ports), this.#connect(right!, right!, ports)];
  }

  /** Connects from the left namespace to the right one. */
  connectAcross(): Connection {
    const { left, right } = this.networks;
    return this.#connect({ network: left, address: left.address }, { network: right, address: right.address });
  }

  /** A connection over loopback with both ends in the socket map. */
  coupled(): Connection {
    const connection = this.connect();
    this.enrol(connection);
    return connection;
  }

  #freePort(): number {
    return firstPort + this.#ports++;
  }

  #connect(from: Place, to: Place, ports = { client: 0, server: this.#freePort() }): Connection {
    const { sockets } = this;
    const listener = inNetns(to.network.fd, () => this.track(sockets.open()));
    sockets.bind(listener, { address: to.address, port: ports.server });
    sockets.listen(listener);
    const fd = inNetns(from.network.fd, () => this.track(sockets.open()));
    if (ports.client) sockets.bind(fd, { address: from.address, port: ports.client });
    sockets.connect(fd, { address: to.address, port: ports.server });
    sockets.poll(listener, ready.input, 1_000);
    const accepted = sockets.accept(listener);
    this.close(listener);
    expect(accepted >= 0, `accept failed with errno ${-accepted}`);
    this.track(accepted);
    // Each direction of each connection has its own place in the pattern: another one's bytes are noticed.
    const seed = 2 * 7919 * ++this.#connections;
    const client = new End(sockets, fd, seed, seed + 7919);
    const server = new End(sockets, accepted, seed + 7919, seed);
    for (const { inode } of [client, server]) this.#kernel.maps.adopted.set(BigInt(inode), service);
    return { client, server, networks: new Set([from.network, to.network]) };
  }

  /** Remembers a descriptor, so that `close` takes it along. */
  track(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  /** Closes one descriptor. */
  close(fd: number): void {
    if (this.#open.delete(fd)) this.sockets.close(fd);
  }

  /** Runs the scan: carries the plans out. @returns every line of these namespaces. */
  scan(networks: Iterable<Network>): readonly SockRecord[] {
    return Array.from(networks).flatMap(({ fd }) => this.#kernel.scan(fd));
  }

  /** Runs the scan. @returns what it says about one connection. */
  look({ client, server, networks }: Connection): View {
    const records = this.scan(networks);
    const find = (end: End): SockRecord => {
      const record = records.find((r) => r.inode === BigInt(end.inode) && r.state !== tcpState.listen);
      expect(record !== undefined, "the iterator did not find a socket");
      return record;
    };
    return { client: find(client), server: find(server) };
  }

  /** Puts both ends into the socket map. @throws {CheckFailure} when they do not get in. */
  enrol(connection: Connection): void {
    const { client, server } = this.look(connection);
    const slot = ++this.#connections;
    this.#kernel.maps.pairs.set(slot, freshPair);
    const plan = (peer: SockRecord, flags: number): Plan =>
      planFor(planAction.enrol, { peer: peer.cookie, peer_sk: peer.sk, slot, peer_service: service, flags });
    this.#kernel.maps.plans.set(client.cookie, plan(server, stateFlag.client));
    this.#kernel.maps.plans.set(server.cookie, plan(client, 0));
    this.#until(connection, (end) => (end.facts & fact.enrolled) !== 0, "the kernel refused a socket for the socket map");
    this.#kernel.maps.pairs.set(slot, { ...freshPair, open: 1 });
  }

  /** Makes both ends send by TCP, while they stay in the map. */
  quiesce(connection: Connection): void {
    this.#plan(connection, planAction.quiesce);
    this.#until(connection, (end) => (end.flags & stateFlag.quiet) !== 0, "a socket did not come to rest");
  }

  /** Asks that both ends leave the map as soon as they may; that may be when they have read what was redirected. */
  askRelease(connection: Connection): void {
    this.#plan(connection, planAction.release);
  }

  /** Takes both ends out of the map. */
  release(connection: Connection): void {
    this.quiesce(connection);
    this.askRelease(connection);
    this.released(connection);
  }

  /** Waits until a release that was asked for is done. */
  released(connection: Connection): void {
    this.#until(connection, (end) => (end.facts & fact.enrolled) === 0, "a socket did not leave the socket map");
  }

  #plan(connection: Connection, action: number): void {
    const { client, server } = this.look(connection);
    for (const { cookie } of [client, server]) this.#kernel.maps.plans.set(cookie, planFor(action));
  }

  #until(connection: Connection, done: (end: SockRecord) => boolean, otherwise: string): void {
    for (let scans = 0; scans < mostScans; scans++) {
      const { client, server } = this.look(connection);
      if (done(client) && done(server)) return;
      this.sockets.poll(-1, 0, 1);
    }
    expect(false, otherwise);
  }

  /** Closes every socket. */
  clear(): void {
    for (const fd of this.#open) this.sockets.close(fd);
    this.#open.clear();
  }

  /** Closes every socket and namespace, unloads the programs and removes the pins. */
  [Symbol.dispose](): void {
    this.clear();
    this.networks.close();
    this.#kernel.close();
    this.#kernel.remove();
  }
}

interface Place {
  readonly network: Network;
  readonly address: string;
}

/** Pins of a self-test that was killed. */
function removeAbandoned(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const pid = /^selftest-(\d+)$/.exec(basename(name))?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
