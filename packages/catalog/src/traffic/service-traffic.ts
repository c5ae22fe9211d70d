/** What a service's entry says of its requests: from the file to the catalog's form, and what contradicts itself there. @module */
import type { ServiceEntry } from "../entries.ts";
import { filterFindings } from "../filter-entry.ts";
import type { MeshEntries } from "../mesh-entries.ts";
import { portMapping } from "../ports.ts";
import type { Finding } from "../problem.ts";
import type { Traffic } from "../traffic.ts";
import { guard } from "./authorisation.ts";
import { normaliseCluster } from "./cluster.ts";
import { defaultRoute, defaultTraffic } from "./default-traffic.ts";
import { normaliseRetries } from "./retries.ts";
import { durationMs, tryOutlivesRoute } from "./route.ts";
import { normaliseRoutes } from "./routes.ts";

/** What holds for a service that says nothing of its requests; appends what is wrong with it to `findings`. */
export function trafficDefaults(mesh: MeshEntries, findings: Finding[]): Traffic {
  const entry = mesh.defaults;
  const built = defaultTraffic();
  const authorisation = entry.authorisation ?? built.authorisation;
  const { timeoutMs: builtTimeoutMs, retries: builtRetries } = defaultRoute();
  const timeoutMs = entry.timeout === undefined ? builtTimeoutMs : durationMs(entry.timeout);
  findings.push(...tryOutlivesRoute(entry.retries, timeoutMs, ["defaults"]));
  return defaultTraffic({
    viaNic: guard(mesh, "*", authorisation) !== undefined,
    withoutNic: entry["without-nic"] ?? built.withoutNic,
    routes: [defaultRoute({ timeoutMs, retries: normaliseRetries(entry.retries, builtRetries) })],
    cluster: normaliseCluster(entry.cluster, built.cluster),
    authorisation,
  });
}

/** Fills the defaults in and appends what is wrong, or only odd, to `findings`. */
export function normaliseTraffic(name: string, entry: ServiceEntry, mesh: MeshEntries, defaults: Traffic, findings: Finding[]): Traffic {
  const { nic = defaults.nic, protocol = defaults.protocol, authorisation = defaults.authorisation } = entry;
  const needed = guard(mesh, name, authorisation);
  const shaped = shapingFields(entry);
  const onlyUdp = isOnlyUdp(entry);
  findings.push(...contradictions(name, entry, needed, shaped), ...filterFindings(entry.filters, ["services", name, "filters"], mesh));
  return {
    nic,
    // nicd takes no datagrams.
    viaNic: !onlyUdp && (nic === "on" || (nic === "auto" && (shaped.length > 0 || needed !== undefined))),
    withoutNic: entry["without-nic"] ?? defaults.withoutNic,
    protocol,
    routes: normaliseRoutes(name, entry, mesh, defaults.routes.at(-1)!, findings),
    cluster: normaliseCluster(entry.cluster, defaults.cluster),
    authorisation,
    filters: entry.filters ?? [],
  };
}

/** The fields of an entry that only nicd can do anything about. */
function shapingFields({ routes = [], cluster, protocol = "auto", filters = [] }: ServiceEntry): string[] {
  return [
    ...(routes.length > 0 ? ["routes"] : []),
    ...(cluster !== undefined ? ["cluster"] : []),
    ...(protocol === "auto" ? [] : ["protocol"]),
    ...(filters.length > 0 ? ["filters"] : []),
  ];
}

function contradictions(name: string, entry: ServiceEntry, needed: string | undefined, shaped: readonly string[]): Finding[] {
  const finding = (field: string, message: string): Finding => ({ path: ["services", name, field], at: "key", message });
  if (isOnlyUdp(entry)) {
    const fields = entry.nic === "on" ? ["nic", ...shaped] : shaped;
    return fields.map((field) => finding(field, "nicd takes TCP only, and all ports of the service are UDP; remove this"));
  }
  const findings: Finding[] = [];
  if (entry.protocol === "tcp" && (entry.routes ?? []).length > 0)
    findings.push(finding("routes", "are about HTTP requests, and protocol is tcp; use http or auto there, or remove the routes"));
  if (entry.nic === "off" && needed !== undefined)
    findings.push(finding("nic", `is off, but ${needed}, and nobody else checks requests; use auto or on there, or take that away`));
  // A warning only: it is how to take nicd out of the way without losing what it is told.
  else if (entry.nic === "off" && shaped.length > 0)
    findings.push({ ...finding("nic", `is off, so ${shaped.join(", ")} of this service do nothing; use auto or on`), warning: true });
  return findings;
}

function isOnlyUdp({ ports = [] }: ServiceEntry): boolean {
  return ports.length > 0 && ports.every((port) => portMapping(port).protocol === "udp");
}
