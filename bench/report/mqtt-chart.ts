/** Messages a second of mqtt.sh over mosquitto's, one bar a broker. @module */
import { brokerNames, parsePoint, pointTitle } from "./mqtt-names.ts";
import type { BrokerFigures, MqttPoint } from "./mqtt-points.ts";
import { brokerCss, classesOf } from "./mqtt-style.ts";
import { css, escaped, fixed } from "./style.ts";

const size = { width: 1080, left: 36, top: 112, gap: 56, labels: 128, bar: 15, head: 26, group: 16, figures: 96 } as const;
const columnWidth = (size.width - 2 * size.left - size.gap) / 2;
const shown = Object.keys(brokerNames).filter((mode) => mode !== "mosquitto");

/** One point's bars; the line at 1 is mosquitto on TCP. */
function drawGroup(point: MqttPoint, most: number, x: number, y: number): { readonly svg: string; readonly height: number } {
  const one = fixed(x + size.labels + (columnWidth - size.labels - size.figures) / most);
  const present = shown.flatMap((mode): (readonly [string, BrokerFigures])[] => {
    const figures = point.brokers[mode];
    return figures?.ratio ? [[mode, figures]] : [];
  });
  const from = x + size.labels;
  const room = columnWidth - size.labels - size.figures;
  const base = point.brokers.mosquitto;
  const parts = [
    `<text x="${x}" y="${y + 13}">${escaped(pointTitle(point.point).replace(/, (one at a time|\d+ outstanding)/, ""))}</text>`,
    ...(base
      ? [`<text class="soft" x="${x + columnWidth}" y="${y + 13}" text-anchor="end">mosquitto ${thousands(base.perSecond.median)}/s</text>`]
      : []),
  ];
  const top = y + size.head - 4;
  const bottom = top + present.length * size.bar + 2;
  for (const [i, [mode, figures]] of present.entries()) {
    const ratio = figures.ratio!.median;
    const at = top + i * size.bar;
    const width = fixed(Math.max(1, (ratio / most) * room));
    const strong = mode.startsWith("mqttnic") ? " strong" : "";
    parts.push(
      `<text class="soft${strong}" x="${from - 6}" y="${at + 12}" text-anchor="end">${brokerNames[mode]}</text>`,
      `<rect class="bar ${classesOf(mode)}" x="${from}" y="${at + 3}" width="${width}" height="${size.bar - 4}"/>`,
      `<text class="value${strong}" x="${fixed(Math.max(from + width, width < one - from && one - from < 60 ? one : 0) + 5)}" y="${at + 12}">${ratio.toFixed(ratio < 10 ? 2 : 1)} ×${figures.saturated > 0 ? " or more" : ""}</text>`,
    );
  }
  parts.push(`<line class="one" x1="${one}" x2="${one}" y1="${top}" y2="${bottom}"/>`);
  return { svg: parts.join("\n"), height: bottom - y + size.group };
}

const thousands = (value: number): string => (value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : `${Math.round(value / 1000)} k`);

/**
 * Draws the fan-in and fan-out points as an SVG that follows the reader's light or dark setting: one at a time left, pipelined right,
 * each with its own scale.
 *
 * @param caption Machine and date, shown under the title.
 * @example
 * ```ts
 * writeFileSync("mqtt.svg", renderMqttChart(points, "2 × AMD EPYC, Linux 6.18"));
 * ```
 */
export function renderMqttChart(points: readonly MqttPoint[], caption: string): string {
  const fans = points.flatMap((point) => {
    const name = parsePoint(point.point);
    return name.kind === "fan" && shown.some((mode) => point.brokers[mode]?.ratio) ? [{ point, pipelined: name.window > 1 }] : [];
  });
  const columns = [false, true].map((pipelined) => fans.filter((fan) => fan.pipelined === pipelined).map((fan) => fan.point));
  const titles = ["One message outstanding", "16 messages outstanding"];
  let height: number = size.top;
  const body = columns.map((own, i) => {
    const x = size.left + i * (columnWidth + size.gap);
    const most = Math.max(1.2, ...own.flatMap((p) => shown.flatMap((mode) => p.brokers[mode]?.ratio?.median ?? [])));
    const parts = own.length > 0 ? [`<text class="head" x="${x}" y="${size.top - 12}">${titles[i]}</text>`] : [];
    let y: number = size.top;
    for (const point of own) {
      const group = drawGroup(point, most, x, y);
      parts.push(group.svg);
      y += group.height;
    }
    height = Math.max(height, y);
    return parts.join("\n");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height + 16}" width="${size.width}" height="${height + 16}" role="img">
<title>Messages a second of MQTT brokers on one CPU, as a ratio to mosquitto</title>
<style>${css}${brokerCss}</style>
<rect class="ground" width="${size.width}" height="${height + 16}"/>
<text class="title" x="${size.left}" y="36">Messages a second through a broker on one CPU, over mosquitto's</text>
<text class="soft" x="${size.left}" y="55">Longer is better; the line is mosquitto on TCP. The floor is a relay of a few writes that is no broker. “or more”: the load generator was at its limit.</text>
<text class="soft" x="${size.left}" y="70">${escaped(caption)}. bench/mqtt.sh</text>
${body.join("\n")}
</svg>
`;
}
