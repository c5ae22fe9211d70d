/** Reads JSON text for its places: where each path stands, keys that are given twice, and where it stops being JSON. `JSON.parse` tells none of these. @module */
import { type FieldPath, formatPath } from "@mitsu/catalog/document";

/** A fault of the text, and where: an index of a UTF-16 unit. */
export interface JsonFault {
  readonly offset: number;
  readonly field: string;
  readonly message: string;
}

/** Paths that are looked for, by their steps. */
class Wanted {
  readonly steps = new Map<string, Wanted>();
  readonly found: ((offset: number) => void)[] = [];
  readonly foundKey: ((offset: number) => void)[] = [];

  step(step: string | number): Wanted {
    const name = String(step);
    const next = this.steps.get(name) ?? new Wanted();
    this.steps.set(name, next);
    return next;
  }
}

/** Deeper nesting is nothing of ours, and would only fill messages. */
const deepestNesting = 64;

interface Open {
  readonly list: boolean;
  readonly wanted: Wanted | undefined;
  readonly keys: Set<string>;
  /** The key or index that is being read. */
  step: string | number;
}

const literal = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const space = /[ \t\r\n]*/y;

/** Walks the text once; `wanted` is told of the places it looks for. Gives the first fault of the grammar, and all keys given twice. */
function walk(text: string, wanted: Wanted): JsonFault[] {
  const faults: JsonFault[] = [];
  const stack: Open[] = [];
  const path = () => formatPath(stack.map(({ step }) => step));
  const wrong = (offset: number, message: string): JsonFault[] => {
    faults.push({
      offset,
      field: path(),
      message: offset >= text.length ? "not valid JSON: the text ends too early" : `not valid JSON: ${message}`,
    });
    return faults;
  };
  let at = 0;
  const skip = () => {
    space.lastIndex = at;
    space.exec(text);
    at = space.lastIndex;
  };
  /** Past the string that begins here; -1 when it does not end. */
  const stringEnd = (): number => {
    for (let i = at + 1; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit === 0x22) return i + 1;
      if (unit === 0x5c) i++;
      else if (unit < 0x20) return -1;
    }
    return -1;
  };
  let here: Wanted | undefined = wanted;
  let expectValue = true;
  for (;;) {
    skip();
    const top = stack.at(-1);
    if (expectValue) {
      for (const tell of here?.found ?? []) tell(at);
      const first = text[at];
      if (first === "{" || first === "[") {
        if (stack.length >= deepestNesting)
          return [{ offset: at, field: "", message: `nested too deep; nest at most ${deepestNesting} levels` }];
        stack.push({ list: first === "[", wanted: here, keys: new Set(), step: first === "[" ? 0 : "" });
        at++;
        skip();
        if (text[at] === (first === "[" ? "]" : "}")) {
          expectValue = false;
        } else if (first === "[") here = here?.steps.get("0");
        else {
          const fault = key();
          if (fault !== undefined) return wrong(at, fault);
        }
        continue;
      }
      if (first === '"') {
        const end = stringEnd();
        if (end < 0) return wrong(at, "this text has no end, or holds a line break; write \\n");
        at = end;
      } else {
        literal.lastIndex = at;
        if (!literal.test(text)) return wrong(at, `${JSON.stringify(text[at] ?? "")} cannot stand here`);
        at = literal.lastIndex;
      }
      expectValue = false;
      continue;
    }
    if (!top) return at < text.length ? wrong(at, "something follows the end; remove it") : faults;
    const mark = text[at];
    if (mark === (top.list ? "]" : "}")) {
      stack.pop();
      at++;
      continue;
    }
    if (mark !== ",") return wrong(at, `a comma or ${top.list ? "]" : "}"} is missing here`);
    at++;
    skip();
    if (top.list) {
      top.step = (top.step as number) + 1;
      here = top.wanted?.steps.get(String(top.step));
      expectValue = true;
    } else {
      const fault = key();
      if (fault !== undefined) return wrong(at, fault);
      expectValue = true;
    }
  }

  /** Reads a key and its colon; gives what is wrong. */
  function key(): string | undefined {
    const top = stack.at(-1)!;
    const begin = at;
    const end = text[at] === '"' ? stringEnd() : -1;
    if (end < 0) return "a field name in double quotes is missing here";
    let name: string;
    try {
      name = JSON.parse(text.slice(at, end)) as string;
    } catch {
      return "this field name has an escape that JSON does not know";
    }
    top.step = name;
    if (name === "__proto__")
      faults.push({ offset: begin, field: path(), message: '"__proto__" is not allowed as a field name; choose another' });
    if (top.keys.has(name)) faults.push({ offset: begin, field: path(), message: `${JSON.stringify(name)} is given twice; keep one` });
    top.keys.add(name);
    at = end;
    skip();
    if (text[at] !== ":") return "a colon is missing here";
    at++;
    here = top.wanted?.steps.get(name);
    for (const tell of here?.foundKey ?? []) tell(begin);
    expectValue = true;
    return undefined;
  }
}

/** What keeps a text from being JSON that means one thing: its first break of the grammar, and every key given twice. */
export function jsonFaults(text: string): JsonFault[] {
  return walk(text, new Wanted());
}

/** Where paths stand in JSON text, in one walk; one that is not there stands where the nearest thing around it does. */
export function jsonPlaces(text: string, paths: readonly { readonly path: FieldPath; readonly at: "key" | "value" }[]): number[] {
  const root = new Wanted();
  const offsets = paths.map(() => 0);
  for (const [index, { path, at }] of paths.entries()) {
    const tell = (offset: number) => {
      offsets[index] = offset;
    };
    let wanted = root;
    wanted.found.push(tell);
    for (const [depth, step] of path.entries()) {
      wanted = wanted.step(step);
      wanted.foundKey.push(tell);
      if (at === "value" || depth < path.length - 1) wanted.found.push(tell);
    }
  }
  walk(text, root);
  return offsets;
}

/**
 * Whether JSON text says more than its value: a key given twice, of which the parser keeps the last, or `__proto__`. Counts colons outside of
 * strings against keys, which costs a fifth of parsing it; {@link jsonFaults} then tells where.
 */
export function losesKeys(text: string, value: unknown): boolean {
  let colons = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x3a) colons++;
    else if (unit === 0x22) {
      for (at++; text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
    }
  }
  let keys = 0;
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null) continue;
    if (Array.isArray(next)) for (const item of next) left.push(item);
    else
      for (const [key, inner] of Object.entries(next)) {
        if (key === "__proto__") return true;
        keys++;
        left.push(inner);
      }
  }
  return keys !== colons;
}
