/** Lines into a file or a pipe, which may be as slow as it likes: memory is bounded, nobody waits, and lines without room are lost and counted. @module */
import { close as closeFile, open as openFile, write as writeFile } from "node:fs";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** The system calls that are made, each off the main thread. */
export interface LineFiles {
  readonly open: (path: string, flags: "a", mode: number, done: (error: Error | null, fd: number) => void) => void;
  readonly write: (
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: null,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ) => void;
  readonly close: (fd: number, done: () => void) => void;
}

/** Where lines go, and how many may wait. */
export interface LineWriterOptions {
  /** A file that is appended to, and made with mode 0640; or a descriptor that is open, such as 1 for standard output. */
  readonly to: string | number;
  /** Bytes that may wait; as many may be on their way besides. 1 MiB unless told. */
  readonly bufferBytes?: number;
  /** Lines are gathered for so long; 100 unless told. */
  readonly delayMs?: number;
  readonly files?: LineFiles;
  /** Runs something later; must not keep the process alive. */
  readonly after?: (ms: number, run: () => void) => void;
}

/** Lines by what became of them. */
export interface LineCounts {
  readonly written: number;
  /** There was no room, the disk was full, the reader was gone, or the writer was closed. */
  readonly lost: number;
}

const newline = 0x0a;
/** A pipe that is full is tried again after so long. */
const fullPipeMs = 10;

/**
 * Writes lines. While one buffer is on its way another is filled, so a line is copied once and nothing is held for it.
 * Several processes may append to one file.
 *
 * @example
 * ```ts
 * const writer = await LineWriter.open({ to: "/var/log/mitsu/access.log" });
 * writer.write('{"path":"/"}');
 * process.on("SIGHUP", () => void writer.reopen()); // logrotate moved the file away
 * await writer.close(1000);
 * ```
 */
export class LineWriter {
  readonly #options: Required<Omit<LineWriterOptions, "bufferBytes">>;
  #fd: number;
  /** The first byte of each is for the end of a line that was written in part. */
  #filling: Buffer;
  #sending: Buffer;
  #end = 1;
  #lines = 0;
  #isSending = false;
  #isPlanned = false;
  #isClosed = false;
  /** The file ends in the middle of a line. */
  #isTorn = false;
  /** Descriptors that are done with once the present buffer is through. */
  #retired: number[] = [];
  #whenIdle: (() => void) | undefined;
  readonly #counts = { written: 0, lost: 0 };
  /** Why lines were lost last; undefined once a buffer went through. */
  lastError: string | undefined;

  private constructor(fd: number, { to, bufferBytes = 1024 * 1024, delayMs = 100, files = systemFiles, after = later }: LineWriterOptions) {
    this.#options = { to, delayMs, files, after };
    this.#fd = fd;
    this.#filling = Buffer.alloc(bufferBytes + 1);
    this.#sending = Buffer.alloc(bufferBytes + 1);
  }

  /** @throws {MitsuError} ERR_LOG_FILE when the file cannot be opened. */
  static async open(options: LineWriterOptions): Promise<LineWriter> {
    const { to, files = systemFiles } = options;
    return new LineWriter(typeof to === "number" ? to : await opened(to, files), options);
  }

  /** What became of the lines so far; those that wait are in neither. */
  get counts(): LineCounts {
    return { ...this.#counts };
  }

  /** Takes a line, without its end. */
  write(line: string): void {
    const room = this.#filling.length - this.#end - 1;
    // A character takes three bytes at most; they are counted only when it is close.
    if (this.#isClosed || (line.length * 3 > room && Buffer.byteLength(line) > room)) {
      this.#counts.lost++;
      return;
    }
    this.#end += this.#filling.write(line, this.#end);
    this.#filling[this.#end++] = newline;
    this.#lines++;
    if (this.#isSending) return;
    if (this.#end * 2 > this.#filling.length) this.#send();
    else if (!this.#isPlanned) {
      this.#isPlanned = true;
      this.#options.after(this.#options.delayMs, () => {
        this.#isPlanned = false;
        this.#send();
      });
    }
  }

  /**
   * Opens the file anew, by its name; what is on its way goes to the old one. Does nothing for a descriptor.
   *
   * @throws {MitsuError} ERR_LOG_FILE when it cannot be opened; then lines go on to the old one.
   */
  async reopen(): Promise<void> {
    const { to, files } = this.#options;
    if (typeof to === "number") return;
    const fd = await opened(to, files);
    if (this.#isClosed) return files.close(fd, ignore);
    this.#retired.push(this.#fd);
    this.#fd = fd;
    this.#isTorn = false;
    if (!this.#isSending) this.#closeRetired();
  }

  /**
   * Writes what waits and closes the file; what is not through within the limit is lost, and the file is left to the system.
   *
   * @param limitMs Milliseconds for all of it.
   */
  async close(limitMs: number): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#send();
    if (this.#isSending) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
        this.#options.after(limitMs, resolve);
      });
    }
    if (this.#isSending) {
      // The system call that hangs cannot be taken back.
      this.#counts.lost += this.#lines;
      this.#lines = 0;
      this.#end = 1;
      return;
    }
    if (typeof this.#options.to === "string") this.#retired.push(this.#fd);
    this.#closeRetired();
  }

  #send(): void {
    if (this.#isSending || this.#end === 1) return;
    const buffer = this.#filling;
    const end = this.#end;
    const lines = this.#lines;
    this.#filling = this.#sending;
    this.#sending = buffer;
    this.#end = 1;
    this.#lines = 0;
    this.#isSending = true;
    buffer[0] = newline;
    this.#sendFrom(this.#isTorn ? 0 : 1, end, lines, this.#fd);
  }

  #sendFrom(at: number, end: number, lines: number, fd: number): void {
    const { files, after } = this.#options;
    files.write(fd, this.#sending, at, end - at, null, (error, written) => {
      if (error?.code === "EAGAIN") after(fullPipeMs, () => this.#sendFrom(at, end, lines, fd));
      else if (error) this.#failed(error, at, end, lines, fd);
      else if (at + written < end) this.#sendFrom(at + written, end, lines, fd);
      else {
        this.#counts.written += lines;
        this.lastError = undefined;
        if (fd === this.#fd) this.#isTorn = false;
        this.#sent();
      }
    });
  }

  /** The lines of which something is missing are lost. */
  #failed(error: Error, at: number, end: number, lines: number, fd: number): void {
    let lost = 0;
    for (let n = Math.max(at, 1); n < end; n++) if (this.#sending[n] === newline) lost++;
    this.#counts.lost += lost;
    this.#counts.written += lines - lost;
    this.lastError = error.message;
    if (fd === this.#fd && at > 1) this.#isTorn = this.#sending[at - 1] !== newline;
    this.#sent();
  }

  #sent(): void {
    this.#isSending = false;
    this.#closeRetired();
    // What came in the meantime has waited long enough.
    this.#send();
    if (!this.#isSending) this.#whenIdle?.();
  }

  #closeRetired(): void {
    for (const fd of this.#retired.splice(0)) this.#options.files.close(fd, ignore);
  }
}

const systemFiles: LineFiles = { open: openFile, write: writeFile, close: closeFile };

function later(ms: number, run: () => void): void {
  setTimeout(run, ms).unref();
}

/** A file that cannot be closed has nothing that could still be saved. */
function ignore(): void {}

function opened(path: string, { open }: LineFiles): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, "a", 0o640, (cause, fd) => {
      if (!cause) return resolve(fd);
      reject(
        new MitsuError(`cannot write to ${path}: ${cause.message}`, {
          code: "ERR_LOG_FILE",
          hint: "make its folder, and let the daemon's user write there",
          exit: exitStatus.config,
          cause,
        }),
      );
    });
  });
}
