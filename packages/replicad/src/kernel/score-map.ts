/** sockhijack's pinned maps of scores, choices and loads in this process' memory: read and written without a system call. @module */
import { statSync } from "node:fs";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { BpfMap, type MappedMemory } from "@mitsu/ebpf-ts";
import type { Score } from "@mitsu/selector";

/** Bytes of an entry. [packages/sockhijack/bpf/sockhijack.h, `struct score`, `struct choices`, `struct load`] */
const entryBytes = { scores: 16, choices: 8, loads: 16 } as const;
/** Places of the fields in an entry of `scores`, in words of four bytes. The first, the weight, is sockhijack's. */
const word = { score: 1, each: 2, until: 3 } as const;
const scoreWords = entryBytes.scores / 4;
const loadWords = entryBytes.loads / 4;
const nanosecondsPerMs = 1e6;
/** The kernel's unit of `until`: 2²⁰ ns. */
const unitNs = 2 ** 20;
const high = 2 ** 32;

/**
 * The three maps of a running sockhijack. What is written counts from the next connect on, until the time that is written with it.
 *
 * @example
 * ```ts
 * using map = ScoreMap.open("/sys/fs/bpf/mitsu/v6");
 * map.write(7, { score: 2048, each: 1024 }, clockMs() + 1000);
 * map.active(7); // connections of this node that are open there
 * ```
 */
export class ScoreMap {
  /** Numbers that there are entries for are below this. */
  readonly replicas: number;
  readonly frontends: number;
  readonly #memory: readonly MappedMemory[];
  readonly #scores: Uint32Array;
  readonly #choices: Uint32Array;
  readonly #loads: Uint32Array;
  readonly #path: string;
  readonly #inode: number;

  private constructor(path: string, memory: readonly [MappedMemory, MappedMemory, MappedMemory]) {
    const [scores, choices, loads] = memory;
    this.#path = path;
    this.#inode = inodeOf(path);
    this.#memory = memory;
    this.#scores = wordsOf(scores);
    this.#choices = wordsOf(choices);
    this.#loads = wordsOf(loads);
    this.replicas = this.#scores.length / scoreWords;
    this.frontends = this.#choices.length / 2;
  }

  /**
   * Maps them.
   *
   * @param pins Folder of sockhijack's pins, as its stream `replicas` says.
   * @throws {MitsuError} `ERR_SCORE_MAP` when nothing is pinned there, they are of another version, or rights are missing; `ERR_LIBBPF_MISSING`.
   */
  static open(pins: string): ScoreMap {
    const opened: MappedMemory[] = [];
    try {
      for (const name of ["scores", "choices", "loads"] as const) opened.push(mapped(pins, name));
      return new ScoreMap(`${pins}/map_scores`, opened as [MappedMemory, MappedMemory, MappedMemory]);
    } catch (error) {
      for (const one of opened) one.close();
      throw openError(pins, error);
    }
  }

  /** Connections of this node's programs that are open at a replica. */
  active(id: number): number {
    const at = this.#within(id, this.replicas) * loadWords;
    return Math.max(0, this.#loads[at]! + (this.#loads[at + 1]! | 0) * high);
  }

  /** How many this node's programs ever opened to it. */
  total(id: number): number {
    const at = this.#within(id, this.replicas) * loadWords;
    return this.#loads[at + 2]! + this.#loads[at + 3]! * high;
  }

  /** Says what a replica costs until then, by `clockMs()`: at most 4 s from now, or the kernel takes it for none. */
  write(id: number, { score, each }: Score, untilMs: number): void {
    const at = this.#within(id, this.replicas) * scoreWords;
    this.#scores[at + word.score] = score;
    this.#scores[at + word.each] = each;
    this.#scores[at + word.until] = untilOf(untilMs); // last: what it makes true stands there
  }

  /** Says how many backends of a frontend are compared until then: 1 to 16. */
  choices(frontend: number, d: number, untilMs: number): void {
    const at = this.#within(frontend, this.frontends) * 2;
    this.#choices[at] = d;
    this.#choices[at + 1] = untilOf(untilMs);
  }

  /** Takes back what was said of a replica: the kernel's own counts hold at once. */
  forget(id: number): void {
    const at = this.#within(id, this.replicas) * scoreWords;
    this.#scores.fill(0, at + word.score, at + scoreWords);
  }

  /** Whether other maps are pinned there by now, or none: sockhijack was cleaned up, and maybe started again. A system call. */
  replaced(): boolean {
    try {
      return inodeOf(this.#path) !== this.#inode;
    } catch {
      return true;
    }
  }

  #within(id: number, count: number): number {
    if (Number.isInteger(id) && id >= 0 && id < count) return id;
    throw new RangeError(`no entry ${id}: there are ${count}`);
  }

  close(): void {
    for (const one of this.#memory) one.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function mapped(pins: string, name: keyof typeof entryBytes): MappedMemory {
  using map = BpfMap.open(`${pins}/map_${name}`);
  if (map.valueSize !== entryBytes[name]) {
    throw new MitsuError(`map ${name} has entries of ${map.valueSize} bytes, not ${entryBytes[name]}: another version of sockhijack`, {
      code: "ERR_SCORE_MAP",
      exit: exitStatus.unavailable,
      hint: "restart sockhijack, with the version that replicad came with",
    });
  }
  return map.mmap({ writable: name !== "loads" });
}

function wordsOf({ bytes }: MappedMemory): Uint32Array {
  return new Uint32Array(bytes.buffer, 0, bytes.length / 4);
}

function inodeOf(path: string): number {
  return statSync(path).ino;
}

/** `until` of the kernel's structs: 0 means never, so the one moment in 52 days that it would be is 1. */
function untilOf(untilMs: number): number {
  return Math.floor((untilMs * nanosecondsPerMs) / unitNs) >>> 0 || 1;
}

const hints: Readonly<Record<string, string>> = {
  ERR_BPF_MISSING: "start sockhijack: sockhijack daemon; its status says where its pins are",
  ERR_BPF_RIGHTS: "run replicad as root, and with CAP_BPF where the kernel asks for it, as its unit does",
};

function openError(pins: string, cause: unknown): unknown {
  const code = cause instanceof MitsuError ? cause.code : "";
  const hint = hints[code];
  if (hint === undefined) return cause;
  return new MitsuError(`cannot open sockhijack's maps in ${pins}: ${(cause as Error).message}`, {
    code: "ERR_SCORE_MAP",
    exit: code === "ERR_BPF_RIGHTS" ? exitStatus.rights : exitStatus.unavailable,
    hint,
    cause,
  });
}
