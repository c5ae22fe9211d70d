/** Ports of a design's top module, read from what Verilator tells of it: XML, or JSON where the version has no XML. @module */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { documentOfJson } from "./json.ts";
import { type Design, verilate } from "./verilator.ts";
import { parseXml, type XmlElement } from "./xml.ts";

/** Most bits of a port: what Verilator takes for a number by itself (`--max-num-width`). Wider ones take minutes to compile, and memory. */
const mostBits = 65_536;

/** One port of the top module. */
export interface Port {
  readonly name: string;
  readonly direction: "input" | "output";
  /** Bits, at least 1. */
  readonly width: number;
  readonly signed: boolean;
}

/** What is known of a top module from outside. */
export interface Interface {
  readonly module: string;
  readonly ports: readonly Port[];
  /** Parameters of the top module by name, as Verilator resolved them (`32'sh20`). */
  readonly parameters: Readonly<Record<string, string>>;
  /** Files of the modules that take part, those found by name too. */
  readonly sources?: readonly string[];
}

/** A port that cannot be bound; `port` has its file and line before the name. */
function unsupported(port: string, what: string): MitsuError {
  return new MitsuError(`${port}: ${what} cannot be bound`, {
    code: "ERR_HDL_PORT",
    hint: "wrap the module in one whose ports are packed inputs and outputs",
    exit: exitStatus.usage,
  });
}

/** `32'sh1f` → 31. */
function constant(text: string): number {
  const found = /^\d+'s?h([0-9a-f]+)$/i.exec(text);
  return found ? Number.parseInt(found[1]!, 16) | 0 : Number.NaN;
}

/** A name as the source has it: Verilator writes what C++ may not have, and the second of two underscores, as `__0` and hexadecimal. */
function sourceName(name: string): string {
  return name.replace(/__0([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** Bits of a data type. */
function widthOf(types: ReadonlyMap<string, XmlElement>, id: string, port: string): number {
  const type = types.get(id);
  const inner = () => widthOf(types, type!.attributes.sub_dtype_id!, port);
  switch (type?.name) {
    case "basicdtype": {
      const { left, right, name } = type.attributes;
      if (name === "real" || name === "shortreal" || name === "string" || name === "event") throw unsupported(port, `type ${name}`);
      return left === undefined ? 1 : Math.abs(Number(left) - Number(right)) + 1;
    }
    case "refdtype":
    case "enumdtype":
    case "memberdtype":
    case "constdtype":
      return inner();
    case "structdtype":
      return type.children.reduce((sum, member) => sum + widthOf(types, member.attributes.sub_dtype_id!, port), 0);
    case "uniondtype":
      return Math.max(...type.children.map((member) => widthOf(types, member.attributes.sub_dtype_id!, port)));
    case "packarraydtype": {
      const [left, right] = (type.children[0]?.children ?? []).map((bound) => constant(bound.attributes.name ?? ""));
      return (Math.abs(left! - right!) + 1) * inner();
    }
    case "unpackarraydtype":
      throw unsupported(port, "an unpacked array");
    default:
      throw unsupported(port, type ? `type ${type.name}` : "its type");
  }
}

function signedOf(types: ReadonlyMap<string, XmlElement>, id: string): boolean {
  const type = types.get(id);
  if (type?.attributes.signed === "true") return true;
  return type?.name === "refdtype" ? signedOf(types, type.attributes.sub_dtype_id!) : false;
}

/**
 * Reads the top module's ports out of Verilator's XML (`--xml-only`), in the order of the source.
 *
 * @throws {MitsuError} `ERR_HDL_PORT` for a port that has no packed type, no one direction or too many bits; with its file and line.
 */
export function portsOfXml(text: string): Interface {
  return portsOf(parseXml(text));
}

function portsOf(root: XmlElement): Interface {
  const part = (name: string) => root.children.find((child) => child.name === name)?.children ?? [];
  const netlist = part("netlist");
  const top = part("cells")[0]?.attributes.submodname;
  const module = netlist.find(({ name, attributes }) => name === "module" && attributes.name === top);
  const table = netlist.find(({ name }) => name === "typetable");
  if (!module || !table) throw new MitsuError("verilator tells of no top module", { code: "ERR_HDL_XML", exit: exitStatus.data });
  const types = new Map(table.children.map((type) => [type.attributes.id!, type]));
  const files = new Map(part("files").map(({ attributes }) => [attributes.id!, attributes.filename!]));
  const place = ({ attributes }: XmlElement): string => {
    const [file, line, column] = (attributes.loc ?? "").split(",");
    return `${files.has(file!) ? `${files.get(file!)}:${line}:${column}: ` : ""}port ${sourceName(attributes.origName!)}`;
  };
  const variables = module.children.filter(({ name }) => name === "var");
  const parameters = variables.filter(({ attributes }) => attributes.param === "true");
  const interfaces = variables.find(({ attributes }) => types.get(attributes.dtype_id ?? "")?.name === "ifacerefdtype");
  if (interfaces) throw unsupported(place(interfaces), "an interface");
  return {
    module: sourceName(module.attributes.origName!),
    sources: part("module_files").map(({ attributes }) => attributes.filename!),
    parameters: Object.fromEntries(
      parameters.map(({ attributes, children }) => [sourceName(attributes.origName!), children[0]?.attributes.name ?? ""]),
    ),
    ports: variables
      .filter(({ attributes }) => attributes.dir !== undefined)
      .sort((one, other) => Number(one.attributes.pinIndex) - Number(other.attributes.pinIndex))
      .map((variable) => {
        const { dir: direction, dtype_id: id, origName } = variable.attributes;
        if (direction !== "input" && direction !== "output") throw unsupported(place(variable), `direction ${direction}`);
        const width = widthOf(types, id!, place(variable));
        if (width > mostBits) throw unsupported(place(variable), `a vector of ${width} bits, more than ${mostBits},`);
        return { name: sourceName(origName!), direction, width, signed: signedOf(types, id!) };
      }),
  };
}

/**
 * Elaborates a design and reads its top module's ports.
 *
 * @throws {MitsuError} `ERR_HDL_DESIGN` with Verilator's messages; `ERR_HDL_PORT` for a port that cannot be bound.
 * @example
 * ```ts
 * const { module, ports } = await readPorts({ files: ["rtl/counter.sv"] });
 * ```
 */
export async function readPorts(design: Design): Promise<Interface> {
  const folder = await mkdtemp(join(tmpdir(), "hdl-bindings-"));
  const [tree, meta] = [join(folder, "design"), join(folder, "files")];
  try {
    try {
      await verilate(design, ["--xml-only", "--xml-output", tree, "--Mdir", folder]);
      return portsOfXml(await readFile(tree, "utf8"));
    } catch (error) {
      // Asked for what it can rather than for its version, which some builds do not know.
      if (!(error instanceof MitsuError && error.message.includes("Invalid option: --xml-only"))) throw error;
    }
    await verilate(design, ["--json-only", "--json-only-output", tree, "--json-only-meta-output", meta, "--Mdir", folder]);
    return portsOf(documentOfJson(await readFile(tree, "utf8"), await readFile(meta, "utf8")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
