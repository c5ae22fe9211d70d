import test from "ava";
import { cgroup2Path } from "../src/mod.ts";

const hybrid = `25 30 0:23 / /sys/fs/cgroup rw - tmpfs tmpfs rw
26 25 0:24 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu
27 25 0:25 / /sys/fs/cgroup/unified rw,relatime shared:10 - cgroup2 cgroup2 rw
`;

test("cgroup2Path() finds the v2 mount beside v1 controllers", (t) => {
  t.is(cgroup2Path(hybrid), "/sys/fs/cgroup/unified");
});

test("cgroup2Path() prefers the whole hierarchy to a bound part of it", (t) => {
  const bound = "40 30 0:25 /pod /mnt/pod rw - cgroup2 cgroup2 rw\n";
  t.is(cgroup2Path(bound + hybrid), "/sys/fs/cgroup/unified");
  t.is(cgroup2Path(bound), "/mnt/pod");
});

test("cgroup2Path() unescapes blanks in mount points", (t) => {
  t.is(cgroup2Path("1 2 0:25 / /mnt/my\\040groups rw - cgroup2 none rw\n"), "/mnt/my groups");
});

test("cgroup2Path() is undefined where only v1 is mounted", (t) => {
  t.is(cgroup2Path("26 25 0:24 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu\n"), undefined);
});
