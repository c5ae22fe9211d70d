/** A line of JSON for each request, or for a share of them. @module */
import { accessRecord } from "./access-record.ts";
import { type Exchange, traceFraction } from "./exchange.ts";
import { type LineCounts, LineWriter, type LineWriterOptions } from "./line-writer.ts";

/** Where the log goes, and how much of it. */
export interface AccessLogOptions extends LineWriterOptions {
  /** Share of traces that are told, 0 to 1; 1 unless told. */
  readonly share?: number;
}

/**
 * Writes an `AccessRecord` a line. The trace's id decides what belongs to the share, so that of a trace all lines are there or none, on every
 * node; a request that was refused before it had a trace belongs to any share.
 *
 * @example
 * ```ts
 * const log = await AccessLog.open({ to: "/var/log/mitsu/access.log", share: 0.01 });
 * log.add(exchange);
 * ```
 */
export class AccessLog {
  readonly #share: number;
  readonly #writer: LineWriter;

  private constructor(writer: LineWriter, share: number) {
    this.#writer = writer;
    this.#share = share;
  }

  /** @throws {MitsuError} ERR_LOG_FILE when the file cannot be opened. */
  static async open({ share = 1, ...to }: AccessLogOptions): Promise<AccessLog> {
    return new AccessLog(await LineWriter.open(to), share);
  }

  /** Lines by what became of them. */
  get counts(): LineCounts {
    return this.#writer.counts;
  }

  /** Why lines were lost last; undefined once some went through. */
  get lastError(): string | undefined {
    return this.#writer.lastError;
  }

  /** Takes an exchange that has ended; never waits. */
  add(exchange: Exchange): void {
    if (this.#share < 1 && traceFraction(exchange) >= this.#share) return;
    this.#writer.write(JSON.stringify(accessRecord(exchange)));
  }

  /**
   * Opens the file anew by its name, as on SIGHUP after logrotate moved it away.
   *
   * @throws {MitsuError} ERR_LOG_FILE when it cannot be opened; the log then goes on in the old one.
   */
  reopen(): Promise<void> {
    return this.#writer.reopen();
  }

  /** Writes what waits and closes the file. @param limitMs What is not through by then is lost. */
  close(limitMs: number): Promise<void> {
    return this.#writer.close(limitMs);
  }
}
