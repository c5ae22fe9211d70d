/** Replaces this process by another program, as a shell's `exec` does: its exit status and signals are then its own. @module */
import { accessSync, constants as files, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import koffi from "koffi";

const RLIMIT_NOFILE = 7;
const F_SETFD = 2;
const SIG_DFL = 0;
const SIG_IGN = 1;
const F_GETFL = 3;
const F_SETFL = 4;

/** The file that a shell would run. */
function lookUp(command: string, path: string): string {
  const candidates = command.includes("/") ? [command] : path.split(delimiter).map((folder) => join(folder || ".", command));
  let denied = false;
  for (const file of candidates) {
    try {
      if (!statSync(file).isFile()) continue;
      accessSync(file, files.X_OK);
      return file;
    } catch (error) {
      denied ||= (error as NodeJS.ErrnoException).code === "EACCES";
    }
  }
  // 126 and 127 are what shells, env and nohup give for these two.
  throw new MitsuError(`${command}: ${denied ? "permission denied" : "command not found"}`, {
    code: denied ? "ERR_COMMAND_DENIED" : "ERR_COMMAND_MISSING",
    exit: denied ? 126 : 127,
    hint: denied ? "make it executable" : "check the name, or give the full path",
  });
}

/**
 * Executes a program in the place of this process and never returns.
 *
 * What Node changed for itself is put back first: it ignores SIGPIPE, raises the soft limit of open files, marks every descriptor
 * close-on-exec, and makes the pipes that it writes to non-blocking.
 *
 * @param command The program and its arguments.
 * @throws {MitsuError} ERR_COMMAND_MISSING (exit 127), ERR_COMMAND_DENIED (126), ERR_EXEC.
 */
export function become(command: readonly string[], env: Readonly<Record<string, string | undefined>>): never {
  const file = lookUp(command[0]!, env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin");
  const libc = koffi.load("libc.so.6");
  const execve = libc.func("int execve(const char *path, char **argv, char **envp)");
  const signal = libc.func("void *signal(int number, uintptr_t handler)");
  const limits = new BigUint64Array(2);
  libc.func("int getrlimit(int resource, _Out_ uint64_t *limits)")(RLIMIT_NOFILE, limits);
  const caller = callerOf(env, limits[1]!);
  for (const number of [constants.signals.SIGPIPE, constants.signals.SIGXFSZ]) signal(number, SIG_DFL);
  for (let number = 1; number < 32; number++) if ((caller.ignored >> BigInt(number - 1)) & 1n) signal(number, SIG_IGN);
  if (caller.softFiles < limits[1]!) limits[0] = caller.softFiles;
  libc.func("int setrlimit(int resource, uint64_t *limits)")(RLIMIT_NOFILE, limits);
  const fcntl = libc.func("int fcntl(int fd, int command, int value)");
  for (const fd of inheritedFds()) fcntl(fd, F_SETFD, 0);
  for (const fd of [1, 2]) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) & ~files.O_NONBLOCK);
  const kept = Object.entries(env).filter(([name, value]) => name !== callerVariable && value !== undefined);
  const variables = kept.map(([name, value]) => `${name}=${value}`);
  execve(file, [...command, null], [...variables, null]);
  throw new MitsuError(`cannot execute ${file}: errno ${koffi.errno()}`, {
    code: "ERR_EXEC",
    exit: exitStatus.system,
    hint: "check that it is a program for this machine, or a script with a valid first line",
  });
}

/**
 * Descriptors that whoever started us meant for the program: standard input, output and error, a shell's `<(…)`, sockets passed by systemd.
 * Node's own are anonymous inodes, or pipes of which it holds both ends.
 */
function inheritedFds(): number[] {
  const links = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [{ fd: Number(fd), link: readlinkSync(`/proc/self/fd/${fd}`) }];
    } catch {
      return []; // the descriptor that listed the folder
    }
  });
  const firstOwn = links.find(({ link }) => link === "anon_inode:[eventpoll]")?.fd ?? Number.POSITIVE_INFINITY;
  const own = ({ fd, link }: { fd: number; link: string }): boolean =>
    link.startsWith("anon_inode:") ||
    (link === "/dev/null" && fd > firstOwn) || // libuv keeps one in reserve for when descriptors run out
    (link.startsWith("pipe:") && links.filter((other) => other.link === link).length > 1);
  return links.filter((one) => one.fd <= 2 || !own(one)).map(({ fd }) => fd);
}

/** Set by `scripts/run-daemon` before Node starts: soft limit of open files, and the mask of ignored signals in hexadecimal. */
const callerVariable = "MITSU_CALLER";

/**
 * What the caller had before Node changed it. The standalone binary has no "before": there the parent's soft limit stands in, when its hard limit
 * is ours too, and no signal counts as ignored.
 */
function callerOf(
  env: Readonly<Record<string, string | undefined>>,
  hard: bigint,
): { readonly softFiles: bigint; readonly ignored: bigint } {
  const told = /^(\d+)\s([0-9a-f]+)$/.exec(env[callerVariable] ?? "");
  if (told) return { softFiles: BigInt(told[1]!), ignored: BigInt(`0x${told[2]}`) };
  const text = readFileSync(`/proc/${process.ppid}/limits`, "utf8");
  const [, soft, parentHard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(text) ?? [];
  return { softFiles: soft !== undefined && parentHard === String(hard) ? BigInt(soft) : hard, ignored: 0n };
}
