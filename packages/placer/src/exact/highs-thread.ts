/** What runs in the thread of HiGHS. @module */
import type { Highs as Solver } from "highs";
import type { HighsMessage, HighsQuestion, MipAnswer } from "./highs.ts";
import type { HighsModule } from "./highs-module.ts";

/**
 * Answers questions from the parent thread with HiGHS. Only its text goes to the thread, so it must not speak of anything outside itself but types.
 */
export function highsThread(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const { compileFunction } = process.getBuiltinModule("node:vm");
  const { script, wasm } = workerData as HighsModule;
  const fail = (error: Error): void => say({ kind: "error", message: error.message });
  const say = (message: HighsMessage): void => parentPort!.postMessage(message);

  // Reduced costs below 10⁻⁷ count as none; those of an objective from 0 to 1 that is to be known to 10⁻⁶ must stand well above that.
  const scale = 1024;

  const load = async (): Promise<Solver> => {
    const module: { exports: unknown } = { exports: {} };
    compileFunction(script, ["module", "exports", "require", "__filename", "__dirname"])(
      module,
      module.exports,
      process.getBuiltinModule,
      "/highs.js",
      "/",
    );
    // The options `wasmBinary` and `wasmModule` of highs 1.15.3 are documented, but its loader looks at neither; Emscripten's own hook it does use.
    const { WebAssembly } = globalThis as unknown as {
      WebAssembly: { instantiate(wasm: Uint8Array, imports: unknown): Promise<{ instance: unknown }> };
    };
    const instantiateWasm = (imports: unknown, done: (instance: unknown) => void): void => {
      WebAssembly.instantiate(wasm, imports).then(({ instance }) => done(instance), fail);
    };
    return (module.exports as (options: { instantiateWasm: typeof instantiateWasm }) => Promise<Solver>)({ instantiateWasm });
  };

  const solve = (highs: Solver, { mip, timeLimitSeconds, gap, seed, start }: HighsQuestion): MipAnswer => {
    const { callbackType, modelStatus } = highs.constants;
    const columns = mip.cost.length;
    const rows = mip.rowLower.length;
    if (columns === 0) {
      const holds = mip.rowLower.every((lower, row) => lower <= 0 && mip.rowUpper[row]! >= 0);
      const [status, bound] = holds ? (["optimal", mip.offset] as const) : (["infeasible", Number.POSITIVE_INFINITY] as const);
      return { status, values: holds ? new Float64Array(0) : null, bound, steps: 0 };
    }
    const model = highs.createModel({
      numCols: columns,
      numRows: rows,
      offset: mip.offset * scale,
      colCost: mip.cost.map((cost) => cost * scale),
      colLower: mip.lower,
      colUpper: mip.upper,
      rowLower: mip.rowLower,
      rowUpper: mip.rowUpper,
      integrality: mip.integer,
      matrix: { format: "csr", numRows: rows, numCols: columns, starts: mip.starts, indices: mip.indices, values: mip.values },
    });
    try {
      model.options.set({
        output_flag: false,
        time_limit: Math.max(0.001, timeLimitSeconds),
        mip_rel_gap: 0,
        mip_abs_gap: gap * scale,
        // Capacities count to 10⁻⁹; see capacity-rows.ts.
        mip_feasibility_tolerance: 1e-9,
        primal_feasibility_tolerance: 1e-9,
        random_seed: seed,
      });
      if (start) {
        const indices: number[] = [];
        for (let column = 0; column < columns; column++) if (!Number.isNaN(start[column]!)) indices.push(column);
        model.setSolution({ indices, values: indices.map((column) => start[column]!) });
      }
      let told = Number.NEGATIVE_INFINITY;
      model.run({
        [callbackType.mipImprovingSolution](event) {
          const values = event.data.mip_solution;
          say({
            kind: "progress",
            values: values ? Float64Array.from(values) : null,
            best: (event.data.objective_function_value ?? Number.NaN) / scale,
            bound: null,
          });
        },
        [callbackType.mipLogging](event) {
          const bound = (event.data.mip_dual_bound ?? Number.NEGATIVE_INFINITY) / scale;
          if (!(bound > told)) return;
          told = bound;
          say({ kind: "progress", values: null, best: null, bound });
        },
      });
      const status = model.getModelStatus();
      const steps = Number(model.info.get("mip_node_count"));
      if (status === modelStatus.infeasible) return { status: "infeasible", values: null, bound: Number.POSITIVE_INFINITY, steps };
      const found = Number(model.info.get("primal_solution_status")) === highs.constants.solutionStatus.feasible;
      const values = found ? Float64Array.from(model.getSolution().colValue) : null;
      if (status === modelStatus.optimal || status === modelStatus.empty) {
        const bound = mip.integer.includes(1) ? Number(model.info.get("mip_dual_bound")) : model.getObjectiveValue();
        return { status: "optimal", values, bound: bound / scale, steps };
      }
      if (status === modelStatus.timeLimit || status === modelStatus.interrupted) {
        return { status: "cut", values, bound: Number(model.info.get("mip_dual_bound")) / scale, steps };
      }
      throw new Error(`ended with model status ${status}`);
    } finally {
      model.dispose();
    }
  };

  const solver = load();
  parentPort!.on("message", (question: HighsQuestion) => {
    solver.then((highs) => say({ kind: "answer", answer: solve(highs, question) })).catch(fail);
  });
}
