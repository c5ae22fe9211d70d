/** Runs one command to its end and tells what it took: wall clock, and its peak resident set as the kernel counts it. @module */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** What a command took and said. */
export interface Ran {
  readonly status: number | null;
  /** From its start to its end, the start of Node included. */
  readonly seconds: number;
  /** VmHWM of its process, threads included. */
  readonly peakMb: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Between two looks at VmHWM; it never falls, so that only growth in a command's last milliseconds is missed. */
const lookEveryMs = 5;

function peakKib(pid: number): number {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0; // It ended between two looks.
  }
}

/**
 * Runs a command; it is killed, with `status` null, when it takes longer than `limitSeconds`.
 *
 * @example
 * ```ts
 * const { seconds, peakMb } = await runMeasured(["bin/placer", "plan", "problem.json", "-o", "plan.json"], 60);
 * ```
 */
export function runMeasured(command: readonly string[], limitSeconds: number): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const begun = process.hrtime.bigint();
    const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
    let peak = 0;
    let stdout = "";
    let stderr = "";
    const look = setInterval(() => {
      peak = Math.max(peak, peakKib(child.pid!));
    }, lookEveryMs);
    const stop = (): void => void child.kill("SIGKILL");
    const limit = setTimeout(stop, limitSeconds * 1000);
    // Whoever ends this benchmark ends what it measures too.
    process.once("exit", stop);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-20_000);
    });
    const end = (): void => {
      clearInterval(look);
      clearTimeout(limit);
      process.off("exit", stop);
    };
    child.on("error", (error) => {
      end();
      reject(error);
    });
    child.on("close", (status) => {
      end();
      resolve({ status, seconds: Number(process.hrtime.bigint() - begun) / 1e9, peakMb: (peak * 1024) / 1e6, stdout, stderr });
    });
  });
}
