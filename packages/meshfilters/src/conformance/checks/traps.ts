/** Checks of filters that end badly: the request gets an answer, and the next one works. @module */
import { setTimeout as wait } from "node:timers/promises";
import type { Answer, Ask, Question } from "../ask.ts";
import { type Check, unexpected } from "../check.ts";
import { spinCallbacks, trapCallbacks } from "../kit-modules.ts";

type Callback = (typeof trapCallbacks)[number];

/** What a request must be for the callback to be called. */
const questions: Readonly<Partial<Record<Callback, Omit<Question, "check">>>> = {
  "request-body": { body: "x" },
  "request-trailers": { chunks: ["x"], trailers: [["x-trailer", "t"]] },
  "response-trailers": { answer: "trailers", headers: ["te", "trailers"] },
};
/** The exchange is over by then, so its answer has gone out; a tick is of no exchange, so one that waits is only given up. */
const tooLate: ReadonlySet<Callback> = new Set(["log", "done", "delete"]);
/** The head may have gone out before. */
const maybeCut: ReadonlySet<Callback> = new Set(["response-body", "response-trailers"]);

/** How long a virtual machine may take to come back, ms: Envoy waits for a second and more. */
const backMs = 4000;
/** A loop must end before a client gives up. */
const spinMs = 3000;

function outcome({ status, error, ...answer }: Answer): string {
  if (status >= 500) return "refused";
  if (status === 0 || error !== "") return error.startsWith("no answer") ? "no answer" : "cut off";
  return status === 200 ? "answered" : unexpected({ status, error, ...answer });
}

async function alive(ask: Ask, filter: string): Promise<string> {
  const until = performance.now() + backMs;
  let last = "";
  while (performance.now() < until) {
    const answer = await ask(filter, { check: "alive", timeoutMs: spinMs });
    if (answer.status === 200) return answer.body;
    last = unexpected(answer);
    await wait(100);
  }
  return `not back in ${backMs} ms: ${last}`;
}

function expected(callback: Callback): readonly string[] {
  const first = tooLate.has(callback) ? ["answered"] : maybeCut.has(callback) ? ["refused", "cut off"] : ["refused"];
  return [...first, ...(tooLate.has(callback) ? ["refused"] : [])].map((word) => `${word}, then alive=1`);
}

function ofCallback(callback: Callback, how: "trap" | "spin"): Check {
  const filter = `${how}-${callback}`;
  const told = `${callback}!${how === "trap" ? "t" : "s"}`;
  return {
    name: filter,
    filter,
    expect: expected(callback),
    clause:
      how === "trap"
        ? "a trap fails its exchange, which gets an answer, and the next one meets a filter that works"
        : "a loop without end is stopped, its exchange gets an answer, and the next one meets a filter that works",
    authority: "safety",
    see: async (ask) => {
      const answer = await ask(filter, { check: told, ...questions[callback], timeoutMs: spinMs });
      return `${outcome(answer)}, then ${await alive(ask, filter)}`;
    },
  };
}

/** A trap in each callback. */
export const trapChecks: readonly Check[] = trapCallbacks.map((callback) => ofCallback(callback, "trap"));

/** A loop in each of some: last of all, as it takes a host that does not bound time for good. */
export const spinChecks: readonly Check[] = spinCallbacks.map((callback) => ofCallback(callback, "spin"));
