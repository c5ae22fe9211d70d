/** test.yaml as written: requests, what is around them, what is expected. @module */
import { type Finding, formatProblem, locate, readYaml, schemaFindings } from "@mitsu/catalog/document";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { capabilities } from "@mitsu/proxy-wasm";
import { z } from "zod";
import { type Pattern, patternFault } from "./pattern.ts";

/** Bytes: UTF-8 text, `{ hex }`, `{ base64 }`, or a text some times over. */
export type PieceForm =
  | string
  | { readonly hex: string }
  | { readonly base64: string }
  | { readonly repeat: string; readonly times: number };
/** A field may be there several times. */
export type FieldForm = string | number | readonly (string | number)[];

/** A request. */
export interface RequestForm {
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  readonly scheme?: string | undefined;
  readonly headers?: Readonly<Record<string, FieldForm>> | undefined;
  /** A list is pieces that come one after the other. */
  readonly body?: PieceForm | readonly PieceForm[] | undefined;
  readonly trailers?: Readonly<Record<string, FieldForm>> | undefined;
}

/** A response. */
export interface AnswerForm {
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, FieldForm>> | undefined;
  readonly body?: PieceForm | readonly PieceForm[] | undefined;
  readonly trailers?: Readonly<Record<string, FieldForm>> | undefined;
}

/** How a service answers that the filter calls. */
export interface CallAnswerForm extends AnswerForm {
  readonly delay?: string | undefined;
  readonly fails?: boolean | undefined;
  readonly "grpc-status"?: number | undefined;
}

/** What is expected of a message; null that there is none. */
export interface MessageExpectation {
  readonly method?: Pattern | undefined;
  readonly path?: Pattern | undefined;
  readonly status?: Pattern | undefined;
  readonly headers?: Readonly<Record<string, Pattern>> | undefined;
  readonly body?: string | PieceForm | undefined;
  readonly trailers?: Readonly<Record<string, Pattern>> | undefined;
}

/** What is expected of a call. */
export interface CallExpectation extends MessageExpectation {
  readonly service: string;
}

/** What is expected of a step; only what is named is looked at. */
export interface Expectation {
  readonly request?: MessageExpectation | null | undefined;
  readonly response?: MessageExpectation | null | undefined;
  readonly local?: boolean | string | undefined;
  readonly held?: string | undefined;
  readonly reset?: boolean | undefined;
  readonly trap?: string | undefined;
  readonly logs?: readonly string[] | undefined;
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  readonly calls?: readonly CallExpectation[] | undefined;
  readonly shared?: Readonly<Record<string, Pattern>> | undefined;
  readonly "to-server"?: string | PieceForm | undefined;
  readonly "to-client"?: string | PieceForm | undefined;
  readonly closed?: boolean | undefined;
}

/** What one side of a connection does. */
export type TcpStepForm = { readonly client: PieceForm } | { readonly server: PieceForm } | { readonly close: "client" | "server" };

/** One request or connection. */
export interface StepForm {
  readonly request?: RequestForm | undefined;
  readonly connection?: readonly TcpStepForm[] | undefined;
  /** What the service behind the filter answers; 200 and nothing unless given. */
  readonly answer?: AnswerForm | undefined;
  /** Time that passes before. */
  readonly after?: string | undefined;
  /** So many times the same; each is expected to be as told. */
  readonly times?: number | undefined;
  readonly properties?: Readonly<Record<string, PropertyForm>> | undefined;
  readonly expect?: Expectation | undefined;
}

/** A text, a whole number, a truth, or bytes. */
export type PropertyForm = string | number | boolean | { readonly hex: string };

/** How the filter is started, and what is around it. */
export interface SettingsForm {
  /** Text as it is, or what becomes JSON. */
  readonly config?: unknown;
  readonly "root-id"?: string | undefined;
  readonly "vm-id"?: string | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly services?: Readonly<Record<string, CallAnswerForm | readonly CallAnswerForm[]>> | undefined;
  readonly properties?: Readonly<Record<string, PropertyForm>> | undefined;
  readonly shared?: Readonly<Record<string, string>> | undefined;
  /** ISO 8601. */
  readonly now?: string | undefined;
}

/** A test: a step, or several in the same virtual machine. */
export interface TestForm extends SettingsForm, StepForm {
  readonly name: string;
  readonly steps?: readonly StepForm[] | undefined;
}

/** The whole file. */
export interface TestFile extends SettingsForm {
  readonly tests: readonly TestForm[];
}

const times = z.int().min(1).max(1_000_000);
const hex = z.strictObject({ hex: z.string().regex(/^([0-9a-fA-F]{2}|\s)*$/, "is not hexadecimal; give two digits a byte") });
const encoded = [hex, z.strictObject({ base64: z.base64() }), z.strictObject({ repeat: z.string(), times })] as const;
const piece = z.union([z.string(), ...encoded], "is no text and none of { hex }, { base64 }, { repeat, times }");
const body = z.union([piece, z.array(piece)], "is no text, none of { hex }, { base64 }, { repeat, times }, and no list of them");
const scalar = z.union([z.string(), z.number()], "is no text");
const fields = z.record(z.string(), z.union([scalar, z.array(scalar)], "is no text and no list of texts"));
const duration = z.string().regex(/^\d+(\.\d+)?(ms|s|m|h)$/, "is not a duration; use a number and ms, s, m or h, such as 250ms");
const text = z
  .union(
    [z.string(), z.number(), z.boolean(), z.null(), z.array(scalar)],
    "is no pattern: a text, /an expression/, a list, true, or null for none",
  )
  .superRefine((value, context) => {
    for (const one of Array.isArray(value) ? value : [value]) {
      const fault = patternFault(one);
      if (fault !== undefined) context.addIssue({ code: "custom", message: fault, input: value });
    }
  });
/** Not any text: one that is meant as an expression must be one. */
const content = z.union([...encoded, text]);
const answer = { status: z.int().min(100).max(599), headers: fields, body, trailers: fields };
const message = { headers: z.record(z.string(), text), body: content, trailers: z.record(z.string(), text) };
const request = z.strictObject({ method: text, path: text, ...message }).partial();
const response = z.strictObject({ status: text, ...message }).partial();
const call = z.strictObject({ service: z.string(), ...z.strictObject({ method: text, path: text, ...message }).partial().shape });
const property = z.union([z.string(), z.number(), z.boolean(), hex], "is no text, number, truth or { hex }");
const expectation = z
  .strictObject({
    request: request.nullable(),
    response: response.nullable(),
    local: z.union([z.boolean(), z.string()], "is no truth, and no details of an answer"),
    held: z.enum(["request", "response", "client", "server"], "is none of request, response, client, server"),
    reset: z.boolean(),
    trap: z.enum(["fuel", "trap", "memory", "host"], "is none of fuel, trap, memory, host"),
    logs: z.array(z.string()),
    metrics: z.record(z.string(), z.number()),
    calls: z.array(call),
    shared: z.record(z.string(), text),
    "to-server": content,
    "to-client": content,
    closed: z.boolean(),
  })
  .partial();
const tcpStep = z.union(
  [
    z.strictObject({ client: piece }),
    z.strictObject({ server: piece }),
    z.strictObject({ close: z.enum(["client", "server"], "is neither client nor server") }),
  ],
  "is none of { client: bytes }, { server: bytes }, { close: client } and { close: server }",
);
const step = {
  request: z
    .strictObject({ method: z.string(), path: z.string(), host: z.string(), scheme: z.string(), headers: fields, body, trailers: fields })
    .partial(),
  connection: z.array(tcpStep),
  answer: z.strictObject(answer).partial(),
  after: duration,
  times,
  properties: z.record(z.string(), property),
  expect: expectation,
};
const callAnswer = z.strictObject({ ...answer, delay: duration, fails: z.boolean(), "grpc-status": z.int().min(0).max(16) }).partial();
const settings = {
  config: z.unknown(),
  "root-id": z.string(),
  "vm-id": z.string(),
  capabilities: z.array(z.enum(capabilities, `is no capability; there are ${capabilities.join(", ")}`)),
  services: z.record(z.string(), z.union([callAnswer, z.array(callAnswer).min(1)], "is no answer and no list of answers")),
  properties: z.record(z.string(), property),
  shared: z.record(z.string(), z.string()),
  now: z.string().refine((value) => !Number.isNaN(Date.parse(value)), "is no time; give it as 2026-01-01T00:00:00Z"),
};
const schema = z.strictObject({
  ...z.strictObject(settings).partial().shape,
  tests: z
    .array(
      z.strictObject({
        name: z.string(),
        ...z.strictObject({ ...settings, ...step, steps: z.array(z.strictObject(step).partial()).min(1) }).partial().shape,
      }),
    )
    .min(1, "has no tests; give one at least"),
});

/** What the schema cannot say. */
function faultsOf({ tests }: TestFile): Finding[] {
  const faults: Finding[] = [];
  for (const [index, test] of tests.entries()) {
    const path = ["tests", index];
    if (test.steps !== undefined && (test.request !== undefined || test.connection !== undefined))
      faults.push({ path: [...path, "steps"], at: "key", message: "stands beside a request; put that into the steps" });
    const steps = test.steps ?? [test];
    for (const [at, { request: asked, connection }] of steps.entries())
      if ((asked === undefined) === (connection === undefined))
        faults.push({
          path: test.steps === undefined ? path : [...path, "steps", at],
          at: "value",
          message: `has ${asked === undefined ? "neither a request nor a connection" : "a request and a connection"}; give one of them`,
        });
  }
  return faults;
}

/**
 * Reads a test file.
 *
 * @param file Its name, for messages.
 * @throws {MitsuError} `ERR_FILTER_TEST_FILE`, exit status 2, with line and field of every fault.
 */
export function parseTestFile(content: string, file: string): TestFile {
  const { source, value, problems } = readYaml(content, file);
  const found = problems.length > 0 ? [] : schemaFindings(schema, value);
  const findings = found.length > 0 || problems.length > 0 ? found : faultsOf(value as TestFile);
  const lines = [...problems, ...findings.map((finding) => locate(source, finding))].map(formatProblem);
  if (lines.length === 0) return value as TestFile;
  throw new MitsuError(lines.join("\n"), { code: "ERR_FILTER_TEST_FILE", exit: exitStatus.usage, hint: "mend the file" });
}
