/** Facts for nicd(8): response flags, refusals, metrics. The types see to it that none is left out. @module */
import { argument, prose, sentence, tagged } from "../../../scripts/man/mdoc.ts";
import type { Metrics } from "../../cli/src/metrics.ts";
import type { refusal } from "../src/http1/scan-head.ts";
import { refusalReasons } from "../src/links/refusals.ts";
import { flag } from "../src/live-exchange.ts";
import { exposeMetrics } from "../src/metrics.ts";
import type { Worker } from "../src/worker.ts";

/** What each response flag says, and the status that goes with it where nicd answers itself. */
export const flagWords: Readonly<Record<Exclude<keyof typeof flag, "none">, string>> = {
  noRoute: "no route is for this request; 404",
  noHealthyUpstream: "the service has no replica that could be asked, or is not there; 503",
  upstreamConnectFailure: "no connection to a replica; 503",
  upstreamReset: "the replica ended the connection in the middle; 503, or a cut answer",
  upstreamOverflow: "a limit of the cluster is reached; 503",
  upstreamTimeout: "no answer in time; 504, or a cut answer",
  upstreamProtocolError: "the replica answered what is no HTTP; 502",
  retryLimit: "it was tried again and failed still, or too many retries were in flight",
  downstreamGone: "the client went away",
  downstreamProtocolError: "the request broke off or broke the rules after its head; 400",
  rateLimited: "beyond the route's rate limit; 429",
  unauthorised: "denied by an authorisation rule or the service's default; 403",
  faultDelay: "held back on purpose",
  faultAbort: "answered with an error on purpose",
  filterFailed: "a filter stopped badly, or is not there; 500",
  tooLarge: "a body is longer than its limit: 413 for requests, 502 for answers; 431 for a head that rewriting made too long",
};

/** What is refused before it is a request. */
export const refusalWords: Readonly<Record<keyof typeof refusal | "badChunk" | "slowHead" | "stranger", string>> = {
  badRequestLine: "the first line is no request line; 400",
  badStatusLine: "a replica's first line is no status line",
  badField: "a header field breaks the grammar; 400",
  obsFold: "a header field goes on in the next line; 400",
  bareLineFeed: "a line ends without a carriage return; 400",
  tooManyFields: "more than 128 header fields; 431",
  tooLong: "a head longer than 32 KiB; 431",
  badLength: "Content-Length is no number; 400",
  conflictingLengths: "two lengths, or a length and chunks; 400",
  badTransferEncoding: "Transfer-Encoding that does not end in chunked; 400",
  badHost: "no Host, two of them, or a bad one; 400",
  badVersion: "neither HTTP/1.1 nor 1.0; 505",
  badTarget: "the request target breaks the grammar; 400",
  unknownTransferEncoding: "a transfer coding other than chunked",
  badChunk: "a chunk breaks the grammar; 400",
  slowHead: "a head not whole within a minute; 408",
  stranger: "a connection at the host channel that sockhijack did not send; closed",
};

/** Response flags and their meaning. */
export function flags(): string {
  const items = Object.entries(flagWords).map(([name, words]): readonly [string, string] => [
    `Li ${flag[name as keyof typeof flag]}`,
    prose(sentence(words)),
  ]);
  return tagged(items, "UAEX", true);
}

/** Reasons for refusals, those of links behind the others. */
export function refusals(): string {
  const links = Object.entries(refusalReasons).map(([name, words]) => [`link-${name}`, words] as const);
  return tagged(
    [...Object.entries(refusalWords), ...links].map(([name, words]) => [`Li ${argument(name)}`, prose(sentence(words))]),
    "link-foreign-trust-domain",
    true,
  );
}

/** Registers every metric of its own; none is scraped. */
export function registerMetrics(metrics: Metrics): void {
  exposeMetrics(metrics, undefined as unknown as Worker);
}
