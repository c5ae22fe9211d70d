/** Checks of stopping, going on, closing, local responses, and how a stream ends. @module */
import type { AbiVersion } from "@mitsu/proxy-wasm";
import { type Answer, field } from "../ask.ts";
import { type Check, type CheckOptions, probe, seeing, unexpected } from "../check.ts";
import { abiVersions, filterOf } from "../kit-modules.ts";

const envoy: CheckOptions = { authority: "Envoy" };
const local = "proxy_send_local_response";
const trailers = { chunks: ["x"], trailers: [["x-trailer", "t"]] } as const;

const statusOf = (answer: Answer): string => (answer.status === 0 ? unexpected(answer) : `status=${answer.status}`);
const closed = (answer: Answer): string => (answer.status === 0 && !answer.error.startsWith("no answer") ? "closed" : unexpected(answer));

/** An answer of the filter's own in one phase. */
function localIn(filter: string, phase: string, ask: CheckOptions["ask"] = {}): Check {
  return seeing(
    filter,
    `local-${phase}`,
    `418 phase=${phase} x-local=1`,
    `${local}: as long as response headers were not sent downstream`,
    (answer) => (answer.status === 418 ? `418 ${answer.body} x-local=${field(answer.headers, "x-local")}` : unexpected(answer)),
    { ask },
  );
}

function ofAbi(abi: AbiVersion): readonly Check[] {
  const filter = filterOf("streams", abi);
  const goOn = abi === "0.1.0" ? "proxy_continue_request" : "proxy_continue_stream";
  return [
    seeing(filter, "stop-request", "status=200", `${goOn}: resumes processing of a paused request`, statusOf),
    seeing(filter, "stop-body", "status=200", `${goOn}: the body comes behind the head`, statusOf, { ask: { chunks: ["a", "b"] } }),
    seeing(
      filter,
      "stop-for-ever",
      "no answer",
      "proxy_on_request_headers: PAUSE pauses processing",
      (answer) => (answer.error.startsWith("no answer") ? "no answer" : unexpected(answer)),
      {
        ask: { timeoutMs: 300 },
      },
    ),
    seeing(filter, "continue-in-callback", "status=200", `${goOn}: counts when the callback that calls it pauses`, statusOf, envoy),
    seeing(filter, "not-stopped", "status=200", `${goOn}: of a stream that is not paused does nothing`, statusOf),
    seeing(
      filter,
      "stop-response",
      "status=200",
      `${abi === "0.1.0" ? "proxy_continue_response" : goOn}: resumes processing of a paused response`,
      statusOf,
    ),
    seeing(
      filter,
      "stop-response-body",
      "abcdefgh",
      `${abi === "0.1.0" ? "proxy_continue_response" : goOn}: resumes with all of the body`,
      (answer) => (answer.status === 200 && answer.error === "" ? answer.body : unexpected(answer)),
      { ask: { answer: "chunks=abcd,efgh" } },
    ),
    seeing(filter, "stop-request-trailers", "status=200", `${goOn}: resumes processing of paused trailers`, statusOf, { ask: trailers }),
    seeing(filter, "stop-local", "418 phase=tick", `${local}: while the request is paused`, (answer) =>
      answer.status === 418 ? `418 ${answer.body}` : unexpected(answer),
    ),
    localIn(filter, "request-headers"),
    localIn(filter, "request-body", { body: "x" }),
    localIn(filter, "request-trailers", trailers),
    localIn(filter, "response-headers"),
    seeing(
      filter,
      "local-and-continue",
      "418 phase=request-headers",
      `${local}: stops the callback whatever it returns`,
      (answer) => `${answer.status} ${answer.body.slice(0, 60)}`,
      envoy,
    ),
    seeing(
      filter,
      "local-empty",
      "status=204 body=",
      `${local}: details, body and headers may be empty`,
      ({ status, body }) => `status=${status} body=${body}`,
    ),
    seeing(
      filter,
      "local-request-headers",
      "own-callback=1",
      `${local}: the filter's own proxy_on_response_headers is called for it`,
      ({ headers }) => `own-callback=${field(headers, "x-own-callback")}`,
      {
        ...envoy,
        name: "local-own-callback",
      },
    ),
    probe(filter, "local-wrong-pointers", "details=6 body=6 headers=6", `${local}: INVALID_MEMORY_ACCESS`),
    ...(abi === "0.1.0"
      ? []
      : [
          probe(
            filter,
            "unknown-stream",
            "continue=2 close=2",
            "proxy_continue_stream, proxy_close_stream: BAD_ARGUMENT for unknown stream_type",
          ),
          seeing(filter, "close-request", "closed", "proxy_close_stream: closes or resets", closed),
          seeing(filter, "close-response", "closed", "proxy_close_stream: closes or resets", closed),
        ]),
    {
      name: `${filter}/end`,
      filter,
      expect: ["order=done,log,request,answer,delete", "order=log,request,answer,done,delete"],
      clause: "proxy_on_log: called after true was returned from proxy_on_done (Envoy calls it before); both heads can be read in it",
      authority: "specification",
      see: async (ask) => {
        await ask(filter, { check: "end-of-another" });
        const answer = await ask(filter, { check: "what-ended" });
        return answer.status === 200 ? answer.body : unexpected(answer);
      },
    },
  ];
}

/** All of them. */
export const streamChecks: readonly Check[] = abiVersions.flatMap(ofAbi);
