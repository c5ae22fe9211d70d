/** What carries a plan out: systemd, Compose, Nomad or Kubernetes. Each makes files of the same input, and changes nothing itself. @module */
import type { Problem } from "../problem/problem.ts";
import type { CompileOptions } from "../solve/instance.ts";
import type { FileChange } from "./file-set.ts";

/** Names of what carries a plan out. */
export type TargetName = "systemd" | "compose" | "nomad" | "k8s";

/** What a target makes its files of. */
export interface TargetInput {
  readonly problem: Problem;
  /** Replica's name to node's name. */
  readonly assignment: Readonly<Record<string, string>>;
  readonly reserve: NonNullable<CompileOptions["reserve"]>;
  /** Only this node's part; null for all. */
  readonly node: string | null;
  /** Absolute. */
  readonly directory: string;
  /** Give each application cores of its own. */
  readonly cpuset: boolean;
  /** Pattern of a replica's unit: `{replica}`, `{service}`, `{index}`. */
  readonly unit: string;
}

/** What a target made. */
export interface TargetFiles {
  readonly files: readonly FileChange[];
  /** What cannot be said exactly, what was left out, what is for people to do. */
  readonly notes: readonly string[];
  /** Shell lines that put the files to use. */
  readonly commands: readonly string[];
}
