/** A strict reader of Prometheus' text format 0.0.4, for tests. Source: prometheus.io, "Exposition formats". */

/** One metric family. */
export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

const nameForm = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const sampleForm = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]?Inf|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/;
const labelForm = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/** @throws {Error} for anything that a scraper would refuse or misread. */
export function readPrometheus(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, { type: string; help: string; samples: Family["samples"][number][] }>();
  const seen = new Set<string>();
  let present = "";
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string];
      if (!nameForm.test(name)) throw new Error(`bad name: ${line}`);
      if (name !== present && families.has(name)) throw new Error(`${name} is in two places`);
      present = name;
      const family = families.get(name) ?? { type: "untyped", help: "", samples: [] };
      families.set(name, family);
      if (family.samples.length > 0) throw new Error(`${kind} behind samples: ${line}`);
      if (kind === "TYPE") {
        if (!["counter", "gauge", "histogram", "summary", "untyped"].includes(rest)) throw new Error(`bad type: ${line}`);
        family.type = rest;
      } else family.help = rest;
      continue;
    }
    const sample = sampleForm.exec(line);
    if (!sample) throw new Error(`no sample: ${line}`);
    const [, name, inside = "", value] = sample as unknown as [string, string, string | undefined, string];
    const family = families.get(present);
    const own = family?.type === "histogram" ? [`${present}_bucket`, `${present}_sum`, `${present}_count`] : [present];
    if (!family || !own.includes(name)) throw new Error(`not of the family above it, ${present}: ${line}`);
    const labels: Record<string, string> = {};
    for (labelForm.lastIndex = 0; labelForm.lastIndex < inside.length; ) {
      const label = labelForm.exec(inside);
      if (!label) throw new Error(`bad labels: ${line}`);
      if (label[1]! in labels) throw new Error(`a label twice: ${line}`);
      labels[label[1]!] = label[2]!;
    }
    const key = `${name}{${Object.entries(labels).sort().join()}}`;
    if (seen.has(key)) throw new Error(`a sample twice: ${line}`);
    seen.add(key);
    const number = Number(value.replace(/^([+-]?)Inf$/, "$1Infinity"));
    if (family.type === "counter" && !(number >= 0)) throw new Error(`a counter below 0: ${line}`);
    family.samples.push({ name, labels, value: number });
  }
  for (const [name, { type, samples }] of families) if (type === "histogram") checkHistogram(name, samples);
  return families;
}

/** Buckets grow, the last is +Inf and is the count. */
function checkHistogram(name: string, samples: Family["samples"]): void {
  const series = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const [labels, all] of series) {
    const buckets = all.filter((one) => one.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le } }) => Number(le!.replace("+Inf", "Infinity")));
    const counts = buckets.map(({ value }) => value);
    const count = all.find((one) => one.name === `${name}_count`)?.value;
    const grows = (list: readonly number[]): boolean => list.every((value, index) => index === 0 || value >= list[index - 1]!);
    if (!grows(bounds) || !grows(counts) || bounds.at(-1) !== Number.POSITIVE_INFINITY || counts.at(-1) !== count)
      throw new Error(`bad histogram ${name} ${labels}`);
  }
}
