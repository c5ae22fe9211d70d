/** `filters`: WebAssembly modules by name, as written and as parsed, and the lists of names that services and routes have. @module */
import { z } from "zod";
import { parseByteSize } from "./byte-size.ts";
import { parseDuration } from "./duration.ts";
import { count, name, oneOf, share, wrong } from "./fields.ts";
import { type FilterCapability, filterCapabilities, type MeshFilter } from "./filter.ts";
import type { MeshEntries } from "./mesh-entries.ts";
import type { FieldPath, Finding } from "./problem.ts";
import { byteSize, duration } from "./traffic/fields.ts";
import { unknownName } from "./unknown-name.ts";

/** A filter as written. */
export interface FilterEntry {
  module: string;
  config?: string | Record<string, unknown> | undefined;
  "root-id"?: string | undefined;
  "vm-id"?: string | undefined;
  capabilities?: FilterCapability[] | undefined;
  "on-failure"?: "open" | "closed" | undefined;
  limits?: { fuel?: number | undefined; memory?: string | number | undefined; body?: string | number | undefined } | undefined;
  canary?: { share?: number | undefined; for?: string | 0 | undefined } | undefined;
  key?: string | undefined;
}

const page = 64 * 1024;
/** Bounds of what may be given, bytes. */
const memoryRange = { least: page, most: 2 ** 30 };
const bodyRange = { least: 1, most: 2 ** 28 };
/** An identifier is a word of the filter's program. */
const longestId = 256;

const path = (what: string, example: string) => {
  const not = wrong(`a path of ${what}`, `use a path, absolute or relative to this file, such as ${example}`);
  return z.string(not).regex(/^[^\0\n]+$/, not);
};
const id = (what: string) => {
  const not = wrong(what, `use up to ${longestId} characters, such as "auth"`);
  return z.string(not).max(longestId, not);
};
const sizeWithin = ({ least, most }: { least: number; most: number }, allowed: string) =>
  byteSize.refine(
    (size) => {
      const bytes = parseByteSize(size);
      return bytes === undefined || (bytes >= least && bytes <= most);
    },
    wrong("within the bounds", allowed),
  );

const configWrong = wrong("a configuration", "use a map, which the filter reads as JSON, or text, which it reads as it is");

/** Schema of one entry of `filters`. */
export const filterEntry: z.ZodType<FilterEntry> = z.strictObject({
  module: path("a WebAssembly module", "filters/tag.wasm").describe("Path of the module, absolute or relative to this file."),
  config: z
    .union([z.string(), z.record(z.string(), z.unknown())], configWrong)
    .describe("What the filter is configured with: text as it is, or a map, which it reads as JSON; nothing unless told.")
    .optional(),
  "root-id": id("a root id").describe("Chooses among the filters of one module; the only one unless told.").optional(),
  "vm-id": id("a VM id").describe("Filters with the same one share data and queues; by the filter's name unless told.").optional(),
  capabilities: z
    .array(oneOf(...filterCapabilities))
    .describe("What it may do, beside log, headers and clock; what its manifest wants unless told, everything without a manifest.")
    .optional(),
  "on-failure": oneOf("open", "closed")
    .describe("What happens to an exchange whose filter fails: closed answers 500, open lets it pass; closed unless told.")
    .optional(),
  limits: z
    .strictObject({
      fuel: count(10_000, 1_000_000_000, "a number of instructions", "use 10000 to 1000000000")
        .describe("Instructions of one callback; 5000000 (0.5 to 3 ms) unless told; more for a body.")
        .optional(),
      memory: sizeWithin(memoryRange, "use 64KiB to 1GiB").describe("Its memory; 32MiB unless told.").optional(),
      body: sizeWithin(bodyRange, "use 1B to 256MiB")
        .describe("Of a body that it holds back, beyond it 413 for a request and 500 for an answer; 1MiB unless told.")
        .optional(),
    })
    .describe("Bounds of what it may use.")
    .optional(),
  canary: z
    .strictObject({
      share: share.describe("Share of the new exchanges; 0.05 unless told, 1 takes it for all at once.").optional(),
      for: duration.describe("How long until it is taken for all; 30s unless told, 0 takes it for all at once.").optional(),
    })
    .describe("How a changed module or configuration is tried first; it is rolled back by itself on a trap or more errors.")
    .optional(),
  key: path("a public key", "filters/team.pub")
    .describe("Public key (ed25519, PEM) that modules must be signed with; unsigned ones are taken unless told.")
    .optional(),
});

/** Schema of a service's or a route's `filters`. */
export const filterNames: z.ZodType<string[]> = z.array(name, wrong("a list of filters", "use names of `filters`, such as [tag]"));

/** Fills the filters' defaults in. */
export function normaliseFilters(mesh: MeshEntries): MeshFilter[] {
  return [...mesh.filters].map(([own, entry]) => ({
    name: own,
    module: entry.module,
    configuration: entry.config === undefined ? "" : typeof entry.config === "string" ? entry.config : JSON.stringify(entry.config),
    rootId: entry["root-id"] ?? "",
    vmId: entry["vm-id"] ?? "",
    capabilities: entry.capabilities ?? null,
    onFailure: entry["on-failure"] ?? "closed",
    limits: {
      fuel: entry.limits?.fuel ?? 5_000_000,
      memoryBytes: parseByteSize(entry.limits?.memory ?? "32MiB")!,
      bodyBytes: parseByteSize(entry.limits?.body ?? "1MiB")!,
    },
    canary: { share: entry.canary?.share ?? 0.05, forMs: canaryMs(entry.canary?.for) },
    key: entry.key ?? null,
  }));
}

function canaryMs(given: string | 0 | undefined): number {
  return given === 0 ? 0 : parseDuration(given ?? "30s")!;
}

/** Names that are no filter's, and those given twice in one list; `at` is where the list stands. */
export function filterFindings(names: readonly string[] | undefined, at: FieldPath, mesh: MeshEntries): Finding[] {
  return (names ?? []).flatMap((one, place): Finding[] => {
    const finding = (message: string): Finding[] => [{ path: [...at, place], at: "value", message }];
    if (!mesh.filterNames.has(one)) return finding(unknownName("filter", one, mesh.filterNames));
    const first = names!.indexOf(one);
    return first === place ? [] : finding(`${JSON.stringify(one)} is already [${first}] of this list; name each filter once`);
  });
}
