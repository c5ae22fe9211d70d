/** Lays Compose files over each other, and fills variables in. [Compose specification, 13-merge.md, 12-interpolation.md] @module */

/** What became of a variable. */
export interface Variables {
  readonly values: Readonly<Record<string, string | undefined>>;
  /** Told of a variable that is set nowhere, and of one that must be set and is not. */
  readonly unset: (name: string, must: string | undefined) => void;
}

/**
 * Fills `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?error}`, `${NAME?error}`, `${NAME:+other}`, `${NAME+other}` in; `$$` is a dollar.
 *
 * @example
 * ```ts
 * interpolate("${N:-3}", { values: {}, unset: () => {} }); // "3"
 * ```
 */
export function interpolate(text: string, variables: Variables): string {
  const { values, unset } = variables;
  return text.replaceAll(
    /\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?+])([^{}]*(?:\{[^{}]*\}[^{}]*)*))?\})/g,
    (whole, dollar?: string, bare?: string, braced?: string, operator?: string, word = "") => {
      if (dollar !== undefined) return "$";
      const name = (bare ?? braced)!;
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      const there = value !== undefined && !(operator?.startsWith(":") && value === "");
      switch (operator?.at(-1)) {
        case "-":
          return there ? value : interpolate(word, variables);
        case "+":
          return there ? interpolate(word, variables) : "";
        case "?":
          if (!there) unset(name, word === "" ? "it must be set" : word);
          return value ?? "";
        default:
          if (value === undefined) unset(name, undefined);
          return value ?? (whole === "" ? whole : "");
      }
    },
  );
}

/** A later value over an earlier one: maps merge, lists are put behind each other, all else is replaced. */
export function merge(before: unknown, after: unknown): unknown {
  if (after === undefined || after === null) return before;
  if (Array.isArray(before) && Array.isArray(after)) return [...before, ...after];
  if (!isMap(before) || !isMap(after)) return after;
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries([...names].map((name) => [name, merge(field(before, name), field(after, name))]));
}

function field(map: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
