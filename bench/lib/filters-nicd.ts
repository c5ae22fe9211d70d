/** A nicd of one worker for the checks of filters.sh, with a mesh file that may be changed. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** One that runs until `stop`. */
export interface Nicd {
  readonly pid: number;
  /** Puts a changed mesh file in place, in one step, and says so. */
  readonly reload: (mesh: string) => void;
  /** Resident set of it and its workers, MB (10⁶ bytes). */
  readonly residentMb: () => number;
  readonly stop: () => Promise<void>;
}

function tree(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(tree)];
}

const residentKb = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);

async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`nicd ended with ${child.exitCode}`);
    const socket = connect(port, "127.0.0.1");
    const open = await Promise.race([once(socket, "connect").then(() => true), once(socket, "error").then(() => false)]).catch(() => false);
    socket.destroy();
    if (open) return;
    await wait(50);
  }
  throw new Error(`nicd does not listen on port ${port}`);
}

/**
 * Starts it with its service `service` on 127.0.0.1:`port`.
 *
 * @param scratch Folder for its mesh file and socket.
 */
export async function startNicd(scratch: string, mesh: string, port: number, service: string): Promise<Nicd> {
  const file = join(scratch, "mesh.yaml");
  writeFileSync(file, mesh);
  const program = join(import.meta.dirname, "../../bin/nicd");
  const args = ["daemon", "--workers", "1", "--sockhijack", "off", "--log-level", "error", "--config", file];
  const child = spawn(program, [...args, "--socket", join(scratch, "nicd.sock"), "--listen", `127.0.0.1:${port}=${service}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const signal = setTimeout(() => child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(signal);
  };
  try {
    await listening(port, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid!,
    reload: (text) => {
      writeFileSync(`${file}.next`, text);
      renameSync(`${file}.next`, file);
      child.kill("SIGHUP");
    },
    residentMb: () => (tree(child.pid!).reduce((sum, pid) => sum + residentKb(pid), 0) * 1024) / 1e6,
    stop,
  };
}
