import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, run, type TestEnv, testEnv } from "@mitsu/cli";
import { kernelTest } from "@mitsu/ebpf-ts/kernel-test";
import type { ExecutionContext } from "ava";
import { asset } from "../src/assets.ts";
import { sockhijack } from "../src/cli.ts";
import { placesOf } from "../src/places.ts";
import { run as selftest } from "../src/selftest/command.ts";
import { checks, type RunOptions } from "../src/selftest/run-checks.ts";
import { cacheKey, readVerdict } from "../src/selftest/verdict-cache.ts";
import { Sandbox } from "./kernel/support/sandbox.ts";
import { python } from "./kernel/support/servers.ts";
import { until } from "./kernel/support/until.ts";

/** The program with doubles in the kernel's place. */
const withDoubles = (doubles: Partial<RunOptions>): Program => ({
  ...sockhijack,
  commands: sockhijack.commands.map((command) =>
    command.name === "selftest"
      ? { ...command, load: async () => ({ run: (args, context) => selftest(args, context, doubles) }) }
      : command,
  ),
});

function place(t: ExecutionContext): { readonly socket: string; readonly env: TestEnv; readonly state: string } {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-selftest-"));
  const socket = join(folder, "s.sock");
  const { state } = placesOf(socket);
  t.teardown(() => {
    rmSync(folder, { recursive: true });
    rmSync(state, { recursive: true, force: true });
  });
  return { socket, state, env: testEnv() };
}

kernelTest("selftest prints one line a check and what the daemon will do, and exits 0", async (t) => {
  const { socket, state, env } = place(t);
  t.is(await run(sockhijack, ["selftest", "--socket", socket], env), 0, env.err());
  const lines = env.out().split("\n");
  t.regex(lines[0]!, /^CHECK +RESULT +MEANING$/);
  for (const { name } of checks)
    t.true(
      lines.some((line) => new RegExp(`^${name} +(ok|kept out) +\\S`).test(line)),
      name,
    );
  t.regex(env.out(), /\nredirect is faithful on Linux \S+ \(\d+ checks, \d+ ms\)\n$/);
  t.false(existsSync(state), "a machine without a daemon gets no state");
});

kernelTest("selftest --json says every check's outcome", async (t) => {
  const { socket, env } = place(t);
  t.is(await run(sockhijack, ["selftest", "--json", "--socket", socket], env), 0, env.err());
  const { usable, promote, unread, broken, results } = JSON.parse(env.out());
  t.deepEqual({ usable, promote, unread, broken }, { usable: true, promote: true, unread: true, broken: [] });
  t.is(results.length, checks.length);
});

kernelTest("selftest exits 95 when redirect is unusable, names what is broken, and the daemon's next start goes by it", async (t) => {
  const { socket, env, state } = place(t);
  mkdirSync(state, { recursive: true });
  t.is(await run(withDoubles({ only: ["memory", "peek"], memoryRatio: 0.1 }), ["selftest", "--socket", socket], env), 95);
  t.regex(env.out(), /^memory +BROKEN +.* unread at most, .* by plain TCP; refused: redirect$/m);
  t.regex(env.out(), /^peek +ok /m);
  t.regex(env.out(), /\nredirect is unusable on Linux .*: the daemon leaves every connection to TCP\n$/);
  t.false(readVerdict(state, cacheKey(asset("sockhijack.bpf.o")))!.usable);
});

kernelTest("selftest exits 0 when only promotion is broken, and says what that means", async (t) => {
  const { socket, env } = place(t);
  t.is(await run(withDoubles({ only: ["promotion"], promote: false }), ["selftest", "--socket", socket], env), 0);
  t.regex(env.out(), /^promotion +BROKEN +.*; refused: redirect after a message by TCP: such a connection stays with TCP$/m);
  t.regex(env.out(), /but a connection that goes over to TCP stays there\n$/);
});

kernelTest("selftest leaves no pins when it is interrupted", async (t) => {
  const sandbox = new Sandbox(t);
  const selftest = sandbox.start(["selftest", "--json"]);
  const pins = `/sys/fs/bpf/mitsu/selftest-${selftest.pid}`;
  await until("its pins are there", () => existsSync(pins));
  selftest.child.kill("SIGINT");
  await selftest.ended;
  t.false(existsSync(pins));
});

const talk = `import asyncio, sys
async def main():
    async def serve(r, w):
        while data := await r.read(100):
            w.write(data)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    r, w = await asyncio.open_connection(*server.sockets[0].getsockname())
    print("up", flush=True)
    while True:
        w.write(b"x"); await r.read(1); await asyncio.sleep(0.01)
asyncio.run(main())
`;

kernelTest("daemon: with a verdict against this kernel nothing is redirected, flows and status say why", async (t) => {
  const sandbox = new Sandbox(t);
  const { state } = sandbox.places;
  mkdirSync(state, { recursive: true });
  const verdict = { usable: false, promote: true, unread: true, broken: ["self-test order: byte 7 is wrong; refused: redirect"] };
  writeFileSync(join(state, "selftest.json"), JSON.stringify({ key: cacheKey(asset("sockhijack.bpf.o")), verdict }));
  await sandbox.daemon();
  t.deepEqual((await sandbox.status()).degraded, verdict.broken);
  await sandbox.run("both", [python, "-c", talk]).says(/up/);
  t.is((await sandbox.awaitFlow({ reason: "self-test" })).state, "tcp");
  t.is((await sandbox.cli("status")).status, 69);
});

kernelTest("daemon: judges the kernel at its first start, and by --selftest off it does not", async (t) => {
  const sandbox = new Sandbox(t);
  const judged = await sandbox.daemon({ judges: true });
  t.regex(judged.stderr, /self-test usable=true promote=true unread=true/);
  t.deepEqual((await sandbox.status()).degraded, []);
  await judged.stop();
  const again = await sandbox.daemon();
  t.notRegex(again.stderr, /self-test/);
  await again.stop();
  rmSync(join(sandbox.places.state, "selftest.json"));
  const trusting = await sandbox.daemon({ args: ["--selftest", "off"], judges: true });
  t.regex(trusting.stderr, /self-test is off/);
  t.false(existsSync(join(sandbox.places.state, "selftest.json")));
});
