import { existsSync, mkdirSync, readdirSync, readlinkSync, rmdirSync } from "node:fs";
import { defaultBpffs, ensureBpffs } from "@mitsu/ebpf-ts";
import { kernelTest } from "@mitsu/ebpf-ts/kernel-test";
import test from "ava";
import { asset } from "../src/assets.ts";
import type { Bench } from "../src/selftest/bench.ts";
import { type Check, expect, NotCheckable, resultOf, WrongByte } from "../src/selftest/check.ts";
import { checks, type RunOptions, runChecks } from "../src/selftest/run-checks.ts";
import { type Sockets, systemSockets, wouldBlock } from "../src/selftest/sockets.ts";
import { verdictOf } from "../src/selftest/verdict.ts";

const object = (): Uint8Array => asset("sockhijack.bpf.o");
const pins = `/sys/fs/bpf/mitsu/selftest-${process.pid}`;

kernelTest("runChecks() finds every check to hold on this kernel; splice is known", (t) => {
  ensureBpffs(defaultBpffs, { mount: true });
  const { results } = runChecks({ object: object() });
  t.deepEqual(
    results.map(({ name }) => name),
    checks.map(({ name }) => name),
  );
  const others = results.filter(({ name, outcome }) => outcome !== "holds" && name !== "splice");
  t.deepEqual(others, []);
  t.regex(results.find(({ name }) => name === "splice")!.outcome, /^(known|holds)$/);
  t.deepEqual(verdictOf(results), { usable: true, promote: true, unread: true, broken: [] });
});

type Receive = Sockets["receive"];
/** Alters what a read gave. */
const reading =
  (alter: (got: number, into: Uint8Array) => number): ((real: Sockets) => Partial<Sockets>) =>
  (real) => ({
    receive: ((fd, into, flags) => alter(real.receive(fd, into, flags), into)) satisfies Receive,
  });
const reversed = reading((got, into) => {
  if (got > 1) into.subarray(0, got).reverse();
  return got;
});
/** One bit of the 60th kilobyte is wrong. */
function flipped(real: Sockets): Partial<Sockets> {
  let total = 0;
  return reading((got, into) => {
    if (got > 0 && total < 60_000 && total + got >= 60_000) into[0]! ^= 1;
    if (got > 0) total += got;
    return got;
  })(real);
}

interface Lie {
  readonly check: string;
  readonly options?: Partial<RunOptions>;
  readonly sockets?: (real: Sockets) => Partial<Sockets>;
  /** What the check must have noticed. */
  readonly seen: RegExp;
}

/** For each check a kernel that is broken in just the way it looks for. */
const lies: readonly Lie[] = [
  { check: "order", sockets: reversed, seen: /byte 0 of the stream is not the one that was sent/ },
  { check: "promotion", options: { promote: false }, seen: /a drained connection cannot be told/ },
  { check: "unread", options: { unread: "wait" }, seen: /the kernel refused a socket/ },
  { check: "unread", sockets: reversed, seen: /is not the one that was sent/ },
  { check: "unread", sockets: () => ({ unread: () => 0 }), seen: /FIONREAD says 0 for 70 bytes taken along/ },
  { check: "fionread", sockets: () => ({ unread: () => 0 }), seen: /FIONREAD says 0 for 100 bytes redirected/ },
  { check: "fionread", sockets: (real) => ({ unread: (fd) => real.unread(fd) * 2 }), seen: /FIONREAD says 200 for 100/ },
  { check: "peek", sockets: (real) => ({ receive: (fd, into) => real.receive(fd, into, 0) }), seen: /MSG_PEEK gave|is not the one/ },
  { check: "epoll-edge", sockets: () => ({ edge: () => 0 }), seen: /no wake-up for a redirected message/ },
  { check: "epoll-edge", sockets: () => ({ edge: () => 1 }), seen: /a wake-up for nothing/ },
  { check: "half-close", sockets: () => ({ endWriting: () => {} }), seen: /nothing came after byte 100000/ },
  { check: "close", sockets: reading((got) => (got <= 0 && got !== wouldBlock ? -5 : got)), seen: /no end of the stream after close/ },
  { check: "memory", options: { memoryRatio: 0.5 }, seen: /MiB unread at most, .* by plain TCP/ },
  { check: "release", sockets: flipped, seen: /byte \d+ of the stream is not the one that was sent/ },
  { check: "across", sockets: reversed, seen: /is not the one that was sent/ },
  { check: "loopbacks", sockets: reversed, seen: /is not the one that was sent/ },
];

test("lies has at least one for every check whose failure refuses something", (t) => {
  const needed = checks.filter(({ consequence }) => consequence !== "known").map(({ name }) => name);
  t.deepEqual(new Set(lies.map(({ check }) => check)), new Set(needed));
});

for (const { check, options, sockets, seen } of lies) {
  kernelTest(`${check} fails on a kernel where ${seen.source}`, (t) => {
    ensureBpffs(defaultBpffs, { mount: true });
    const real = systemSockets();
    const { results } = runChecks({ object: object(), only: [check], sockets: { ...real, ...sockets?.(real) }, ...options });
    t.is(results.length, 1);
    t.is(results[0]!.outcome, "broken");
    t.regex(results[0]!.seen, seen);
    t.not(results[0]!.refused, "");
    const { broken, ...may } = verdictOf(results);
    const all = { usable: true, promote: true, unread: true };
    const less = check === "promotion" ? { promote: false } : check === "unread" ? { unread: false } : { usable: false };
    t.deepEqual(may, { ...all, ...less });
    t.is(broken.length, 1);
    t.true(broken[0]!.startsWith(`self-test ${check}: `));
  });
}

kernelTest("splice holds on a kernel where it finds redirected bytes", (t) => {
  ensureBpffs(defaultBpffs, { mount: true });
  const real = systemSockets();
  const splice: Sockets["splice"] = (from, _to, bytes) => real.receive(from, new Uint8Array(bytes), 0);
  // The check reads what splice() has left; a double that reports less than it took would be noticed there.
  const { results } = runChecks({ object: object(), only: ["splice"], sockets: { ...real, splice } });
  t.like(results[0], { outcome: "holds", refused: "" });
});

kernelTest("runChecks() leaves no pin, descriptor or namespace behind, whether checks hold, fail or cannot run", (t) => {
  ensureBpffs(defaultBpffs, { mount: true });
  const state = () => ({
    pinned: existsSync(pins),
    fds: readdirSync("/proc/self/fd").length,
    namespace: readlinkSync("/proc/thread-self/ns/net"),
  });
  runChecks({ object: object(), only: ["peek"] }); // libraries are loaded, and keep what they keep
  const before = state();
  t.false(before.pinned);
  runChecks({ object: object() });
  t.deepEqual(state(), before);
  const real = systemSockets();
  const noSockets = (): never => {
    throw new Error("no more sockets");
  };
  const failed = runChecks({ object: object(), sockets: { ...real, open: noSockets } });
  t.true(failed.results.every(({ outcome, seen }) => outcome !== "holds" && seen === "no more sockets"));
  t.deepEqual(state(), before);
  t.throws(() => runChecks({ object: new Uint8Array(100) }));
  t.deepEqual(state(), before);
});

kernelTest("runChecks() removes the pins of one that was killed, and not those of one that runs", (t) => {
  ensureBpffs(defaultBpffs, { mount: true });
  const dead = "/sys/fs/bpf/mitsu/selftest-4999999"; // beyond the largest pid
  const alive = "/sys/fs/bpf/mitsu/selftest-1";
  for (const folder of [dead, alive]) mkdirSync(folder, { recursive: true });
  t.teardown(() => {
    for (const folder of [dead, alive]) if (existsSync(folder)) rmdirSync(folder);
  });
  runChecks({ object: object(), only: ["peek"] });
  t.false(existsSync(dead));
  t.true(existsSync(alive));
});

test("resultOf() says unchecked when the machine lacks what a check needs, and nothing is refused", (t) => {
  const run = (): never => {
    throw new NotCheckable("this kernel has no veth interfaces");
  };
  const check = { name: "across", proves: "p", consequence: "redirect", refused: "redirect", run } as const;
  const result = resultOf(check, { clear: () => {} } as Bench);
  t.like(result, { outcome: "unchecked", seen: "this kernel has no veth interfaces", refused: "" });
  t.deepEqual(verdictOf([result]), { usable: true, promote: true, unread: true, broken: [] });
});

/** Fails the first time it runs. */
function failingOnce(error: Error): { readonly check: Check; readonly closed: () => number; readonly bench: Bench } {
  let [runs, closed] = [0, 0];
  const run = (): string => {
    if (++runs === 1) throw error;
    return "seen";
  };
  const check = { name: "order", proves: "p", consequence: "redirect", refused: "redirect", run } as const;
  return { check, closed: () => closed, bench: { clear: () => ++closed } as unknown as Bench };
}

test("resultOf() asks twice before it calls a kernel broken, with the sockets of the first time closed", (t) => {
  const { check, bench, closed } = failingOnce(t.throws(() => expect(false, "nothing came")));
  t.like(resultOf(check, bench), { outcome: "holds", seen: "seen" });
  t.is(closed(), 2);
});

test("resultOf() believes one wrong byte", (t) => {
  const { check, bench, closed } = failingOnce(new WrongByte("byte 7"));
  t.like(resultOf(check, bench), { outcome: "broken", seen: "byte 7", refused: "redirect" });
  t.is(closed(), 1);
});
