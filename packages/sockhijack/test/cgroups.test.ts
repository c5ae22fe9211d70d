import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { cgroupId, cgroupOfPid, cgroupPids, findCgroup, isPopulated, joinCgroup, makeCgroup, removeCgroup } from "../src/mesh/cgroups.ts";

const id = "3f8a0c1d2e4b5a6978c0d1e2f3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6";

/** A tree with the files of cgroupfs that are read. */
function tree(t: ExecutionContext, folders: Readonly<Record<string, readonly number[]>>): string {
  const root = mkdtempSync(join(tmpdir(), "mitsu-cgroups-"));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, pids] of Object.entries({ "": [], ...folders })) {
    mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, path, "cgroup.procs"), pids.map((pid) => `${pid}\n`).join(""));
    writeFileSync(join(root, path, "cgroup.events"), `populated ${pids.length > 0 ? 1 : 0}\nfrozen 0\n`);
  }
  return root;
}

const machine = {
  "system.slice": [],
  "system.slice/nginx.service": [10],
  "system.slice/nginx.service/worker": [11, 12],
  [`system.slice/docker-${id}.scope`]: [20],
  "machine.slice": [],
  [`machine.slice/libpod-${"9".repeat(64)}.scope`]: [30],
  "kubepods/a": [],
  "kubepods/a/worker": [40],
  plain: [50],
} as const;

test("findCgroup() finds a path, absolute or below the root, a unit with and without its suffix", (t) => {
  const root = tree(t, machine);
  const nginx = join(root, "system.slice/nginx.service");
  for (const what of [nginx, `${nginx}/`, "system.slice/nginx.service", "nginx.service", "nginx"])
    t.is(findCgroup(root, what), nginx, what);
  t.is(findCgroup(root, "plain"), join(root, "plain"));
});

test("findCgroup() finds a container by its id, whole or shortened to 12 digits or more, whatever the runtime calls its scope", (t) => {
  const root = tree(t, machine);
  const scope = join(root, `system.slice/docker-${id}.scope`);
  for (const what of [id, id.slice(0, 12), `docker-${id}.scope`]) t.is(findCgroup(root, what), scope, what);
  t.throws(() => findCgroup(root, id.slice(0, 11)), { code: "ERR_CGROUP_MISSING" });
  t.is(findCgroup(root, "9".repeat(64)), join(root, `machine.slice/libpod-${"9".repeat(64)}.scope`));
});

test("findCgroup() says what it could be when a name is not the only one", (t) => {
  const error = t.throws(() => findCgroup(tree(t, machine), "worker"), { code: "ERR_CGROUP_AMBIGUOUS" });
  t.regex(error!.message, /could be any of (?=.*\/kubepods\/a\/worker)(?=.*\/nginx\.service\/worker)/);
});

for (const what of ["nothing", "", "..", "../..", "/etc", "system.slice/../../etc", "*", "a b"]) {
  test(`findCgroup() refuses ${JSON.stringify(what)}`, (t) => {
    const error = t.throws(() => findCgroup(tree(t, machine), what), { code: "ERR_CGROUP_MISSING" }) as { exit?: number } | undefined;
    t.is(error?.exit, 65);
  });
}

test("findCgroup() never takes the root, which is everybody", (t) => {
  const root = tree(t, machine);
  for (const what of [root, `${root}/`, ".", "/", "./", "system.slice/..", `${root}/system.slice/..`, `${root}/system.slice/../../etc`])
    t.throws(() => findCgroup(root, what), { code: "ERR_CGROUP_MISSING" }, what);
});

test("findCgroup() finds the cgroup of a process as 4711 and pid:4711, and says that the root is none", (t) => {
  const path = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
  const root = tree(t, machine);
  for (const what of [`pid:${process.pid}`, String(process.pid)]) {
    t.is(findCgroup(root, what), path === "/" ? undefined : join(root, path), what);
  }
});

test("findCgroup() and cgroupOfPid() name a process that is not there", async (t) => {
  const child = spawn("true");
  await once(child, "exit");
  t.throws(() => findCgroup("/sys/fs/cgroup", `pid:${child.pid}`), { code: "ERR_PROCESS_MISSING", message: `no process ${child.pid}` });
  t.throws(() => cgroupOfPid("/sys/fs/cgroup", child.pid!), { code: "ERR_PROCESS_MISSING" });
});

test("cgroupPids() has the processes of a cgroup and of those below it; none of one that is gone", (t) => {
  const root = tree(t, machine);
  t.deepEqual(cgroupPids(join(root, "system.slice/nginx.service")), [10, 11, 12]);
  t.deepEqual(cgroupPids(join(root, "machine.slice")), [30]);
  t.deepEqual(cgroupPids(join(root, "gone")), []);
});

test("isPopulated() reads the kernel's word, and is false for one that is gone", (t) => {
  const root = tree(t, machine);
  t.true(isPopulated(join(root, "plain")));
  t.false(isPopulated(join(root, "kubepods/a")));
  t.false(isPopulated(join(root, "gone")));
});

test("cgroupId() is the folder's inode number", (t) => {
  const root = tree(t, {});
  t.is(cgroupId(root), BigInt(statSync(root).ino));
});

test("makeCgroup() makes a cgroup with its parents, and keeps one that exists", (t) => {
  const root = tree(t, {});
  const folder = makeCgroup(root, "mitsu/web");
  t.is(folder, join(root, "mitsu/web"));
  t.is(makeCgroup(root, "mitsu/web"), folder);
  t.true(existsSync(folder));
});

test("makeCgroup() and joinCgroup() say what could not be done, and what to do", (t) => {
  const root = tree(t, {});
  writeFileSync(join(root, "file"), "");
  t.throws(() => makeCgroup(root, "file/web"), { code: "ERR_CGROUP_CREATE", message: /cannot make the cgroup .*\/file\/web/ });
  t.throws(() => joinCgroup(join(root, "gone"), 1), { code: "ERR_CGROUP_JOIN", message: /cannot move process 1 into / });
});

test("joinCgroup() writes the process' number", (t) => {
  const root = tree(t, { web: [] });
  joinCgroup(join(root, "web"), 4711);
  t.deepEqual(cgroupPids(join(root, "web")), [4711]);
});

test("removeCgroup() removes a cgroup and the parents that are empty, and never the root", (t) => {
  const root = tree(t, {});
  mkdirSync(join(root, "mitsu/web"), { recursive: true });
  mkdirSync(join(root, "mitsu/db"));
  removeCgroup(root, join(root, "mitsu/web"));
  t.deepEqual([existsSync(join(root, "mitsu/web")), existsSync(join(root, "mitsu/db"))], [false, true]);
  rmSync(join(root, "cgroup.procs"));
  rmSync(join(root, "cgroup.events"));
  removeCgroup(root, join(root, "mitsu/db"));
  t.deepEqual([existsSync(join(root, "mitsu")), existsSync(root)], [false, true]);
  removeCgroup(root, root);
  removeCgroup(join(root, "other"), root);
  t.true(existsSync(root));
});
