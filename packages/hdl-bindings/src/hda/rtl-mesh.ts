/** The model of rtl/async_mesh.sv as the mesh of a simulation: the engines, the crossbar and the links are the RTL's own. @module */
import { MitsuError } from "@mitsu/cli/error";
import { AsyncMesh } from "../../models/async_mesh.ts";
import { AsyncMesh2 } from "../../models/async_mesh_2.ts";
import { AsyncMesh8 } from "../../models/async_mesh_8.ts";
import { AsyncMesh16 } from "../../models/async_mesh_16.ts";
import type { Layout, Model } from "../model/mod.ts";
import type { MakeMesh, Mesh, MeshNode } from "./mesh.ts";

/** DEPTH of the models. */
const depthOfModels = 64;
const models = [
  { nodes: 2, open: () => AsyncMesh2.open() },
  { nodes: 4, open: () => AsyncMesh.open() },
  { nodes: 8, open: () => AsyncMesh8.open() },
  { nodes: 16, open: () => AsyncMesh16.open() },
] as const;

/** Nodes of the smallest model that has so many, or the greatest's. */
export const rtlNodes = (elements: number): number => (models.find(({ nodes }) => nodes >= elements) ?? models.at(-1)!).nodes;

const refused = (what: string, hint: string): MitsuError =>
  new MitsuError(`cannot simulate ${what} in RTL`, { code: "ERR_RTL_PARAMETER", hint });

/**
 * Opens the smallest model with enough nodes, for any number of simulations one after the other. Nodes that a simulation does not ask for stay silent.
 *
 * @throws {MitsuError} `ERR_RTL_PARAMETER` for more than 16 elements; `ERR_HDL_MODEL` when the model is not built.
 * @example
 * ```ts
 * const mesh = await openRtlMesh(16);
 * simulateHda(korf(12, 35), { elements: 16, latency: 10, mesh }).cost; // 35
 * ```
 */
export async function openRtlMesh(elements: number): Promise<MakeMesh> {
  if (!Number.isInteger(elements) || elements < 1 || elements > 16)
    throw refused(`${elements} elements`, "1 to 16; add a variant to src/gen/build-models.ts, or use the twin");
  const nodes = rtlNodes(elements);
  const model = await models.find((one) => one.nodes === nodes)!.open();
  return (asked, depth, latency) => {
    if (asked > nodes) throw refused(`${asked} nodes by a model of ${nodes}`, "open one for as many elements");
    if (depth !== depthOfModels) throw refused(`rings of ${depth}`, `the models have ${depthOfModels}; use the twin`);
    if (!Number.isInteger(latency) || latency < 1 || latency > 255) throw refused(`a latency of ${latency}`, "1 to 255 cycles");
    return new RtlMesh(model, nodes, latency);
  };
}

/** Place of a port in its record, in words of 32 bits. */
function wordOfPort({ fields, inputBytes }: Layout, name: string): number {
  const { direction, offset } = fields.find((field) => field.name === name)!;
  return (direction === "input" ? offset : offset - inputBytes) / 4;
}

/** One simulation on a model. The ports go through records of {@link Model.batch}, one cycle each: as words, whatever their widths. */
class RtlMesh implements Mesh {
  readonly nodes: readonly { -readonly [Port in keyof MeshNode]: MeshNode[Port] }[];
  cycle = 0;
  readonly #model: Model;
  readonly #inputs: Uint32Array;
  readonly #outputs: Uint32Array;
  readonly #at: Readonly<Record<string, number>>;
  /** Bits of a node's number. */
  readonly #nodeBits: number;

  constructor(model: Model, nodes: number, latency: number) {
    const { layout } = model;
    this.#model = model;
    this.#inputs = new Uint32Array(layout.inputBytes / 4);
    this.#outputs = new Uint32Array(layout.outputBytes / 4);
    this.#at = Object.fromEntries(layout.fields.map(({ name }) => [name, wordOfPort(layout, name)]));
    this.#nodeBits = Math.log2(nodes);
    this.nodes = Array.from({ length: nodes }, () => ({
      ...{ subReady: false, rcvValid: false, rcvData: 0, cplValid: false },
      ...{ subValid: false, subData: 0, subDest: 0, doorbell: false, rcvReady: false, cplReady: false },
    }));
    this.#reset(latency);
  }

  #reset(latency: number): void {
    const [inputs, at] = [this.#inputs, this.#at];
    inputs[at.latency!] = latency;
    inputs[at.credits!] = depthOfModels;
    inputs[at.irq_count!] = 1;
    inputs[at.rst!] = 1;
    this.#model.batch(inputs, this.#outputs);
    inputs[at.rst!] = 0;
    this.#read();
  }

  step(): void {
    this.#write();
    this.#model.batch(this.#inputs, this.#outputs);
    this.#read();
    this.cycle++;
  }

  #write(): void {
    const [inputs, at, bits] = [this.#inputs, this.#at, this.#nodeBits];
    const dest = at.sub_dest!;
    let [valid, doorbell, receives, completes] = [0, 0, 0, 0];
    inputs[dest] = 0;
    if (bits === 4) inputs[dest + 1] = 0;
    for (let n = 0; n < this.nodes.length; n++) {
      const node = this.nodes[n]!;
      const bit = 1 << n;
      if (node.subValid) valid |= bit;
      if (node.doorbell) doorbell |= bit;
      if (node.rcvReady) receives |= bit;
      if (node.cplReady) completes |= bit;
      inputs[at.sub_data! + n] = node.subData;
      // No number lies across two words: up to 8 nodes all are in the first, and of 16 nodes each has four bits.
      inputs[dest + ((n * bits) >> 5)]! |= node.subDest << ((n * bits) & 31);
    }
    inputs[at.sub_valid!] = valid;
    inputs[at.doorbell!] = doorbell;
    inputs[at.rcv_ready!] = receives;
    inputs[at.cpl_ready!] = completes;
  }

  #read(): void {
    const [outputs, at] = [this.#outputs, this.#at];
    const [ready, received, completed] = [outputs[at.sub_ready!]!, outputs[at.rcv_valid!]!, outputs[at.cpl_valid!]!];
    if (outputs[at.overflow!] !== 0)
      throw new MitsuError(`a receive ring overflowed in cycle ${this.cycle}`, {
        code: "ERR_RTL_OVERFLOW",
        hint: "this is a bug of async_engine: its credits keep a place for each message",
      });
    for (let n = 0; n < this.nodes.length; n++) {
      const node = this.nodes[n]!;
      node.subReady = ((ready >>> n) & 1) === 1;
      node.rcvValid = ((received >>> n) & 1) === 1;
      node.rcvData = outputs[at.rcv_data! + n]!;
      node.cplValid = ((completed >>> n) & 1) === 1;
    }
  }
}
