/** When something happened within a trace, as a bar of characters. @module */

/** An interval, nanoseconds since 1970. */
export interface Interval {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/**
 * Draws a request on the time line of its trace: `▒` while its client waits, `█` while its server works on it.
 *
 * @param width In characters, which is how long the result is too.
 * @example
 * ```ts
 * timelineBar({ whole, client, server, width: 8 }); // " ▒███▒  "
 * ```
 */
export function timelineBar({
  whole,
  client,
  server,
  width,
}: {
  readonly whole: Interval;
  readonly client: Interval | undefined;
  readonly server: Interval | undefined;
  readonly width: number;
}): string {
  const totalNs = Number(whole.endNs - whole.startNs);
  // Clocks of other nodes may differ: what would lie outside is drawn at the border.
  const cell = (ns: bigint): number => (totalNs <= 0 ? 0 : Math.min(1, Math.max(0, Number(ns - whole.startNs) / totalNs)) * width);
  const cells = Array<string>(width).fill(" ");
  const draw = ({ startNs, endNs }: Interval, mark: string): void => {
    const from = Math.min(width - 1, Math.floor(cell(startNs)));
    const to = totalNs <= 0 ? width : Math.max(from + 1, Math.round(cell(endNs)));
    cells.fill(mark, from, to);
  };
  if (client) draw(client, "▒");
  if (server) draw(server, "█");
  return cells.join("");
}
