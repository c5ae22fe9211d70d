/** The one error class of Mitsu: a stable code, a hint, and the exit status that goes with it. @module */

/**
 * Exit statuses, stable across releases; they follow `sysexits.h` where it has a fitting entry.
 * 0 success, 1 failure, 2 wrong usage, 65 bad data, 69 a needed daemon is unavailable, 71 the system refused, 75 try again, 77 no rights, 78 bad configuration, 95 not supported by this kernel.
 */
export const exitStatus = {
  ok: 0,
  failure: 1,
  usage: 2,
  data: 65,
  unavailable: 69,
  system: 71,
  temporary: 75,
  rights: 77,
  config: 78,
  unsupported: 95,
} as const;

/** What a {@link MitsuError} carries besides its message. */
export interface MitsuErrorOptions {
  /** Stable name, `ERR_<AREA>_<WHAT>`; crosses IPC unchanged. */
  readonly code: string;
  /** What the reader can do about it, one imperative sentence. */
  readonly hint?: string;
  /** Process exit status, one of {@link exitStatus}; 1 unless told. */
  readonly exit?: number;
  readonly cause?: unknown;
}

/**
 * An error that says what failed, why, and what to do.
 *
 * @example
 * ```ts
 * throw new MitsuError("cannot attach connect4 to web.slice: no such cgroup", {
 *   code: "ERR_CGROUP_MISSING",
 *   hint: "start the unit first or pass --create",
 *   exit: exitStatus.data,
 * });
 * ```
 */
export class MitsuError extends Error {
  override readonly name: string = "MitsuError";
  readonly code: string;
  readonly hint: string | undefined;
  readonly exit: number;

  constructor(message: string, options: MitsuErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
    this.exit = options.exit ?? exitStatus.failure;
  }
}

/**
 * The kernel or machine lacks something that is needed; tests skip on this class and on nothing else.
 *
 * @example
 * ```ts
 * throw new NotSupportedError("this kernel has no BTF", "boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
 * ```
 */
export class NotSupportedError extends MitsuError {
  override readonly name = "NotSupportedError";

  constructor(message: string, hint: string, cause?: unknown) {
    super(message, { code: "ERR_NOT_SUPPORTED", hint, exit: exitStatus.unsupported, cause });
  }
}
