/** `links`: connections between the nicds of two nodes, as written and as parsed. @module */
import { z } from "zod";
import { oneOf, port, wrong } from "../fields.ts";
import type { LinkPolicy } from "../traffic.ts";

/** `links` as written. */
export interface LinksEntry {
  security?: LinkPolicy["security"] | undefined;
  "trust-domain"?: string | undefined;
  port?: number | undefined;
}

const notTrustDomain = wrong("a trust domain", "use lower-case letters, digits, dots, hyphens and underscores, such as shop.example");
/** Port of HBONE, which ztunnel takes links at too. */
const hbonePort = 15008;

/** Schema of `links`. A trust domain is as in SPIFFE-ID §2.1. */
export const linksEntry: z.ZodType<LinksEntry> = z.strictObject({
  security: oneOf("mtls", "plain-text")
    .describe("How links are secured; plain-text lets anybody on the network read and forge what goes over them; mtls unless told.")
    .optional(),
  "trust-domain": z
    .string(notTrustDomain)
    .max(255, notTrustDomain)
    .regex(/^[a-z0-9._-]+$/, notTrustDomain)
    .describe("Of the SPIFFE ids in certificates; the name of the mesh and `.mesh` unless told.")
    .optional(),
  port: port.describe("Port that every nicd takes links at; 15008 unless told.").optional(),
});

/** Fills in what an entry leaves out. */
export function normaliseLinks(entry: LinksEntry, mesh: string): LinkPolicy {
  return {
    security: entry.security ?? "mtls",
    trustDomain: entry["trust-domain"] ?? `${mesh}.mesh`,
    port: entry.port ?? hbonePort,
  };
}
