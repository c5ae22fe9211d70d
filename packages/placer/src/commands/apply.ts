/** `placer apply`: a plan as files of systemd, Compose, Nomad or Kubernetes, and the moves in an order that keeps every node within its capacity. @module */
import { hostname } from "node:os";
import { resolve } from "node:path";
import { type Context, didYouMean, type Paint, painter, print } from "@mitsu/cli";
import { exitStatus, MitsuError, NotSupportedError } from "@mitsu/cli/error";
import { composeFiles } from "../apply/compose-files.ts";
import { fileDiff } from "../apply/file-diff.ts";
import { applyFiles, type ChangeKind, type FileChange, kindOf, recoverFiles } from "../apply/file-set.ts";
import { contentsAt } from "../apply/file-state.ts";
import { kubernetesFiles } from "../apply/kubernetes-files.ts";
import type { MoveOrder, MoveStep } from "../apply/move-order.ts";
import { moveScript } from "../apply/move-script.ts";
import { nomadFiles } from "../apply/nomad-files.ts";
import { orderMoves } from "../apply/order-moves.ts";
import { systemdFiles } from "../apply/systemd-files.ts";
import { verifySystemd } from "../apply/systemd-verify.ts";
import type { TargetFiles, TargetInput, TargetName } from "../apply/target.ts";
import { readPlan } from "../plan/read-plan.ts";
import type { Problem } from "../problem/problem.ts";
import { compile } from "../solve/compile.ts";

/** Arguments of `placer apply`. */
export interface ApplyArgs {
  readonly plan: string;
  readonly to: TargetName;
  readonly dryRun: boolean;
  readonly node: string | undefined;
  readonly directory: string | undefined;
  readonly state: string;
  readonly unit: string;
  readonly cpuset: boolean;
  readonly problem: string | undefined;
}

/** What `--json` prints. */
interface Applied {
  readonly to: TargetName;
  readonly node: string | null;
  readonly dryRun: boolean;
  /** What was replaced is kept here; null when nothing was written. */
  readonly journal: string | null;
  readonly files: readonly {
    readonly path: string;
    readonly change: ChangeKind;
    readonly before: string | null;
    readonly after: string | null;
  }[];
  readonly order: MoveOrder;
  /** Shell script of the node's part; null when it has none. */
  readonly script: string | null;
  readonly commands: readonly string[];
  readonly notes: readonly string[];
}

const systemdDirectory = "/etc/systemd/system";
const reserves = ["requests", "mean", "p95", "p99", "larger"] as const;

/** Runs `placer apply`. */
export async function run(args: ApplyArgs, context: Context): Promise<number> {
  const { env, log } = context;
  const { plan, problem } = await readPlan(args.plan, args.problem, context);
  const reserve = reserves.find((name) => name === plan.options.reserve) ?? "requests";
  const node = nodeOf(args, problem);
  const directory = resolve(env.cwd(), args.directory ?? (args.to === "systemd" ? systemdDirectory : "."));
  // Whatever counts replicas must count those too that the plan leaves alone, or it would stop them; a drop-in is for those of the plan only.
  const assignment = args.to === "systemd" ? plan.assignment : { ...problem.assignment, ...plan.assignment };
  const input: TargetInput = { problem, assignment, reserve, node, directory, cpuset: args.cpuset, unit: args.unit };
  const instance = compile(problem, { reserve });
  const nodes = new Map(problem.nodes.map(({ name }, at) => [name, at]));
  const replicas = problem.services.flatMap((service) => service.replicas);
  const order = orderMoves(
    instance,
    Int32Array.from(replicas, (name) => nodes.get(plan.assignment[name] ?? "") ?? -1),
  );
  const notes: string[] = [];
  const fileSet = { state: resolve(env.cwd(), args.state), env, log };
  if ((await recoverFiles({ ...fileSet, dryRun: args.dryRun })) && args.dryRun)
    notes.push("the last apply was cut short: this one would undo it first, and may then differ from what is shown");
  const target = make(args, input, order, context, notes);
  const files = target.files.map((change) => ({
    path: change.path,
    change: kindOf(change),
    before: textAt(change),
    after: change.contents,
  }));
  const journal = args.dryRun ? null : await applyFiles(target.files, { plan: args.plan, to: args.to }, fileSet);
  const { script, commands } = target;
  const applied: Applied = {
    to: args.to,
    node,
    dryRun: args.dryRun,
    journal,
    files,
    order,
    script,
    commands,
    notes: [...target.notes, ...notes, ...order.notes],
  };
  print(context, applied, (value) => text(value, painter(env.stdout, env.vars)));
  return exitStatus.ok;
}

function make(
  { to, dryRun }: ApplyArgs,
  input: TargetInput,
  order: MoveOrder,
  { env }: Context,
  notes: string[],
): TargetFiles & { readonly script: string | null } {
  if (to === "compose") return { ...composeFiles(input), script: null };
  if (to === "nomad") return { ...nomadFiles(input), script: null };
  if (to === "k8s") return { ...kubernetesFiles(input), script: null };
  const node = input.node!;
  const made = systemdFiles({ ...input, node });
  try {
    verifySystemd(made, input.directory, env);
  } catch (error) {
    // Looking is possible without systemd, writing is not.
    if (!(dryRun && error instanceof NotSupportedError)) throw error;
    notes.push("not verified: there is no systemd-analyze here");
  }
  return { ...made, script: moveScript(order, node, made.unitOf) };
}

function nodeOf({ node, to }: ApplyArgs, problem: Problem): string | null {
  const names = problem.nodes.map(({ name }) => name);
  const wanted = node ?? (to === "systemd" ? hostname() : undefined);
  if (wanted === undefined) return null;
  if (names.includes(wanted)) return wanted;
  const shown = names.length > 20 ? `${names.slice(0, 20).join(", ")} and ${names.length - 20} more` : names.join(", ");
  const near = node === undefined ? undefined : didYouMean(node, names);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  throw new MitsuError(
    node === undefined
      ? `this host, ${wanted}, is no node of the problem: which node is it?`
      : `the problem has no node ${JSON.stringify(node)}`,
    {
      code: "ERR_PLACER_NODE",
      hint: `name one with --node: ${shown}${meant}`,
      exit: exitStatus.usage,
    },
  );
}

function textAt({ path }: FileChange): string | null {
  const contents = contentsAt(path);
  return contents === null ? null : Buffer.from(contents).toString();
}

function text(applied: Applied, paint: Paint): string {
  const { files, order, dryRun, notes, script, commands, journal } = applied;
  const lines: string[] = [];
  const put = (line: string, style?: Parameters<Paint>[0]): void => {
    // Names come from files of others: control characters must not drive the terminal.
    const plain = line.replaceAll(/\p{Cc}/gu, "�");
    lines.push(style === undefined ? plain : paint(style, plain));
  };
  const section = (title: string, body: readonly string[]): void => {
    put("");
    put(title, "bold");
    for (const line of body) put(`  ${line}`);
  };
  for (const { path, change, before, after } of files) {
    if (change === "unchanged") continue;
    put(`${change.padEnd(8)} ${path}`, "bold");
    if (!dryRun) continue;
    for (const line of fileDiff(before, after)) put(`  ${line}`, line.startsWith("+") ? "green" : line.startsWith("-") ? "red" : undefined);
    put("");
  }
  const count = (kind: ChangeKind) => files.filter(({ change }) => change === kind).length;
  put(
    `${dryRun ? "would write" : "wrote"}: ${count("new")} new, ${count("changed")} changed, ${count("removed")} removed, ${count("unchanged")} unchanged`,
  );
  if (journal !== null) put(`'placer rollback' undoes it; what was there is in ${journal}`);
  const { moves, starts, hops, pauses, waves } = order;
  section(
    waves.length === 0
      ? "everything runs where the plan wants it"
      : `${amount(moves, "move")}, ${amount(starts, "start")}, ${amount(hops, "hop")}, ${amount(pauses, "pause")}, in ${amount(waves.length, "wave")}`,
    waves.flatMap((wave, at) => [`wave ${at + 1}`, ...wave.flatMap(stepLines).map((line) => `  ${line}`)]),
  );
  if (script !== null) section(`to run on ${applied.node}`, script.trimEnd().split("\n"));
  else if (commands.length > 0) section("to run", commands);
  if (notes.length > 0) section("to know", notes);
  return `${lines.join("\n")}\n`;
}

function stepLines(step: MoveStep): string[] {
  const what =
    step.kind === "start"
      ? `start ${step.replica} on ${step.to}`
      : step.kind === "stop"
        ? `stop  ${step.replica} on ${step.from}${step.pause ? ", to be started later" : ""}`
        : `move  ${step.replica} from ${step.from} to ${step.to}${step.hop ? ", for a moment" : ""}`;
  return [what, ...step.breaks.map((sentence) => `      ${sentence}`)];
}

function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
