/** Texts of the command line to parts of a setting; all throw `ERR_USAGE`, exit status 2. @module */
import type { Law } from "@mitsu/simulation";
import { quantileOrSamples } from "./law-file.ts";
import type { ArrivalLaw, Outage, SpeedLaw } from "./setting.ts";
import { parseDuration, parseFigure, Spec, wrongUsage } from "./spec.ts";

/**
 * A distribution of durations: `exponential:mean=10ms`, `log-normal:mean=10ms,cv=2`, `gamma:…`, `deterministic:mean=10ms`, `pareto:shape=1.5,least=1ms,most=1s`,
 * `file:PATH`, or a duration alone, which is deterministic.
 *
 * @param readFile Gives the text of the file.
 */
export function parseLaw(flag: string, text: string, readFile: (path: string) => string): Law {
  if (/^[\d.]/.test(text)) return { kind: "deterministic", mean: parseDuration(flag, text) };
  if (text.startsWith("file:")) return quantileOrSamples(readFile(text.slice(5)), text.slice(5));
  const spec = new Spec(flag, text, ["exponential", "deterministic", "log-normal", "gamma", "pareto", "file"]);
  const law = ((): Law => {
    switch (spec.kind) {
      case "log-normal":
      case "gamma":
        return {
          kind: spec.kind === "gamma" ? "gamma" : "lognormal",
          mean: spec.duration("mean"),
          cv: spec.number("cv", { above: 0, most: 100 }),
        };
      case "pareto":
        return {
          kind: "pareto",
          shape: spec.number("shape", { above: 0, most: 100 }),
          least: spec.duration("least"),
          most: spec.duration("most"),
        };
      case "deterministic":
        return { kind: "deterministic", mean: spec.duration("mean") };
      default:
        return { kind: "exponential", mean: spec.duration("mean") };
    }
  })();
  spec.end();
  if (law.kind === "pareto" && law.most <= law.least) throw wrongUsage(`${flag} ${text}: most has to be above least`);
  return law;
}

/** `equal`, `fixed:slow=0.5,servers=2` or `varying:slow=0.333,fast-for=1s,slow-for=1s`. */
export function parseSpeed(flag: string, text: string, servers: number): SpeedLaw {
  const spec = new Spec(flag, text, ["equal", "fixed", "varying"]);
  const law = ((): SpeedLaw => {
    if (spec.kind === "equal") return { kind: "equal" };
    const slow = spec.number("slow", { above: 0, most: 1 }, 1 / 3);
    if (spec.kind === "fixed")
      return { kind: "fixed", slow, servers: spec.whole("servers", { least: 0, most: servers }, Math.ceil(servers / 10)) };
    return { kind: "varying", slow, fastForMs: spec.duration("fast-for", 1000), slowForMs: spec.duration("slow-for", 1000) };
  })();
  spec.end();
  return law;
}

/** `poisson`, `deterministic` or `bursty:on=100ms,off=400ms`. */
export function parseArrivals(flag: string, text: string): ArrivalLaw {
  const spec = new Spec(flag, text, ["poisson", "deterministic", "bursty"]);
  const law: ArrivalLaw =
    spec.kind === "bursty"
      ? { kind: "bursty", onMs: spec.duration("on", 100), offMs: spec.duration("off", 400) }
      : { kind: spec.kind as "poisson" | "deterministic" };
  spec.end();
  return law;
}

/** `server=3,at=20s,for=5s,how=silent,drain=1s`; servers count from 0. */
export function parseCrash(flag: string, text: string, servers: number): Outage {
  const spec = new Spec(flag, text);
  const server = spec.whole("server", { least: 0, most: servers - 1 }, 0);
  const fromMs = spec.duration("at", undefined, { least: 0 });
  const outage: Outage = {
    server,
    fromMs,
    toMs: fromMs + spec.duration("for", Number.POSITIVE_INFINITY),
    how: spec.choice("how", ["refused", "silent"], "refused"),
    drainMs: spec.duration("drain", 0, { least: 0 }),
  };
  spec.end();
  return outage;
}

/** `at=10s,every=2s,down=500ms,drain=200ms`: every server once, one after the other. */
export function parseRollingRestart(flag: string, text: string, servers: number): readonly Outage[] {
  const spec = new Spec(flag, text);
  const atMs = spec.duration("at", 10_000, { least: 0 });
  const everyMs = spec.duration("every", 2000);
  const downMs = spec.duration("down", 500);
  const drainMs = spec.duration("drain", 0, { least: 0 });
  spec.end();
  return Array.from({ length: servers }, (_, server) => {
    const fromMs = atMs + server * everyMs;
    return { server, fromMs, toMs: fromMs + downMs, how: "refused", drainMs };
  });
}

const mostLoads = 100;

/** Loads, ascending: `0.85`, `0.3,0.6,0.9` or `0.3..1.1:0.1`. */
export function parseLoads(flag: string, text: string): readonly number[] {
  const figure = (part: string): number => parseFigure(flag, part, { above: 0, most: 10 });
  const range = /^(.*)\.\.(.*?)(?::(.*))?$/.exec(text);
  if (!range) return [...new Set(text.split(",").map(figure))].toSorted((a, b) => a - b);
  const [from, to] = [figure(range[1]!), figure(range[2]!)];
  const step = range[3] === undefined ? 0.1 : figure(range[3]);
  if (to < from) throw wrongUsage(`${flag} ${text}: it ends before it begins`);
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (count > mostLoads) throw wrongUsage(`${flag} ${text}: that is ${count} loads; ${mostLoads} are the most`);
  return Array.from({ length: count }, (_, at) => Number((from + at * step).toPrecision(12)));
}
