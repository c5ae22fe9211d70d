/** Go by its own compiler from 1.24 on, which exports functions of a reactor; sdk/go/proxy_wasm.go joins the filter's package. @module */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Compiled, CompileOptions } from "./compiled.ts";
import type { Source } from "./language.ts";
import { sdkFile } from "./sdk.ts";
import { compileError, runTool } from "./tool.ts";

const leastMinor = 24;
const hint = `install Go 1.${leastMinor} or later from https://go.dev/dl (Debian's is older)`;

async function checkVersion(cwd: string): Promise<void> {
  const refuse = (what: string): MitsuError => new MitsuError(what, { code: "ERR_FILTER_TOOL", hint, exit: exitStatus.unavailable });
  const version = await runTool("go", ["env", "GOVERSION"], { cwd, env }).catch(() => undefined);
  if (version === undefined) throw refuse("go is not installed");
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(version.stdout) ?? [];
  if (major === undefined || (Number(major) === 1 && Number(minor) < leastMinor))
    throw refuse(`${version.stdout.trim() || "this go"} cannot export functions from WebAssembly`);
}

/** Nothing is fetched, and the same source gives the same bytes. */
const env = { GOOS: "wasip1", GOARCH: "wasm", GOTOOLCHAIN: "local", GOPROXY: "off", GOFLAGS: "-buildvcs=false", CGO_ENABLED: "0" };

/**
 * Compiles one file together with our SDK; the whole folder instead where it has a go.mod.
 *
 * @throws {MitsuError} `ERR_FILTER_COMPILE` with go's messages, `ERR_FILTER_TOOL`.
 */
export async function compileGo(source: Source, { debug, scratch }: CompileOptions): Promise<Compiled> {
  const folder = dirname(source.path);
  await checkVersion(folder);
  const out = join(scratch, "go.wasm");
  const overlay = join(scratch, "overlay.json");
  writeFileSync(overlay, JSON.stringify({ Replace: { [join(folder, "proxy_wasm.go")]: sdkFile("proxy_wasm.go", scratch) } }));
  const whole = existsSync(join(folder, "go.mod"));
  const args = [
    "build",
    "-buildmode=c-shared",
    "-trimpath",
    `-ldflags=${debug ? "" : "-s -w "}-buildid=`,
    `-overlay=${overlay}`,
    "-o",
    out,
  ];
  const { status, stderr } = await runTool("go", [...args, ...(whole ? ["."] : [basename(source.path), "proxy_wasm.go"])], {
    cwd: folder,
    env,
  });
  if (status !== 0) throw compileError(stderr);
  return { wasm: readFileSync(out), sourceMap: null, warnings: stderr.trim() };
}
