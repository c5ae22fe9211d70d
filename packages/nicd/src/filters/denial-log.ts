/** Tells of denied requests, but not of every one in a flood. @module */
import type { Log } from "@mitsu/cli";
import type { LiveExchange } from "../live-exchange.ts";
import type { Connecting } from "./rule-set.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Bursts of 100 lines, then 10 a second. */
const limit = { requests: 10, perMs: 1000, burst: 100 };

/** Each denial is a line with the rule's name; a line after a gap says how many are missing. */
export class DenialLog {
  readonly #log: Pick<Log, "warn" | "info">;
  readonly #bucket = new TokenBucket(limit);
  #missing = 0;

  constructor(log: Pick<Log, "warn" | "info">) {
    this.#log = log;
  }

  denied(x: LiveExchange, rule: string): void {
    if (this.#mayWrite(x)) this.#log.warn("request denied", this.#fields(x, rule));
  }

  /** A connection that is no HTTP. */
  deniedConnection({ from, port }: Connecting, to: string, rule: string): void {
    if (this.#bucket.take(performance.now() * 1e6)) this.#log.warn("connection denied", { rule, from: from || "(outside)", to, port });
    else this.#missing++;
  }

  /** A deny rule in dry run matched, or an allow rule. */
  dryRun(x: LiveExchange, rule: string, action: string): void {
    if (this.#mayWrite(x)) this.#log.info(`request would be ${action === "deny" ? "denied" : "allowed"} (dry run)`, this.#fields(x, rule));
  }

  #mayWrite(x: LiveExchange): boolean {
    const may = this.#bucket.take(x.startNs);
    if (!may) this.#missing++;
    return may;
  }

  #fields({ caller, request, service, port }: LiveExchange, rule: string): Record<string, unknown> {
    const missing = this.#missing > 0 ? { notLogged: this.#missing } : {};
    this.#missing = 0;
    const { method, path } = request;
    return { rule, from: caller.service || caller.address, to: service, port, method, path: withoutQuery(path), ...missing };
  }
}

/** Queries hold secrets at times: they stay out of logs. */
function withoutQuery(path: string): string {
  const mark = path.indexOf("?");
  return mark < 0 ? path : path.slice(0, mark);
}
