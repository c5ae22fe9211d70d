/** What a filter could do, by what it imports and exports. @module */
import { type Capability, capabilities, capabilityOf } from "../abi/capability.ts";

const wasi: Readonly<Record<string, Capability>> = {
  fd_write: "log",
  clock_time_get: "clock",
  clock_res_get: "clock",
  random_get: "random",
};

/** Callbacks by which it is told whether maps and buffers are those of bodies, trailers or connections. */
const byCallback: Readonly<Record<string, Capability>> = {
  proxy_on_request_body: "body",
  proxy_on_response_body: "body",
  proxy_on_request_trailers: "trailers",
  proxy_on_response_trailers: "trailers",
  proxy_on_new_connection: "tcp",
  proxy_on_downstream_data: "tcp",
  proxy_on_upstream_data: "tcp",
};

/**
 * Names of capabilities, in the order of {@link capabilities}. An upper bound: AssemblyScript's SDK exports every callback.
 *
 * @param imports `module.name`.
 * @param exports Names.
 */
export function wantedCapabilities(imports: readonly string[], exports: readonly string[]): Capability[] {
  const wanted = new Set<Capability | undefined>();
  for (const full of imports) {
    const dot = full.indexOf(".");
    const [table, name] = [full.startsWith("env.") ? capabilityOf : wasi, full.slice(dot + 1)];
    if (Object.hasOwn(table, name)) wanted.add(table[name]);
  }
  for (const name of exports) if (Object.hasOwn(byCallback, name)) wanted.add(byCallback[name]);
  return capabilities.filter((capability) => wanted.has(capability));
}
