/** A daemon of a test's own whose service `web` passes filters. */
import type { ExecutionContext } from "ava";
import { InProcessNicd } from "../daemon/support/in-process-nicd.ts";
// What a daemon loads when it starts: seconds on a busy machine, and a start has a deadline in tests.
import "../../src/daemon.ts";
import "../../src/worker.ts";
import "../../src/worker-views.ts";

/** What the mesh has. */
export interface FilteredOptions {
  /** Lines of `filters`, such as `tag: { module: a.wasm }`. */
  readonly filters: readonly string[];
  /** Names of those that `web` passes. */
  readonly uses: string;
  /** Port of its replica. */
  readonly port: number;
  /** More of `web`, and further services, a line each. */
  readonly web?: string;
  readonly services?: readonly string[];
  /** Further services with a listener. */
  readonly listen?: readonly string[];
  readonly args?: readonly string[];
}

/** The mesh file's text. */
export function meshOf({ filters, uses, port, web = "", services = [] }: FilteredOptions): string {
  return `version: 1
filters:
${filters.map((line) => `  ${line}\n`).join("")}services:
  web: { ports: [80], filters: [${uses}], replicas: [{ address: 127.0.0.1, port: ${port} }]${web === "" ? "" : `, ${web}`} }
${services.map((line) => `  ${line}\n`).join("")}`;
}

/** Starts it, with a listener for `web`. */
export function startFiltered(t: ExecutionContext, options: FilteredOptions): Promise<InProcessNicd> {
  const pushed = `/tmp/nicd-pushed-${process.pid}-${Math.random().toString(36).slice(2)}`;
  return InProcessNicd.start(t, {
    mesh: meshOf(options),
    listen: ["web", ...(options.listen ?? [])],
    args: ["--filters", pushed, ...(options.args ?? [])],
  });
}
