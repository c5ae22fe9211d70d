/** `meshfilters build rules.yaml`: from a file to what devices install. @module */
import { existsSync } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { didYouMean, type OutputStream } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { ProviderDevice } from "@mitsu/hal";
import { type Capability, inspectModule, type Key, sign, writeManifest } from "@mitsu/proxy-wasm";
import { type BackEnd, filter, type RuleArtifact } from "./back-end.ts";
import type { RuleSet } from "./ir.ts";
import { kernelBackEnd } from "./kernel/kernel-back-end.ts";
import { parseRules } from "./parse-rules.ts";
import { type DeviceRules, type PlacedRule, placeRules, type RulePlacement } from "./place-rules.ts";
import { placementText } from "./placement-text.ts";
import { tupleSpace } from "./tuple-space.ts";
import { wasmBackEnd } from "./wasm/wasm-back-end.ts";

/** Devices by name. A table in RTL is none that a daemon here fills, so it takes part when it is named. */
const known = ["kernel", "rtl", "wasm"] as const;
const usual: readonly string[] = ["kernel", "wasm"];

/** How rules are built. */
export interface BuildRulesOptions {
  /** Of the module; other files get its name with their own endings. Beside the source unless given. */
  readonly output?: string | undefined;
  /** Only these devices; kernel and wasm unless given. */
  readonly backEnds?: readonly string[] | undefined;
  /** Signs the module: ed25519, private, PEM. */
  readonly key?: Key | undefined;
  /** What the manifest says that built it. */
  readonly builder?: string | undefined;
}

/** One file that was written. */
export interface BuiltArtifact {
  readonly device: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Rules that it has, those included that only pass. */
  readonly rules: number;
  /** How it gets where it works. */
  readonly install: string;
}

/** What was built. */
export interface BuiltRules {
  readonly artifacts: readonly BuiltArtifact[];
  readonly rules: readonly PlacedRule[];
  /** What is odd, in a line each. */
  readonly notices: readonly string[];
}

/**
 * The devices of these names.
 *
 * @throws {MitsuError} `ERR_USAGE` for a name that there is not.
 */
export async function backEndsOf({ services }: Pick<RuleSet, "services">, names: readonly string[] = usual): Promise<readonly BackEnd[]> {
  const unknown = names.find((name) => !(known as readonly string[]).includes(name));
  if (unknown !== undefined || names.length === 0) {
    const near = didYouMean(unknown ?? "", known);
    throw new MitsuError(`there is no back end ${JSON.stringify(unknown ?? "")}`, {
      code: "ERR_USAGE",
      hint: near === undefined ? `use ${known.join(", ")}` : `did you mean ${near}?`,
      exit: exitStatus.usage,
    });
  }
  return Promise.all(
    [...new Set(names)].map(async (name) => {
      if (name === "kernel") return kernelBackEnd(services);
      return name === "wasm" ? wasmBackEnd() : (await import("./rtl/rtl-back-end.ts")).rtlBackEnd();
    }),
  );
}

/**
 * Compiles rules, and writes what each device is to have.
 *
 * @throws {MitsuError} `ERR_RULES_INVALID`, `ERR_RULES_DEVICE`, `ERR_RULES_FILE`, `ERR_FILTER_SIGNATURE`. Nothing is written then.
 * @example
 * ```ts
 * const { artifacts, rules } = await buildRules("rules.yaml", { output: "out/rules.wasm" });
 * ```
 */
export async function buildRules(
  sourcePath: string,
  { output, backEnds, key, builder = "meshfilters" }: BuildRulesOptions = {},
): Promise<BuiltRules> {
  const set = parseRules(await sourceText(sourcePath), sourcePath);
  const used = await backEndsOf(set, backEnds);
  const placement = placeRules(set, used);
  const base = (output ?? sourcePath).replace(/\.(?:ya?ml|json|wasm)$/, "");
  const fileOf = ({ device, rules, artifact: { suffix, bytes, install } }: DeviceRules) => ({
    device,
    path: device === "wasm" && output !== undefined ? output : base + suffix,
    bytes: device === "wasm" ? sealed(bytes, base, builder, key) : bytes,
    rules: rules.length,
    install,
  });
  // A file of an earlier build whose rules have gone elsewhere would still hold.
  const idle = used
    .filter(({ device }) => !placement.devices.some((one) => one.device === device.identity.name))
    .map(({ device }) => fileOf({ device: device.identity.name, rules: [], artifact: emptyOf(device) }))
    .filter(({ path }) => existsSync(path));
  const files = [...placement.devices.map(fileOf), ...idle];
  for (const { path, bytes } of files) await replaceFile(path, bytes);
  return {
    artifacts: files.map(({ bytes, ...file }) => ({ ...file, sizeBytes: bytes.length })),
    rules: placement.rules,
    notices: noticesOf(set, placement),
  };
}

/** What `meshfilters build` prints. */
export function builtText({ artifacts, rules, notices }: BuiltRules, out: OutputStream): string {
  const files = artifacts.map(
    ({ device, path, rules: count, sizeBytes, install }) => `${path}: ${count} rules for ${device}, ${sizeBytes} bytes; ${install}\n`,
  );
  const nothing = artifacts.length === 0 ? "nothing was written: the rules let everything pass\n" : "";
  return [placementText(rules, out), ...notices.map((notice) => `notice: ${notice}\n`), ...files, nothing].join("");
}

/** A file without rules. */
function emptyOf(device: ProviderDevice): RuleArtifact {
  const installed = device.install({ capability: filter, spec: { entries: 1 } });
  const artifact = installed.operations.emit();
  device.uninstall(installed);
  return artifact;
}

async function sourceText(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isFile()) throw new Error("it is no file");
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}

/** Written aside and renamed, so that whoever watches it sees all of it. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const aside = `${path}.${process.pid}.new`;
  try {
    await writeFile(aside, bytes);
    await rename(aside, path);
  } catch (cause) {
    await rm(aside, { force: true }).catch(() => {});
    throw fileError("write", path, cause);
  }
}

function fileError(what: "read" | "write", path: string, cause: unknown): MitsuError {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const why =
    { ENOENT: what === "read" ? "no such file" : "no such folder", EACCES: "no right to", EISDIR: "it is a folder" }[code] ?? message;
  return new MitsuError(`cannot ${what} ${path}: ${why}`, {
    code: "ERR_RULES_FILE",
    hint: `name a ${what === "read" ? "rules file" : "place that can be written"}`,
    exit: exitStatus.data,
    cause,
  });
}

/** With manifest and signature. */
function sealed(bytes: Uint8Array<ArrayBuffer>, base: string, builder: string, key: Key | undefined): Uint8Array {
  const { imports, capabilities } = inspectModule(bytes);
  const name = base.replace(/^.*\//s, "");
  const whole = writeManifest(bytes, {
    name,
    version: "1.0.0",
    abi: "0.2.1",
    imports,
    capabilities: capabilities as readonly Capability[],
    sourceMap: "",
    builder,
  });
  return key === undefined ? whole : sign(whole, key);
}

function noticesOf({ rules }: RuleSet, { devices }: RulePlacement): readonly string[] {
  const { unreached } = tupleSpace(rules);
  return [
    ...unreached.map((index) => `rule ${JSON.stringify(rules[index]!.name)} never decides: rules before it match all of it`),
    ...(devices.length > 1
      ? [`${devices.map(({ device }) => device).join(" and ")} decide together: install all files, or some rules do not hold`]
      : []),
    ...rules.flatMap(({ name, acts }) =>
      acts.route === ""
        ? []
        : [
            `rule ${JSON.stringify(name)} routes by header: mesh.yaml needs a route { match: { header: { x-mitsu-route: ${acts.route} } }, to: ${acts.route} }`,
          ],
    ),
  ];
}
