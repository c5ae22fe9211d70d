/** What a filter gets for a call that took too long. @module */
import type { HttpCallAnswer } from "./plugin-host.ts";

const text = "upstream request timeout";

/** As Envoy 1.40 has it: an answer of status 504 with three fields and a body, so that filters see a gateway's timeout and not a broken call. */
export const timeoutAnswer: HttpCallAnswer = {
  headers: [
    [":status", "504"],
    ["content-length", `${text.length}`],
    ["content-type", "text/plain"],
  ],
  body: Buffer.from(text),
  trailers: [],
};
