/**
 * The audit log: a line of JSON for each event. Writing never holds the loop up, not even when stdout is a pipe that nobody reads: lines wait, up to a
 * bound, and beyond it they are lost, which is counted and said in the log.
 * @module
 */
import { close, closeSync, open, write } from "node:fs";
import { promisify } from "node:util";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { AuditEvent } from "./security.ts";

const openFile = promisify(open);

/** Where lines go, and what became of them. */
export interface AuditLog {
  write(event: AuditEvent): void;
  /** Opens the file anew; what `swap` returns is called once all else is fit, `abandon` when something is not. @throws {MitsuError} when it cannot be opened. */
  prepareReopen(): Promise<{ swap(): void; abandon(): void }>;
  /** Since the start. */
  readonly linesLost: number;
  /** Resolves when all lines given so far are written or lost. */
  flushed(): Promise<void>;
  /** What waits is written, then the file is closed. */
  close(): void;
}

/** Of lines that wait. */
const mostWaitingBytes = 1024 * 1024;
/** When stdout takes nothing for now. */
const againMs = 50;

async function openAppending(path: string): Promise<number> {
  return openFile(path, "a", 0o640).catch((cause: NodeJS.ErrnoException) => {
    throw new MitsuError(`cannot open the audit log ${path}: ${cause.message}`, {
      code: "ERR_AUDIT_LOG",
      exit: exitStatus.config,
      hint: "check that the folder exists and that mqttnic may write there",
      cause,
    });
  });
}

/**
 * Opens it; `-` is stdout.
 *
 * @param now Milliseconds since 1970.
 * @throws {MitsuError} `ERR_AUDIT_LOG`.
 */
export async function openAuditLog(path: string, now: () => number, waitingBytes: number = mostWaitingBytes): Promise<AuditLog> {
  const isFile = path !== "-";
  let descriptor = isFile ? await openAppending(path) : 1;
  let waiting: Buffer[] = [];
  let waitingLength = 0;
  let writing = false;
  let lost = 0;
  let unsaid = 0;
  let closing = false;
  let nextDescriptor: number | undefined;
  let idle: (() => void)[] = [];

  const line = (fields: object): Buffer => Buffer.from(`${JSON.stringify({ time: new Date(now()).toISOString(), ...fields })}\n`);

  function push(bytes: Buffer): void {
    waiting.push(bytes);
    waitingLength += bytes.length;
  }

  function next(): void {
    if (nextDescriptor !== undefined) {
      close(descriptor, () => {});
      descriptor = nextDescriptor;
      nextDescriptor = undefined;
    }
    if (waiting.length === 0) {
      writing = false;
      if (closing && isFile) closeSync(descriptor);
      for (const resolve of idle) resolve();
      idle = [];
      return;
    }
    writing = true;
    const chunk = Buffer.concat(waiting);
    waiting = [];
    waitingLength = 0;
    writeAll(chunk, 0);
  }

  function writeAll(chunk: Buffer, from: number): void {
    write(descriptor, chunk, from, chunk.length - from, null, (error, written) => {
      if (error?.code === "EAGAIN") {
        // A pipe in non-blocking mode that is full; without unref, since these lines are owed.
        setTimeout(() => writeAll(chunk, from), againMs);
      } else if (error) {
        // A full disk, or a reader that went away: these lines are lost, the next ones are tried.
        const lines = chunk.subarray(from).filter((byte) => byte === 10).length;
        lost += lines;
        unsaid += lines;
        next();
      } else if (from + written < chunk.length) writeAll(chunk, from + written);
      else next();
    });
  }

  return {
    write(event) {
      if (closing) return;
      const bytes = line(event);
      if (waitingLength + bytes.length > waitingBytes) {
        lost++;
        unsaid++;
        return;
      }
      if (unsaid > 0) {
        push(line({ event: "lost", lines: unsaid }));
        unsaid = 0;
      }
      push(bytes);
      if (!writing) {
        // All events of a turn go in one write.
        writing = true;
        setImmediate(next);
      }
    },
    async prepareReopen() {
      if (!isFile) return { swap: () => {}, abandon: () => {} };
      const opened = await openAppending(path);
      return {
        swap() {
          if (closing) return closeSync(opened);
          if (nextDescriptor !== undefined) closeSync(nextDescriptor);
          nextDescriptor = opened;
          if (!writing) {
            writing = true;
            next();
          }
        },
        abandon: () => closeSync(opened),
      };
    },
    get linesLost() {
      return lost;
    },
    flushed: () => (writing ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
    close() {
      if (closing) return;
      closing = true;
      if (!writing) next();
    },
  };
}
