/** Compares what came of a step with what was expected. @module */
import type { Pair } from "@mitsu/proxy-wasm";
import type { Message } from "./answers.ts";
import { bytesOf } from "./cases.ts";
import type { HttpOutcome } from "./http-run.ts";
import type { LocalHost, LogLine } from "./local-host.ts";
import { matches, matchesText, type Pattern } from "./pattern.ts";
import type { TcpOutcome } from "./tcp-run.ts";
import type { CallExpectation, Expectation, MessageExpectation, PieceForm } from "./test-file.ts";

/** Something is not as expected. */
export interface Difference {
  /** `response.headers.x-tag`. */
  readonly what: string;
  readonly expected: string;
  readonly got: string;
}

/** What a step did beside its messages. */
export interface StepEffects {
  readonly logs: readonly LogLine[];
  /** Of the calls of the host, those from this one on. */
  readonly callsFrom: number;
}

const longest = 200;
const shown = (value: unknown): string => {
  const text = typeof value === "string" ? JSON.stringify(value) : value === null || value === undefined ? "none" : JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
};
const utf8 = (text: string): string => Buffer.from(text, "latin1").toString("utf8");
const bodyText = (bytes: Uint8Array): string => new TextDecoder("utf-8").decode(bytes);

class Check {
  readonly differences: Difference[] = [];

  tell(what: string, expected: unknown, got: unknown): void {
    this.differences.push({ what, expected: shown(expected), got: shown(got) });
  }

  is(what: string, expected: unknown, got: unknown): void {
    if (expected !== undefined && expected !== got) this.tell(what, expected, got);
  }

  values(what: string, pattern: Pattern | undefined, got: readonly string[]): void {
    if (pattern !== undefined && !matches(got, pattern))
      this.tell(what, pattern, got.length === 0 ? null : got.length === 1 ? got[0] : got);
  }

  bytes(what: string, expected: string | PieceForm | undefined, got: Uint8Array): void {
    if (expected === undefined) return;
    if (typeof expected === "object" && expected !== null) {
      const wanted = bytesOf(expected);
      if (!Buffer.from(wanted).equals(got)) this.tell(what, Buffer.from(wanted).toString("hex"), Buffer.from(got).toString("hex"));
    } else if (!(expected === null ? got.length === 0 : matchesText(bodyText(got), expected))) this.tell(what, expected, bodyText(got));
  }

  message(what: string, expected: MessageExpectation | null | undefined, got: Message | null): void {
    if (expected === undefined) return;
    if (expected === null || got === null) {
      if ((expected === null) !== (got === null)) this.tell(what, expected, got === null ? null : `${firstOf(got)}`);
      return;
    }
    const field = (pairs: readonly Pair[], name: string): readonly string[] =>
      pairs.filter(([one]) => one === name).map(([, value]) => utf8(value));
    for (const pseudo of ["method", "path", "status"] as const)
      this.values(`${what}.${pseudo}`, expected[pseudo], field(got.headers, `:${pseudo}`));
    for (const [name, pattern] of Object.entries(expected.headers ?? {})) {
      const key = name.toLowerCase() === "host" ? ":authority" : name.toLowerCase();
      this.values(`${what}.headers.${name}`, pattern, field(got.headers, key));
    }
    for (const [name, pattern] of Object.entries(expected.trailers ?? {}))
      this.values(`${what}.trailers.${name}`, pattern, field(got.trailers, name.toLowerCase()));
    this.bytes(`${what}.body`, expected.body, Buffer.concat(got.body));
  }

  calls(expected: readonly CallExpectation[], host: LocalHost, from: number): void {
    const made = host.calls.slice(from);
    if (made.length !== expected.length)
      this.tell(
        "calls",
        expected.map(({ service }) => service),
        made.map(({ service }) => service),
      );
    for (const [at, one] of expected.entries()) {
      const got = made[at];
      if (got === undefined) return;
      this.is(`calls[${at}].service`, one.service, got.service);
      this.message(`calls[${at}]`, one, { headers: got.headers, body: [got.body], trailers: got.trailers });
    }
  }

  effects(expect: Expectation, host: LocalHost, { logs, callsFrom }: StepEffects): void {
    let from = 0;
    for (const [at, pattern] of (expect.logs ?? []).entries()) {
      // The lines in this order, others between them.
      const found = logs.findIndex(({ text }, index) => index >= from && matchesText(text, pattern));
      if (found < 0) {
        this.tell(
          `logs[${at}]`,
          pattern,
          logs.slice(from).map(({ text }) => text),
        );
        break;
      }
      from = found + 1;
    }
    for (const [name, value] of Object.entries(expect.metrics ?? {}))
      this.is(`metrics.${name}`, value, host.metrics.get(name)?.value() ?? null);
    if (expect.calls !== undefined) this.calls(expect.calls, host, callsFrom);
    for (const [key, pattern] of Object.entries(expect.shared ?? {})) {
      const entry = host.shared.get(key);
      this.values(`shared.${key}`, pattern, entry === undefined ? [] : [bodyText(entry.value)]);
    }
  }
}

const firstOf = ({ headers }: Message): string => headers.map(([name, value]) => `${name}: ${value}`).join(", ");

/** What differs of an exchange; a trap that was not expected is a difference. */
export function checkHttp(expect: Expectation, got: HttpOutcome, host: LocalHost, effects: StepEffects): readonly Difference[] {
  const check = new Check();
  if (got.trap !== null && expect.trap === undefined) check.tell("trap", null, `${got.trap.callback}: ${got.trap.detail}`);
  else check.is("trap", expect.trap, got.trap?.reason ?? null);
  if (got.held !== null && expect.held === undefined) check.tell("held", null, `${got.held}: it was stopped and never went on`);
  else check.is("held", expect.held, got.held);
  check.is("reset", expect.reset, got.reset);
  if (typeof expect.local === "string") check.values("local", expect.local, got.local === null ? [] : [got.local]);
  else check.is("local", expect.local, got.local !== null);
  check.message("request", expect.request, got.request);
  check.message("response", expect.response, got.response);
  check.effects(expect, host, effects);
  return check.differences;
}

/** What differs of a connection. */
export function checkTcp(expect: Expectation, got: TcpOutcome, host: LocalHost, effects: StepEffects): readonly Difference[] {
  const check = new Check();
  if (got.trap !== null && expect.trap === undefined) check.tell("trap", null, `${got.trap.callback}: ${got.trap.detail}`);
  else check.is("trap", expect.trap, got.trap?.reason ?? null);
  check.is("held", expect.held, got.held);
  check.is("closed", expect.closed, got.closed);
  check.bytes("to-server", expect["to-server"], got.toServer);
  check.bytes("to-client", expect["to-client"], got.toClient);
  check.effects(expect, host, effects);
  return check.differences;
}
