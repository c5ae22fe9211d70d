/** From what a test file has written to messages, steps and settings. @module */
import { booleanValue, integerValue, type Pair, textValue } from "@mitsu/proxy-wasm";
import type { CallAnswer, Message, Services } from "./answers.ts";
import type { HttpCase } from "./http-run.ts";
import { startOfTimeMs } from "./local-host.ts";
import type { TcpCase } from "./tcp-run.ts";
import type {
  AnswerForm,
  CallAnswerForm,
  Expectation,
  FieldForm,
  PieceForm,
  PropertyForm,
  RequestForm,
  SettingsForm,
  StepForm,
  TestFile,
} from "./test-file.ts";

/** How a filter is started for a test. */
export interface Settings {
  readonly configuration: Uint8Array;
  readonly rootId: string;
  readonly vmId: string;
  readonly capabilities: readonly string[] | "all";
  readonly services: Services;
  readonly shared: ReadonlyMap<string, Uint8Array>;
  readonly nowMs: number;
}

/** A request or a connection, and what is expected of it. */
export interface Step {
  readonly http: HttpCase | null;
  readonly tcp: TcpCase | null;
  readonly afterMs: number;
  readonly times: number;
  readonly expect: Expectation;
}

/** Steps that share a virtual machine. */
export interface Case {
  readonly name: string;
  readonly settings: Settings;
  readonly steps: readonly Step[];
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const largestPieceBytes = 64 * 2 ** 20;

/** `250ms` → 250. */
export function durationMs(text: string): number {
  const [, count, unit] = /^([\d.]+)(\w+)$/.exec(text)!;
  return Number(count) * unitMs[unit!]!;
}

/** Bytes of a piece. */
export function bytesOf(piece: PieceForm): Uint8Array {
  if (typeof piece === "string") return Buffer.from(piece);
  if ("hex" in piece) return Buffer.from(piece.hex.replaceAll(/\s/g, ""), "hex");
  if ("base64" in piece) return Buffer.from(piece.base64, "base64");
  return Buffer.alloc(Math.min(Buffer.byteLength(piece.repeat) * piece.times, largestPieceBytes), piece.repeat);
}

/** Pieces of a body; an empty one has none. */
function piecesOf(body: PieceForm | readonly PieceForm[] | undefined): readonly Uint8Array[] {
  if (body === undefined) return [];
  const all = (Array.isArray(body) ? (body as readonly PieceForm[]) : [body as PieceForm]).map(bytesOf);
  return all.length === 1 && all[0]!.length === 0 ? [] : all;
}

const latin1 = (text: string): string => Buffer.from(text).toString("latin1");

function pairsOf(fields: Readonly<Record<string, FieldForm>> = {}): readonly Pair[] {
  return Object.entries(fields).flatMap(([name, form]) =>
    (Array.isArray(form) ? (form as readonly (string | number)[]) : [form as string | number]).map(
      (value): Pair => [name.toLowerCase(), latin1(String(value))],
    ),
  );
}

/** `content-length` of a body that has one piece, as a client sends it; pieces come chunked. */
function lengthOf(headers: readonly Pair[], body: readonly Uint8Array[]): readonly Pair[] {
  if (body.length !== 1 || headers.some(([name]) => name === "content-length" || name === "transfer-encoding")) return [];
  return [["content-length", String(body[0]!.length)]];
}

/** A request as a client sends it. */
export function requestOf({ method = "GET", path = "/", host = "example.test", scheme = "http", ...rest }: RequestForm): Message {
  const headers = pairsOf(rest.headers).map(([name, value]): Pair => [name === "host" ? ":authority" : name, value]);
  const body = piecesOf(rest.body);
  const pseudo: Pair[] = [
    [":method", method],
    [":scheme", scheme],
    [":path", latin1(path)],
  ];
  if (!headers.some(([name]) => name === ":authority")) pseudo.push([":authority", latin1(host)]);
  return { headers: [...pseudo, ...headers, ...lengthOf(headers, body)], body, trailers: pairsOf(rest.trailers) };
}

/** What the service behind the filter says. */
export function answerOf({ status = 200, headers, body, trailers }: AnswerForm = {}): Message {
  const pairs = pairsOf(headers);
  const pieces = piecesOf(body);
  return { headers: [[":status", String(status)], ...pairs, ...lengthOf(pairs, pieces)], body: pieces, trailers: pairsOf(trailers) };
}

function callAnswerOf(form: CallAnswerForm): CallAnswer {
  return {
    ...answerOf(form),
    delayMs: durationMs(form.delay ?? "1ms"),
    fails: form.fails ?? false,
    grpcStatus: form["grpc-status"] ?? 0,
  };
}

function propertyOf(form: PropertyForm): Uint8Array {
  if (typeof form === "string") return textValue(form);
  if (typeof form === "number") return integerValue(form);
  return typeof form === "boolean" ? booleanValue(form) : bytesOf(form);
}

/** A configuration's text: JSON of what is no text. */
export function configurationOf(config: unknown): Uint8Array {
  if (config === undefined || config === null) return new Uint8Array(0);
  return Buffer.from(typeof config === "string" ? config : JSON.stringify(config));
}

function settingsOf(form: SettingsForm): Settings {
  const services = Object.entries(form.services ?? {}).map(([name, answers]) => [
    name,
    (Array.isArray(answers) ? (answers as readonly CallAnswerForm[]) : [answers as CallAnswerForm]).map(callAnswerOf),
  ]);
  return {
    configuration: configurationOf(form.config),
    rootId: form["root-id"] ?? "",
    vmId: form["vm-id"] ?? "",
    capabilities: form.capabilities ?? "all",
    services: Object.fromEntries(services),
    shared: new Map(Object.entries(form.shared ?? {}).map(([key, value]) => [key, Buffer.from(value)])),
    nowMs: form.now === undefined ? startOfTimeMs : Date.parse(form.now),
  };
}

function stepOf(form: StepForm, around: SettingsForm["properties"]): Step {
  const properties = new Map(Object.entries({ ...around, ...form.properties }).map(([name, value]) => [name, propertyOf(value)]));
  return {
    http: form.request === undefined ? null : { request: requestOf(form.request), answer: answerOf(form.answer), properties },
    tcp:
      form.connection === undefined
        ? null
        : {
            properties,
            steps: form.connection.map((one) => {
              if ("close" in one) return { from: one.close, bytes: null };
              return "client" in one
                ? { from: "client" as const, bytes: bytesOf(one.client) }
                : { from: "server" as const, bytes: bytesOf(one.server) };
            }),
          },
    afterMs: durationMs(form.after ?? "0ms"),
    times: form.times ?? 1,
    expect: form.expect ?? {},
  };
}

/** The tests of a file; what a test says of its settings goes before what the file says. */
export function casesOf({ tests, ...file }: TestFile): readonly Case[] {
  return tests.map(({ name, steps, ...test }) => ({
    name,
    settings: settingsOf({ ...file, ...test }),
    steps: (steps ?? [test]).map((step) => stepOf(step, { ...file.properties, ...test.properties })),
  }));
}
