/** What a filter has to export, and with which types. Source: proxy-wasm/spec, abi-versions 0.1.0, 0.2.0, 0.2.1. @module */
import type { AbiVersion } from "../abi/types.ts";
import type { Export } from "./binary-module.ts";
import { filterError, place } from "./filter-error.ts";
import { describeSignature, type Signature } from "./function-type.ts";

/** Types of the callbacks; what is not here is the filter's own affair. The heads' callbacks got a third parameter with 0.2.0. */
const callbacks: Readonly<Record<string, Signature>> = {
  proxy_on_context_create: "ii:",
  proxy_on_vm_start: "ii:i",
  proxy_on_configure: "ii:i",
  proxy_validate_configuration: "ii:i",
  proxy_on_tick: "i:",
  proxy_on_queue_ready: "ii:",
  proxy_on_new_connection: "i:i",
  proxy_on_downstream_data: "iii:i",
  proxy_on_upstream_data: "iii:i",
  proxy_on_downstream_connection_close: "ii:",
  proxy_on_upstream_connection_close: "ii:",
  proxy_on_request_headers: "iii:i",
  proxy_on_response_headers: "iii:i",
  proxy_on_request_body: "iii:i",
  proxy_on_response_body: "iii:i",
  proxy_on_request_trailers: "ii:i",
  proxy_on_response_trailers: "ii:i",
  proxy_on_http_call_response: "iiiii:",
  proxy_on_grpc_receive_initial_metadata: "iii:",
  proxy_on_grpc_receive_trailing_metadata: "iii:",
  proxy_on_grpc_receive: "iii:",
  proxy_on_grpc_close: "iii:",
  proxy_on_foreign_function: "iii:",
  proxy_on_done: "i:i",
  proxy_on_log: "i:",
  proxy_on_delete: "i:",
  proxy_on_memory_allocate: "i:i",
  malloc: "i:i",
  _initialize: ":",
  _start: ":",
  main: "ii:i",
};

const heads = ["proxy_on_request_headers", "proxy_on_response_headers"];
/** The newest first. */
const versions: readonly AbiVersion[] = ["0.2.1", "0.2.0", "0.1.0"];
const versionExport = "proxy_abi_version_";

/** Those whose types an old build of the same name may not share. */
function expectedSignature(name: string, abi: AbiVersion): Signature | undefined {
  if (abi === "0.1.0" && heads.includes(name)) return "ii:i";
  return Object.hasOwn(callbacks, name) ? callbacks[name] : undefined;
}

/** The version of the ABI that a filter says to have; the newest, if it says several. */
export function abiOf(exports: readonly Export[]): AbiVersion {
  const named = exports.filter(({ name, kind }) => kind === "function" && name.startsWith(versionExport));
  const found = named.map(({ name }) => name.slice(versionExport.length).replaceAll("_", "."));
  const abi = versions.find((version) => found.includes(version));
  if (abi !== undefined) return abi;
  const known = `${versions.slice(1).toReversed().join(", ")} and ${versions[0]}`;
  if (found.length > 0)
    throw filterError("abi", `its ABI is ${found.join(", ")}; ${known} are known`, "build it with an SDK for one of them");
  throw filterError(
    "abi",
    "it exports no function proxy_abi_version_*: it is no proxy-wasm filter",
    `build it with an SDK for ABI ${known}`,
  );
}

/**
 * Refuses a filter that cannot be called.
 *
 * @throws {MitsuError} `ERR_FILTER_ALLOCATOR`, `ERR_FILTER_MEMORY` or `ERR_FILTER_EXPORT`.
 */
export function checkExports(exports: readonly Export[], abi: AbiVersion): void {
  for (const { name, kind, signature, at } of exports) {
    const expected = expectedSignature(name, abi);
    if (expected === undefined || (kind !== "function" && !name.startsWith("proxy_"))) continue;
    const where = place(at, "section export");
    if (signature === null) throw filterError("export", `its ${name} is a ${kind}, not a function ${where}`, "use an SDK");
    // A C compiler may leave out what main does not use.
    if (name === "main" && signature === ":i") continue;
    if (signature !== expected)
      throw filterError(
        "export",
        `its ${name} is ${describeSignature(signature)}, but ABI ${abi} wants ${describeSignature(expected)} ${where}`,
        "use the SDK's declarations, of the version that the filter exports",
      );
  }
  const has = (name: string, kind: string) => exports.some((one) => one.name === name && one.kind === kind);
  if (!has("memory", "memory")) throw filterError("memory", "it exports no memory of the name memory", "let the linker export it");
  if (!has("proxy_on_memory_allocate", "function") && !has("malloc", "function"))
    throw filterError(
      "allocator",
      "it exports neither proxy_on_memory_allocate nor malloc, so the host can hand it nothing",
      "export malloc, as SDKs do (clang: -Wl,--export=malloc)",
    );
}
