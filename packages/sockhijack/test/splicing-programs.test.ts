import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Mesh } from "../src/mesh/mesh.ts";
import { SplicingPrograms, splicesByItself } from "../src/mesh/splicing-programs.ts";

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "mitsu-splicing-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Starts a program and waits for the first thing it says. */
async function started(t: ExecutionContext, file: string, args: readonly string[], cwd?: string): Promise<number> {
  const child: ChildProcess = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"], cwd });
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  await once(child.stdout!, "data");
  return child.pid!;
}

/** A shell by the name of haproxy: `-f` means something else to it, but the file is read all the same, and waits. */
async function haproxy(t: ExecutionContext, config: string, how: "absolute" | "relative" = "absolute"): Promise<boolean> {
  const at = folder(t);
  const file = join(at, "haproxy");
  copyFileSync("/bin/sh", file);
  writeFileSync(join(at, "haproxy.cfg"), `: <<'end'\n${config}\nend\necho ready; read line\n`);
  return splicesByItself(await started(t, file, ["-f", how === "absolute" ? join(at, "haproxy.cfg") : "./haproxy.cfg"], at));
}

test("splicesByItself() sees HAProxy's splice-auto, splice-request and splice-response", async (t) => {
  for (const option of ["auto", "request", "response"]) t.true(await haproxy(t, `defaults\n    option splice-${option}\n`), option);
  t.true(await haproxy(t, "defaults\n\toption  splice-auto", "relative"));
});

test("splicesByItself() lets a HAProxy that does not splice be redirected", async (t) => {
  t.false(await haproxy(t, "defaults\n  option httplog\n  no option splice-auto\n  # option splice-auto\n"));
});

test("splicesByItself() takes no risk with a HAProxy whose configuration it cannot read", async (t) => {
  const at = folder(t);
  const file = join(at, "haproxy");
  copyFileSync("/bin/sh", file);
  t.true(splicesByItself(await started(t, file, ["-c", "echo ready; read line", "-f", "/nowhere/haproxy.cfg"])));
});

/** A program with the mark of Go's linker in its head, where ELF leaves room (`e_ident`), and pipes as told. */
async function goProgram(
  t: ExecutionContext,
  { mark = true, pipe }: { readonly mark?: boolean; readonly pipe: "whole" | "half" | "none" },
) {
  const file = join(folder(t), "service");
  const image = readFileSync("/bin/cat");
  if (mark) image.write("Go\0\0", 9, "latin1");
  writeFileSync(file, image, { mode: 0o755 });
  const redirects = { whole: '3< <(:) 4>"/proc/self/fd/3"', half: "3< <(:)", none: "" }[pipe];
  const script = `exec ${redirects}; echo ready | cat; exec "$0"`;
  const child = spawn("bash", ["-c", script, file], { stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  await once(child.stdout, "data");
  child.stdin.write("x"); // answered once bash has become the program
  await once(child.stdout, "data");
  return splicesByItself(child.pid!);
}

test("splicesByItself() takes a Go program that holds both ends of a pipe for one that splices", async (t) => {
  t.true(await goProgram(t, { pipe: "whole" }));
});

test("splicesByItself() leaves Go programs alone that hold one end, or none", async (t) => {
  t.false(await goProgram(t, { pipe: "half" }));
  t.false(await goProgram(t, { pipe: "none" }));
});

test("splicesByItself() leaves other programs alone, whatever pipes they hold", async (t) => {
  t.false(await goProgram(t, { mark: false, pipe: "whole" }));
  t.false(splicesByItself(process.pid));
});

test("splicesByItself() is false for a process that is gone", async (t) => {
  const child = spawn("true");
  await once(child, "exit");
  t.false(splicesByItself(child.pid!));
});

test("SplicingPrograms judges a cgroup's programs, and holds its judgement 5 s", async (t) => {
  const at = folder(t);
  const cgroups = ["splicing", "other"].map((name) => join(at, name));
  const file = join(at, "haproxy");
  copyFileSync("/bin/sh", file);
  const pid = await started(t, file, ["-c", "echo ready; read line", "-f", "/nowhere"]);
  for (const [index, path] of cgroups.entries()) {
    mkdirSync(path);
    writeFileSync(join(path, "cgroup.procs"), index === 0 ? `${pid}\n` : "");
  }
  const mesh = { attachments: cgroups.map((path, index) => ({ folder: path, cgroup: BigInt(index + 1) })) } as unknown as Mesh;
  let nowMs = 0;
  const programs = new SplicingPrograms(() => nowMs);
  t.deepEqual([programs.in(1n, mesh), programs.in(2n, mesh)], [true, false]);
  t.true(programs.in(99n, mesh), "a cgroup below an attached one is judged by all that are attached");
  writeFileSync(join(cgroups[0]!, "cgroup.procs"), "");
  nowMs = 4999;
  t.true(programs.in(1n, mesh));
  nowMs = 5000;
  t.false(programs.in(1n, mesh));
});
