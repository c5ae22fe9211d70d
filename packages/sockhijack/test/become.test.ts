import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";

const source = new URL("../src/become.ts", import.meta.url).href;
const script = `const { become } = await import(${JSON.stringify(source)});
try { become(process.argv.slice(1), process.env); }
catch (error) { console.error(error.code, error.message); process.exitCode = error.exit; }`;
const node = [process.execPath, "--input-type=module", "-e", script] as const;

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

async function ended(child: ChildProcess): Promise<Ended> {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (chunk) => (out += chunk));
  child.stderr?.on("data", (chunk) => (err += chunk));
  const [status, signal] = await once(child, "close");
  return { status, signal, out, err };
}

/** Runs a command by `become()` in a Node of its own, which a shell starts after `before`. */
function become(
  command: readonly string[],
  { before = ":", env = {} }: { readonly before?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  const started = spawn("bash", ["-c", `${before}; "$@"`, "bash", ...node, ...command], { env: { ...process.env, ...env } });
  return ended(started);
}

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "mitsu-become-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("become() hands over arguments, environment, standard streams and exit status", async (t) => {
  const told = await become(["sh", "-c", 'echo "$0|$1|$COLOUR"; cat; echo oops >&2; exit 42', "a b", ""], {
    before: "exec <<< piped",
    env: { COLOUR: "blue" },
  });
  t.deepEqual(told, { status: 42, signal: null, out: "a b||blue\npiped\n", err: "oops\n" });
});

test("become() leaves nothing of Node between its caller and the program: a signal ends the program itself", async (t) => {
  const child = spawn(node[0], [...node.slice(1), "sh", "-c", "echo $$; exec cat"]);
  const [line] = await once(child.stdout, "data");
  t.is(Number(String(line)), child.pid!);
  child.kill("SIGTERM");
  t.deepEqual(await once(child, "exit"), [null, "SIGTERM"]);
});

test("become() gives the program SIGPIPE's default action back: a writer ends with its reader", async (t) => {
  const { out, err } = await become(["sh", "-c", "grep SigIgn /proc/self/status"]);
  t.is(err, "");
  t.is(BigInt(`0x${out.split(/\s+/)[1]}`) & (1n << 12n), 0n);
});

test("become() gives the program the limit of open files that its caller had", async (t) => {
  // The shell stays as the caller, since its limits are read from /proc.
  const script = 'ulimit -Sn 333; ulimit -Hn 5000; "$@"; exit $?';
  const { out } = await ended(spawn("bash", ["-c", script, "bash", ...node, "sh", "-c", "ulimit -Sn; ulimit -Hn"]));
  t.is(out, "333\n5000\n");
});

test("become() goes by what MITSU_CALLER says of limit and ignored signals, and does not pass it on", async (t) => {
  const command = ["sh", "-c", 'ulimit -Sn; grep SigIgn /proc/self/status; echo "$MITSU_CALLER"'];
  const { out } = await become(command, { env: { MITSU_CALLER: "444 0000000000001001" } });
  t.is(out, "444\nSigIgn:\t0000000000001001\n\n");
});

test("become() passes on descriptors that its caller opened, and none of Node's own", async (t) => {
  const file = join(folder(t), "given");
  writeFileSync(file, "from the caller\n");
  const list = ["sh", "-c", "cat <&9; ls /proc/self/fd"];
  const direct = await ended(spawn("bash", ["-c", `exec 9< ${file}; "$@"`, "bash", ...list]));
  t.true(direct.out.startsWith("from the caller\n0\n1\n2\n"), direct.out);
  const { out, err } = await become(list, { before: `exec 9< ${file}` });
  t.deepEqual([err, out.split("\n").toSorted()], ["", direct.out.split("\n").toSorted()]);
});

test("become() looks the command up in PATH as a shell does, folders and unexecutable files aside", async (t) => {
  const at = folder(t);
  for (const name of ["folder", "plain", "good"]) mkdirSync(join(at, name));
  mkdirSync(join(at, "folder/tool"));
  writeFileSync(join(at, "plain/tool"), "#!/bin/sh\necho plain\n", { mode: 0o644 });
  writeFileSync(join(at, "good/tool"), "#!/bin/sh\necho good\n", { mode: 0o755 });
  const path = ["folder", "plain", "good"].map((name) => join(at, name)).join(":");
  const call = (command: string, search: string) => ended(spawn(node[0], [...node.slice(1), command], { env: { PATH: search }, cwd: at }));
  t.is((await call("tool", path)).out, "good\n");
  t.is((await call("good/tool", "/nowhere")).out, "good\n");
  t.is((await call("tool", `${at}/plain`)).status, 126);
});

test("become() says 127 for a command that is not there, 126 for one that may not run, 71 for one that cannot", async (t) => {
  const at = folder(t);
  writeFileSync(join(at, "denied"), "", { mode: 0o644 });
  writeFileSync(join(at, "odd"), "\0\0\0\0", { mode: 0o755 });
  const [missing, denied, odd] = await Promise.all(
    ["no-such-command", join(at, "denied"), join(at, "odd")].map((command) => become([command])),
  );
  t.deepEqual([missing!.status, denied!.status, odd!.status], [127, 126, 71]);
  t.is(missing!.err, "ERR_COMMAND_MISSING no-such-command: command not found\n");
  t.is(denied!.err, `ERR_COMMAND_DENIED ${join(at, "denied")}: permission denied\n`);
  t.regex(odd!.err, /^ERR_EXEC cannot execute .*\/odd: errno 8\n$/);
});
