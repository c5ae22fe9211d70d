/** Why the kernel or libbpf refused an object: libbpf's messages and the verifier's log, turned into one error. @module */
import { existsSync } from "node:fs";
import { exitStatus, MitsuError, NotSupportedError } from "@mitsu/cli/error";
import { vmlinuxBtfPath } from "./btf.ts";
import { errnos, errnoText, kernelError } from "./kernel-error.ts";
import { libc, withPrint } from "./native.ts";

/** Lines of the verifier's log that the message repeats; the last ones say what is wrong. */
const tailLines = 30;

/** A refusal by the verifier. */
export class VerifierError extends MitsuError {
  override readonly name = "VerifierError";
  /** Name of the refused program. */
  readonly programName: string;
  /** The verifier's whole log, up to 16 MB; not enumerable, so that printing the error does not print it all. */
  declare readonly verifierLog: string;

  constructor(objectName: string, programName: string, verifierLog: string, errno: number) {
    const tail = verifierLog.trimEnd().split("\n").slice(-tailLines).join("\n");
    super(`the verifier refuses program ${programName} of ${objectName}: ${errnoText(errno)}\n${tail}`, {
      code: "ERR_BPF_VERIFIER",
      hint: "read the last lines of the log; the whole of it is the error's verifierLog",
      exit: exitStatus.system,
    });
    this.programName = programName;
    Object.defineProperty(this, "verifierLog", { value: verifierLog });
  }
}

/** Runs `body` and gives its result with libbpf's warnings during it. */
export function withWarnings<T>(body: () => T): { result: T; warnings: string[] } {
  const warnings: string[] = [];
  const text = new Uint8Array(4096);
  const result = withPrint((level, format, args) => {
    if (level > 0) return 0;
    const length = Math.min(libc().vsnprintf(text, text.length, format, args), text.length - 1);
    warnings.push(
      Buffer.from(text.buffer, 0, length)
        .toString()
        .trim()
        .replace(/^libbpf: /, ""),
    );
    return length;
  }, body);
  return { result, warnings };
}

/** The error for a failed load, by what libbpf warned of and the verifier logged. */
export function loadError(objectName: string, errno: number, warnings: readonly string[], log: string): MitsuError {
  const all = warnings.join("\n");
  const program = /prog '([^']+)'/.exec(all)?.[1] ?? "(unknown)";
  if (log.trim() !== "" && /BPF program load failed/.test(all)) return new VerifierError(objectName, program, log, errno);
  const detail = warnings.length > 0 ? ` (${warnings.join("; ")})` : "";
  if (errno === errnos.EPERM) {
    return kernelError(`cannot load ${objectName}${detail}`, errno, "run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
  }
  if (/BTF|CO-RE/.test(all) && !existsSync(vmlinuxBtfPath)) {
    const hint = "boot a kernel with CONFIG_DEBUG_INFO_BTF=y";
    return new NotSupportedError(`cannot load ${objectName}: this kernel has no BTF (${vmlinuxBtfPath})${detail}`, hint);
  }
  return kernelError(`cannot load ${objectName}${detail}`, errno, "the kernel may be too old for a program or map of it; see features()");
}
