/** Values of options such as `varying:slow=0.333,fast-for=1s`: a kind and its fields, each read once. @module */
import { didYouMean } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Wrong usage: exit status 2. */
export function wrongUsage(message: string, hint = "see replicad simulate --help"): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", hint, exit: exitStatus.usage });
}

/** Powers of ten of a millisecond. */
const units: Readonly<Record<string, number>> = { ns: -6, us: -3, µs: -3, ms: 0, s: 3 };
const longestMs = 30 * 86_400_000;

/**
 * Milliseconds of a duration with its unit.
 *
 * @param what Begins the message: the flag, or the flag and a field.
 * @example
 * ```ts
 * parseDuration("--age", "250us"); // 0.25
 * ```
 * @throws {MitsuError} `ERR_USAGE`.
 */
export function parseDuration(what: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s)$/.exec(text.trim());
  if (!match) throw wrongUsage(`${what} ${text}: not a duration`, "write a number and its unit, such as 10ms, 250us or 1.5s");
  // Read as one decimal number: a product would be off in its last digit.
  const ms = Number(`${match[1]}e${units[match[2]!]!}`);
  if (ms > longestMs) throw wrongUsage(`${what} ${text}: longer than 30 days`);
  return ms;
}

/** What a number has to be. */
export interface Bounds {
  readonly above?: number;
  readonly least?: number;
  readonly below?: number;
  readonly most?: number;
}

/** @throws {MitsuError} `ERR_USAGE` for what is no number, or out of bounds. */
export function parseFigure(what: string, text: string, bounds: Bounds = {}): number {
  const value = /^\s*-?(\d+(\.\d*)?|\.\d+)(e-?\d+)?\s*$/.test(text) ? Number(text) : Number.NaN;
  return checkFigure(what, value, text, bounds);
}

/** @throws {MitsuError} `ERR_USAGE` for a number out of bounds. */
export function checkFigure(what: string, value: number, text: string, { above, least, below, most }: Bounds): number {
  const wanted = [
    above === undefined ? "" : `above ${above}`,
    least === undefined ? "" : `from ${least}`,
    below === undefined ? "" : `below ${below}`,
    most === undefined ? "" : `up to ${most}`,
  ].filter(Boolean);
  const fits =
    Number.isFinite(value) &&
    !(value <= (above ?? -Infinity)) &&
    !(value < (least ?? -Infinity)) &&
    !(value >= (below ?? Infinity)) &&
    !(value > (most ?? Infinity));
  if (!fits) throw wrongUsage(`${what} ${text}: give a number${wanted.length > 0 ? ` ${wanted.join(" and ")}` : ""}`);
  return value;
}

/** A kind and its fields. */
export class Spec {
  readonly kind: string;
  readonly #flag: string;
  readonly #text: string;
  readonly #fields = new Map<string, string>();
  readonly #known: string[] = [];

  /**
   * @param kinds What may stand before the colon; none where there are fields only.
   * @throws {MitsuError} `ERR_USAGE` for another kind, or a field twice.
   */
  constructor(flag: string, text: string, kinds: readonly string[] = []) {
    this.#flag = flag;
    this.#text = text;
    const colon = kinds.length === 0 ? -1 : text.indexOf(":");
    this.kind = kinds.length === 0 ? "" : (colon < 0 ? text : text.slice(0, colon)).trim();
    if (kinds.length > 0 && !kinds.includes(this.kind)) {
      const near = didYouMean(this.kind, kinds);
      throw wrongUsage(
        `${flag} ${text}: unknown kind '${this.kind}'`,
        near ? `did you mean '${near}'?` : `choose one of ${kinds.join(", ")}`,
      );
    }
    const rest = kinds.length === 0 ? text : colon < 0 ? "" : text.slice(colon + 1);
    for (const part of rest.split(",").filter((one) => one.trim() !== "")) {
      const [name = "", value] = part.split("=", 2).map((one) => one.trim());
      if (value === undefined || value === "")
        throw wrongUsage(`${flag} ${text}: '${part}' is no field`, "write name=value, such as mean=10ms");
      if (this.#fields.has(name)) throw wrongUsage(`${flag} ${text}: ${name} is given twice`);
      this.#fields.set(name, value);
    }
  }

  /** Milliseconds. */
  duration(name: string, fallback?: number, bounds: Bounds = { above: 0 }): number {
    const text = this.#take(name, fallback);
    return text === undefined ? fallback! : checkFigure(this.#what(name), parseDuration(this.#what(name), text), text, bounds);
  }

  number(name: string, bounds: Bounds, fallback?: number): number {
    const text = this.#take(name, fallback);
    return text === undefined ? fallback! : parseFigure(this.#what(name), text, bounds);
  }

  whole(name: string, bounds: Bounds, fallback?: number): number {
    const value = this.number(name, bounds, fallback);
    if (!Number.isInteger(value)) throw wrongUsage(`${this.#what(name)} ${value}: give a whole number`);
    return value;
  }

  choice<const W extends string>(name: string, choices: readonly W[], fallback: W): W {
    const text = this.#take(name, fallback) ?? fallback;
    const found = choices.find((one) => one === text);
    if (found === undefined) throw wrongUsage(`${this.#what(name)} ${text}: choose one of ${choices.join(", ")}`);
    return found;
  }

  /** @throws {MitsuError} `ERR_USAGE` for a field that nobody asked for. */
  end(): void {
    for (const name of this.#fields.keys()) {
      if (this.#known.includes(name)) continue;
      const near = didYouMean(name, this.#known);
      throw wrongUsage(
        `${this.#flag} ${this.#text}: unknown field '${name}'`,
        near ? `did you mean '${near}'?` : this.#known.length > 0 ? `fields are ${this.#known.join(", ")}` : `${this.kind} takes none`,
      );
    }
  }

  #what(name: string): string {
    return `${this.#flag}: ${name}`;
  }

  #take(name: string, fallback: unknown): string | undefined {
    this.#known.push(name);
    const text = this.#fields.get(name);
    if (text === undefined && fallback === undefined)
      throw wrongUsage(`${this.#flag} ${this.#text}: ${name} is missing`, `such as ${this.kind}:${name}=…`);
    return text;
  }
}
