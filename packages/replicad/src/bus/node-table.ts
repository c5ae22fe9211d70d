/** What this node knows of the others: their last states, how old each is, and what was refused. Long because each refusal says why it is one. @module */
import { ClockOffset } from "./clock-offset.ts";
import { Freshness } from "./freshness.ts";
import { type EchoRows, maxEchoes, NodeState } from "./node-state.ts";
import { type Head, type Refusal, StateDecoder } from "./state-message.ts";

/** Why a message was not taken. */
export type TableRefusal =
  | Refusal
  /** Its name is not that of its topic. */
  | "topic"
  /** Not newer than the last of its boot. */
  | "replayed"
  /** Of a boot before the present one. */
  | "old-boot"
  /** Sent later than now, beyond what the clocks' bounds allow. */
  | "future"
  /** Another node, past the most. */
  | "too-many-nodes"
  /** More replicas than are kept of all nodes together. */
  | "too-many-replicas"
  /** A node that the mesh does not have. */
  | "unknown-node";

/** What bounds the table. */
export interface NodeTableOptions {
  /** This run of ours, by which echoes are known to be of our messages. */
  readonly bootSeconds: number;
  readonly bootRandom: number;
  /** Whether the mesh has this node; everything is one unless told. */
  readonly known?: (node: string) => boolean;
  /** 1024 unless told. */
  readonly maxNodes?: number;
  /** Of all nodes together; 65 536 unless told, which take some 10 MB. */
  readonly maxReplicas?: number;
  /** How far past the bounds of its clock a message may be; 20 unless told. */
  readonly futureMs?: number;
  /** How far clocks may differ before there was an echo; an hour unless told. */
  readonly maxSkewMs?: number;
  /** After so long without a word, an older boot is believed; 10 000 unless told. */
  readonly silenceMs?: number;
  /** Between two messages of a node while something changes; 1 unless told. */
  readonly fastMs?: number;
}

/** After so many refusals as from the future, one after the other, clocks are learnt anew: ours may have stood still. */
const futureLimit = 16;

/** Another node. */
export class NodeEntry {
  readonly state: NodeState;
  readonly clock: ClockOffset = new ClockOffset();
  readonly freshness: Freshness = new Freshness();
  /** By our clock. */
  receivedAtMs = 0;
  /** The last message was a retained one: its arrival says nothing of its age. */
  retained = false;
  /** Refused as from the future since the last one that was taken. */
  early = 0;
  /** Messages that never came, as far as gaps in the sequence tell. */
  lost = 0;

  constructor(name: string) {
    this.state = new NodeState(name);
  }

  /** How long ago the last message was sent, milliseconds; by the wall clocks while theirs is not known and the message was retained. */
  ageMs(nowMs: number): number {
    const offset = this.clock.offsetMs(nowMs);
    return Math.max(0, nowMs - this.state.sentAtMs + (Number.isNaN(offset) ? 0 : offset));
  }

  /** When the state was still true, by our clock: silence of a node that is heard is no age. Never goes back. */
  reportedAtMs(nowMs: number): number {
    return this.freshness.trueAtMs(nowMs);
  }
}

/**
 * All other nodes.
 *
 * @example
 * ```ts
 * const table = new NodeTable({ bootSeconds, bootRandom });
 * const refusal = table.receive("b", payload, false, nowMs);
 * for (const node of table.nodes.values()) console.log(node.state.name, node.ageMs(nowMs));
 * ```
 */
export class NodeTable {
  readonly nodes: Map<string, NodeEntry> = new Map();
  /** Messages taken, those refused by reason, good-byes, and clocks learnt anew. */
  taken = 0;
  readonly refused: Map<TableRefusal, number> = new Map();
  goodbyes = 0;
  clockResets = 0;
  /** Of all nodes. */
  replicas = 0;
  readonly #decoder = new StateDecoder();
  readonly #options: Required<NodeTableOptions>;
  #turn = 0;
  /** Taken for true by who has no bus. */
  #up = true;

  constructor(options: NodeTableOptions) {
    this.#options = {
      known: () => true,
      maxNodes: 1024,
      maxReplicas: 65_536,
      futureMs: 20,
      maxSkewMs: 3_600_000,
      silenceMs: 10_000,
      fastMs: 1,
      ...options,
    };
  }

  /**
   * Takes the message of a node's topic. An empty one is its good-bye (MQTT 3.3.1.3: it deletes the retained one).
   *
   * @returns Why it was refused, and nothing changed; null when it was taken.
   */
  receive(node: string, bytes: Uint8Array, retained: boolean, nowMs: number): TableRefusal | null {
    const refusal = this.#receive(node, bytes, retained, nowMs);
    if (refusal === null) this.taken++;
    else this.refused.set(refusal, (this.refused.get(refusal) ?? 0) + 1);
    return refusal;
  }

  #receive(node: string, bytes: Uint8Array, retained: boolean, nowMs: number): TableRefusal | null {
    if (bytes.length === 0) {
      if (this.#delete(node)) this.goodbyes++;
      return null;
    }
    if (!this.#options.known(node)) return "unknown-node";
    const entry = this.nodes.get(node);
    if (entry === undefined && this.nodes.size >= this.#options.maxNodes) return "too-many-nodes";
    // A node that is heard for the first time gets an entry only when its message holds.
    const fresh = entry ?? new NodeEntry(node);
    const before = fresh.state.sequence;
    const replicas = fresh.state.replicas.count;
    const sameBoot = (head: Readonly<Head>) => fresh.state.bootSeconds === head.bootSeconds && fresh.state.bootRandom === head.bootRandom;
    let again = false;
    const refusal = this.#decoder.decode(bytes, fresh.state, (head): TableRefusal | null => {
      again = entry !== undefined && sameBoot(head);
      return this.#judge(node, head, entry, again, retained, nowMs);
    });
    if (refusal !== null) return refusal;
    const { state, clock } = fresh;
    if (again) fresh.lost += state.sequence - before - 1;
    else if (entry !== undefined) clock.forget();
    this.replicas += state.replicas.count - replicas;
    fresh.receivedAtMs = nowMs;
    fresh.retained = retained;
    fresh.early = 0;
    // A retained message lay at the broker for who knows how long: it bounds nothing that its successors do not bound better.
    if (!retained) {
      clock.heard(state.sentAtMs, nowMs);
      this.#learn(fresh, nowMs);
    }
    const sentAtMs = nowMs - fresh.ageMs(nowMs);
    if (retained || !this.#up) fresh.freshness.retained(sentAtMs, nowMs);
    else fresh.freshness.heard(sentAtMs, nowMs, state.intervalMs, this.#options.fastMs);
    this.nodes.set(node, fresh);
    return null;
  }

  #judge(
    node: string,
    head: Readonly<Head>,
    entry: NodeEntry | undefined,
    again: boolean,
    retained: boolean,
    nowMs: number,
  ): TableRefusal | null {
    if (head.name !== node) return "topic";
    if (this.replicas - (entry?.state.replicas.count ?? 0) + head.replicas > this.#options.maxReplicas) return "too-many-replicas";
    if (entry !== undefined) {
      if (again && head.sequence <= entry.state.sequence) return "replayed";
      const silent = nowMs - entry.receivedAtMs > this.#options.silenceMs;
      if (!again && head.bootSeconds < entry.state.bootSeconds && !silent) return "old-boot";
    }
    const ahead = head.sentAtMs - nowMs;
    const most = again ? entry!.clock.mostMs(nowMs) : Number.POSITIVE_INFINITY;
    if (ahead <= Math.min(most + this.#options.futureMs, this.#options.maxSkewMs)) return null;
    if (entry !== undefined && again && !retained && ahead <= this.#options.maxSkewMs && ++entry.early >= futureLimit) {
      entry.clock.forget();
      this.clockResets++;
      return null;
    }
    return "future";
  }

  /** What its echo of our messages says of its clock. */
  #learn({ state, clock }: NodeEntry, nowMs: number): void {
    const { echoes } = state;
    for (let index = 0; index < echoes.count; index++) {
      if (echoes.bootSeconds[index] !== this.#options.bootSeconds || echoes.bootRandom[index] !== this.#options.bootRandom) continue;
      const sentMs = echoes.sentAtMs[index]!;
      // We sent nothing later than now.
      if (sentMs > nowMs) continue;
      clock.echoed(sentMs, state.sentAtMs - echoes.heldMs[index]!, nowMs);
      if (clock.contradicts(nowMs, this.#options.futureMs)) {
        clock.forget();
        clock.heard(state.sentAtMs, nowMs);
        this.clockResets++;
      }
    }
  }

  /** Notes what was last heard of nodes, in turn, for the next message of ours. */
  writeEchoes(into: EchoRows, nowMs: number): void {
    into.count = 0;
    const size = this.nodes.size;
    if (size === 0) return;
    if (size > maxEchoes) this.#turn = (this.#turn + maxEchoes) % size;
    else this.#turn = 0;
    let number = 0;
    for (const entry of this.nodes.values()) {
      const place = (number++ - this.#turn + size) % size;
      if (place >= maxEchoes || entry.retained) continue;
      const row = into.count++;
      into.bootSeconds[row] = entry.state.bootSeconds;
      into.bootRandom[row] = entry.state.bootRandom;
      into.sentAtMs[row] = entry.state.sentAtMs;
      into.heldMs[row] = nowMs - entry.receivedAtMs;
    }
  }

  /** The broker was reached, or lost: without it the silence of nodes says nothing, and everything ages. */
  linked(up: boolean, nowMs: number): void {
    this.#up = up;
    if (!up) for (const entry of this.nodes.values()) entry.freshness.cut(nowMs);
  }

  /** Leaves out nodes that said nothing for so long. */
  forgetSilent(silentMs: number, nowMs: number): void {
    for (const [name, entry] of this.nodes) if (nowMs - entry.receivedAtMs > silentMs) this.#delete(name);
  }

  #delete(node: string): boolean {
    this.replicas -= this.nodes.get(node)?.state.replicas.count ?? 0;
    return this.nodes.delete(node);
  }
}
