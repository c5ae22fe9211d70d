/** Figures of a problem file: numbers with the units people write, `500m`, `256MiB`, `1200/s`, `3.3us`. @module */
import { show } from "@mitsu/catalog/document";
import type { Resource } from "./problem.ts";

/** What a figure is of: a resource's unit, or messages a second, bytes a second, seconds. */
export type FigureKind = Resource["unit"] | "messages/s" | "bytes/s" | "seconds";

/** More is a slip, and sums of such figures would no longer be finite. */
const largest = 1e21;

/** How units scale: by a power of ten, which reads exactly, or a power of two. */
type Scale = { readonly ten: number } | { readonly two: number };

const one: Scale = { ten: 0 };
const decimals: Readonly<Record<string, Scale>> = { k: { ten: 3 }, M: { ten: 6 }, G: { ten: 9 }, T: { ten: 12 }, P: { ten: 15 } };
const binaries: Readonly<Record<string, Scale>> = { Ki: { two: 10 }, Mi: { two: 20 }, Gi: { two: 30 }, Ti: { two: 40 }, Pi: { two: 50 } };
/** By lower-case name: `mib`, `kb`, `b`. */
const byteUnits: Readonly<Record<string, Scale>> = Object.fromEntries([
  ["b", one],
  ...Object.entries({ ...decimals, ...binaries }).map(([prefix, scale]) => [`${prefix.toLowerCase()}b`, scale] as const),
]);
/** As Kubernetes writes sizes, where case matters: `m` would be thousandths. */
const kubernetesUnits: Readonly<Record<string, Scale>> = { ...decimals, ...binaries };
const timeUnits: Readonly<Record<string, Scale>> = {
  ns: { ten: -9 },
  us: { ten: -6 },
  µs: { ten: -6 },
  // The Greek letter, which looks the same.
  μs: { ten: -6 },
  ms: { ten: -3 },
  s: one,
};

const written = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?) ?([A-Za-zµμ]*)(?: ?\/ ?([a-z]+))?$/;

/** How to write each kind, for messages. */
const allowed: Readonly<Record<FigureKind, string>> = {
  cores: "write cores or thousandths of them, such as 0.5 or 500m",
  bytes: "write a size with its unit, such as 256MiB or 1.5GB",
  count: "write a plain number",
  share: "write a plain number, a share of the whole cluster",
  "messages/s": "write a rate, such as 1200/s",
  "bytes/s": "write a rate with its unit, such as 3.4MB/s",
  seconds: "write a time with its unit, such as 3.3us",
};

/** How a bare number of a kind should have been written. */
const example: Partial<Readonly<Record<FigureKind, string>>> = { bytes: "MiB", "messages/s": "/s", "bytes/s": "MB/s", seconds: "us" };

/**
 * Reads a figure in the kind's base unit (cores, bytes, a second); for a fault, gives the message instead.
 *
 * @example
 * ```ts
 * readFigure("500m", "cores"); // 0.5
 * readFigure(256, "bytes"); // "256 needs a unit: 256MiB?"
 * ```
 */
export function readFigure(value: unknown, kind: FigureKind): number | string {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return `${value} is not a figure; ${allowed[kind]}`;
    if (value < 0) return `${value} is negative; give 0 or more`;
    if (value === 0) return 0;
    if (example[kind] !== undefined) return `${value} needs a unit: ${value}${example[kind]}?`;
    return inRange(value, String(value));
  }
  if (typeof value !== "string") return `${show(value)} is not a figure; ${allowed[kind]}`;
  const [, digits, unit = "", per] = written.exec(value.trim()) ?? [];
  if (digits === undefined) return `${show(value)} is not a figure; ${allowed[kind]}`;
  if (digits.startsWith("-") && Number(digits) < 0) return `${show(value)} is negative; give 0 or more`;
  const rate = kind === "messages/s" || kind === "bytes/s";
  if (rate && per === undefined && Number(digits) !== 0)
    return `${show(value)} needs a unit: ${value.trim()}${unit === "" ? example[kind] : "/s"}?`;
  if (rate ? !["s", "min", undefined].includes(per) : per !== undefined)
    return `${show(value)} has no unit that is known; ${allowed[kind]}`;
  const scale = scaleOf(unit, kind);
  if (scale === undefined) {
    if (unit === "" && example[kind] !== undefined) {
      if (Number(digits) === 0) return 0;
      return `${show(value)} needs a unit: ${digits}${kind === "bytes/s" ? "MB/s" : example[kind]}?`;
    }
    return `${show(value)} has no unit that is known; ${allowed[kind]}`;
  }
  const figure = "ten" in scale ? shift(digits, scale.ten) : Number(digits) * 2 ** scale.two;
  return inRange(per === "min" ? figure / 60 : figure, show(value));
}

function inRange(figure: number, text: string): number | string {
  // + 0 makes 0 of -0.
  return figure <= largest ? figure + 0 : `${text} is too large; at most ${largest}`;
}

function scaleOf(unit: string, kind: FigureKind): Scale | undefined {
  switch (kind) {
    case "cores":
      return unit === "m" ? { ten: -3 } : unit === "" ? one : undefined;
    case "bytes":
    case "bytes/s":
      return own(kubernetesUnits, unit) ?? own(byteUnits, unit.toLowerCase());
    case "messages/s":
      return unit === "" ? one : own(decimals, unit);
    case "seconds":
      return own(timeUnits, unit);
    default:
      return unit === "" ? one : undefined;
  }
}

function own(units: Readonly<Record<string, Scale>>, unit: string): Scale | undefined {
  return Object.hasOwn(units, unit) ? units[unit] : undefined;
}

/** Digits times a power of ten, rounded once: 3.3 and -6 give 3.3e-6, which 3.3 × 1e-6 does not. */
function shift(digits: string, ten: number): number {
  const [mantissa, exponent = "0"] = digits.toLowerCase().split("e");
  return Number(`${mantissa}e${Number(exponent) + ten}`);
}

/** Units worth writing, largest first. */
const writable: Readonly<Record<FigureKind, readonly (readonly [string, Scale])[]>> = {
  cores: [],
  count: [],
  share: [],
  bytes: [
    ["TiB", { two: 40 }],
    ["GiB", { two: 30 }],
    ["MiB", { two: 20 }],
    ["KiB", { two: 10 }],
    ["TB", { ten: 12 }],
    ["GB", { ten: 9 }],
    ["MB", { ten: 6 }],
    ["kB", { ten: 3 }],
    ["B", one],
  ],
  "messages/s": [["/s", one]],
  "bytes/s": [
    ["GB/s", { ten: 9 }],
    ["MB/s", { ten: 6 }],
    ["kB/s", { ten: 3 }],
    ["B/s", one],
  ],
  seconds: [
    ["s", one],
    ["ms", { ten: -3 }],
    ["us", { ten: -6 }],
    ["ns", { ten: -9 }],
  ],
};

/**
 * Writes a figure so that {@link readFigure} gives the very same number: in the largest unit that takes few digits, else in the base unit.
 *
 * @example
 * ```ts
 * writeFigure(2 ** 28, "bytes"); // "256MiB"
 * writeFigure(0.5, "cores"); // 0.5
 * ```
 */
export function writeFigure(value: number, kind: FigureKind): number | string {
  const units = writable[kind];
  if (value === 0 || units.length === 0) return value;
  for (const [unit, scale] of units) {
    const count = "ten" in scale ? shift(String(value), -scale.ten) : value / 2 ** scale.two;
    const text = `${count}${unit}`;
    if (count >= 1 && String(count).length <= 6 && readFigure(text, kind) === value) return text;
  }
  const [smallest, scale] = units.at(-1)!;
  const text = "ten" in scale ? `${shift(String(value), -scale.ten)}${smallest}` : "";
  return readFigure(text, kind) === value ? text : `${value}${units.find(([, other]) => other === one)![0]}`;
}
