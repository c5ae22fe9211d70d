import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import test, { type ExecutionContext } from "ava";
import { listenFds, notifier, sdNotify, testEnv } from "../src/mod.ts";

/** Stands in for systemd: binds a datagram socket and prints each message as a JSON line; the first line says it is bound. */
const receiver = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1))
print('"bound"', flush=True)
while True: print(json.dumps(s.recv(4096).decode()), flush=True)
`;

async function systemd(t: ExecutionContext, address: string): Promise<() => Promise<string>> {
  const child = spawn("python3", ["-c", receiver, address], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(async () => {
    child.kill();
    await once(child, "exit");
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value as string) as string;
  t.is(await next(), "bound");
  return next;
}

function socketPath(t: ExecutionContext): string {
  const directory = mkdtempSync("/tmp/mitsu-notify-");
  t.teardown(() => rmSync(directory, { recursive: true }));
  return `${directory}/notify`;
}

test("sdNotify() reaches a datagram socket at a path", async (t) => {
  const path = socketPath(t);
  const next = await systemd(t, path);
  t.true(await sdNotify(testEnv({ vars: { NOTIFY_SOCKET: path } }), "READY=1\nSTATUS=go"));
  t.is(await next(), "READY=1\nSTATUS=go");
});

test("sdNotify() reaches an abstract address", async (t) => {
  const address = `@mitsu-test-${process.pid}`;
  const next = await systemd(t, address);
  t.true(await sdNotify(testEnv({ vars: { NOTIFY_SOCKET: address } }), "STOPPING=1"));
  t.is(await next(), "STOPPING=1");
});

test("notifier() tells of a daemon's life in systemd's words", async (t) => {
  const path = socketPath(t);
  const next = await systemd(t, path);
  const errors: Error[] = [];
  const notify = notifier(testEnv({ vars: { NOTIFY_SOCKET: path }, nowNs: () => 5_000_123n }), (error) => errors.push(error));
  await notify.ready("3 services\nREADY=0");
  await notify.reloading();
  await notify.status("busy");
  await notify.stopping();
  t.deepEqual(
    [await next(), await next(), await next(), await next()],
    ["READY=1\nSTATUS=3 services READY=0", "RELOADING=1\nMONOTONIC_USEC=5000", "STATUS=busy", "STOPPING=1"],
  );
  t.deepEqual(errors, []);
});

test("notifier().watchdog() keeps sending at half the period until stopped", async (t) => {
  const path = socketPath(t);
  const next = await systemd(t, path);
  const notify = notifier(testEnv({ vars: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "20000" } }), (error) => t.fail(error.message));
  const start = process.hrtime.bigint();
  const stop = notify.watchdog();
  // The timer is unref'd, as it must not keep a daemon alive; the receiver's pipe does that here.
  t.deepEqual([await next(), await next(), await next()], ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
  stop();
  t.true(process.hrtime.bigint() - start >= 25_000_000n);
});

test("notifier().watchdog() is off without a period, or when it is meant for another process", (t) => {
  let calls = 0;
  const env = (vars: Record<string, string>) => testEnv({ pid: 7, vars: { NOTIFY_SOCKET: "/nowhere", ...vars } });
  const before = process.getActiveResourcesInfo().length;
  for (const vars of [{}, { WATCHDOG_USEC: "x" }, { WATCHDOG_USEC: "1000", WATCHDOG_PID: "8" }])
    notifier(env(vars), () => calls++).watchdog();
  t.is(process.getActiveResourcesInfo().length, before);
  t.is(calls, 0);
});

test("sdNotify() does nothing without NOTIFY_SOCKET", async (t) => {
  t.false(await sdNotify(testEnv(), "READY=1"));
});

test("sdNotify() names the reason when nobody listens or the address is none", async (t) => {
  const env = (address: string) => testEnv({ vars: { NOTIFY_SOCKET: address } });
  await t.throwsAsync(sdNotify(env("/nowhere/at/all"), "x"), { code: "ERR_NOTIFY_SEND", message: /no such file/ });
  await t.throwsAsync(sdNotify(env("vsock:2:1"), "x"), { code: "ERR_NOTIFY_ADDRESS" });
  await t.throwsAsync(sdNotify(env(`/${"x".repeat(120)}`), "x"), { code: "ERR_NOTIFY_ADDRESS" });
});

test("notifier() reports a failure and does not throw", async (t) => {
  const errors: Error[] = [];
  await notifier(testEnv({ vars: { NOTIFY_SOCKET: "/nowhere" } }), (error) => errors.push(error)).ready();
  t.is(errors.length, 1);
});

test("listenFds() gives descriptors from 3 on with their names", (t) => {
  const vars = { LISTEN_PID: "42", LISTEN_FDS: "3", LISTEN_FDNAMES: "control:metrics" };
  t.deepEqual(listenFds(testEnv({ pid: 42, vars })), [
    { fd: 3, name: "control" },
    { fd: 4, name: "metrics" },
    { fd: 5, name: "unknown" },
  ]);
});

test("listenFds() is empty when the sockets are meant for another process", (t) => {
  t.deepEqual(listenFds(testEnv({ pid: 1, vars: { LISTEN_PID: "2", LISTEN_FDS: "1" } })), []);
  t.deepEqual(listenFds(testEnv({ pid: 1 })), []);
});
