/** What `lib/filters-kernel.ts` prints, and what is read from a block. @module */

/** What a fixed number of requests took: wall clock, and CPU time by program. */
export interface Block {
  readonly requests: number;
  readonly wallNs: number;
  readonly clientNs: number;
  readonly serverNs: number;
  readonly daemonNs: number;
}

/** On connections that are kept, or each on one of its own. */
export type Kind = "kept" | "new";

/** A block without rules and one with, neighbours in time. */
export interface Pair {
  readonly kind: Kind;
  /** From 1; after each the two sides have exchanged their rules. */
  readonly round: number;
  readonly none: Block;
  readonly rules: Block;
}

/** What a BPF program took in one block, by the kernel's account. */
export interface ProgramRun {
  readonly kind: Kind;
  readonly round: number;
  readonly with: "none" | "rules";
  readonly program: string;
  readonly ns: number;
  readonly runs: number;
  readonly requests: number;
}

/** How long new connections went by TCP until the daemon had coupled them. */
export interface Coupling {
  readonly round: number;
  readonly with: "none" | "rules";
  readonly ms: number;
}

/** A run of the phase `kernel`. */
export interface KernelRun {
  /** That the rules make in the kernel's table. */
  readonly rows: number;
  /** What the load generator spent beside each request with rules, on purpose; 0 in a run that is judged. */
  readonly controlNs: number;
  /** Of the messages on kept connections, the share that went past TCP; of each side in each round. */
  readonly redirected: readonly number[];
  readonly couplings: readonly Coupling[];
  readonly pairs: readonly Pair[];
  readonly runs: readonly ProgramRun[];
}

/** CPU time of client and server. */
export const cpuNs = ({ clientNs, serverNs }: Block): number => clientNs + serverNs;

/** Share of the CPU of client and server that others had while they ran. */
export const foreignShare = (block: Block): number => 1 - cpuNs(block) / block.wallNs;
