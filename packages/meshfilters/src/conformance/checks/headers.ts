/** Checks of fields: in a request's head and in an answer's, in every ABI version. @module */
import type { AbiVersion } from "@mitsu/proxy-wasm";
import { everyField, field } from "../ask.ts";
import { type Check, type CheckOptions, noted, passed, probe, seeing } from "../check.ts";
import { abiVersions, filterOf } from "../kit-modules.ts";

const envoy: CheckOptions = { authority: "Envoy" };
const safety: CheckOptions = { authority: "safety" };
const get = "proxy_get_header_map_value";
const add = "proxy_add_header_map_value";
const replace = "proxy_replace_header_map_value";
const remove = "proxy_remove_header_map_value";
const pairs = "proxy_get_header_map_pairs";

/** Check, what is seen, clause. */
type Row = readonly [check: string, expect: string | readonly string[], clause: string, options?: CheckOptions];

/** What holds for both heads. ABI 0.1.0 has no status for what is not there: it is empty. */
function common(abi: AbiVersion): readonly Row[] {
  const missing = abi === "0.1.0" ? "status=0 size=0" : "status=1 size=0";
  const missingIs =
    abi === "0.1.0" ? `${get}: a missing key is empty (Envoy, ABI 0.1.0)` : `${get}: NOT_FOUND when the requested key was not found`;
  const options = abi === "0.1.0" ? envoy : {};
  return [
    ["missing", missing, missingIs, options],
    ["get-removed", missing, `${missingIs}; ${remove} took it away`, options],
    ["present", "status=0 value=1", get],
    ["case", "status=0 value=1", `${get}: HTTP field names are compared without case (RFC 9110 §5.1)`],
    ["first", "status=0 value=a", `${get}: of several values the first`, envoy],
    ["empty", "status=0 size=0", `${get}: OK when the key is there, though empty`],
    ["add", "status=0 x-one=1|2 values=2", `${add}: adds key with value`],
    ["add-new", "status=0 x-new=n values=1", `${add}: adds key with value`],
    ["add-empty", "status=0 x-new= values=1", `${add}: a value may be empty`],
    ["add-case", "status=0 x-new=n values=1", `${add}: names are kept in lower case`, envoy],
    ["replace", "status=0 x-one=new values=1", `${replace}: adds or replaces key's value`],
    ["replace-several", "status=0 x-two=new values=1", `${replace}: of several values one is left`, envoy],
    ["replace-missing", "status=0 x-new=n values=1", `${replace}: adds or replaces key's value`],
    ["remove", "status=0 x-one= values=0", remove],
    ["remove-several", "status=0 x-two= values=0", `${remove}: removes the key, so all its values`],
    ["remove-missing", "status=0", `${remove}: OK on success, including the case when requested key didn't exist`],
    ["pairs", "status=0 form=right count=as-told", `${pairs}: serialised as Serialization says, num_headers of them`],
    ["size", "status=0 size=serialised", "proxy_get_header_map_size: return_serialized_pairs_size"],
    ["set-pairs", "status=0 x-set=s values=1 x-one=1 values=1", "proxy_set_header_map_pairs: sets all pairs"],
    [
      "wrong-pointers",
      "key=6 value=6 size=6 add=6 replace=6 remove=6 pairs=6 set-pairs=6 map-size=6",
      "HTTP fields: INVALID_MEMORY_ACCESS when a pointer or size points to invalid memory",
    ],
  ];
}

function ofRequest(filter: string, abi: AbiVersion): readonly Check[] {
  const end = "proxy_on_request_headers: end_of_stream";
  return [
    ...common(abi).map((row) => probe(filter, ...row)),
    probe(
      filter,
      "pseudo",
      `method=GET authority=kit.test path=/${filter}/x scheme=0`,
      ":method, :authority, :path and :scheme are fields of the map",
      envoy,
    ),
    probe(filter, "long", "status=0 size=6000 last=122", `${get}: a long value is whole`, {
      ask: { headers: ["x-long", `${"x".repeat(5999)}z`] },
    }),
    probe(
      filter,
      "unknown-map",
      "get=2 add=2 replace=2 remove=2 pairs=2 set-pairs=2 size=2",
      "HTTP fields: BAD_ARGUMENT for unknown map_id",
    ),
    probe(filter, "no-answer-yet", "get=2 add=2 pairs=0 size=0", "HTTP fields: access to a map is restricted to its callbacks", envoy),
    probe(
      filter,
      "bad-pairs",
      // Envoy takes what it cannot read for an empty map, and the request has no head any more.
      ["status=2 x-one=1 values=1", "status=0 x-one=1 values=1", "status=0 x-one= values=0"],
      "proxy_set_header_map_pairs: a cut-off map does no harm",
      safety,
    ),
    ...(abi === "0.1.0"
      ? []
      : [
          probe(filter, "end-of-stream", "end=1", `${end} without a body`),
          probe(filter, "end-of-stream", "end=0", `${end} is false when a body follows`, {
            name: "end-of-stream-body",
            ask: { body: "x" },
          }),
        ]),
    passed(
      filter,
      "upstream",
      "x-added=a x-one=new x-two=",
      "proxy_on_request_headers: CONTINUE forwards the fields as they were changed",
      ({ headers }) =>
        `x-added=${everyField(headers, "x-added")} x-one=${everyField(headers, "x-one")} x-two=${everyField(headers, "x-two")}`,
    ),
    passed(
      filter,
      "upstream-as-it-was",
      "x-one=1 x-two=a|b",
      "proxy_on_request_headers: CONTINUE forwards what was not changed",
      ({ headers }) => `x-one=${everyField(headers, "x-one")} x-two=${everyField(headers, "x-two").replaceAll(/,\s*/g, "|")}`,
    ),
    passed(filter, "upstream-path", "path=/another?q=1", ":path is the request's target", ({ path }) => `path=${path}`, envoy),
    passed(filter, "upstream-method", "method=DELETE", ":method is the request's method", ({ method }) => `method=${method}`, envoy),
    passed(
      filter,
      "upstream-authority",
      "host=other.example",
      ":authority is the request's Host",
      ({ headers }) => `host=${field(headers, "host")}`,
      envoy,
    ),
    seeing(
      filter,
      "upstream-crlf",
      "injected=no",
      "a value with CR LF must not become another field (RFC 9110 §5.5)",
      ({ status, body }) => `injected=${status === 200 && body.toLowerCase().includes('"x-injected"') ? "yes" : "no"}`,
      safety,
    ),
  ];
}

function ofResponse(filter: string, abi: AbiVersion): readonly Check[] {
  const end = "proxy_on_response_headers: end_of_stream";
  return [
    ...common(abi).map(([check, ...row]) => noted(filter, `response-${check}`, ...row)),
    noted(filter, "response-status", "status=0 value=200", ":status is a field of the map", envoy),
    seeing(filter, "response-set-status", "status=202", ":status is the answer's status", ({ status }) => `status=${status}`, envoy),
    ...(abi === "0.1.0"
      ? []
      : [
          noted(filter, "response-end-of-stream", "end=0", `${end} is false when a body follows`),
          noted(filter, "response-end-of-stream", "end=1", `${end} without a body`, {
            name: "response-end-of-stream-none",
            ask: { answer: "none" },
          }),
        ]),
    seeing(
      filter,
      "response-crlf",
      "injected=no",
      "a value with CR LF must not become another field (RFC 9110 §5.5)",
      ({ headers }) => `injected=${field(headers, "x-injected") === undefined ? "no" : "yes"}`,
      safety,
    ),
  ];
}

/** All of them. */
export const headerChecks: readonly Check[] = abiVersions.flatMap((abi) => {
  const filter = filterOf("headers", abi);
  return [...ofRequest(filter, abi), ...ofResponse(filter, abi)];
});
