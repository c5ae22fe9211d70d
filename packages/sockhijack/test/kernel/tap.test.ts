/** `tap`: redirected messages, which tcpdump cannot see, as a capture that it reads. @module */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import type { Program } from "./support/program.ts";
import { Sandbox } from "./support/sandbox.ts";
import { python } from "./support/servers.ts";
import { until } from "./support/until.ts";
import { startWho, who } from "./support/who.ts";

/** A coupled client and server; `say` sends a line and waits for its echo. */
async function coupled(t: ExecutionContext): Promise<{ sandbox: Sandbox; port: number; say: (text: string) => Promise<void> }> {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  await startWho(sandbox, `web:80:${port}`, who("web", port));
  const text = `import asyncio, sys
async def main():
    reader, writer = await asyncio.open_connection("127.0.0.1", ${port})
    await reader.readline()
    print("up", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        writer.write(line.encode())
        print("echo", (await reader.readline()).decode().strip(), flush=True)
asyncio.run(main())`;
  const client = sandbox.run("client", [python, "-c", text], { input: "open" });
  await client.says(/up/);
  await sandbox.awaitFlow({ from: "client", to: "web", state: "redirected" });
  const say = async (line: string): Promise<void> => {
    client.child.stdin!.write(`${line}\n`);
    await client.says(new RegExp(`^echo ${line}$`, "m"));
  };
  await say("warm-up");
  return { sandbox, port, say };
}

/** Says lines until the capture has grown: only then does the tap hear. */
async function heard(file: string, say: (text: string) => Promise<void>): Promise<void> {
  let count = 0;
  const start = await until("the capture's header", () => existsSync(file) && statSync(file).size);
  await until("the tap hears", async () => {
    await say(`early-${count++}`);
    return statSync(file).size > start;
  });
}

const read = (sandbox: Sandbox, file: string): Program => sandbox.spawn(["tcpdump", "-n", "-A", "-r", file]);

kernelTest("tap writes a capture in which tcpdump finds both ends, their ports and the payload of each direction", async (t) => {
  const { sandbox, port, say } = await coupled(t);
  const file = join(sandbox.directory, "web.pcapng");
  const tap = sandbox.start(["tap", "web", "--write", file]);
  await heard(file, say);
  await say("first-message");
  await say("second-message");
  tap.child.kill("SIGINT");
  const { status, stderr } = await tap.ended;
  t.is(status, 0, stderr);
  t.regex(stderr, /[1-9]\d* messages/);
  const text = await read(sandbox, file).succeeded();
  for (const word of ["first-message", "second-message"]) t.is([...text.matchAll(new RegExp(word, "g"))].length, 2, "there and back");
  t.regex(text, new RegExp(`127\\.0\\.0\\.1\\.\\d+ > 127\\.0\\.0\\.1\\.${port}: .*length`));
  t.regex(text, new RegExp(`127\\.0\\.0\\.1\\.${port} > 127\\.0\\.0\\.1\\.\\d+: .*length`));
  t.notRegex(text, /warm-up/, "nothing from before");
});

kernelTest("after a tap nothing is copied any more, and a second tap hears again", async (t) => {
  const { sandbox, say } = await coupled(t);
  const files = ["one", "two"].map((name) => join(sandbox.directory, `${name}.pcapng`));
  const first = sandbox.start(["tap", "web", "--write", files[0]!]);
  await heard(files[0]!, say);
  await first.stop("SIGINT");
  await say("between");
  const second = sandbox.start(["tap", "client", "--write", files[1]!]);
  await heard(files[1]!, say);
  await say("heard");
  await second.stop("SIGINT");
  const text = await read(sandbox, files[1]!).succeeded();
  t.regex(text, /heard/);
  t.notRegex(text, /between/);
  t.notRegex(await read(sandbox, files[0]!).succeeded(), /between/);
});

kernelTest("tap --seconds ends by itself; to stdout by default; a service that is not there is named", async (t) => {
  const { sandbox } = await coupled(t);
  const shell = `"$@" tap web --socket ${sandbox.socket} --seconds 1 > ${sandbox.directory}/out.pcapng`;
  await sandbox.spawn(["sh", "-c", shell, "sh", ...sandbox.bin]).succeeded();
  t.is((await read(sandbox, join(sandbox.directory, "out.pcapng")).ended).status, 0);
  const missing = await sandbox.cli("tap", "wbe");
  t.is(missing.status, 65, missing.stderr);
  t.regex(missing.stderr, /wbe/);
});
