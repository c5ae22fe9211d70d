/**
 * What drives rtl/async_mesh.sv: words into submission rings, words and completions out of the others, a cycle at a time.
 *
 * An engine that leaves while words are under way takes the mesh through a reset, which empties its rings and links. No message is lost by that: each sender
 * has what is not completed and sends it again, each receiver drops what it has heard already.
 *
 * @module
 */
import { MitsuError } from "@mitsu/cli/error";
import type { MessageRings, NetworkPort, ReceivedMessage } from "@mitsu/hal";
import type { AsyncMesh } from "../../models/async_mesh.ts";
import { Assembly, beats, framed } from "./async-message-lane.ts";

/** Engines of the mesh, each one's rings in messages of four words. */
export const meshShape = { nodes: 4, depth: 64 } as const;

/** Messages of four words that an engine may have on the way to each, itself too: so a receive ring has a place for each. */
export const meshCredits: number = meshShape.depth / meshShape.nodes;

/** One receiver as a sender sees it. */
interface Lane {
  /** Of {@link MessageRings.unfinished}: how many are wholly in the submission ring or beyond. */
  submitted: number;
  /** The next message's words, while they go in. */
  words: Uint32Array | undefined;
  at: number;
  /** Messages of four words without completion, the oldest first: true for the last of a message. */
  readonly outstanding: boolean[];
}

/** An engine of the mesh and its host's memory. */
export class MeshNode {
  readonly rings: MessageRings;
  readonly port: NetworkPort;
  /** Takes words out of the receive ring. */
  hungry = false;
  /** Came whole in this cycle. */
  arrived: ReceivedMessage | undefined;
  /** By the receiver's address. */
  readonly lanes: Map<number, Lane> = new Map();
  /** By the sender's node. */
  readonly assemblies: readonly Assembly[] = Array.from({ length: meshShape.nodes }, () => new Assembly());
  /** Whose words go in now. */
  lane: Lane | undefined;
  laneTo = 0;

  constructor(rings: MessageRings, port: NetworkPort) {
    this.rings = rings;
    this.port = port;
  }

  /** The mesh was reset: what is not completed goes in again. */
  rewind(): void {
    this.lanes.clear();
    this.lane = undefined;
    for (const assembly of this.assemblies) assembly.clear();
  }
}

/** The mesh with the engines that are in use. */
export class MeshDriver {
  readonly #model: AsyncMesh;
  readonly #latency: number;
  readonly #nodes: (MeshNode | undefined)[] = Array.from({ length: meshShape.nodes }, () => undefined);
  /** Messages that were sent again and had come already; resets. */
  readonly counts: { repeated: number; resets: number } = { repeated: 0, resets: 0 };

  constructor(model: AsyncMesh, latency: number) {
    this.#model = model;
    this.#latency = latency;
    this.#reset();
  }

  /** Whether an engine is free. */
  get hasRoom(): boolean {
    return this.#nodes.includes(undefined);
  }

  /** Gives the node an engine. */
  join(node: MeshNode): void {
    this.#nodes[this.#nodes.indexOf(undefined)] = node;
  }

  /** Takes it away, with the mesh reset unless it is quiet. */
  leave(node: MeshNode): void {
    const quiet = this.#isQuiet();
    this.#nodes[this.#nodes.indexOf(node)] = undefined;
    if (quiet) return;
    for (const one of this.#nodes) one?.rewind();
    this.#reset();
    this.counts.resets++;
  }

  /** The engine of an address, if it is on this mesh. */
  engineOf(port: NetworkPort | undefined): number {
    return port === undefined ? -1 : this.#nodes.findIndex((node) => node?.port === port);
  }

  /** Runs so many cycles, or until the node has a message; none where nothing is on its way. */
  run(cycles: number, routes: (to: number) => number, until?: MeshNode): void {
    for (let cycle = 0; cycle < cycles && until?.arrived === undefined && this.#isBusy(routes); cycle++) this.#cycle(routes);
  }

  #reset(): void {
    const model = this.#model;
    Object.assign(model, {
      latency: this.#latency,
      credits: meshCredits,
      sub_valid: 0,
      doorbell: 0,
      rcv_ready: 0,
      cpl_ready: 0,
      irq_ack: 0,
    });
    model.reset(2);
  }

  #isBusy(routes: (to: number) => number): boolean {
    return !this.#isQuiet() || this.#nodes.some((node) => node !== undefined && [...node.rings.receivers].some((to) => routes(to) >= 0));
  }

  /** Nothing is in a ring or on a link. */
  #isQuiet(): boolean {
    for (const node of this.#nodes)
      for (const { words, outstanding } of node?.lanes.values() ?? []) if (words !== undefined || outstanding.length > 0) return false;
    return true;
  }

  /** One rising edge. What the handshakes of this cycle carry is noted when the edge has been: a model that ends takes nothing with it. */
  #cycle(routes: (to: number) => number): void {
    const model = this.#model;
    const { sub_ready, rcv_valid, cpl_valid, rcv_src, cpl_dest } = model;
    const rcvData = rcv_valid === 0 ? undefined : model.rcv_data;
    const data = new Uint32Array(meshShape.nodes);
    let [valid, dest, hungry, completes] = [0, 0, 0, 0];
    for (const [n, node] of this.#nodes.entries()) {
      if (node === undefined) continue;
      if (node.rings.completes) completes |= 1 << n;
      if (node.hungry && node.arrived === undefined) hungry |= 1 << n;
      const lane = node.lane ?? this.#nextLane(node, routes);
      if (lane?.words === undefined) continue;
      valid |= 1 << n;
      data[n] = lane.words[lane.at]!;
      dest |= routes(node.laneTo) << (2 * n);
    }
    model.sub_valid = valid;
    model.sub_data = data;
    model.sub_dest = dest;
    // Whole messages of four words leave at once.
    model.doorbell = valid;
    model.rcv_ready = hungry;
    model.cpl_ready = completes;
    model.step();
    if (model.overflow !== 0)
      throw new MitsuError(`a word came to engine ${31 - Math.clz32(model.overflow)} without a place in its receive ring`, {
        code: "ERR_HDL_OVERFLOW",
        hint: "the credits are wrong: look at async_mesh in a trace",
      });
    for (const [n, node] of this.#nodes.entries()) {
      if (node === undefined) continue;
      const bit = 1 << n;
      if (valid & sub_ready & bit) this.#submitted(node);
      if (completes & cpl_valid & bit) this.#complete(node, this.#nodes[(cpl_dest >>> (2 * n)) & 3]!.port.address);
      if (hungry & rcv_valid & bit) this.#take(node, (rcv_src >>> (2 * n)) & 3, rcvData![n]!);
    }
  }

  #submitted(node: MeshNode): void {
    const lane = node.lane!;
    lane.at++;
    if (lane.at % beats !== 0) return;
    // After each four words it is the next receiver's turn.
    node.lane = undefined;
    const last = lane.at === lane.words!.length;
    lane.outstanding.push(last);
    if (!last) return;
    lane.words = undefined;
    lane.submitted++;
  }

  /** The receiver in turn that has something to be sent and a credit; its words go in without others' between them. */
  #nextLane(node: MeshNode, routes: (to: number) => number): Lane | undefined {
    const receivers = [...node.rings.receivers];
    const after = receivers.indexOf(node.laneTo) + 1;
    for (const to of [...receivers.slice(after), ...receivers.slice(0, after)]) {
      if (routes(to) < 0) continue;
      let lane = node.lanes.get(to);
      if (lane === undefined) {
        lane = { submitted: 0, words: undefined, at: 0, outstanding: [] };
        node.lanes.set(to, lane);
      }
      // The engine would hold all others behind a message without a credit.
      if (lane.outstanding.length >= meshCredits) continue;
      const message = node.rings.unfinished(to)[lane.submitted];
      if (lane.words === undefined) {
        if (message === undefined) continue;
        lane.words = framed(message);
        lane.at = 0;
      }
      node.lane = lane;
      node.laneTo = to;
      return lane;
    }
    return undefined;
  }

  #complete(node: MeshNode, to: number): void {
    const lane = node.lanes.get(to)!;
    if (!lane.outstanding.shift()) return;
    node.rings.complete(to);
    lane.submitted--;
  }

  #take(node: MeshNode, from: number, word: number): void {
    const message = node.assemblies[from]!.take(word);
    if (message === undefined) return;
    const { address, session } = this.#nodes[from]!.port;
    if (node.rings.hear(address, session, message.ticket)) node.arrived = { from: address, payload: message.payload };
    else this.counts.repeated++;
  }
}
