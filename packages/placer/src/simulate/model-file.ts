/** What a model file and a run file hold, as they are written. Durations are texts with a unit. @module */
import type { Calibration, ModelCall, ModelNode, ModelRequest, ModelService } from "./model.ts";

/** A distribution as written: exactly one of its fields. */
export interface LawForm {
  exponential?: string | undefined;
  deterministic?: string | undefined;
  lognormal?: { mean: string; cv: number } | undefined;
  gamma?: { mean: string; cv: number } | undefined;
  samples?: string[] | undefined;
  quantiles?: [number, string][] | undefined;
}

/** What messages cost on one path, as written. */
export interface CostForm {
  message: string;
  byte: string;
}

/** A model file with its defaults filled in. */
export interface ModelFile {
  version: 1;
  name: string;
  services: Record<string, Omit<ModelService, "name">>;
  operations: Record<string, { service: string; cpu: LawForm; wait?: LawForm | undefined; steps: ModelCall[][] }>;
  requests: Record<string, Omit<ModelRequest, "name">>;
  costs?: { local: CostForm; remote: CostForm } | undefined;
  network: { local: string; remote: string };
  wake: string;
  scheduler: "sharing" | "fifo";
  overhead: string;
  nodes?: Record<string, ModelNode> | undefined;
  calibrated: Calibration | null;
}

/** A measured run. */
export interface RunFile {
  version: 1;
  /** Requests a second that were sent. */
  rate: number;
  /** Requests a second that were answered; the rate unless given. */
  throughput?: number | undefined;
  responseMs: { mean: number; p50: number; p95: number; p99: number };
  /** Cores used, by service, all replicas together. */
  cpu: Record<string, number>;
  /** Replica's name to node's name. */
  assignment: Record<string, string>;
}
