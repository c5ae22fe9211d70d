/** `placer profile`: measures traffic and demand, and writes them as a problem. @module */
import { type Catalog, loadCatalog } from "@mitsu/catalog";
import { type Context, json as jsonText, onSignals, table } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { checkOutput, writeOutput } from "../files/output-file.ts";
import type { Problem } from "../problem/problem.ts";
import { readNodes } from "../problem/read-nodes.ts";
import { readProblem } from "../problem/read-problem.ts";
import { formOf, writeProblem } from "../problem/write-problem.ts";
import { AddressBook } from "../profile/address-book.ts";
import { parseCgroupTarget } from "../profile/cgroup-source.ts";
import type { Observation } from "../profile/observation.ts";
import { profileProblem } from "../profile/profile-problem.ts";
import { observeAll, type SourcesAsked } from "../profile/sources.ts";
import { tellNotices } from "../profile/tell-notices.ts";
import { thisNode } from "../profile/this-node.ts";

/** Arguments of `profile`. */
export interface ProfileArgs {
  readonly sockhijack: boolean;
  readonly sockhijackSocket: string;
  readonly capture: string | undefined;
  readonly pcap: readonly string[];
  readonly jaeger: readonly string[];
  readonly otlp: readonly string[];
  readonly cgroup: readonly string[];
  readonly seconds: number;
  readonly perSecond: number | undefined;
  readonly problem: string | undefined;
  readonly nodes: string | undefined;
  readonly output: string;
}

/** Where the catalog is unless `--config` says otherwise: that it is not there is no fault then. */
const defaultConfig = "/etc/mitsu/mesh.yaml";
const longestSeconds = 86_400;

/** `placer profile`. Interrupted, it writes what it has measured until then. */
export async function run(args: ProfileArgs, context: Context): Promise<void> {
  const { env, log, json } = context;
  check(args);
  await checkOutput(args.output, env);
  const asked = askedOf(args);
  const problem = args.problem === undefined ? undefined : (await readProblem(args.problem, context)).problem;
  const known = problem ?? (args.nodes === undefined ? { nodes: [thisNode()] } : await readNodes(args.nodes, context));
  const packets = args.capture !== undefined || args.pcap.length > 0;
  const catalog = packets || args.sockhijack ? await catalogOf(context.config) : undefined;
  const book = packets ? bookOf(catalog, problem, context.config) : new AddressBook();
  using signals = onSignals(env);
  const observations = await observeAll(asked, { env, book, catalog, signal: signals.signal });
  const profiled = profileProblem(observations, { ...known, problem, catalog });
  if (profiled.problem.services.length === 0) throw nothing(observations);
  const interrupted = signals.signal.aborted;
  if (interrupted) log.warn(`interrupted: what is written was measured for ${measured(observations)} s`);
  tellNotices([...observations.flatMap(({ notices }) => notices), ...profiled.notices], log);
  const toStdout = args.output === "-";
  await writeOutput(args.output, writeProblem(profiled.problem, toStdout && json ? "json" : formOf(args.output)), env);
  const summary = {
    output: args.output,
    interrupted,
    sources: observations.map(({ edges, services, ...rest }) => ({ ...rest, edges: edges.length, services: services.length })),
    notices: profiled.notices,
    nodes: profiled.problem.nodes.length,
    services: profiled.problem.services.length,
    edges: profiled.problem.traffic.map(({ from, to, ...rest }) => ({ from, to, ...rest })),
  };
  if (json && !toStdout) env.stdout.write(jsonText(summary));
  else env.stderr.write(summaryText(observations, profiled.problem, context));
}

function check(args: ProfileArgs): void {
  const { sockhijack, capture, pcap, jaeger, otlp, cgroup, seconds, perSecond, problem, nodes } = args;
  if (!sockhijack && capture === undefined && [pcap, jaeger, otlp, cgroup].every((list) => list.length === 0)) {
    throw usage("no source is given", "such as --sockhijack, --jaeger traces.json or --cgroup web=/sys/fs/cgroup/web.service");
  }
  if (!(seconds > 0 && seconds <= longestSeconds)) {
    throw usage(`--seconds ${seconds}: a number over 0 and up to ${longestSeconds} is needed`, "leave it out for 10");
  }
  if (perSecond !== undefined && !(perSecond > 0 && Number.isFinite(perSecond))) {
    throw usage(`--per-second ${perSecond}: a number over 0 is needed`, "leave it out to take the traces' own rate");
  }
  if (problem !== undefined && nodes !== undefined) {
    throw usage("--problem and --nodes are both given", "a problem has nodes of its own: give one of them");
  }
  const fromStdin = [...pcap, ...jaeger, ...otlp, problem, nodes].filter((path) => path === "-").length;
  if (fromStdin > 1) throw usage("stdin is given more than once", "name files for all but one of the inputs");
}

function askedOf(args: ProfileArgs): SourcesAsked {
  return {
    sockhijack: args.sockhijack ? args.sockhijackSocket : undefined,
    capture: args.capture,
    pcap: args.pcap,
    traces: [
      ...args.jaeger.map((path) => ({ form: "jaeger", path }) as const),
      ...args.otlp.map((path) => ({ form: "otlp", path }) as const),
    ],
    cgroups: args.cgroup.map(parseCgroupTarget),
    seconds: args.seconds,
    perSecond: args.perSecond,
  };
}

async function catalogOf(config: string): Promise<Catalog | undefined> {
  try {
    return await loadCatalog(config);
  } catch (error) {
    if (config === defaultConfig && error instanceof MitsuError && error.code === "ERR_CATALOG_MISSING") return undefined;
    throw error;
  }
}

function bookOf(catalog: Catalog | undefined, problem: Problem | undefined, config: string): AddressBook {
  const book = new AddressBook();
  if (catalog) book.addCatalog(catalog);
  if (problem) book.addProblem(problem);
  if (!book.empty) return book;
  throw new MitsuError(`cannot tell whose packets are whose: ${catalog ? `${config} has no services` : `there is no ${config}`}`, {
    code: "ERR_PROFILE_ADDRESSES",
    exit: exitStatus.data,
    hint: "describe services and their addresses in a mesh.yaml (--config), or give services of --problem a label `address: 10.0.0.2:80`",
  });
}

function measured(observations: readonly Observation[]): string {
  return observations.reduce((longest, { seconds }) => Math.max(longest, seconds), 0).toFixed(1);
}

function nothing(observations: readonly Observation[]): MitsuError {
  const why = observations.flatMap(({ notices }) => notices)[0];
  return new MitsuError(`nothing was measured of any service${why === undefined ? "" : `: ${why}`}`, {
    code: "ERR_PROFILE_EMPTY",
    exit: exitStatus.data,
    hint: "measure while the services work, for longer, or by other sources",
  });
}

function summaryText(observations: readonly Observation[], { services, traffic }: Problem, { env }: Context): string {
  const sources = table(
    observations,
    [
      { header: "SOURCE", value: ({ source }) => source },
      { header: "SECONDS", value: ({ seconds }) => seconds.toFixed(1), align: "right" },
      { header: "RECORDS", value: ({ records }) => records },
      { header: "SKIPPED", value: ({ skipped }) => skipped },
      { header: "EDGES", value: ({ edges }) => edges.length },
      { header: "SERVICES", value: (one) => new Set([...one.services.map(({ name }) => name), ...one.edges.flatMap(endsOf)]).size },
    ],
    env.stderr,
  );
  const messages = traffic.reduce((sum, { messagesPerSecond }) => sum + messagesPerSecond, 0);
  return `${sources}${services.length} services, ${traffic.length} edges, ${Number(messages.toPrecision(3))} messages/s\n`;
}

const endsOf = ({ from, to }: { readonly from: string; readonly to: string }): readonly string[] => [from, to];

function usage(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint });
}
