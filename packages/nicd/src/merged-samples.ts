/** Prometheus texts of several processes as one. @module */

interface Family {
  /** `# HELP` and `# TYPE`, as the first process had them. */
  readonly head: string[];
  readonly samples: Map<string, number>;
}

/**
 * Adds up the samples of the same name and labels: right for counters and histograms, and for gauges of what each process has for itself. Times,
 * which are the same for all, are not added: of names ending in `_expiry_seconds` the largest counts.
 *
 * @example
 * ```ts
 * mergedSamples(["a_total 1\n", "a_total 2\n"]); // "a_total 3\n"
 * ```
 */
export function mergedSamples(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) {
    let family: Family = { head: [], samples: new Map() };
    for (const line of text.split("\n")) {
      if (line.startsWith("# ")) {
        const name = line.split(" ")[2]!;
        const known = families.get(name);
        if (known) family = known;
        else {
          family = { head: [], samples: new Map() };
          families.set(name, family);
        }
        if (!family.head.some((have) => have.slice(0, 6) === line.slice(0, 6))) family.head.push(line);
      } else if (line !== "") {
        const at = line.lastIndexOf(" ");
        const key = line.slice(0, at);
        const value = Number(line.slice(at + 1));
        const before = family.samples.get(key);
        if (before === undefined) family.samples.set(key, value);
        else family.samples.set(key, key.includes("_expiry_seconds") ? Math.max(before, value) : before + value);
        // A text without heads is a family of its own.
        if (family.head.length === 0) families.set(key, family);
      }
    }
  }
  const lines = [...new Set(families.values())].flatMap(({ head, samples }) => [
    ...head,
    ...[...samples].map(([key, value]) => `${key} ${value}`),
  ]);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
