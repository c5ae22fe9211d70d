/** Prometheus texts of several processes as one. @module */

interface Family {
  /** `# HELP` and `# TYPE`, as the first process had them. */
  readonly head: string[];
  readonly samples: Map<string, number>;
}

/**
 * Adds up the samples of the same name and labels: right for counters and histograms, and for gauges of what each process has for itself. Times,
 * which are the same for all, are not added: of names ending in `_expiry_seconds` or `_age_seconds` the largest counts.
 *
 * @example
 * ```ts
 * mergedSamples(["a_total 1\n", "a_total 2\n"]); // "a_total 3\n"
 * ```
 */
export function mergedSamples(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) {
    // Samples without a head before them are a family of their own, whose name no metric can have.
    let family = familyIn(families, "");
    for (const line of text.split("\n")) {
      if (line.startsWith("# ")) {
        const [, kind, name] = line.split(" ", 3);
        family = familyIn(families, name!);
        if (!family.head.some((have) => have.startsWith(`# ${kind} `))) family.head.push(line);
      } else if (line !== "") {
        const at = line.lastIndexOf(" ");
        const key = line.slice(0, at);
        const value = sampleValue(line.slice(at + 1));
        const before = family.samples.get(key);
        if (before === undefined) family.samples.set(key, value);
        else family.samples.set(key, isTime(key) ? Math.max(before, value) : before + value);
      }
    }
  }
  const lines = [...families.values()].flatMap(({ head, samples }) => [
    ...head,
    ...[...samples].map(([key, value]) => `${key} ${sampleText(value)}`),
  ]);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function isTime(key: string): boolean {
  return key.includes("_expiry_seconds") || key.includes("_age_seconds");
}

function familyIn(families: Map<string, Family>, name: string): Family {
  const family = families.get(name) ?? { head: [], samples: new Map() };
  families.set(name, family);
  return family;
}

/** Prometheus writes Go's `+Inf`. */
function sampleValue(text: string): number {
  return Number(text.replace(/^([+-]?)Inf$/, "$1Infinity"));
}

function sampleText(value: number): string {
  return Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}
