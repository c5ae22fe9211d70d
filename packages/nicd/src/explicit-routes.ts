/** `--listen` and `--route`: nicd without sockhijack, and without a mesh file. @module */

import { isIP } from "node:net";
import { type Catalog, type CatalogError, parseCatalog, type Replica } from "@mitsu/catalog";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { SocketAddress } from "@mitsu/reactor";

/** An address to listen at, and the service that its connections ask for. */
export interface ListenAt extends SocketAddress {
  readonly service: string;
  /** Port at the service's virtual address. */
  readonly servicePort: number;
}

/** Service of listeners that name none: what `--route` describes. */
const explicit = "routes";
const explicitPort = 80;

/** Of requests that no `--route` is about. */
const nowhere = { name: "nowhere", respond: { status: 404, body: "no --route is about this request" } };

function bad(flag: string, text: string, why: string, hint: string): MitsuError {
  return new MitsuError(`cannot use ${flag} '${text}': ${why}`, { code: "ERR_ROUTE", hint, exit: exitStatus.usage });
}

/** Reads `address:port`, `[v6]:port`. @param whole What the flag was given, for the message. */
function parseAddress(flag: string, text: string, whole: string): SocketAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text);
  const address = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3]);
  if (isIP(address) === 0 || port > 65535)
    throw bad(flag, whole, `${text === whole ? "" : `${text} is `}not address:port`, "such as 127.0.0.1:8080 or [::1]:8080");
  return { address, port };
}

/**
 * Reads `--listen`: `<address>:<port>`, or `<address>:<port>=<service>[:<port>]` for a service of the mesh file.
 *
 * @throws {MitsuError} `ERR_ROUTE`
 */
export function parseListenAt(text: string): ListenAt {
  const at = text.indexOf("=");
  if (at < 0) return { ...parseAddress("--listen", text, text), service: explicit, servicePort: explicitPort };
  const target = /^([a-z0-9-]+)(?::(\d{1,5}))?$/.exec(text.slice(at + 1));
  if (!target) throw bad("--listen", text, "what follows = is no service", "such as 127.0.0.1:8080=web or 127.0.0.1:8080=web:80");
  return { ...parseAddress("--listen", text.slice(0, at), text), service: target[1]!, servicePort: Number(target[2] ?? 0) };
}

/**
 * Adds what `--route` describes to a catalog: `[<host>][</path>]=<target>[,<target>…]`, or targets alone for every request. A target is
 * `address:port`. Longer paths come first, and routes with a host before those without.
 *
 * @throws {MitsuError} `ERR_ROUTE`
 * @example
 * ```ts
 * withRoutes(catalog, ["/api=10.0.0.1:80,10.0.0.2:80", "127.0.0.1:8081"]);
 * ```
 */
export function withRoutes(catalog: Catalog, routes: readonly string[], tracing: boolean): Catalog {
  if (routes.length === 0) return catalog;
  const services: Record<string, unknown> = {};
  const targetsOf = new Map<string, SocketAddress[]>();
  const parsed = routes.map((text, index) => {
    const at = text.indexOf("=");
    const [match, targets] = at < 0 ? ["", text] : [text.slice(0, at), text.slice(at + 1)];
    const slash = match.indexOf("/");
    const host = slash < 0 ? match : match.slice(0, slash);
    const path = slash < 0 ? "" : match.slice(slash);
    const name = `route-${index + 1}`;
    targetsOf.set(
      name,
      targets.split(",").map((target) => parseAddress("--route", target, text)),
    );
    services[name] = { ports: [explicitPort] };
    return { host, path, name };
  });
  const twice = catalog.services.find(({ name }) => name === explicit || name in services);
  if (twice)
    throw bad("--route", routes[0]!, `the mesh file has a service ${twice.name}, and so would --route`, "call that service something else");
  parsed.sort((a, b) => Number(b.host !== "") - Number(a.host !== "") || b.path.length - a.path.length);
  services[explicit] = {
    ports: [explicitPort],
    tracing: tracing ? "header" : "off",
    routes: [
      ...parsed.map(({ host, path, name }) => ({
        name,
        match: { ...(host === "" ? {} : { host }), ...(path === "" ? {} : { path }) },
        to: name,
      })),
      ...(parsed.some(({ host, path }) => host === "" && path === "") ? [] : [nowhere]),
    ],
  };
  const made = madeOf(services, routes);
  // Put in behind the check that no two services claim one place: routes may well lead to the same replica.
  const routed = made.services.map((service) => ({ ...service, replicas: (targetsOf.get(service.name) ?? []).map(replicaAt) }));
  return { ...catalog, services: [...catalog.services, ...routed] };
}

function replicaAt({ address, port }: SocketAddress): Replica {
  return { address, node: null, netns: null, weight: 1, ports: [{ port: explicitPort, target: port, protocol: "tcp" }] };
}

function madeOf(services: Readonly<Record<string, unknown>>, routes: readonly string[]): Catalog {
  try {
    return parseCatalog(JSON.stringify({ version: 1, services }), { file: "--route" });
  } catch (error) {
    // Its line and column are those of a text that nobody has written.
    const why = (error as Partial<CatalogError>).problems?.map(({ message }) => message).join("; ") ?? (error as Error).message;
    throw bad("--route", routes.join(" "), why, "such as shop.example/api=10.0.0.1:80");
  }
}
