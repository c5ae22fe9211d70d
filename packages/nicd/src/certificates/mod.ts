/** Certificates of nodes and services: a small authority, issuing, and files that are read again when they change. @module */
export { type Authority, loadAuthority, makeAuthority, showAuthority } from "./authority.ts";
export { type CertificateFacts, certificateFacts, urisOf } from "./certificate-facts.ts";
export { CertificateFiles, type CertificateFilesOptions } from "./certificate-files.ts";
export { type CertificateReport, issueInto, pathsIn, rotateIn, showFolder, trustIn } from "./certificate-folder.ts";
export type { Identity } from "./identity.ts";
export { issue } from "./issue.ts";
export { formatSpiffeId, parseSpiffeId, type SpiffeId } from "./spiffe-id.ts";
