/** The certificate a daemon uses, read from files and read again when they change. @module */
import { type FSWatcher, watch } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type CertificatePaths, readIdentityFiles } from "./certificate-folder.ts";
import { checkIdentity, type Identity, type IdentityFiles } from "./identity.ts";

/** Effects, for tests. */
export interface CertificateFilesOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Calls back once after a time; returns what takes it back. Timers that keep no process alive unless told. */
  readonly after?: (ms: number, call: () => void) => () => void;
  /** How long the files must be left alone before they are read, for writers that change one after the other; 100 unless told. */
  readonly settleMs?: number;
  /** They are looked at this often even when nothing was heard, as where a file system tells of no change; 60 000 unless told. */
  readonly pollMs?: number;
}

/** For status. Times are milliseconds since 1970. */
export interface CertificateStatus {
  readonly uri: string;
  readonly version: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly expired: boolean;
  /** Why the newest content of the files is not in use; null when it is. */
  readonly error: string | null;
}

/**
 * Watches the three files; a change by rename, by writing in place or by swapping a link to their folder (cert-manager, Kubernetes) is seen. New
 * content is used only when it is fit ({@link checkIdentity}); else the present one stays, and `status()` and `onError` say why.
 *
 * @example
 * ```ts
 * const files = await CertificateFiles.open(pathsIn("/var/lib/mitsu/nicd"));
 * files.onChange((identity) => server.setSecureContext(identity.tls));
 * ```
 */
export class CertificateFiles implements Disposable {
  readonly paths: CertificatePaths;
  /** Called when new content could not be used. */
  onError: ((error: MitsuError) => void) | null = null;
  #current: Identity;
  #content: IdentityFiles;
  #error: MitsuError | null = null;
  readonly #options: Required<CertificateFilesOptions>;
  readonly #listeners = new Set<(identity: Identity) => void>();
  #watchers: FSWatcher[] = [];
  #closed = false;
  #cancelSettle: (() => void) | null = null;
  #cancelPoll: (() => void) | null = null;
  #reading: Promise<void> = Promise.resolve();

  private constructor(paths: CertificatePaths, content: IdentityFiles, options: Required<CertificateFilesOptions>) {
    this.paths = paths;
    this.#content = content;
    this.#options = options;
    this.#current = checkIdentity(content, 1, options.now());
  }

  /** Reads the files and begins to watch. @throws MitsuError `ERR_CERT_BAD` when they cannot be used. */
  static async open(paths: CertificatePaths, options: CertificateFilesOptions = {}): Promise<CertificateFiles> {
    const all = { now: Date.now, after: unrefAfter, settleMs: 100, pollMs: 60_000, ...options };
    try {
      const files = new CertificateFiles(paths, await readIdentityFiles(paths), all);
      await files.#watch();
      // What changed before the watch began.
      await files.reload();
      files.#poll();
      return files;
    } catch (cause) {
      throw unusable(paths, cause);
    }
  }

  /** The newest that was fit. It may be over: see `status()`. */
  get current(): Identity {
    return this.#current;
  }

  status(): CertificateStatus {
    const { id, version, notBeforeMs, notAfterMs } = this.#current;
    const uri = `spiffe://${id.trustDomain}/${id.kind === "node" ? "node" : "ns/mesh/sa"}/${id.name}`;
    return { uri, version, notBeforeMs, notAfterMs, expired: notAfterMs <= this.#options.now(), error: this.#error?.message ?? null };
  }

  /** Hears of every new identity in use. @returns What ends it. */
  onChange(listener: (identity: Identity) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Reads the files now, as on SIGHUP. @returns false when they cannot be used. */
  async reload(): Promise<boolean> {
    this.#reading = this.#reading.then(() => this.#read());
    await this.#reading;
    return this.#error === null;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#cancelSettle?.();
    this.#cancelPoll?.();
    for (const watcher of this.#watchers) watcher.close();
  }

  async #read(): Promise<void> {
    if (this.#closed) return;
    try {
      // Links may lead elsewhere now. Watched before they are read, so that no change falls between.
      await this.#watch();
      const content = await readIdentityFiles(this.paths);
      const same = content.certificate === this.#content.certificate && content.key === this.#content.key;
      if (!same || content.authorities !== this.#content.authorities) {
        this.#current = checkIdentity(content, this.#current.version + 1, this.#options.now());
        this.#content = content;
        for (const listener of this.#listeners) listener(this.#current);
      }
      this.#error = null;
    } catch (cause) {
      const error = unusable(this.paths, cause);
      // The poll finds the same fault again and again: told once.
      const known = this.#error?.message === error.message;
      this.#error = error;
      if (!known) this.onError?.(error);
    }
  }

  async #watch(): Promise<void> {
    const folders = new Set<string>();
    for (const path of [this.paths.certificate, this.paths.key, this.paths.authorities]) {
      folders.add(dirname(path));
      folders.add(dirname(await realpath(path)));
    }
    if (this.#closed) return;
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [...folders].map((folder) =>
      watch(folder, { persistent: false }, () => this.#changed()).on("error", () => this.#changed()),
    );
  }

  #changed(): void {
    this.#cancelSettle?.();
    this.#cancelSettle = this.#options.after(this.#options.settleMs, () => void this.reload());
  }

  #poll(): void {
    this.#cancelPoll = this.#options.after(this.#options.pollMs, () => void this.reload().finally(() => this.#closed || this.#poll()));
  }
}

function unusable({ certificate }: CertificatePaths, cause: unknown): MitsuError {
  return new MitsuError(`cannot use the certificate ${certificate}: ${(cause as Error).message}`, {
    code: "ERR_CERT_BAD",
    hint: "look at the files with `nicd cert show`; issue new ones with `nicd cert issue`",
    exit: exitStatus.config,
    cause,
  });
}

function unrefAfter(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms).unref();
  return () => clearTimeout(timer);
}
