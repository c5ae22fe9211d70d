/** The headline picture of mqtt.sh: collect-to-distribute times, sorted, a panel a number of nodes and rounds a second, a line a broker. @module */
import { brokerNames, parsePoint } from "./mqtt-names.ts";
import { type MqttPoint, sortedTimes } from "./mqtt-points.ts";
import type { MqttSample } from "./mqtt-samples.ts";
import { brokerCss, classesOf } from "./mqtt-style.ts";
import { decadeTicks } from "./response-chart.ts";
import { css, escaped, fixed } from "./style.ts";

const size = { width: 1080, left: 64, right: 24, top: 132, columns: 2, gapX: 74, gapY: 74, height: 250, steps: 240 } as const;
const panelWidth = (size.width - size.left - size.right - size.gapX * (size.columns - 1)) / size.columns;
/** A line each, from the back to the front. */
const drawn = ["floor-redirect", "floor", "mosquitto-redirect", "mosquitto", "mqttnic", "mqttnic-redirect"] as const;
/** Shares of all times that the axis names. The last 10 % and the last 1 % each get as much room as the rest's half: tails are what matters. */
const shares = [0, 0.25, 0.5, 0.75, 0.9, 0.99, 1] as const;

interface Curve {
  readonly mode: string;
  readonly at: readonly (readonly [share: number, us: number])[];
}

const duration = (us: number): string => (us < 1000 ? `${us} µs` : us < 1e6 ? `${us / 1000} ms` : `${us / 1e6} s`);

/** Pixels of a share: half of the width up to 90 %, a quarter each for the next 9 % and the last 1 %. */
function shareAt(share: number, x: number): number {
  const part =
    share <= 0.9 ? (share / 0.9) * 0.5 : share <= 0.99 ? 0.5 + ((share - 0.9) / 0.09) * 0.25 : 0.75 + ((share - 0.99) / 0.01) * 0.25;
  return fixed(x + part * panelWidth);
}

function drawPanel(point: MqttPoint, curves: readonly Curve[], x: number, y: number): string {
  const name = parsePoint(point.point);
  const title = name.kind === "feedback" ? `${name.nodes} nodes, ${name.rate} rounds a second` : point.point;
  const values = curves.flatMap((curve) => curve.at.map(([, us]) => us));
  const [least, most] = [Math.min(...values) / 1.15, Math.max(...values) * 1.15];
  const at = (us: number): number => fixed(y + size.height - (Math.log(us / least) / Math.log(most / least)) * size.height);
  const parts = [`<text class="head" x="${x}" y="${y - 12}">${title}</text>`];
  const ticks = decadeTicks(least, most);
  // Over many decades only powers of ten have room.
  const kept = ticks.length > 9 ? ticks.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6)) : ticks;
  for (const tick of kept) {
    parts.push(`<line class="grid" x1="${x}" x2="${fixed(x + panelWidth)}" y1="${at(tick)}" y2="${at(tick)}"/>`);
    parts.push(`<text class="soft" x="${x - 8}" y="${at(tick) + 4}" text-anchor="end">${duration(tick)}</text>`);
  }
  for (const share of shares) {
    parts.push(`<line class="grid" x1="${shareAt(share, x)}" x2="${shareAt(share, x)}" y1="${y}" y2="${y + size.height}"/>`);
    const label = share === 0 ? "least" : share === 1 ? "most" : share === 0.5 ? "p50" : `p${share * 100}`;
    parts.push(`<text class="soft" x="${shareAt(share, x)}" y="${y + size.height + 16}" text-anchor="middle">${label}</text>`);
  }
  for (const { mode, at: points } of curves) {
    const path = points.map(([share, us], i) => `${i === 0 ? "M" : "L"}${shareAt(share, x)} ${at(us)}`).join("");
    parts.push(`<path class="curve ${classesOf(mode)}" d="${path}"/>`);
  }
  parts.push(summary(point, x, y));
  return parts.join("\n");
}

/** p50 and p99 over mosquitto's, in words under the panel. */
function summary({ brokers }: MqttPoint, x: number, y: number): string {
  const parts = Object.entries({ "mqttnic-redirect": "redirected", mqttnic: "on TCP" }).flatMap(([mode, way]) => {
    const f = brokers[mode];
    return f?.p50Ratio && f.p99Ratio ? [`${way} ${f.p50Ratio.median.toFixed(2)}, ${f.p99Ratio.median.toFixed(2)} ×`] : [];
  });
  const text = parts.length > 0 ? `p50, p99 over mosquitto's: ${parts.join("; ")}` : "";
  return `<text class="soft" x="${x}" y="${y + size.height + 34}">${escaped(text)}</text>`;
}

function legend(modes: readonly string[]): string {
  let x: number = size.left;
  return modes
    .map((mode) => {
      const name = brokerNames[mode]!;
      const part = `<path class="curve ${classesOf(mode)}" d="M${x} 92h30"/><text x="${x + 36}" y="96">${name}</text>`;
      x += 58 + name.length * 6.6;
      return part;
    })
    .join("\n");
}

/**
 * Draws the feedback points as an SVG that follows the reader's light or dark setting.
 *
 * @param caption Machine and date, shown under the title.
 * @example
 * ```ts
 * writeFileSync("mqtt-feedback.svg", renderFeedbackChart(points, samples, "2 × AMD EPYC, Linux 6.18"));
 * ```
 */
export function renderFeedbackChart(points: readonly MqttPoint[], samples: readonly MqttSample[], caption: string): string {
  const panels = points
    .filter(({ point }) => parsePoint(point).kind === "feedback")
    .map((point) => ({
      point,
      curves: drawn
        .map((mode): Curve => ({ mode, at: sortedTimes(samples, point.point, mode, size.steps) }))
        .filter((curve) => curve.at.length > 0),
    }))
    .filter(({ curves }) => curves.length > 0);
  const modes = drawn.filter((mode) => panels.some(({ curves }) => curves.some((curve) => curve.mode === mode))).toReversed();
  const body = panels.map(({ point, curves }, i) =>
    drawPanel(
      point,
      curves,
      fixed(size.left + (i % size.columns) * (panelWidth + size.gapX)),
      size.top + Math.floor(i / size.columns) * (size.height + size.gapY),
    ),
  );
  const height = size.top + Math.ceil(panels.length / size.columns) * (size.height + size.gapY);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" width="${size.width}" height="${height}" role="img">
<title>Collect-to-distribute times of feedback rounds, sorted, by broker</title>
<style>${css}${brokerCss}</style>
<rect class="ground" width="${size.width}" height="${height}"/>
<text class="title" x="${size.left}" y="36">Collect to distribute: every node's time from its publish to the answer, sorted</text>
<text class="soft" x="${size.left}" y="55">Lower is better. Rounds at scheduled times; the controller answers when it has all states. From p90 on the axis is drawn wider. Each panel has its own scale.</text>
<text class="soft" x="${size.left}" y="70">${escaped(caption)}. bench/mqtt.sh</text>
${legend(modes)}
${body.join("\n")}
</svg>
`;
}
