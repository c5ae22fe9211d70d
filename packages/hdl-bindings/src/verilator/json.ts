/** Verilator's JSON (`--json-only`, from 5.022 on) as the elements that its XML has; XML is gone from 5.042 on. @module */
import type { XmlElement } from "./xml.ts";

interface Node {
  readonly type: string;
  readonly name: string;
  readonly addr?: string;
  /** `e,5:26,5:27`: file, then from and to, a line and a column each. */
  readonly loc: string;
  readonly [key: string]: unknown;
}

const text = (node: Node, key: string): string => String(node[key] ?? "");
const list = (node: Node, key: string): readonly Node[] => (node[key] as readonly Node[] | undefined) ?? [];

function element(name: string, attributes: Readonly<Record<string, string | undefined>>, children: readonly XmlElement[] = []): XmlElement {
  const given = Object.entries(attributes).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return { name, attributes: Object.fromEntries(given), children };
}

/** `[3:0]` or `3:0` → 3 and 0; nothing for a type of one bit. */
function bounds(range: unknown): readonly [string | undefined, string | undefined] {
  const found = /(-?\d+):(-?\d+)/.exec(String(range ?? ""));
  return [found?.[1], found?.[2]];
}

function dataType(node: Node): XmlElement {
  const [left, right] = bounds(node.range ?? node.declRange);
  const about = { id: node.addr, name: node.name, signed: node.signed ? "true" : undefined };
  const inner = typeof node.refDTypep === "string" ? node.refDTypep : undefined;
  const name = node.type.toLowerCase();
  if (name === "basicdtype") return element(name, { ...about, left, right });
  if (name !== "packarraydtype") return element(name, { ...about, sub_dtype_id: inner }, list(node, "membersp").map(dataType));
  const range = [left, right].map((bound) => element("const", { name: `32'sh${(Number(bound) >>> 0).toString(16)}` }));
  return element(name, { ...about, sub_dtype_id: inner }, [element("range", {}, range)]);
}

function variable(node: Node, at: number): XmlElement {
  const direction = text(node, "direction").toLowerCase();
  const attributes = {
    loc: node.loc.replaceAll(":", ","),
    name: node.name,
    origName: text(node, "origName"),
    dtype_id: text(node, "dtypep"),
    dir: direction === "none" ? undefined : direction,
    pinIndex: String(at + 1),
    param: node.isGParam ? "true" : undefined,
  };
  return element(
    "var",
    attributes,
    list(node, "valuep").map(({ name }) => element("const", { name })),
  );
}

/**
 * Gives the document that `--xml-only` would have made, as far as ports need it.
 *
 * @param tree Of `--json-only-output`.
 * @param meta Of `--json-only-meta-output`: which letter is which file.
 */
export function documentOfJson(tree: string, meta: string): XmlElement {
  const root = JSON.parse(tree) as Node;
  const { files } = JSON.parse(meta) as { files: Readonly<Record<string, { filename: string }>> };
  const modules = list(root, "modulesp").filter(({ type }) => type === "MODULE");
  const [top] = [...modules].sort((one, other) => Number(one.level) - Number(other.level));
  const types = list(root, "miscsp").find(({ type }) => type === "TYPETABLE");
  const named = modules.map((module) => {
    const variables = list(module, "stmtsp").filter(({ type }) => type === "VAR");
    return element("module", { name: module.name, origName: text(module, "origName") }, variables.map(variable));
  });
  const letters = new Set(modules.map(({ loc }) => loc.split(",")[0]!));
  const file = (id: string) => element("file", { id, filename: files[id]?.filename });
  return element("verilator_xml", {}, [
    element("files", {}, Object.keys(files).map(file)),
    element("module_files", {}, [...letters].map(file)),
    element("cells", {}, [element("cell", { submodname: top?.name })]),
    element("netlist", {}, [...named, element("typetable", {}, types ? list(types, "typesp").map(dataType) : [])]),
  ]);
}
