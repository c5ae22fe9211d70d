/** `simulate`: response times of selectors against the load. @module */
import { resolve } from "node:path";
import { type Context, formatDuration, type OutputStream, print, progress, table } from "@mitsu/cli";
import { medianOutcome, type Outcome, type ResponseTimes, responseNames } from "../simulate/outcome.ts";
import { parseArrivals, parseCrash, parseLaw, parseLoads, parseRollingRestart, parseSpeed } from "../simulate/parse-setting.ts";
import { drawResponseCurves } from "../simulate/response-curves.ts";
import { capacityPerMs, type Setting } from "../simulate/setting.ts";
import { simulate } from "../simulate/simulate.ts";
import { checkFigure, parseDuration, wrongUsage } from "../simulate/spec.ts";
import { type Choice, choosePolicies } from "./choose-policies.ts";
import { checkPicture, writePicture } from "./write-picture.ts";

/** What is given on the command line. */
export interface SimulateArgs {
  readonly policies: string;
  readonly option: readonly string[];
  readonly load: string;
  readonly servers: number;
  readonly workers: number;
  readonly clients: number;
  readonly nodes: number;
  readonly arrivals: string;
  readonly service: string;
  readonly speed: string;
  readonly network: string;
  readonly age: string;
  readonly quiet: string;
  readonly ageDelay: string;
  readonly brokerLost: string;
  readonly shareFailures: string;
  readonly piggyback: "c3" | "all" | "none";
  readonly probes: "network" | "table";
  readonly probeDelay: string;
  readonly probeCost: string;
  readonly crash: readonly string[];
  readonly rollingRestart: string | undefined;
  readonly timeout: string;
  readonly retries: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly seed: number;
  readonly runs: number;
  readonly draw: string | undefined;
  readonly figure: keyof ResponseTimes;
}

/** More requests than this in a run take minutes and gigabytes. */
const mostRequests = 20_000_000;

/** `replicad simulate`. */
export async function run(args: SimulateArgs, context: Context): Promise<void> {
  const { env } = context;
  const choices = choosePolicies(args.policies, args.option);
  const loads = parseLoads("--load", args.load);
  const setting = settingOf(args, context);
  const most = loads.at(-1)! * capacityPerMs(setting) * setting.durationMs;
  if (most > mostRequests)
    throw wrongUsage(`${most.toPrecision(3)} requests are too many for one run; ${mostRequests} are the most`, "lower --load or --seconds");
  await checkPicture(args.draw, env);
  const line = progress(env);
  const results: Result[] = [];
  for (const load of loads) {
    for (const { selector, options } of choices) {
      line.update(`${selector} at load ${load}: ${results.length} of ${loads.length * choices.length}`);
      const runs = Array.from({ length: args.runs }, (_, at) =>
        simulate({ ...setting, selector, options, load, piggyback: withAnswers(args.piggyback, selector), seed: args.seed + at }),
      );
      results.push({ ...medianOutcome(runs), runs });
    }
  }
  line.done();
  if (args.draw !== undefined) await writePicture(args.draw, picture(args, setting, choices, results), env);
  if (args.draw === "-") return;
  print(
    context,
    { setting: { ...setting, selector: undefined, load: undefined, piggyback: args.piggyback }, results: results.map(toJson) },
    () => resultText(results, env.stdout),
  );
}

/** The middle of the runs, and each of them. */
type Result = Outcome & { readonly runs: readonly Outcome[] };

const withAnswers = (piggyback: SimulateArgs["piggyback"], selector: string): boolean => piggyback === "all" || piggyback === selector;

function settingOf(args: SimulateArgs, { env }: Context): Setting {
  const whole = (flag: string, value: number, least: number, most: number): number => {
    if (!Number.isInteger(value)) throw wrongUsage(`${flag} ${value}: give a whole number`);
    return checkFigure(flag, value, String(value), { least, most });
  };
  const duration = (flag: string, text: string, never = false): number =>
    never && text === "never" ? Number.POSITIVE_INFINITY : parseDuration(flag, text);
  const read = (path: string): string => {
    try {
      return new TextDecoder().decode(env.readFile(resolve(env.cwd(), path)));
    } catch (cause) {
      throw wrongUsage(`cannot read ${path}: ${(cause as Error).message}`, "check the path behind file:");
    }
  };
  const servers = whole("--servers", args.servers, 1, 10_000);
  const clients = whole("--clients", args.clients, 1, 10_000);
  if (servers * clients > 2_000_000)
    throw wrongUsage(`--servers ${servers} and --clients ${clients}: together more than 2000000 pairs`, "lower one of them");
  const seconds = checkFigure("--seconds", args.seconds, String(args.seconds), { above: 0, most: 86_400 });
  const ageMs = duration("--age", args.age, true);
  if (ageMs < 0.01) throw wrongUsage(`--age ${args.age}: give at least 10us`);
  whole("--runs", args.runs, 1, 1000);
  return {
    selector: "mitsu",
    servers,
    workers: whole("--workers", args.workers, 1, 1000),
    clients,
    nodes: whole("--nodes", args.nodes, 0, 10_000),
    load: 1,
    arrivals: parseArrivals("--arrivals", args.arrivals),
    service: parseLaw("--service", args.service, read),
    speed: parseSpeed("--speed", args.speed, servers),
    network: parseLaw("--network", args.network, read),
    feedback: {
      intervalMs: ageMs,
      quietMs: duration("--quiet", args.quiet),
      delayMs: duration("--age-delay", args.ageDelay),
      lostAtMs: duration("--broker-lost", args.brokerLost, true),
      failureMs: duration("--share-failures", args.shareFailures, true),
    },
    piggyback: false,
    probe: {
      answers: args.probes,
      delayMs: duration("--probe-delay", args.probeDelay),
      costMs: duration("--probe-cost", args.probeCost),
    },
    outages: [
      ...args.crash.map((text) => parseCrash("--crash", text, servers)),
      ...(args.rollingRestart === undefined ? [] : parseRollingRestart("--rolling-restart", args.rollingRestart, servers)),
    ],
    timeoutMs: duration("--timeout", args.timeout),
    retries: whole("--retries", args.retries, 0, 100),
    durationMs: seconds * 1000,
    warmUpMs: checkFigure("--warm-up", args.warmUp, String(args.warmUp), { least: 0, below: seconds }) * 1000,
    seed: whole("--seed", args.seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  };
}

/** To what round robin has in the same conditions; NaN where it was not asked for. */
function ofRoundRobin(result: Result, results: readonly Result[], figure: keyof ResponseTimes): number {
  const base = results.find(({ selector, load }) => selector === "round-robin" && load === result.load);
  return (result.responseMs?.[figure] ?? Number.NaN) / (base?.responseMs?.[figure] ?? Number.NaN);
}

function toJson({ runs, ...middle }: Result, _at: number, results: readonly Result[]): object {
  const ratio = (figure: keyof ResponseTimes): number | null => {
    const value = ofRoundRobin({ runs, ...middle }, results, figure);
    return Number.isNaN(value) ? null : Number(value.toPrecision(4));
  };
  const rounded = (times: ResponseTimes | null): object | null =>
    times && Object.fromEntries(responseNames.map((name) => [name, Number(times[name].toPrecision(5))]));
  return {
    policy: middle.selector,
    ...middle,
    selector: undefined,
    responseMs: rounded(middle.responseMs),
    ofRoundRobin: { mean: ratio("mean"), p99: ratio("p99"), p999: ratio("p999") },
    runs: runs.map(({ responseMs, throughputPerSecond, failures, herd }) => ({
      responseMs: rounded(responseMs),
      throughputPerSecond,
      failures,
      herd,
    })),
  };
}

function resultText(results: readonly Result[], out: OutputStream): string {
  const time = (value: number | undefined): string =>
    value === undefined ? "–" : value.toPrecision(3).replace(/e.*/, "") && formatDuration(value * 1e6);
  const text = table(
    results,
    [
      { header: "load", value: ({ load }) => load },
      { header: "policy", value: ({ selector }) => selector },
      ...(["mean", "p50", "p90", "p99"] as const).map((name) => ({
        header: name,
        value: ({ responseMs }: Result) => time(responseMs?.[name]),
        align: "right" as const,
      })),
      { header: "p99.9", value: ({ responseMs }) => time(responseMs?.p999), align: "right" },
      {
        header: "p99/RR",
        value: (result) => {
          const ratio = ofRoundRobin(result, results, "p99");
          return Number.isNaN(ratio) ? "–" : ratio.toFixed(3);
        },
        align: "right",
      },
      { header: "answered [1/s]", value: ({ throughputPerSecond }) => throughputPerSecond.toFixed(1), align: "right" },
      { header: "failed", value: ({ failures }) => failures },
      { header: "herd", value: ({ herd }) => herd.toFixed(2), align: "right" },
      {
        header: "share [%]",
        value: ({ shares }) => `${(Math.min(...shares) * 100).toFixed(1)}–${(Math.max(...shares) * 100).toFixed(1)}`,
        align: "right",
      },
    ],
    out,
  );
  return `${text}p99/RR: p99 over round robin's. herd: variance of requests to a server in a feedback interval, 1 where they come at random. share: least and most of a server.\n`;
}

function picture(args: SimulateArgs, setting: Setting, choices: readonly Choice[], results: readonly Result[]): string {
  const note = `${setting.servers} servers, ${setting.clients} clients, ${args.service}, speed ${args.speed}, age ${args.age}`;
  const curves = choices.map(({ selector }) => ({
    name: selector,
    points: results
      .filter((one) => one.selector === selector && one.responseMs !== null)
      .map(({ load, responseMs }) => [load, responseMs![args.figure]] as const),
  }));
  return drawResponseCurves(args.figure === "p999" ? "p99.9" : args.figure, note, curves);
}
