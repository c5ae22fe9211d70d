/**
 * hda-star.sh: Hash Distributed A* on 1 to 16 elements at link latency 10, asynchronous and blocking. A hybrid: engines, crossbar and links are rtl/async_mesh.sv's model, in
 * every cycle (`--engine twin`: its twin); an element's expansions, table and heap are a behavioural model with assumed costs, each with its reason in
 * src/hda/simulated-element.ts. How much hangs on them say the columns of 16 elements: the speed-up with all costs halved and doubled, and with a heap that is walked level
 * by level, where smaller open lists are faster ones. Then the RTL beside its twin, and the same search by processes over Unix sockets on this machine.
 *
 * @module
 */
import { MitsuError, systemEnv } from "../packages/cli/src/mod.ts";
import { aStar } from "../packages/hdl-bindings/src/hda/a-star.ts";
import type { Domain } from "../packages/hdl-bindings/src/hda/domain.ts";
import { GridMap } from "../packages/hdl-bindings/src/hda/grid-map.ts";
import { korf } from "../packages/hdl-bindings/src/hda/korf.ts";
import { type MakeMesh, twinMesh } from "../packages/hdl-bindings/src/hda/mesh.ts";
import { domainOf, type ProcessOutcome, searchByProcesses } from "../packages/hdl-bindings/src/hda/process.ts";
import { openRtlMesh } from "../packages/hdl-bindings/src/hda/rtl-mesh.ts";
import { type HdaOutcome, simulateHda } from "../packages/hdl-bindings/src/hda/simulate.ts";
import { type Cycles, heapCycles, scaledCycles, usualCycles } from "../packages/hdl-bindings/src/hda/simulated-element.ts";
import { renderHdl } from "./report/hdl-chart.ts";
import {
  type HdaEngineRow,
  type HdaProcessRow,
  type HdaRow,
  hdaEngineTable,
  hdaPanels,
  hdaProcessTable,
  hdaTable,
  hdaTargets,
  medianRun,
} from "./report/hdl-hda.ts";
import { type HdlOptions, type HdlReport, runHdlBench } from "./report/hdl-run.ts";

const usage = `hda-star.sh: speed-up, stalls, search overhead and messages of Hash Distributed A*, for 1 to 16 elements

usage: bench/hda-star.sh [options]

  --engine E  rtl: async_mesh's model (scripts/build-rtl makes it); twin: the software twin (default rtl)
  --quick     Korf's instance 12 alone, and at most 2 processes
  --out DIR   where hda-star-<date>.json and hda-star.svg go (default bench/out)
  --json      the report as JSON on stdout instead of text
  --strict    exit 1 when a target is missed
  --help

example:
  bench/hda-star.sh --quick
`;

const latency = 10;
const counts = [1, 2, 4, 8, 16] as const;
const repetitions = 3;
type Engine = HdaRow["engine"];
type Meshes = ReadonlyMap<number, MakeMesh>;

/** Meshes by number of elements. */
async function meshesOf(engine: Engine): Promise<Meshes> {
  const open = (elements: number): MakeMesh | Promise<MakeMesh> => (engine === "twin" ? twinMesh : openRtlMesh(elements));
  return new Map(await Promise.all(counts.map(async (elements) => [elements, await open(elements)] as const)));
}

/** A search whose cost is plain A*'s. */
function search(
  domain: Domain,
  cost: number,
  elements: number,
  mesh: MakeMesh,
  more: { blocking?: boolean; cycles?: Cycles } = {},
): HdaOutcome {
  const found = simulateHda(domain, { elements, latency, mesh, ...more });
  if (found.cost === cost) return found;
  throw new MitsuError(`${domain.name}: HDA* of ${elements} elements found ${found.cost}, A* ${cost}`, { code: "ERR_HDA_COST" });
}

function rowsOf(domain: Domain, engine: Engine, meshes: Meshes): readonly HdaRow[] {
  const plain = aStar(domain);
  const speedUp = (cycles: Cycles): number => {
    const [one, many] = [1, 16].map((elements) => search(domain, plain.cost, elements, meshes.get(elements)!, { cycles }).cycles);
    return one! / many!;
  };
  return (["asynchronous", "blocking"] as const).flatMap((way) => {
    let one = 0;
    return counts.map((elements): HdaRow => {
      process.stderr.write(`${domain.name}, ${way}, ${elements} elements\n`);
      const found = search(domain, plain.cost, elements, meshes.get(elements)!, { blocking: way === "blocking" });
      one ||= found.cycles;
      const asked = way === "asynchronous" && elements === 16;
      return {
        ...{ domain: domain.name, way, engine, elements, cost: found.cost, cycles: found.cycles, speedUp: one / found.cycles },
        ...(asked
          ? { sensitivity: { halved: speedUp(scaledCycles(0.5)), doubled: speedUp(scaledCycles(2)), heap: speedUp(heapCycles) } }
          : {}),
        ...{ stalled: found.stalled, idle: found.idle, overhead: found.expansions / plain.expansions - 1 },
        messagesPerExpansion: found.messages / found.expansions,
      };
    });
  });
}

/** The same searches by RTL and twin, which have to take the same cycles. */
function bothEngines(domain: Domain, rtl: Meshes): readonly HdaEngineRow[] {
  const { cost } = aStar(domain);
  return counts.slice(1).map((elements) => {
    const timed = (mesh: MakeMesh): readonly [cycles: number, milliseconds: number] => {
      const start = performance.now();
      const { cycles } = search(domain, cost, elements, mesh);
      return [cycles, performance.now() - start];
    };
    const [[rtlCycles, rtlMilliseconds], [twinCycles, twinMilliseconds]] = [timed(rtl.get(elements)!), timed(twinMesh)];
    if (rtlCycles !== twinCycles)
      throw new MitsuError(`${domain.name}, ${elements} elements: ${rtlCycles} cycles in RTL, ${twinCycles} of the twin`, {
        code: "ERR_HDA_TWIN",
      });
    return { domain: domain.name, elements, rtlCycles, twinCycles, rtlMilliseconds, twinMilliseconds };
  });
}

/** Medians of runs in turn, so that what else the machine does meets all of them alike. */
async function byProcesses(quick: boolean): Promise<readonly HdaProcessRow[]> {
  const spec = { grid: { width: 48, height: 48, blocked: 0.3, seed: 3 } };
  const { name } = domainOf(spec);
  const points = (quick ? [1, 2] : [1, 2, 3, 4]).flatMap((elements) =>
    (["asynchronous", "blocking"] as const).map((way) => ({ elements, way })),
  );
  const runs = points.map((): ProcessOutcome[] => []);
  for (let nth = 0; nth < repetitions; nth++)
    for (const [at, { elements, way }] of points.entries()) {
      process.stderr.write(`${name} by ${elements} processes, ${way}, run ${nth + 1} of ${repetitions}\n`);
      runs[at]!.push(await searchByProcesses(spec, { elements, blocking: way === "blocking" }));
    }
  return points.map(({ elements, way }, at) => ({ domain: name, way, elements, ...medianRun(runs[at]!) }));
}

const assumed = Object.entries(usualCycles)
  .filter(([, count]) => count > 0)
  .map(([what, count]) => `${what} ${count}`)
  .join(", ");

async function measure({ quick, own }: HdlOptions): Promise<HdlReport> {
  const engine = own.engine as Engine;
  const meshes = await meshesOf(engine);
  const domains = quick ? [korf(12)] : [korf(12), korf(1, 40), korf(55), new GridMap({ width: 512, height: 512, blocked: 0.3, seed: 3 })];
  const rows = domains.flatMap((domain) => rowsOf(domain, engine, meshes));
  const engines = engine === "rtl" ? bothEngines(korf(12), meshes) : [];
  const processes = await byProcesses(quick);
  const { stdout } = systemEnv;
  const simulated = engine === "rtl" ? "rtl/async_mesh.sv" : "the twin of rtl/async_mesh.sv";
  return {
    rows: [...rows, ...engines, ...processes],
    text: [
      `Engines, crossbar and links: ${simulated}, every cycle, link latency ${latency}. An element's work is assumed [cycles]: ${assumed}; none overlap.\n`,
      hdaTable(rows, stdout),
      ...(engines.length > 0 ? [hdaEngineTable(engines, stdout)] : []),
      hdaProcessTable(processes, stdout),
    ].join("\n"),
    targets: hdaTargets(rows, latency),
    svg: renderHdl(hdaPanels(rows), {
      title: "Hash Distributed A*: asynchronous, and blocking (dashed)",
      note: `Cycles on ${simulated}, link latency ${latency}; the cost is always plain A*'s.`,
      script: "bench/hda-star.sh",
    }),
  };
}

if (import.meta.main) process.exitCode = await runHdlBench("hda-star", usage, measure, { engine: ["rtl", "twin"] });
