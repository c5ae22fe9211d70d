/** Loads @peculiar/x509 when a certificate is made, so that a daemon that only uses certificates does not carry it. @module */
import { webcrypto } from "node:crypto";
import "./reflect-metadata.ts";

/** What the library exports. */
export type X509Module = typeof import("@peculiar/x509");

let loaded: Promise<X509Module> | null = null;

/** The library, with Node's cryptography. */
export function x509(): Promise<X509Module> {
  loaded ??= import("@peculiar/x509").then((module) => {
    module.cryptoProvider.set(webcrypto);
    return module;
  });
  return loaded;
}
