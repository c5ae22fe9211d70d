/** Checks of bodies and trailers: reading, writing, what stopping keeps, the limit. @module */
import type { AbiVersion } from "@mitsu/proxy-wasm";
import { field } from "../ask.ts";
import { type Check, type CheckOptions, passed, probe, seeing, unexpected } from "../check.ts";
import { bodyLimitBytes } from "../kit-configuration.ts";
import { abiVersions, filterOf } from "../kit-modules.ts";

const envoy: CheckOptions = { authority: "Envoy" };
const get = "proxy_get_buffer_bytes";
const set = "proxy_set_buffer_bytes";
const digits = "123456789";
const letters = ["abcd", "efgh"];

/** Reading of a whole body. */
const reading: readonly (readonly [string, string | readonly string[], string, CheckOptions?])[] = [
  ["whole", `status=0 value=${digits}`, `${get}: up to max_size bytes starting at start`],
  ["part", "status=0 value=345", `${get}: up to max_size bytes starting at start`],
  ["clipped", "status=0 value=89", `${get}: up to max_size bytes starting at start`],
  ["beyond", "status=0 size=0", `${get}: nothing is beyond the end`, envoy],
  ["nothing", "status=0 size=0", `${get}: max_size 0`, envoy],
  ["overflow", ["status=2 size=0", "status=0 size=0"], `${get}: BAD_ARGUMENT in case of buffer overflow; Envoy counts in 64 bits`],
  ["unknown-buffer", "get=2 set=2 size=2", "Buffers: BAD_ARGUMENT for unknown buffer_id"],
  ["told-size", "status=0 size=9 flags=0", "proxy_get_buffer_status: size of the buffer"],
  ["wrong-pointers", "value=6 size=6 set=6", "Buffers: INVALID_MEMORY_ACCESS when a pointer points to invalid memory"],
  ["immutable", ["set=2", "set=1"], `${set}: PLUGIN_CONFIGURATION can only be read`, envoy],
];

/** Writing of a whole body, and what is behind it then. */
const writing: readonly (readonly [string, string, string])[] = [
  ["replace", "new", `${set}: replacing size bytes starting at start`],
  ["replace-more", "new", `${set}: size beyond the end replaces all`],
  ["prepend", `>>${digits}`, `${set}: prepend (start=0, size=0)`],
  ["append", `${digits}<<`, `${set}: append (start larger or equal than the existing size)`],
  ["append-far", `${digits}<<`, `${set}: append, start may be the maximum size_t`],
  ["inject", "123--456789", `${set}: inject (start smaller than the existing size)`],
  ["middle", "123----789", `${set}: replace (start smaller than the existing size)`],
  ["front", "-456789", `${set}: replaces size bytes starting at start`],
  ["empty", "", `${set}: a body may become empty`],
];

function ofRequest(filter: string, abi: AbiVersion): readonly Check[] {
  const ask = { body: digits };
  const whole = "proxy_on_request_body";
  return [
    ...reading.map(([check, expect, clause, options]) => probe(filter, check, expect, clause, { ...options, ask })),
    probe(filter, "reread", "status=0 value=new", `${set}: what was set is read`, { ask }),
    ...writing.map(([check, expect, clause]) => passed(filter, check, `body=${expect}`, clause, ({ body }) => `body=${body}`, { ask })),
    probe(filter, "early-", ["read=1 size=0", "read=0 size=0"], "Buffers: HTTP_REQUEST_BODY can be read in proxy_on_request_body", {
      ...envoy,
      name: "before-it-came",
      ask,
    }),
    probe(
      filter,
      "sizes-buffer",
      ["body=4 body=8 body=8+end", "body=4 body=8+end", "body=8 body=8+end"],
      `${whole}: body_size increments while paused`,
      {
        ask: { chunks: letters },
      },
    ),
    probe(
      filter,
      "sizes-continue",
      ["body=4 body=4 body=0+end", "body=4 body=4+end"],
      `${whole}: CONTINUE forwards, and body_size is the next chunk's`,
      { ask: { chunks: letters } },
    ),
    probe(filter, "sizes-watermark", ["body=4 body=4 body=0+end", "body=4 body=4+end"], `${whole}: 2 stops piece by piece`, {
      ...envoy,
      ask: { chunks: letters },
    }),
    passed(filter, "sizes-lost", ["body=", "body=efgh"], `${whole}: 3 stops and keeps nothing`, ({ body }) => `body=${body}`, {
      ...envoy,
      ask: { chunks: letters },
    }),
    passed(filter, "kept", "body=abcdefgh", `${whole}: what was paused is forwarded whole`, ({ body }) => `body=${body}`, {
      ask: { chunks: letters },
    }),
    passed(filter, "stream-upper", "body=ABCDEFGH", `${set}: chunk by chunk`, ({ body }) => `body=${body}`, { ask: { chunks: letters } }),
    seeing(
      filter,
      "limit",
      "status=413",
      "beyond what may be kept: 413 (RFC 9110 §15.5.14)",
      (answer) => (answer.status === 0 ? unexpected(answer) : `status=${answer.status}`),
      {
        ...envoy,
        ask: { body: "x".repeat(bodyLimitBytes * 4) },
      },
    ),
    probe(
      filter,
      "trailers-read",
      ["count=1 status=0 value=t missing=1", ...(abi === "0.1.0" ? ["count=1 status=0 value=t missing=0"] : [])],
      "proxy_on_request_trailers: trailers can be retrieved",
      {
        ask: { chunks: ["x"], trailers: [["x-trailer", "t"]] },
      },
    ),
    passed(
      filter,
      "trailers-change",
      "x-trailer=new x-more=m",
      "proxy_on_request_trailers: CONTINUE forwards them as they were changed",
      ({ trailers }) => `x-trailer=${field(trailers, "x-trailer")} x-more=${field(trailers, "x-more")}`,
      { ask: { chunks: ["x"], trailers: [["x-trailer", "t"]] } },
    ),
  ];
}

function ofResponse(filter: string): readonly Check[] {
  const body = (check: string, expect: string | readonly string[], clause: string, options: CheckOptions = {}): Check =>
    seeing(
      filter,
      `response-${check}`,
      expect,
      clause,
      (answer) => (answer.status === 200 && answer.error === "" ? answer.body : unexpected(answer)),
      { ask: { answer: `body=${digits}` }, ...options },
    );
  const chunks = { ask: { answer: `chunks=${letters}` } };
  return [
    ...reading.map(([check, expect, clause, options]) => body(check, expect, clause, { ask: { answer: `body=${digits}` }, ...options })),
    body("reread", "status=0 value=new", `${set}: what was set is read`),
    ...writing.map(([check, expect, clause]) => body(check, expect, clause)),
    body(
      "sizes-buffer",
      ["body=4 body=8 body=8+end", "body=4 body=8+end", "body=8 body=8+end"],
      "proxy_on_response_body: body_size increments while paused",
      chunks,
    ),
    body("kept", "abcdefgh", "proxy_on_response_body: what is stopped piece by piece is forwarded", { ...envoy, ...chunks }),
    body("lost", ["", "efgh"], "proxy_on_response_body: 3 stops and keeps nothing", { ...envoy, ...chunks }),
    seeing(
      filter,
      "response-limit",
      ["status=500", "cut off"],
      "beyond what may be kept: 500, or cut off when the head has gone out",
      (answer) => (answer.status === 0 || answer.error !== "" ? "cut off" : `status=${answer.status}`),
      { ...envoy, ask: { answer: `size=${bodyLimitBytes * 4}` } },
    ),
    seeing(
      filter,
      "trailers-response",
      "x-trailer=count=1 status=0 value=t",
      "proxy_on_response_trailers: trailers can be retrieved and modified",
      ({ trailers }) => `x-trailer=${field(trailers, "x-trailer")}`,
      { ask: { answer: "trailers", headers: ["te", "trailers"] } },
    ),
  ];
}

/** All of them. */
export const bodyChecks: readonly Check[] = abiVersions.flatMap((abi) => [
  ...ofRequest(filterOf("bodies", abi), abi),
  ...ofResponse(filterOf("bodies", abi)),
]);
