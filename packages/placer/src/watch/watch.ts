/**
 * The watch: readings come in, an estimate is kept, plans are made when it has changed, and one is proposed when it has been better for long
 * enough. Long because it is the one place where all of that meets; each part has a file of its own.
 * @module
 */
import type { Env, Log } from "@mitsu/cli";
import type { PlacerEdge, PlacerStatus } from "@mitsu/ipc";
import { checkPlan, keepsRules } from "../plan/check-plan.ts";
import { countPlacement } from "../plan/placement.ts";
import type { Plan } from "../plan/plan.ts";
import type { Problem } from "../problem/problem.ts";
import { compile } from "../solve/compile.ts";
import type { CompileOptions, Instance, NodeOf } from "../solve/instance.ts";
import { evaluate } from "../solve/objective.ts";
import type { Rate } from "./decayed-matrix.ts";
import { addUp, difference, type Estimate, withTraffic } from "./estimate.ts";
import { Hysteresis } from "./hysteresis.ts";
import type { Planner } from "./planner.ts";
import { type Now, Source } from "./source.ts";
import { type Kept, readState, writeState } from "./state-file.ts";

/** A problem as it was read. */
export interface ReadProblem {
  readonly problem: Problem;
  readonly file: string;
  readonly sha256: string;
}

/** How the watch works; checked already. */
export interface WatchOptions {
  readonly sockets: readonly string[];
  readonly intervalMs: number;
  readonly halfLifeMs: number;
  readonly threshold: number;
  readonly holdMs: number;
  /** Folder of the state. */
  readonly state: string;
  readonly maxUtilisation: number;
  readonly reserve: NonNullable<CompileOptions["reserve"]>;
  readonly weight: number;
  readonly planner: Planner;
  readonly version: string;
  readonly env: Env;
  readonly log: Log;
}

/** A plan is made anew when so much of the traffic, in what it costs, is other than when the last one was made. */
const changed = 0.05;
/** Placements are judged anew when so much of the traffic is other than when they were judged last, or when there is another of them. */
const stirred = 0.002;
/** Between two judgements passes at least so many times what the last one took, which of 100 000 replicas is a second. */
const judgeRestFactor = 10;
/** Between two plans passes at least so many times what the last one took: planning has a sixth of a core at most. */
const restFactor = 5;
/** After a failure, at least. */
const failedRestMs = 60_000;
/** The state is kept so often, at every change of the proposal, and at the end. */
const keepEveryMs = 30_000;
/** One half-life of readings. */
const warmCoverage = 0.499;

/** What an evaluation under the present estimate says. */
interface Worth {
  readonly present: number;
  readonly plan: number | null;
  readonly proposal: number | null;
}

/** See {@link Watch.open}. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #sources: readonly Source[];
  readonly #hysteresis: Hysteresis;
  readonly #startedAtMs: number;
  readonly #ended = new AbortController();
  #read: ReadProblem;
  #estimate: Estimate = { edges: [], unknown: [] };
  #worth: Worth | null = null;
  /** What the worth is of, and until when another judgement waits. */
  #judged: {
    readonly edges: readonly Rate[];
    readonly plan: Plan | null;
    readonly proposal: Plan | null;
    readonly untilMs: number;
  } | null = null;
  /** The best plan known, and the estimate it was made of. */
  #plan: Plan | null = null;
  #planned: readonly Rate[] | null = null;
  #planning: Promise<void> | null = null;
  #restUntilMs = 0;
  #planFailure: string | null = null;
  #proposal: Kept["proposal"] = null;
  #state: PlacerStatus["state"] = "none";
  #sinceMs: number;
  #keptMs = 0;
  #keepFailure: string | null = null;
  readonly #counts = { plans: 0, planFailures: 0, planningSeconds: 0, proposed: 0, replaced: 0, withdrawn: 0 };

  private constructor(read: ReadProblem, options: WatchOptions) {
    const { intervalMs, holdMs, threshold, halfLifeMs, env } = options;
    this.#options = options;
    this.#read = read;
    this.#startedAtMs = this.#sinceMs = env.now();
    this.#hysteresis = new Hysteresis({ threshold, holdMs, gapMs: Math.max(3 * intervalMs, holdMs / 2) });
    const kept = readState(options.state, options.log);
    const ageMs = kept ? env.now() - kept.savedAtMs : 0;
    this.#sources = options.sockets.map((socket) => {
      const matrix = kept && Object.hasOwn(kept.sources, socket) ? kept.sources[socket] : undefined;
      return new Source({ socket, halfLifeMs, kept: matrix && { matrix, ageMs } }, this.#now());
    });
    this.#add();
    if (kept?.proposal && this.#fits(kept.proposal.plan)) {
      this.#proposal = kept.proposal;
      this.#state = "proposed";
      this.#sinceMs = kept.proposal.sinceMs;
    }
  }

  /** Begins with what an earlier daemon kept; nothing is read yet. */
  static open(read: ReadProblem, options: WatchOptions): Watch {
    return new Watch(read, options);
  }

  /** Another problem: what has held so far is forgotten, and a proposal that breaks its rules goes at once. */
  configure(read: ReadProblem): void {
    this.#read = read;
    this.#plan = this.#planned = this.#planFailure = this.#judged = null;
    this.#restUntilMs = 0;
    this.#hysteresis.restart();
    this.#add();
    if (this.#proposal && !this.#fits(this.#proposal.plan)) {
      this.#withdraw("it does not fit the problem that was read");
      return;
    }
    if (!this.#proposal || !this.#canJudge()) return;
    this.#worth = this.#judge();
    // The usual end of a proposal: it was carried out, and the problem says so.
    if (this.#worth && this.#gain("proposal")! < this.#options.threshold / 2)
      this.#withdraw("it gains too little in the problem that was read");
  }

  /** One reading of every source, and what follows of it. A plan that it begins is not waited for. */
  async tick(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.read(() => this.#now())));
    if (this.#ended.signal.aborted) return;
    this.#add();
    const nowMs = this.#now().monotonicMs;
    if (this.#canJudge()) {
      this.#judgeAgain(nowMs);
      this.#act(this.#hysteresis.look(nowMs, { plan: this.#gain("plan"), proposal: this.#gain("proposal") }));
      this.#beginPlan(nowMs);
    } else if (this.#state === "holding") {
      this.#hysteresis.restart();
      this.#enter("none");
    }
    if (nowMs - this.#keptMs >= keepEveryMs) await this.#keep();
  }

  /** Resolves once no plan is being made. */
  async planned(): Promise<void> {
    await this.#planning;
  }

  /** Ends a plan that is being made, lets the sources go, and keeps the state. */
  async close(): Promise<void> {
    this.#ended.abort();
    await this.#planning;
    for (const source of this.#sources) source.close();
    await this.#keep();
  }

  /** For `traffic`. */
  traffic(): readonly PlacerEdge[] {
    return this.#estimate.edges;
  }

  /** For `proposal`. */
  proposal(): { readonly plan: string | null; readonly why: string } {
    if (!this.#proposal) return { plan: null, why: this.#whyNone() };
    const gain = this.#gain("proposal");
    return {
      plan: `${JSON.stringify(this.#proposal.plan, null, 2)}\n`,
      why: gain === null ? "it stood before the restart, and is not judged yet" : `the objective would fall by ${gain.toFixed(3)}`,
    };
  }

  /** For `status`. */
  status(): PlacerStatus {
    const { env, version } = this.#options;
    const { problem, file } = this.#read;
    const views = this.#sources.map((source) => source.view());
    const read = views.flatMap(({ lastReadMs }) => (lastReadMs === null ? [] : [lastReadMs]));
    const total = (of: (edge: Rate) => number): number => this.#estimate.edges.reduce((sum, edge) => sum + of(edge), 0);
    return {
      version,
      pid: env.pid,
      startedAtMs: this.#startedAtMs,
      degraded: this.#degraded(),
      problem: {
        file,
        nodes: problem.nodes.length,
        services: problem.services.length,
        replicas: problem.services.reduce((sum, { replicas }) => sum + replicas.length, 0),
      },
      sources: views,
      warm: this.#warm(),
      estimateAgeMs: read.length === 0 ? null : Math.max(0, env.now() - Math.max(...read)),
      edges: this.#estimate.edges.length,
      messagesPerSecond: total((edge) => edge.messagesPerSecond),
      bytesPerSecond: total((edge) => edge.bytesPerSecond),
      unknown: this.#estimate.unknown.slice(0, 20),
      objective: { present: this.#worth?.present ?? null, plan: this.#worth?.plan ?? null, proposal: this.#worth?.proposal ?? null },
      gain: this.#gain("plan"),
      proposalGain: this.#gain("proposal"),
      state: this.#state,
      sinceMs: this.#sinceMs,
      planning: this.#planning !== null,
      ...this.#counts,
    };
  }

  #now(): Now {
    return { monotonicMs: Number(this.#options.env.nowNs()) / 1e6, wallMs: this.#options.env.now() };
  }

  #add(): void {
    this.#estimate = addUp(
      this.#read.problem,
      this.#sources.map(({ matrix }) => matrix.rates()),
    );
  }

  /** Of the sources that answer, each has told of a half-life. */
  #warm(): boolean {
    const up = this.#sources.filter((source) => source.up);
    return up.length > 0 && up.every(({ matrix }) => matrix.coverage >= warmCoverage);
  }

  /** Silence is no reason to move anything. */
  #canJudge(): boolean {
    return this.#warm() && this.#estimate.edges.length > 0;
  }

  #judgeAgain(nowMs: number): void {
    const { edges } = this.#estimate;
    const plan = this.#plan;
    const proposal = this.#proposal?.plan ?? null;
    const last = this.#judged;
    if (last && last.plan === plan && last.proposal === proposal) {
      if (nowMs < last.untilMs || difference(last.edges, edges, this.#read.problem.costs) < stirred) return;
    }
    this.#worth = this.#judge();
    this.#judged = { edges, plan, proposal, untilMs: nowMs + judgeRestFactor * (this.#now().monotonicMs - nowMs) };
  }

  #judge(): Worth {
    const { maxUtilisation, reserve, weight } = this.#options;
    const problem = withTraffic(this.#read.problem, this.#estimate);
    const instance = compile(problem, { maxUtilisation, reserve });
    const objective = (assignment: Plan["assignment"]): number =>
      evaluate(instance, numbered(problem, instance, assignment), weight).objective;
    return {
      present: objective(problem.assignment),
      plan: this.#plan && objective(this.#plan.assignment),
      proposal: this.#proposal && objective(this.#proposal.plan.assignment),
    };
  }

  #gain(of: "plan" | "proposal"): number | null {
    const then = this.#worth?.[of] ?? null;
    return then === null ? null : this.#worth!.present - then;
  }

  #fits({ assignment }: Plan): boolean {
    const { problem } = this.#read;
    const { maxUtilisation, reserve } = this.#options;
    const names = new Set(problem.nodes.map(({ name }) => name));
    const placed = problem.services.every(({ replicas }) => replicas.every((name) => names.has(assignment[name] ?? "")));
    return placed && keepsRules(checkPlan(problem, assignment, { maxUtilisation, reserve, budget: null }));
  }

  #act(verdict: ReturnType<Hysteresis["look"]>): void {
    const { log } = this.#options;
    if (verdict === "withdraw") this.#withdraw("it gains too little by now");
    if (verdict === "propose" || verdict === "replace") {
      const gain = this.#gain("plan")!;
      this.#proposal = { plan: this.#plan!, sinceMs: this.#options.env.now() };
      this.#worth = { ...this.#worth!, proposal: this.#worth!.plan };
      this.#counts[verdict === "propose" ? "proposed" : "replaced"]++;
      log.info(verdict === "propose" ? "a plan is proposed" : "a better plan is proposed", {
        gain: round(gain),
        moves: this.#plan!.report?.moves,
      });
      this.#enter("proposed", true);
      return;
    }
    if (!this.#proposal) this.#enter(this.#hysteresis.worthSinceMs === null ? "none" : "holding");
  }

  #withdraw(why: string): void {
    this.#options.log.info("the proposal is withdrawn", { why });
    this.#proposal = null;
    if (this.#worth) this.#worth = { ...this.#worth, proposal: null };
    this.#counts.withdrawn++;
    this.#enter("none", true);
  }

  #enter(state: PlacerStatus["state"], keep: boolean = false): void {
    if (keep) this.#keptMs = Number.NEGATIVE_INFINITY; // at the end of this very tick
    if (state === this.#state && !keep) return;
    this.#state = state;
    this.#sinceMs = this.#options.env.now();
  }

  #beginPlan(nowMs: number): void {
    if (this.#planning || nowMs < this.#restUntilMs) return;
    const { edges } = this.#estimate;
    const { problem } = this.#read;
    if (this.#planned && difference(this.#planned, edges, problem.costs) < changed) return;
    this.#planning = this.#makePlan(this.#read, edges, nowMs).finally(() => {
      this.#planning = null;
    });
  }

  async #makePlan(read: ReadProblem, edges: readonly Rate[], beganMs: number): Promise<void> {
    const { planner, log } = this.#options;
    let rest = 0;
    try {
      const plan = await planner(withTraffic(read.problem, { edges, unknown: [] }), this.#ended.signal);
      if (this.#read !== read) return; // another problem was read meanwhile: its own plan follows
      const { name } = read.problem;
      this.#plan = { ...plan, problem: { name, file: read.file, sha256: read.sha256 } };
      this.#planned = edges;
      this.#planFailure = null;
      this.#counts.plans++;
    } catch (error) {
      if (this.#ended.signal.aborted || this.#read !== read) return;
      this.#counts.planFailures++;
      if (this.#planFailure === null) log.warn("no plan could be made", { error });
      this.#planFailure = `the last plan failed: ${(error as Error).message}`;
      rest = failedRestMs;
    } finally {
      const nowMs = this.#now().monotonicMs;
      this.#counts.planningSeconds += (nowMs - beganMs) / 1000;
      if (this.#read === read) this.#restUntilMs = nowMs + Math.max(rest, restFactor * (nowMs - beganMs));
    }
  }

  #degraded(): string[] {
    const away = this.#sources.flatMap(({ trouble }) => (trouble === null ? [] : [trouble]));
    return [...away, this.#planFailure, this.#keepFailure].filter((one) => one !== null);
  }

  #whyNone(): string {
    if (!this.#warm())
      return this.#sources.some(({ up }) => up)
        ? "the estimate is not warm yet: less than a half-life of readings"
        : "no sockhijack answers";
    if (this.#estimate.edges.length === 0) return "no service of the problem talks to another";
    if (this.#plan === null) return this.#planFailure ?? "the first plan is being made";
    const { threshold } = this.#options;
    const gain = this.#gain("plan");
    if (gain === null) return "the last plan is not judged yet";
    if (gain < threshold) return `the best plan known gains ${gain.toFixed(3)}, less than the threshold, ${threshold}`;
    return `the best plan known gains ${gain.toFixed(3)}, but not for long enough yet`;
  }

  async #keep(): Promise<void> {
    const { state, env, log } = this.#options;
    this.#keptMs = this.#now().monotonicMs;
    const sources = Object.fromEntries(this.#sources.map(({ socket, matrix }) => [socket, matrix.keep()]));
    try {
      await writeState(state, { savedAtMs: env.now(), sources, proposal: this.#proposal }, env);
      this.#keepFailure = null;
    } catch (error) {
      const why = `the estimate cannot be kept over a restart: ${(error as Error).message}`;
      if (this.#keepFailure === null) log.warn(why);
      this.#keepFailure = why;
    }
  }
}

const round = (value: number): number => Number(value.toFixed(4));

function numbered(problem: Problem, { replicas, firstReplica }: Instance, assignment: Plan["assignment"]): NodeOf {
  const nodeOf = new Int32Array(replicas);
  for (const [service, nodes] of countPlacement(problem, assignment).nodesOf.entries()) nodeOf.set(nodes, firstReplica[service]);
  return nodeOf;
}
