/** From the text of a mesh file to a catalog, or to all that is wrong with it. @module */
import type { Catalog, CatalogDefaults } from "./catalog.ts";
import { CatalogError } from "./catalog-error.ts";
import { clashes, takenAddresses } from "./clashes.ts";
import { normaliseFilters } from "./filter-entry.ts";
import { formatIp, parseIp, parsePrefix } from "./ip.ts";
import { locate } from "./locate.ts";
import { type MeshEntries, wellFormed } from "./mesh-entries.ts";
import { normaliseMqtt } from "./mqtt-normalise.ts";
import { normalisePolicies } from "./policy.ts";
import type { CatalogProblem, Finding } from "./problem.ts";
import { meshFile } from "./schema.ts";
import { schemaFindings } from "./schema-problems.ts";
import { normaliseService, normaliseTracing } from "./service.ts";
import { normaliseAuthorisation, uncheckedWithoutNic } from "./traffic/authorisation.ts";
import { normaliseLinks } from "./traffic/links.ts";
import { trafficDefaults } from "./traffic/service-traffic.ts";
import { assignAddresses, usableAddresses } from "./virtual-address.ts";
import { readYaml } from "./yaml-text.ts";

/** Settings of {@link parseCatalog}. */
export interface ParseOptions {
  /** Name that messages begin with; `mesh.yaml` unless told. */
  readonly file?: string;
  /** Told of what is odd in a file that can be used all the same, such as a route that no request reaches; nobody unless told. */
  readonly warn?: (problem: CatalogProblem) => void;
}

/**
 * Reads a mesh file: checks it, fills every default in and assigns virtual addresses. The result is frozen plain data.
 *
 * @throws CatalogError (`ERR_CATALOG_INVALID`) with every fault and its line and column; never anything else.
 * @example
 * ```ts
 * const catalog = parseCatalog("version: 1\nservices:\n  web: { ports: [80] }\n");
 * catalog.services[0].ports; // [{ port: 80, target: 80, protocol: "tcp" }]
 * ```
 */
export function parseCatalog(text: string, { file = "mesh.yaml", warn }: ParseOptions = {}): Catalog {
  const { source, value, problems } = readYaml(text, file);
  if (problems.length > 0) throw new CatalogError(inOrder(problems));
  const findings = schemaFindings(meshFile, value ?? {});
  const entries = wellFormed(value);
  const catalog = assemble(entries, (value as { mesh?: string } | null)?.mesh ?? "default", findings);
  const faults = findings.filter(({ warning }) => !warning);
  if (faults.length > 0) throw new CatalogError(inOrder(faults.map((finding) => locate(source, finding))));
  if (warn) for (const problem of inOrder(findings.map((finding) => locate(source, finding)))) warn(problem);
  return deepFreeze(catalog);
}

/** Builds the catalog of the well-formed entries; it is whole only when `findings` gets no more than warnings. */
function assemble(entries: MeshEntries, mesh: string, findings: Finding[]): Catalog {
  const { policy = "allow", redirect = "auto", intercept = "keep", deny = "refuse", tracing = "off" } = entries.defaults;
  const defaults: CatalogDefaults = {
    policy,
    redirect,
    intercept,
    deny,
    tracing: normaliseTracing(tracing),
    traffic: trafficDefaults(entries, findings),
  };
  const virtual = {
    ipv4: canonical(entries.virtual.ipv4 ?? "198.18.0.0/16"),
    ipv6: canonical(entries.virtual.ipv6 ?? "fd6d:6974:7375::/64"),
  };
  const nodes = [...entries.nodes].map(([name, node]) => ({ name, address: formatIp(parseIp(node.address)!), zone: node.zone ?? null }));
  const partial = [...entries.services].map(([name, entry]) => normaliseService(name, entry, entries, defaults, findings));
  findings.push(...clashes(partial));
  const addresses = { ipv4: new Map<string, string>(), ipv6: new Map<string, string>() };
  for (const family of ["ipv4", "ipv6"] as const) {
    const prefix = parsePrefix(virtual[family])!;
    const taken = takenAddresses(
      partial,
      nodes.map(({ address }) => address),
      prefix.family,
    );
    const names = partial.filter((service) => service[family] === undefined).map(({ name }) => name);
    const assigned = assignAddresses(names, prefix, taken);
    if (assigned) addresses[family] = assigned;
    else {
      const message = `${virtual[family]} has ${usableAddresses(prefix)} addresses, too few for ${names.length} services; use a shorter prefix`;
      findings.push({ path: ["virtual", family], at: "value", message });
    }
  }
  const services = partial.map((service) => ({
    ...service,
    ipv4: service.ipv4 ?? addresses.ipv4.get(service.name) ?? "",
    ipv6: service.ipv6 ?? addresses.ipv6.get(service.name) ?? "",
  }));
  const policies = normalisePolicies(entries, findings);
  const authorisation = normaliseAuthorisation(entries, findings);
  findings.push(...uncheckedWithoutNic(entries, services));
  const mqtt = normaliseMqtt(entries, findings);
  const links = normaliseLinks(entries.links, mesh);
  const filters = normaliseFilters(entries);
  return { version: 1, mesh, virtual, defaults, nodes, services, policies, authorisation, links, ...(mqtt ? { mqtt } : {}), filters };
}

function canonical(prefix: string): string {
  const parsed = parsePrefix(prefix)!;
  return `${formatIp(parsed)}/${parsed.length}`;
}

function inOrder(problems: CatalogProblem[]): CatalogProblem[] {
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
