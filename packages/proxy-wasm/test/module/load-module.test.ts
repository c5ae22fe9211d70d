import test from "ava";
import { defaultLimits } from "../../src/host/limits.ts";
import { fuelExport, inspectModule, loadModule, writeManifest } from "../../src/module/mod.ts";
import { functionOf, globalOf, instantiate } from "./instance.ts";
import { buildFilter, buildModule, type FunctionSpec, type ModuleSpec } from "./module-builder.ts";

const load = (bytes: Uint8Array) => loadModule(bytes, defaultLimits);
const importing = (module: string, name: string, type: string) => buildFilter({ imports: [{ module, name, type }] });
const exporting = (name: string, type: string, code: number[] = [0x00, 0x0b]): FunctionSpec => ({ type, code, export: name });
const abi = exporting("proxy_abi_version_0_2_1", ":");
const malloc = exporting("malloc", "i:i");
const memory = { initial: 1, export: "memory" };
const plain = (functions: FunctionSpec[], more: ModuleSpec = {}) => buildModule({ memory, functions, ...more });

test("loadModule() says what a filter is and gives an instance that can run", async (t) => {
  const bytes = buildFilter({
    imports: [
      { module: "env", name: "proxy_log", type: "iii:i" },
      { module: "env", name: "proxy_http_call", type: "iiiiiiiiii:i" },
      { module: "wasi_snapshot_preview1", name: "random_get", type: "ii:i" },
    ],
    functions: [exporting("proxy_on_request_headers", "iii:i", [0x41, 1, 0x0b]), exporting("proxy_on_response_body", "iii:i")],
  });
  const { info, compiled } = await load(bytes);
  t.like(info, {
    abi: "0.2.1",
    imports: ["env.proxy_log", "env.proxy_http_call", "wasi_snapshot_preview1.random_get"],
    importTypes: ["iii:i", "iiiiiiiiii:i", "ii:i"],
    capabilities: ["log", "body", "http-call", "random"],
    memory: { initial: 1, maximum: null },
    sizeBytes: bytes.length,
    manifest: null,
  });
  t.regex(info.sha256, /^[0-9a-f]{64}$/);
  t.deepEqual(inspectModule(bytes), info);
  const none = () => 0;
  const exports = instantiate(compiled, { env: { proxy_log: none, proxy_http_call: none }, wasi_snapshot_preview1: { random_get: none } });
  t.is(globalOf(exports, fuelExport).value, defaultLimits.startFuel);
  t.is(functionOf(exports, "proxy_on_request_headers")(2, 5, 1), 1);
});

for (const [version, name] of [
  ["0_1_0", "0.1.0"],
  ["0_2_0", "0.2.0"],
  ["0_2_1", "0.2.1"],
] as const)
  test(`loadModule() knows ABI ${name}, and what its heads' callbacks take`, async (t) => {
    const two = exporting("proxy_on_request_headers", "ii:i");
    const three = exporting("proxy_on_request_headers", "iii:i");
    const [right, wrong] = name === "0.1.0" ? [two, three] : [three, two];
    t.is((await load(buildFilter({ functions: [right] }, version))).info.abi, name);
    await t.throwsAsync(load(buildFilter({ functions: [wrong] }, version)), {
      code: "ERR_FILTER_EXPORT",
      message: /its proxy_on_request_headers is \(i32.*\) → i32, but ABI 0\.\d\.\d wants \(i32.* at byte \d+/,
    });
  });

test("loadModule() takes the newest of several ABIs", async (t) => {
  t.is((await load(plain([exporting("proxy_abi_version_0_1_0", ":"), abi, malloc]))).info.abi, "0.2.1");
});

const refused: readonly (readonly [what: string, bytes: Uint8Array, code: string, message: RegExp, hint?: RegExp])[] = [
  ["no ABI", plain([malloc]), "ERR_FILTER_ABI", /exports no function proxy_abi_version/],
  [
    "an unknown ABI",
    plain([exporting("proxy_abi_version_9_0_0", ":"), malloc]),
    "ERR_FILTER_ABI",
    /its ABI is 9\.0\.0; 0\.1\.0, 0\.2\.0 and 0\.2\.1/,
  ],
  ["no allocator", plain([abi]), "ERR_FILTER_ALLOCATOR", /neither proxy_on_memory_allocate nor malloc/, /export malloc/],
  ["an allocator of another type", plain([abi, exporting("malloc", "I:I")]), "ERR_FILTER_EXPORT", /malloc is \(i64\) → i64/],
  ["no memory", buildModule({ functions: [abi, malloc] }), "ERR_FILTER_MEMORY", /exports no memory/],
  [
    "64 MiB at once",
    plain([abi, malloc], { memory: { initial: 1024, export: "memory" } }),
    "ERR_FILTER_MEMORY",
    /1024 pages of memory, 512 are allowed/,
  ],
  [
    "a misspelt import",
    importing("env", "proxy_get_header_map_valeu", "iiiii:i"),
    "ERR_FILTER_IMPORT",
    /env\.proxy_get_header_map_valeu/,
    /did you mean proxy_get_header_map_value\?/,
  ],
  ["a vendor's import", importing("env", "proxy_dictionary_get", "iiii:i"), "ERR_FILTER_IMPORT", /not in the ABI at byte \d+/],
  ["AssemblyScript's abort", importing("env", "abort", "iiii:"), "ERR_FILTER_IMPORT", /env\.abort/, /--use abort/],
  [
    "a misspelt module",
    importing("wasi_snapshot_preview2", "fd_write", "iiii:i"),
    "ERR_FILTER_IMPORT",
    /fd_write of a module/,
    /wasi_snapshot_preview1/,
  ],
  ["an inherited name as a module", importing("constructor", "name", ":"), "ERR_FILTER_IMPORT", /constructor\.name/],
  ["an inherited name as a function", importing("env", "toString", ":"), "ERR_FILTER_IMPORT", /env\.toString/],
  [
    "an import of another type",
    importing("env", "proxy_log", "ii:i"),
    "ERR_FILTER_IMPORT",
    /as \(i32, i32\) → i32, but it is \(i32, i32, i32\) → i32/,
  ],
  ["an i32 where i64 is due", importing("env", "proxy_increment_metric", "ii:i"), "ERR_FILTER_IMPORT", /\(i32, i64\) → i32/],
  ["a callback of another type", plain([abi, malloc, exporting("proxy_on_log", "i:i")]), "ERR_FILTER_EXPORT", /proxy_on_log/],
  ["code that is invalid", plain([abi, malloc, exporting("x", ":i", [0x0b])]), "ERR_FILTER_INVALID", /function #2/],
  ["text", new TextEncoder().encode("(module)"), "ERR_FILTER_MALFORMED", /WebAssembly text/, /meshfilters build/],
  ["a component", Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), "ERR_FILTER_MALFORMED", /component/],
  ["an ELF file", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0), "ERR_FILTER_MALFORMED", /no WebAssembly module/],
  ["an empty file", new Uint8Array(), "ERR_FILTER_MALFORMED", /empty/],
];
for (const [what, bytes, code, message, hint] of refused)
  test(`loadModule() refuses ${what}`, async (t) => {
    const error = await t.throwsAsync(load(bytes), { code, message });
    t.regex((error as unknown as { hint: string }).hint, hint ?? /\w/);
  });

test("loadModule() takes both forms of gRPC calls and of 0.1.0's functions, and says which", async (t) => {
  for (const [name, type] of [
    ["proxy_grpc_call", "iiiiiiiiii:i"],
    ["proxy_grpc_call", "iiiiiiiiiiii:i"],
    ["proxy_clear_route_cache", ":"],
    ["proxy_clear_route_cache", ":i"],
  ] as const)
    t.deepEqual((await load(importing("env", name, type))).info.importTypes, [type]);
});

test("loadModule() checks a manifest against the module", async (t) => {
  const fields = {
    name: "tag",
    version: "1.0.0",
    abi: "0.2.1",
    imports: [],
    capabilities: ["log"],
    sourceMap: "",
    builder: "test",
  } as const;
  t.is((await load(writeManifest(buildFilter(), fields))).info.manifest?.name, "tag");
  const other = writeManifest(buildFilter(), fields);
  // The last of the module as it was built is the end of a body: `i32.const 0; end`.
  other[buildFilter().length - 2] = 5;
  await t.throwsAsync(load(other), { code: "ERR_FILTER_MANIFEST", message: /hash differs/ });
});
