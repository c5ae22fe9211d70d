/** `conformance`: judges a proxy-wasm host, or writes what it is judged by. @module */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Context, exitStatus, MitsuError, print } from "@mitsu/cli";
import { createAsk } from "../conformance/ask.ts";
import { compileKit } from "../conformance/compile-kit.ts";
import { checks, judgeHost, type Verdict } from "../conformance/judge.ts";
import { envoyYaml, kitPorts, meshYaml } from "../conformance/kit-configuration.ts";
import { kitModules, refusedModules } from "../conformance/kit-modules.ts";
import { startUpstream } from "../conformance/upstream.ts";

/** Its arguments. */
export interface ConformanceArgs {
  readonly url?: string | undefined;
  readonly write?: string | undefined;
  readonly match?: string | undefined;
  /** Test Anything Protocol, version 14. */
  readonly tap?: boolean;
}

/** Compiles the modules into a folder and puts both configurations beside them. */
export async function writeKit(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await compileKit(folder);
  writeFileSync(join(folder, "mesh.yaml"), meshYaml());
  writeFileSync(join(folder, "envoy.yaml"), envoyYaml(folder));
}

/** A line for people: what was seen beside what is said, and by whom. */
export function verdictLine({ name, passed, seen, expected, clause, authority }: Verdict): string {
  if (passed) return `pass     ${name}`;
  return `differs  ${name}\n           seen  ${seen}\n           ${authority === "specification" ? "spec" : authority}  ${expected}\n           ${clause}`;
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ");

/** The verdicts as TAP 14. */
export function asTap(verdicts: readonly Verdict[]): string {
  const lines = verdicts.flatMap(({ name, passed, seen, expected, clause }, at) => [
    `${passed ? "ok" : "not ok"} ${at + 1} - ${name}`,
    ...(passed
      ? []
      : [
          "  ---",
          `  seen: ${JSON.stringify(seen)}`,
          `  expected: ${JSON.stringify(expected)}`,
          `  clause: ${JSON.stringify(oneLine(clause))}`,
          "  ...",
        ]),
  ]);
  return ["TAP version 14", `1..${verdicts.length}`, ...lines, ""].join("\n");
}

function hostOf(url: string): string {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== "http:")
    throw new MitsuError(`${JSON.stringify(url)} is no address of a host: it must begin with http://`, {
      code: "ERR_CONFORMANCE_URL",
      hint: `use http://127.0.0.1:${kitPorts.host}, where the kit's configurations listen`,
      exit: exitStatus.usage,
    });
  return parsed.origin;
}

function summary(verdicts: readonly Verdict[]): string {
  const differ = verdicts.filter(({ passed }) => !passed);
  const by = (authority: string): number => differ.filter((one) => one.authority === authority).length;
  const parts = `${by("specification")} from the specification, ${by("Envoy")} from Envoy's practice, ${by("safety")} in safety`;
  return `${verdicts.length - differ.length} of ${verdicts.length} pass${differ.length > 0 ? `; ${differ.length} differ: ${parts}` : ""}`;
}

/** `meshfilters conformance`. @returns 1 when a check differs. */
export async function run({ url, write, match, tap }: ConformanceArgs, context: Context): Promise<number> {
  const { env } = context;
  if (write !== undefined) {
    const folder = resolve(env.cwd(), write);
    await writeKit(folder);
    print(context, { folder, modules: kitModules.length, refused: refusedModules.length }, () =>
      [
        `${kitModules.length} modules, mesh.yaml and envoy.yaml are in ${write}; ${refusedModules.length} modules that must not start in ${join(write, "refused")}.`,
        "Start one host:",
        `  nicd daemon --sockhijack off --workers 1 --socket ${join(write, "nicd.sock")} --config ${join(write, "mesh.yaml")} --listen 127.0.0.1:${kitPorts.host}=upstream`,
        `  envoy -c ${join(write, "envoy.yaml")} --concurrency 1`,
        "and judge it from another terminal; this runs the server behind it as well:",
        `  meshfilters conformance http://127.0.0.1:${kitPorts.host}`,
        "",
      ].join("\n"),
    );
    if (url === undefined) return exitStatus.ok;
  }
  if (url === undefined)
    throw new MitsuError("conformance wants the address of a host, or --write and a folder", {
      code: "ERR_CONFORMANCE_URL",
      hint: `use http://127.0.0.1:${kitPorts.host}`,
      exit: exitStatus.usage,
    });
  const host = hostOf(url);
  if (!checks.some(({ name }) => name.includes(match ?? "")))
    throw new MitsuError(`no check has ${JSON.stringify(match)} in its name`, {
      code: "ERR_CONFORMANCE_MATCH",
      hint: "a name is like headers-0-2-1/missing",
      exit: exitStatus.usage,
    });
  const upstream = await startUpstream(kitPorts);
  const { ask, close } = createAsk(host);
  try {
    const verdicts = await judgeHost(ask, match);
    if (tap) env.stdout.write(asTap(verdicts));
    else print(context, { host, verdicts }, () => `${[...verdicts.map(verdictLine), "", summary(verdicts)].join("\n")}\n`);
    return verdicts.every(({ passed }) => passed) ? exitStatus.ok : exitStatus.failure;
  } finally {
    close();
    await upstream.close();
  }
}
