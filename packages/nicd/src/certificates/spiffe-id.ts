/**
 * SPIFFE identities of nodes and services.
 *
 * A service's has the form that Istio and ztunnel use (`/ns/<namespace>/sa/<service account>`, istio.io "Istio identity"), with the one namespace
 * `mesh`: an Istio authorisation policy can name it. A node's nicd has a path of its own, so that neither can be taken for the other.
 * Characters and lengths are those of the SPIFFE-ID standard, §2.
 *
 * @module
 */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Who a certificate is for. */
export type SpiffeId =
  /** The nicd of a node: `spiffe://<trust domain>/node/<node>`. */
  | { readonly kind: "node"; readonly trustDomain: string; readonly name: string }
  /** A service: `spiffe://<trust domain>/ns/mesh/sa/<service>`. */
  | { readonly kind: "service"; readonly trustDomain: string; readonly name: string };

const form = /^spiffe:\/\/([a-z0-9._-]{1,255})\/(node|ns\/mesh\/sa)\/([a-zA-Z0-9._-]{1,253})$/;

/** The URI of an identity. @throws MitsuError `ERR_SPIFFE_ID` when a part has characters that SPIFFE does not allow. */
export function formatSpiffeId(id: SpiffeId): string {
  const uri = `spiffe://${id.trustDomain}/${id.kind === "node" ? "node" : "ns/mesh/sa"}/${id.name}`;
  if (parseSpiffeId(uri) === null) {
    throw new MitsuError(`cannot make a SPIFFE id of trust domain '${id.trustDomain}' and ${id.kind} '${id.name}'`, {
      code: "ERR_SPIFFE_ID",
      hint: "use lower-case letters, digits, '.', '-' and '_' in the trust domain, letters, digits, '.', '-' and '_' in the name",
      exit: exitStatus.data,
    });
  }
  return uri;
}

/** Reads a URI; null when it is not exactly one of the two forms, so also for what is no SPIFFE id at all. */
export function parseSpiffeId(uri: string): SpiffeId | null {
  const [, trustDomain, path, name] = form.exec(uri) ?? [];
  // `.` and `..` are no path segments (SPIFFE-ID §2.2).
  if (trustDomain === undefined || name === undefined || name === "." || name === "..") return null;
  return { kind: path === "node" ? "node" : "service", trustDomain, name };
}
