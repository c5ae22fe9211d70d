/** The modules of the kit: which source, which ABI, and under which names they are filters of a host. @module */
import type { AbiVersion } from "@mitsu/proxy-wasm";

/** One module that is compiled from one C source. */
export interface KitModule {
  /** Of its file, without `.wasm`. */
  readonly name: string;
  /** In `filters/`. */
  readonly source: string;
  /** Macros for the compiler. */
  readonly defines: Readonly<Record<string, number>>;
}

/** A filter: what passes `/<name>/` of the host. */
export interface KitFilter {
  readonly name: string;
  readonly module: string;
  /** Its plugin configuration. */
  readonly configuration: string;
}

const abiNumbers: Readonly<Record<AbiVersion, number>> = { "0.1.0": 10, "0.2.0": 20, "0.2.1": 21 };
/** A filter's name: mesh.yaml's have no dots. */
export const filterOf = (source: string, abi: AbiVersion): string => `${source}-${abi.replaceAll(".", "-")}`;

/** Every ABI version. */
export const abiVersions = Object.keys(abiNumbers) as readonly AbiVersion[];

/** Sources whose checks are made in every ABI version. */
const inEveryAbi = ["headers", "bodies", "streams"];
const inNewest = ["state", "calls", "grpc", "wasi", "traps"];

/** Modules whose checks are requests. */
export const kitModules: readonly KitModule[] = [
  ...inEveryAbi.flatMap((source) => abiVersions.map((abi) => ({ name: filterOf(source, abi), source, defines: { ABI: abiNumbers[abi] } }))),
  ...inNewest.map((source) => ({ name: source, source, defines: { ABI: abiNumbers["0.2.1"] } })),
];

/** Modules that a host must not start, by why. `refused/<name>.wasm`. */
export const refusedModules: readonly KitModule[] = (
  ["no-abi", "unknown-import", "no-allocator", "start-traps", "start-spins", "vm-start-says-no", "configure-says-no"] as const
).map((name, at) => ({ name, source: "refused", defines: { REFUSED: at + 1, ABI: name === "no-abi" ? 0 : abiNumbers["0.2.1"] } }));

/** Callbacks in which a filter ends badly; each has a filter of its own, as a trap ends the virtual machine. */
export const trapCallbacks = [
  "request-headers",
  "request-body",
  "request-trailers",
  "response-headers",
  "response-body",
  "response-trailers",
  "log",
  "done",
  "delete",
  "tick",
] as const;

/** Callbacks in which a filter does not end; filters of their own again, as a host waits longer after a second failure. */
export const spinCallbacks: readonly (typeof trapCallbacks)[number][] = ["request-headers", "response-body", "log", "tick"];

/** The filters that a host is to have. */
export const kitFilters: readonly KitFilter[] = [
  ...kitModules.filter(({ source }) => source !== "traps").map(({ name }) => ({ name, module: name, configuration: "the configuration" })),
  ...trapCallbacks.map((callback) => ({ name: `trap-${callback}`, module: "traps", configuration: "" })),
  ...spinCallbacks.map((callback) => ({ name: `spin-${callback}`, module: "traps", configuration: "" })),
];
