/** A program of replica-selection.sh: started in a network namespace, waited for, measured, ended. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, readFileSync, type WriteStream } from "node:fs";
import { join } from "node:path";

/** Where and how to start one. */
export interface ProgramOptions {
  readonly name: string;
  /** Full name of a network namespace. */
  readonly namespace: string;
  /** Its log, `<name>.log`, goes there. */
  readonly folder: string;
  readonly command: readonly string[];
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Kernel ticks a second of /proc/PID/stat, on every Linux that Node runs on. */
const ticks = 100;
/** How long a program has to become ready, and to end by itself. */
const patienceMs = 15_000;

/** All that run, so that none is left over. */
const running = new Set<Program>();

/** One program; it is killed by the kernel when this process ends. */
export class Program {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #over: Promise<void>;
  readonly #log: WriteStream;
  #said = "";
  #out = "";

  constructor({ name, namespace, folder, command, env }: ProgramOptions) {
    this.name = name;
    this.#log = createWriteStream(join(folder, `${name}.log`), { flags: "a" });
    this.#child = spawn("nsenter", [`--net=/run/netns/${namespace}`, "setpriv", "--pdeathsig", "KILL", ...command], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      // A Ctrl-C is for whoever ends all in order.
      detached: true,
    });
    this.#child.stderr!.on("data", (bytes: Buffer) => {
      this.#log.write(bytes);
      this.#said = `${this.#said}${bytes}`.slice(-16_384);
      this.#child.emit("said");
    });
    this.#child.stdout!.on("data", (bytes: Buffer) => {
      this.#out += bytes;
    });
    this.#over = new Promise((resolve) => {
      this.#child.once("close", () => resolve(void running.delete(this)));
      this.#child.once("error", () => resolve(void running.delete(this)));
    });
    running.add(this);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it printed, once it is over. @throws {Error} When it failed. */
  async output(): Promise<string> {
    await this.#over;
    if (this.#child.exitCode !== 0) throw new Error(`${this.name} failed: ${this.#said.trim().split("\n").at(-1)}`);
    return this.#out;
  }

  /** Until it says so on stderr. @throws {Error} When it ends before, or takes 15 s. */
  async says(what: RegExp): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${this.name} ${why}:\n${this.#said.trim().split("\n").slice(-5).join("\n")}`));
      const timer = setTimeout(() => fail("is not ready"), patienceMs);
      const look = (): void => {
        if (!what.test(this.#said)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#child.on("said", look);
      void this.#over.then(() => {
        clearTimeout(timer);
        fail("has ended");
      });
      look();
    });
  }

  /** CPU seconds so far (/proc/PID/stat); 0 when it is gone. */
  cpuSeconds(): number {
    try {
      const fields = readFileSync(`/proc/${this.pid}/stat`, "latin1").split(") ")[1]!.split(" ");
      return (Number(fields[11]) + Number(fields[12])) / ticks;
    } catch {
      return 0;
    }
  }

  /** Resident set in bytes; 0 when it is gone. */
  residentBytes(): number {
    try {
      return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, "latin1"))?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  signal(name: NodeJS.Signals): void {
    if (this.alive) this.#child.kill(name);
  }

  /** TERM, 15 s of patience, then KILL; returns once it is over. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), patienceMs);
    await this.#over;
    clearTimeout(timer);
    this.#log.end();
  }

  /** KILL. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#over;
  }
}

/** Ends all that run, those that were started last first. */
export async function stopAll(): Promise<void> {
  for (const program of [...running].reverse()) await program.stop();
}
