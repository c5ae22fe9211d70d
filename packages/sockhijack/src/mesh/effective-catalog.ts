/** The catalog as it holds now: the file's services and those that `run` and `attach` brought. @module */
import { type Catalog, parseCatalog, type RedirectMode, type Service, type Tracing } from "@mitsu/catalog";

/** A service that is in no file. */
export interface AdHocService {
  readonly name: string;
  /** As in `mesh.yaml`: `8080`, `"80:8080"`, `"53/udp"`. */
  readonly ports: readonly string[];
  readonly redirect?: RedirectMode | undefined;
  readonly tracing?: Tracing | undefined;
}

/** The catalog of a machine without a file. */
export const emptyCatalog: Catalog = parseCatalog("version: 1\n", { file: "built-in defaults" });

/**
 * Adds services to a catalog; those that the file has too keep the file's word, and gain nothing from here.
 *
 * @throws {MitsuError} ERR_CATALOG_INVALID when a name or a port is wrong.
 */
export function withServices(catalog: Catalog, added: readonly AdHocService[]): Catalog {
  const fromFile = new Set(catalog.services.map(({ name }) => name));
  const extra = added.filter(({ name }) => !fromFile.has(name));
  if (extra.length === 0) return catalog;
  const entry = ({ ports, redirect, tracing }: AdHocService): object => ({
    ports,
    ...(redirect ? { redirect } : {}),
    ...(tracing ? { tracing } : {}),
  });
  // What the file says of requests is not in the form that the file has it in: it is handed on after parsing.
  const { traffic, ...defaults } = catalog.defaults;
  const text = JSON.stringify({
    version: 1,
    virtual: catalog.virtual,
    defaults,
    // The file's services stand here with their addresses only, so that nobody else is given them.
    services: {
      ...Object.fromEntries(catalog.services.map(({ name, ipv4, ipv6 }) => [name, { address: [ipv4, ipv6] }])),
      ...Object.fromEntries(extra.map((service) => [service.name, entry(service)])),
    },
  });
  const parsed = parseCatalog(text, { file: "--service" });
  const found = parsed.services.filter(({ name }: Service) => !fromFile.has(name)).map((service) => ({ ...service, traffic }));
  return { ...catalog, services: [...catalog.services, ...found].toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}
