/** Recorded requests: HAR 1.2, as browsers' tools and proxies save them. Source: http://www.softwareishard.com/blog/har-12-spec. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { z } from "zod";
import { answerOf, type Case, requestOf } from "./cases.ts";
import { startOfTimeMs } from "./local-host.ts";
import type { FieldForm } from "./test-file.ts";

const fields = z.array(z.object({ name: z.string(), value: z.string() })).default([]);
const schema = z.object({
  log: z.object({
    entries: z.array(
      z.object({
        request: z.object({
          method: z.string(),
          url: z.string(),
          headers: fields,
          postData: z.object({ text: z.string().optional() }).optional(),
        }),
        response: z.object({
          status: z.number(),
          headers: fields,
          content: z.object({ text: z.string().optional(), encoding: z.string().optional() }).default({}),
        }),
      }),
    ),
  }),
});
/** Of the connection the messages were recorded on, and of a body that the recording has decoded. */
const notKept = new Set(["connection", "transfer-encoding", "content-encoding", "content-length", "keep-alive", "host"]);

function formOf(pairs: readonly { readonly name: string; readonly value: string }[]): Record<string, FieldForm> {
  const form: Record<string, string[]> = {};
  for (const { name, value } of pairs) {
    const key = name.toLowerCase();
    if (!key.startsWith(":") && !notKept.has(key)) form[key] = [...(form[key] ?? []), value];
  }
  return form;
}

/**
 * Each entry as a test that expects nothing.
 *
 * @param file Its name, for messages.
 * @throws {MitsuError} `ERR_FILTER_TEST_FILE`, exit status 2.
 */
export function casesOfHar(content: string, file: string): readonly Case[] {
  const refuse = (why: string, cause?: unknown): MitsuError =>
    new MitsuError(`cannot read ${file}: ${why}`, {
      code: "ERR_FILTER_TEST_FILE",
      exit: exitStatus.usage,
      hint: "save it as HAR 1.2, with content",
      cause,
    });
  let read: z.infer<typeof schema>;
  try {
    const result = schema.safeParse(JSON.parse(content));
    if (!result.success) {
      const { path, message } = result.error.issues[0]!;
      throw refuse(`${path.join(".") || "the file"}: ${message}`);
    }
    read = result.data;
  } catch (cause) {
    throw cause instanceof MitsuError ? cause : refuse((cause as Error).message, cause);
  }
  if (read.log.entries.length === 0) throw refuse("it has no requests");
  return read.log.entries.map(({ request, response }, at) => {
    const place = URL.parse(request.url);
    if (place === null) throw refuse(`log.entries.${at}.request.url: ${JSON.stringify(request.url)} is no URL`);
    const { status, content: body } = response;
    const { text = "", encoding } = body;
    return {
      name: `${request.method} ${request.url}`,
      settings: {
        configuration: new Uint8Array(0),
        rootId: "",
        vmId: "",
        capabilities: "all" as const,
        services: {},
        shared: new Map(),
        nowMs: startOfTimeMs,
      },
      steps: [
        {
          http: {
            request: requestOf({
              method: request.method,
              path: `${place.pathname}${place.search}`,
              host: place.host,
              scheme: place.protocol.slice(0, -1),
              headers: formOf(request.headers),
              body: request.postData?.text,
            }),
            // A browser writes 0 for what had no answer.
            answer: answerOf({
              status: status >= 200 && status < 600 ? status : 502,
              headers: formOf(response.headers),
              body: encoding === "base64" ? { base64: text } : text,
            }),
            properties: new Map(),
          },
          tcp: null,
          afterMs: 0,
          times: 1,
          expect: {},
        },
      ],
    };
  });
}
