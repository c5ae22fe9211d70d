/** The kernel's side of sockhijack as one object: programs loaded, maps pinned, hooks on cgroups, the scan. Long because loading, taking over and removing share what is pinned. @module */
import { existsSync, readdirSync, rmSync } from "node:fs";
import {
  type Attachment,
  type BpfMap,
  BpfObject,
  Iter,
  Link,
  type MappedMemory,
  makePinFolder,
  type Program,
  TypedMap,
  u32,
  u64,
} from "@mitsu/ebpf-ts";
import * as layout from "./layout.ts";

/** Which sockets with unread bytes may enter the map; `enum` in `bpf/scan.h`. */
const unreadModes = { wait: 0, whole: 1, any: 2 } as const;
/** Its names. */
export type Unread = keyof typeof unreadModes;

/** How the kernel's side is opened. */
export interface KernelOptions {
  /** The compiled object, `sockhijack.bpf.o`. */
  readonly object: Uint8Array;
  /** Folder in a bpffs where everything is pinned; what is found there is taken over. */
  readonly pins: string;
  /** False when the self-test found that a socket must not go back from TCP to redirect. */
  readonly promote: boolean;
  /** Which sockets with unread bytes may enter the map: none (`wait`), those without a segment that is partly read (`whole`), or `any`, for the self-test. */
  readonly unread: Unread;
  /** False when sockets may not enter the map, not even to give their requests a traceparent. */
  readonly inject?: boolean;
  /** For tests: every injection fails after the room for it was made. */
  readonly injectFault?: boolean;
  /** Load no programs but these, for one that attaches to no cgroup: each costs the verifier its time. */
  readonly only?: readonly string[];
}

/** Programs that are attached to each cgroup, in the order in which they are: the way back before the way there. */
const cgroupPrograms = [
  "sock_release",
  "post_bind4",
  "post_bind6",
  "getpeername4",
  "getpeername6",
  "recvmsg4",
  "recvmsg6",
  "getsockopt",
  "setsockopt",
  "sendmsg4",
  "sendmsg6",
  "connect4",
  "connect6",
] as const;

/** Programs attached beside them while some service is traced. */
const tracePrograms = ["packet_out", "packet_in", "established"] as const;
/** Attached while connections of some service go to nicd. */
const nicProgram = "via_nic";
/** Loaded when a service is traced for the first time: they, and `redirect` with the parser in it, cost the verifier some 200 ms. */
const loadedForTracing: readonly string[] = [...tracePrograms, "on_receive", "redirect"];

const mapNames = [
  "control",
  "counters",
  "cgroups",
  "adopted",
  "services",
  "addresses",
  "frontends",
  "backends",
  "replicas",
  "scores",
  "choices",
  "loads",
  "policies",
  "matrix",
  "udp_peers",
  "callers",
  "names",
  "dns_slots",
  "plans",
  "pairs",
  "sockets",
  "events",
  "taps",
  "states",
  "spans",
  "connections",
  "blanks",
  "births",
  "readers",
  "partials",
  "streams",
  "blank_streams",
  "threads",
  "received",
  "graves",
] as const;

/** Typed views of the maps that user space reads or writes. */
export interface KernelMaps {
  readonly counters: TypedMap<number, bigint>;
  readonly cgroups: TypedMap<bigint, number>;
  readonly adopted: TypedMap<bigint, number>;
  readonly services: TypedMap<number, layout.Service>;
  readonly addresses: TypedMap<layout.AddressKey, layout.AddressValue>;
  readonly frontends: TypedMap<number, layout.Frontend>;
  readonly backends: TypedMap<layout.BackendKey, number>;
  readonly replicas: TypedMap<number, layout.Replica>;
  readonly scores: TypedMap<number, layout.Score>;
  readonly choices: TypedMap<number, layout.Choices>;
  readonly loads: TypedMap<number, layout.Load>;
  readonly policies: TypedMap<layout.PolicyKey, layout.PolicyValue>;
  readonly matrix: TypedMap<layout.Edge, layout.Traffic>;
  /** Service → what it is called, for nicd. */
  readonly names: TypedMap<number, layout.ServiceName>;
  readonly dnsSlots: TypedMap<number, layout.Address>;
  readonly plans: TypedMap<bigint, layout.Plan>;
  readonly pairs: TypedMap<number, layout.Pair>;
  /** Traced connections by the cookie of the end that was first; values as they are. */
  readonly connections: BpfMap;
}

function typedMaps(map: (name: (typeof mapNames)[number]) => BpfMap): KernelMaps {
  return {
    counters: new TypedMap(map("counters"), u32, u64),
    cgroups: new TypedMap(map("cgroups"), u64, u32),
    adopted: new TypedMap(map("adopted"), u64, u32),
    services: new TypedMap(map("services"), u32, layout.service),
    addresses: new TypedMap(map("addresses"), layout.addressKey, layout.addressValue),
    frontends: new TypedMap(map("frontends"), u32, layout.frontend),
    backends: new TypedMap(map("backends"), layout.backendKey, u32),
    replicas: new TypedMap(map("replicas"), u32, layout.replica),
    scores: new TypedMap(map("scores"), u32, layout.score),
    choices: new TypedMap(map("choices"), u32, layout.choices),
    loads: new TypedMap(map("loads"), u32, layout.load),
    policies: new TypedMap(map("policies"), layout.policyKey, layout.policyValue),
    matrix: new TypedMap(map("matrix"), layout.edge, layout.traffic),
    names: new TypedMap(map("names"), u32, layout.serviceName),
    dnsSlots: new TypedMap(map("dns_slots"), u32, layout.address),
    plans: new TypedMap(map("plans"), u64, layout.plan),
    pairs: new TypedMap(map("pairs"), u32, layout.pair),
    connections: map("connections"),
  };
}

/**
 * Programs, maps and links of one sockhijack. Everything is pinned, so that it outlives this process: a daemon that dies stops
 * deciding, and what was decided keeps working; the next one takes the maps over and replaces the programs in place.
 *
 * @example
 * ```ts
 * const kernel = Kernel.open({ object: asset("sockhijack.bpf.o"), pins: "/sys/fs/bpf/mitsu/v6", promote: true, unread: "whole" });
 * kernel.attach("/sys/fs/cgroup/web.slice", 42n);
 * ```
 */
export class Kernel {
  readonly maps: KernelMaps;
  readonly events: BpfMap;
  readonly taps: BpfMap;
  readonly spans: BpfMap;
  /** True when another daemon had left its state here. */
  readonly takenOver: boolean;
  readonly #pins: string;
  readonly #options: KernelOptions;
  readonly #object: BpfObject;
  #traceObject: BpfObject | undefined;
  #following: boolean | undefined;
  readonly #scan: Iter;
  readonly #watch: Iter;
  readonly #control: MappedMemory;
  readonly #links: (Link | Attachment)[] = [];

  private constructor(object: BpfObject, options: KernelOptions, takenOver: boolean) {
    this.#object = object;
    this.#options = options;
    this.#pins = options.pins;
    this.takenOver = takenOver;
    this.maps = typedMaps((name) => object.map(name));
    this.events = object.map("events");
    this.taps = object.map("taps");
    this.spans = object.map("spans");
    this.#control = object.map("control").mmap({ writable: true });
    this.#scan = this.#openIter("scan", {});
    this.#watch = this.#openIter("watch", { map: object.map("states") });
    this.#hook(object.program("redirect"), "sk_msg_verdict");
    this.#hook(object.program("verdict"), "sk_skb_verdict");
  }

  /**
   * Loads the programs, taking over the maps that are pinned already and replacing the programs on live links.
   *
   * @throws {MitsuError} ERR_BPF_VERIFIER with the verifier's log, ERR_BPF_RIGHTS, NotSupportedError; nothing is left behind.
   */
  static open(options: KernelOptions): Kernel {
    const { pins, only } = options;
    makePinFolder(pins);
    const takenOver = existsSync(`${pins}/map_states`);
    let object: BpfObject | undefined;
    try {
      const ordinary = (name: string): boolean => name === "redirect" || !loadedForTracing.includes(name);
      object = openObject(options, { trace: false, autoload: (name) => only?.includes(name) ?? ordinary(name) });
      object.load();
      for (const name of mapNames) if (!existsSync(`${pins}/map_${name}`)) object.map(name).pin(`${pins}/map_${name}`);
      const kernel = new Kernel(object, options, takenOver);
      if (takenOver) kernel.#upgrade();
      return kernel;
    } catch (error) {
      object?.close();
      if (!takenOver) rmSync(pins, { recursive: true, force: true });
      throw error;
    }
  }

  /** The programs of tracing, loaded when first asked for; sockets that enter the map from then on run the `redirect` that traces. */
  #tracing(): BpfObject {
    if (this.#traceObject) return this.#traceObject;
    const object = openObject(this.#options, { trace: true, autoload: (name) => loadedForTracing.includes(name) });
    try {
      object.load();
      this.#hook(object.program("redirect"), "sk_msg_verdict");
    } catch (error) {
      object.close();
      throw error;
    }
    this.#traceObject = object;
    return object;
  }

  #openIter(name: "scan" | "watch", over: { readonly map?: BpfMap }): Iter {
    const path = `${this.#pins}/iter_${name}`;
    if (!existsSync(path)) return this.#object.program(name).attachIter(over).pin(path);
    return Iter.open(path).update(this.#object.program(name));
  }

  /** Puts a program on the socket map, in the place of one that is there. */
  #hook(program: Program, kind: "sk_msg_verdict" | "sk_skb_verdict"): void {
    const path = `${this.#pins}/link_${kind}`;
    if (existsSync(path)) {
      this.#links.push(Link.open(path).update(program));
      return;
    }
    const link = program.attachSockmap(this.#object.map("sockets"), kind);
    if (link instanceof Link) link.pin(path); // before Linux 6.10 there is no link: the program stays as long as the map does
    this.#links.push(link);
  }

  /** Puts this version's programs on the cgroups that an earlier daemon attached. */
  #upgrade(): void {
    for (const id of this.attached()) {
      for (const name of [...cgroupPrograms, ...tracePrograms, nicProgram]) {
        const path = this.#cgroupPin(id, name);
        if (!existsSync(path)) continue;
        const link = Link.open(path);
        try {
          link.update((loadedForTracing.includes(name) ? this.#tracing() : this.#object).program(name));
        } finally {
          link.close();
        }
      }
    }
  }

  #cgroupPin(cgroup: bigint, program: string): string {
    return `${this.#pins}/cgroup_${cgroup}_${program}`;
  }

  /** Ids of the cgroups that carry our hooks. */
  attached(): Set<bigint> {
    return new Set(
      readdirSync(this.#pins)
        .flatMap((name) => /^cgroup_(\d+)_/.exec(name)?.[1] ?? [])
        .map(BigInt),
    );
  }

  /**
   * Hooks a cgroup, all programs or none.
   *
   * @param path Folder of the cgroup (v2).
   * @param cgroup Its id, the folder's inode number.
   */
  attach(path: string, cgroup: bigint): void {
    try {
      for (const name of cgroupPrograms) {
        const pin = this.#cgroupPin(cgroup, name);
        if (existsSync(pin)) continue;
        this.#object.program(name).attachCgroup(path).pin(pin).close();
      }
    } catch (error) {
      this.detach(cgroup);
      throw error;
    }
  }

  /** Takes every hook off a cgroup; one that has none is left as it is. */
  detach(cgroup: bigint): void {
    this.untrace(cgroup);
    this.untellNic(cgroup);
    for (const name of cgroupPrograms.toReversed()) rmSync(this.#cgroupPin(cgroup, name), { force: true });
  }

  /** Loads what tracing needs, unless it is there. @throws {MitsuError} ERR_BPF_VERIFIER, ERR_BPF_RIGHTS */
  loadTracing(): void {
    this.#tracing();
  }

  /** Whether it is loaded: before that the kernel tells of no exchange. */
  get traces(): boolean {
    return this.#traceObject !== undefined;
  }

  /** Lets tracing see the packets of an attached cgroup, beside what passes the socket map. */
  trace(path: string, cgroup: bigint): void {
    for (const name of tracePrograms) {
      const pin = this.#cgroupPin(cgroup, name);
      if (!existsSync(pin)) this.#tracing().program(name).attachCgroup(path).pin(pin).close();
    }
  }

  /** Ends that; connections under way are not followed any more. */
  untrace(cgroup: bigint): void {
    for (const name of tracePrograms) rmSync(this.#cgroupPin(cgroup, name), { force: true });
  }

  /** Has nicd told of the connections that programs of an attached cgroup open to it, and that it accepts itself. */
  tellNic(path: string, cgroup: bigint): void {
    const pin = this.#cgroupPin(cgroup, nicProgram);
    if (!existsSync(pin)) this.#object.program(nicProgram).attachCgroup(path).pin(pin).close();
  }

  /** Ends that. */
  untellNic(cgroup: bigint): void {
    rmSync(this.#cgroupPin(cgroup, nicProgram), { force: true });
  }

  /** Whether the kernel says which thread reads from which socket: it costs every read on the machine some nanoseconds, so only while something is traced. */
  followThreads(on: boolean): void {
    const path = `${this.#pins}/link_on_receive`;
    if (on === this.#following) return;
    // An earlier daemon's is taken away in any case: this kind of link takes no other program.
    rmSync(path, { force: true });
    if (on) this.#tracing().program("on_receive").attachTracepoint().pin(path).close();
    this.#following = on;
  }

  /**
   * Runs the scan in one namespace: applies the plans of the sockets found there and reports them.
   *
   * @param netns Descriptor of the namespace.
   */
  scan(netns: number): layout.SockRecord[] {
    return decodeRecords(this.#scan.read(netns));
  }

  /** Looks at every connection of attached programs, in all namespaces, and applies nothing; listeners are not among them. */
  watch(): layout.SockRecord[] {
    return decodeRecords(this.#watch.read());
  }

  /** One field of `struct control`, in place. */
  setControl(field: "kicked" | "default_action" | "tap", value: number): void {
    this.#control.view.setUint32(layout.control.offsets[field], value, true);
  }

  /** Where the resolver listens; 0 turns it off. */
  setDnsPort(port: number): void {
    this.#control.view.setUint16(layout.control.offsets.dns_port, port, false);
  }

  /** How many name servers have a slot. */
  dnsUsed(): number {
    return this.#control.view.getUint32(layout.control.offsets.dns_used, true);
  }

  /** Every counter by name, summed over CPUs. */
  counters(): Record<string, bigint> {
    return Object.fromEntries(layout.counterNames.map((name, index) => [name, this.maps.counters.sumPerCpu(index)]));
  }

  /** Closes this process' handles; what is pinned stays and works on. */
  close(): void {
    this.#control.close();
    this.#scan.close();
    this.#watch.close();
    for (const link of this.#links) link.close();
    this.#traceObject?.close();
    this.#object.close();
  }

  /** Removes every pin: once this process has closed its handles too, the kernel drops programs and maps. */
  remove(): void {
    rmSync(this.#pins, { recursive: true, force: true });
  }
}

/** Opens the object over the maps that are pinned already; it is loaded by the caller. */
function openObject(
  { object, pins, promote, unread, inject = true, injectFault = false }: KernelOptions,
  { trace, autoload }: { readonly trace: boolean; readonly autoload: (name: string) => boolean },
): BpfObject {
  const reuseMaps = Object.fromEntries(mapNames.map((name) => [name, `${pins}/map_${name}`]).filter(([, path]) => existsSync(path!)));
  const rodata = {
    config_promote: promote ? 1 : 0,
    config_unread: unreadModes[unread],
    config_inject: inject ? 1 : 0,
    config_inject_fault: injectFault ? 1 : 0,
    config_trace: trace ? 1 : 0,
  };
  return BpfObject.open(object, { name: "sockhijack", reuseMaps, rodata, autoload });
}

function decodeRecords(bytes: Uint8Array): layout.SockRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: layout.SockRecord[] = [];
  for (let at = 0; at + layout.sockRecord.size <= bytes.length; at += layout.sockRecord.size) {
    records.push(layout.sockRecord.decode(view, at));
  }
  return records;
}
