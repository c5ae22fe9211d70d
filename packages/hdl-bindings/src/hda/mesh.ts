/** What simulated elements run on: engines over a crossbar, clocked cycle by cycle; the RTL's model or its twin. @module */
import { usualEngine } from "../twins/async-engine.ts";
import { AsyncMesh } from "../twins/async-engine-mesh.ts";

/** A host's side of one async_engine: outputs are those after the last edge, inputs those for the next. */
export interface MeshNode {
  readonly subReady: boolean;
  readonly rcvValid: boolean;
  readonly rcvData: number;
  readonly cplValid: boolean;
  subValid: boolean;
  subData: number;
  subDest: number;
  doorbell: boolean;
  rcvReady: boolean;
  cplReady: boolean;
}

/** An async_mesh after its reset. */
export interface Mesh {
  readonly nodes: readonly MeshNode[];
  /** Rising edges so far. */
  readonly cycle: number;
  /** One rising edge. */
  step(): void;
}

/**
 * Gives a mesh that was just reset.
 *
 * @param depth Messages a ring.
 * @param latency Cycles of each link.
 * @throws {MitsuError} `ERR_RTL_PARAMETER` for a mesh that the RTL would not elaborate, or that is not built.
 */
export type MakeMesh = (nodes: number, depth: number, latency: number) => Mesh;

/** The software twin. */
export const twinMesh: MakeMesh = (nodes, depth, latency) => new AsyncMesh({ ...usualEngine, nodes, depth, credits: depth }, latency);
