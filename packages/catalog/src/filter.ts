/** A filter of `mesh.yaml` after parsing: a WebAssembly module that requests, answers or connections pass. @module */

/** Groups of host functions that a filter may be allowed, as `packages/proxy-wasm` has them; `log`, `headers` and `clock` always are. */
export const filterCapabilities = [
  "log",
  "headers",
  "body",
  "trailers",
  "local-response",
  "properties",
  "http-call",
  "grpc-call",
  "shared-data",
  "shared-queue",
  "metrics",
  "timer",
  "foreign",
  "tcp",
  "clock",
  "random",
] as const;

/** One of {@link filterCapabilities}. */
export type FilterCapability = (typeof filterCapabilities)[number];

/** A filter, by whose name services and routes say that they want it. */
export interface MeshFilter {
  readonly name: string;
  /** Path of the module; relative to the mesh file's folder unless it begins with a slash. */
  readonly module: string;
  /** What its `proxy_on_configure` reads; a map of the file is JSON here. */
  readonly configuration: string;
  /** Chooses among the filters of one module; empty for the only one. */
  readonly rootId: string;
  /** Filters with the same one share data and queues; empty: by the filter's name. */
  readonly vmId: string;
  /** What it may do beside `log`, `headers` and `clock`; null: what its manifest wants. */
  readonly capabilities: readonly FilterCapability[] | null;
  /** What happens to an exchange whose filter stopped badly or is not there: `closed` answers 500, `open` lets it pass. */
  readonly onFailure: "open" | "closed";
  readonly limits: {
    /** Instructions of one callback. */
    readonly fuel: number;
    /** Linear memory, bytes. */
    readonly memoryBytes: number;
    /** Of a body that it holds back, bytes. */
    readonly bodyBytes: number;
  };
  /** Of a changed module or configuration: `share` of the new exchanges go to it for `forMs`, then all. */
  readonly canary: { readonly share: number; readonly forMs: number };
  /** Path of an ed25519 public key that modules must be signed with; null for none. */
  readonly key: string | null;
}
