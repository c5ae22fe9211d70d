import { readFileSync } from "node:fs";
import test from "ava";
import { serviceOfPid } from "../src/mesh/service-of-pid.ts";

const attachment = (folder: string, service: string) => ({ folder, service, cgroup: 1n, made: false, declared: false });
const root = "/cg";
const own = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
const folder = `${root}${own === "/" ? "" : own}`;

test("serviceOfPid() takes the nearest attached cgroup, and no folder that merely begins alike", (t) => {
  const of = (...attached: readonly ReturnType<typeof attachment>[]) => serviceOfPid(root, process.pid, attached);
  t.is(of(), "");
  t.is(of(attachment(root, "all"), attachment(folder, "own")), folder === root ? "all" : "own");
  t.is(of(attachment(folder, "own"), attachment(`${folder}/below`, "below"), attachment(root.slice(0, -1), "alike")), "own");
});

test("serviceOfPid() of a process that has ended is none", (t) => {
  t.is(serviceOfPid(root, 2 ** 22 + 1, [attachment(root, "all")]), "");
});
