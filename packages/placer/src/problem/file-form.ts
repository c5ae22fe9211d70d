/** The types of a problem file as it is written, before units are read and defaults filled in. @module */
import type { NodeMatch, NumaNode, Resource, Taint } from "./problem.ts";

/** A number, or a number with its unit. */
export type FigureText = number | string;

/** Figures by resource. */
export type FigureTexts = Record<string, FigureText>;

/** Conditions on labels: a map of label to value, or a list of them in full. */
export type MatchEntry = Record<string, string> | MatchFull[];

/** A condition as written; `Exists` and `DoesNotExist` take no values. */
export interface MatchFull {
  key: string;
  operator: NodeMatch["operator"];
  values?: string[] | undefined;
}

/** What was measured of one replica: one figure for all, or some of the four. */
export type DemandEntry =
  | FigureText
  | { mean?: FigureText | undefined; p50?: FigureText | undefined; p95?: FigureText | undefined; p99?: FigureText | undefined };

/** A machine as written. */
export interface NodeEntry {
  name: string;
  capacity?: FigureTexts | undefined;
  zone?: string | null | undefined;
  labels?: Record<string, string> | undefined;
  taints?: { key: string; value?: string | undefined; effect: Taint["effect"] }[] | undefined;
  numa?: { cpus: NumaNode["cpus"] | number; memory?: FigureText | undefined }[] | undefined;
  images?: string[] | undefined;
}

/** A rule on standing beside a service, as written. */
export interface AffinityEntry {
  service: string;
  within?: string | undefined;
  weight?: number | undefined;
}

/** A toleration as written. */
export interface TolerationEntry {
  key?: string | undefined;
  operator?: "Equal" | "Exists" | undefined;
  value?: string | undefined;
  effect?: Taint["effect"] | undefined;
}

/** A service as written. */
export interface ServiceEntry {
  name: string;
  replicas?: number | string[] | undefined;
  requests?: FigureTexts | undefined;
  demand?: Record<string, DemandEntry> | undefined;
  labels?: Record<string, string> | undefined;
  application?: string | undefined;
  nodes?: string[] | undefined;
  nodeSelector?: Record<string, string> | MatchFull[][] | undefined;
  preferredNodes?: { weight: number; match: MatchEntry }[] | undefined;
  tolerations?: TolerationEntry[] | undefined;
  pinned?: Record<string, string> | undefined;
  affinity?: AffinityEntry[] | undefined;
  antiAffinity?: AffinityEntry[] | undefined;
  spread?: { over?: string | undefined; maxSkew?: number | undefined; weight?: number | undefined }[] | undefined;
  moveSize?: FigureText | undefined;
  images?: { name: string; size?: FigureText | undefined }[] | undefined;
}

/** An edge as written. */
export interface TrafficEntry {
  from: string;
  to: string;
  messages?: FigureText | undefined;
  bytes?: FigureText | undefined;
  sources?: string[] | undefined;
}

/** What a path costs, as written. */
export interface PathCostEntry {
  message?: FigureText | undefined;
  byte?: FigureText | undefined;
}

/** A problem file as written. */
export interface ProblemFile {
  version?: 1 | undefined;
  name?: string | undefined;
  resources?: Record<string, { unit: Resource["unit"] }> | undefined;
  nodes: NodeEntry[];
  services: ServiceEntry[];
  traffic?: TrafficEntry[] | undefined;
  assignment?: Record<string, string> | undefined;
  costs?: { local?: PathCostEntry | undefined; remote?: PathCostEntry | undefined } | undefined;
}
