import test from "ava";
import { hasCapability } from "../src/mod.ts";

const status = (mask: string): string => `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${mask}\n`;

test("hasCapability() reads the effective set, not the permitted one", (t) => {
  t.false(hasCapability("CAP_BPF", status("0000000000000000")));
  t.true(hasCapability("CAP_BPF", status("0000008000000000")));
  t.true(hasCapability("CAP_NET_ADMIN", status("0000000000001000")));
  t.false(hasCapability("CAP_SYS_ADMIN", status("0000008000001000")));
});

test("hasCapability() lets CAP_SYS_ADMIN stand for CAP_BPF, but not for CAP_NET_ADMIN", (t) => {
  t.true(hasCapability("CAP_BPF", status("0000000000200000")));
  t.false(hasCapability("CAP_NET_ADMIN", status("0000000000200000")));
});
