/** Lists of cores as the kernel writes them. [cpuset(7), "List format"] @module */

/**
 * Reads a list.
 *
 * @throws {RangeError} when it is none
 * @example
 * ```ts
 * parseCpuList("0-2,8"); // [0, 1, 2, 8]
 * ```
 */
export function parseCpuList(text: string): number[] {
  const cpus = new Set<number>();
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "") continue;
    const range = /^(\d+)(?:-(\d+))?$/.exec(part);
    const first = Number(range?.[1]);
    const last = Number(range?.[2] ?? range?.[1]);
    if (range === null || last < first || last > 65_535) throw new RangeError(`"${text}" is no list of cores such as 0-3,8`);
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** Writes a list, neighbours as ranges: `[0, 1, 2, 8]` is `0-2,8`. */
export function formatCpuList(cpus: readonly number[]): string {
  const parts: string[] = [];
  const sorted = [...cpus].sort((a, b) => a - b);
  for (let at = 0; at < sorted.length; ) {
    let end = at;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    parts.push(end === at ? `${sorted[at]}` : `${sorted[at]}-${sorted[end]}`);
    at = end + 1;
  }
  return parts.join(",");
}
