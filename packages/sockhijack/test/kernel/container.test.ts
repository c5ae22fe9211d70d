/** Real OCI containers: an unchanged Debian root file system, own namespaces, attached before they start and while they serve. @module */
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { NotSupportedError } from "@mitsu/cli/error";
import { connect, type Flow, sockhijack as protocol } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { type CgroupView, Container, unifiedRoot } from "./container/container.ts";
import { rootFileSystem } from "./container/root-file-system.ts";
import { bundledCommand } from "./support/bundled-command.ts";

const run = promisify(execFile);
const sockhijack = bundledCommand();
const client = new URL("container/http-client.py", import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), "mitsu-containers-"));
const socket = join(directory, "sockhijack.sock");
/** Served by nginx from the untouched root file system; 1.5 KB, so that it is not bulk. */
const document = "/usr/share/common-licenses/BSD";

writeFileSync(
  join(directory, "nginx.conf"),
  `daemon off; worker_processes 1; error_log stderr; pid /run/nginx.pid; events {}
http { access_log off; keepalive_requests 1000000000; server { listen 8080; location / { root /; } } }`,
);

test.after.always(async () => {
  await run(sockhijack, ["cleanup", "--socket", socket]).catch(() => {});
  rmSync(directory, { recursive: true, force: true });
});

/** A container with nginx, joined to this machine by a veth; removed at the test's end. */
function nginx(t: ExecutionContext, runtime: "runc" | "crun", view: CgroupView, subnet: number): { web: Container; address: string } {
  const name = `mitsu-${process.pid % 1000}${subnet}`;
  const web = new Container({
    runtime,
    view,
    name,
    root: rootFileSystem(),
    args: ["/usr/sbin/nginx", "-c", "/etc/mitsu/nginx.conf"],
    cgroup: `/${name}`,
    binds: { "/etc/mitsu": directory },
  });
  t.teardown(() => web.remove());
  const address = `10.78.${subnet}.2`;
  web.connect(`10.78.${subnet}.1`, address);
  return { web, address };
}

/** The checking client, under sockhijack as service `client`; keeps asking until `finish()`. */
class Client {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  #errors = "";

  constructor(t: ExecutionContext, prefix: readonly string[], address: string, file: string) {
    const [program, ...args] = [...prefix, "python3", "-B", client, address, "8080", document, file];
    this.#child = spawn(program!, args, { stdio: ["pipe", "pipe", "pipe"] });
    t.teardown(() => this.#child.kill("SIGKILL"));
    this.#child.stderr.on("data", (part) => {
      this.#errors += part;
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** A line of its output. @throws with its stderr when it ended without one. */
  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the client ended: ${this.#errors}`);
    return value;
  }

  /** Its local port, once it is connected. */
  async port(): Promise<number> {
    return Number(await this.#line());
  }

  /** Ends it and says how many answers it compared, how many were wrong, and how often it was called to read nothing. */
  async finish(): Promise<{ requests: number; wrong: number; unready: number }> {
    this.#child.stdin.end("\n");
    const report = JSON.parse(await this.#line());
    await once(this.#child, "exit");
    return report;
  }
}

/** What `flows --json` prints, asked over the control socket: starting a command for each poll would slow down what is being watched. */
async function flows(): Promise<readonly Flow[]> {
  using client = await connect(socket, protocol);
  return (await client.call("flows", {})).flows;
}

/** Asks again and again for the flow of this client's port until it has the state. @throws after 10 s. */
async function awaitState(port: number, state: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  let seen = "";
  while (performance.now() < deadline) {
    const found = await flows();
    const flow = found.find((one) => one.client.port === port);
    if (flow?.state === state) return;
    seen = JSON.stringify(flow ?? found);
  }
  throw new Error(`the flow of port ${port} is not ${state} after 10 s: ${seen}`);
}

/** Waits until the container's nginx accepts connections. */
async function awaitListening(address: string): Promise<void> {
  await run("python3", ["-c", listening, address], { timeout: 10_000 });
}
const listening = `import socket, sys, select
while True:
    with socket.socket() as s:
        if s.connect_ex((sys.argv[1], 8080)) == 0: break
    select.select([], [], [], 0.01)`;

function needsV1Beside(): void {
  if (unifiedRoot() === "/sys/fs/cgroup")
    throw new NotSupportedError("this machine has cgroup v2 alone", "boot with systemd.unified_cgroup_hierarchy=0 to have v1 beside it");
}

const joined = [sockhijack, "run", "--socket", socket, "--service", "client", "--"];
const variants = [
  { runtime: "runc", view: "as it is", subnet: 1 },
  { runtime: "runc", view: "pure v2", subnet: 2 },
  { runtime: "crun", view: "pure v2", subnet: 3 },
] as const;

for (const { runtime, view, subnet } of variants) {
  const machine = view === "as it is" ? "cgroup v1 beside v2" : "pure cgroup v2";

  kernelTest(`container by ${runtime}, ${machine}: serves its own files to a client outside, no sockhijack`, async (t) => {
    t.timeout(700_000);
    if (view === "as it is") needsV1Beside();
    const { web, address } = nginx(t, runtime, view, subnet);
    web.start();
    await awaitListening(address);
    t.true(web.cgroup().startsWith(unifiedRoot()) && existsSync(join(web.cgroup(), "cgroup.procs")), web.cgroup());
    const asking = new Client(t, [], address, rootFileSystem() + document);
    t.true((await asking.port()) > 0);
    const { requests, wrong, unready } = await asking.finish();
    t.true(requests >= 100);
    t.is(wrong, 0);
    t.is(unready, 0);
  });

  kernelTest(`container by ${runtime}, ${machine}: attached before it starts, its flow is redirected and no answer is wrong`, async (t) => {
    t.timeout(60_000);
    if (view === "as it is") needsV1Beside();
    const { web, address } = nginx(t, runtime, view, subnet);
    await run(sockhijack, ["attach", web.cgroup(), "--service", "web:8080", "--socket", socket]);
    web.start();
    await awaitListening(address);
    const asking = new Client(t, joined, address, rootFileSystem() + document);
    await awaitState(await asking.port(), "redirected");
    const { requests, wrong, unready } = await asking.finish();
    t.true(requests >= 100);
    t.is(wrong, 0);
    // Two in a million connections (README), which a busy machine may meet here once.
    t.true(unready <= 1, `${unready} reads found nothing`);
  });

  kernelTest(`container by ${runtime}, ${machine}: attached and detached while it serves, no answer is wrong`, async (t) => {
    t.timeout(60_000);
    if (view === "as it is") needsV1Beside();
    const { web, address } = nginx(t, runtime, view, subnet);
    web.start();
    await awaitListening(address);
    const asking = new Client(t, joined, address, rootFileSystem() + document);
    const port = await asking.port();
    await awaitState(port, "tcp");
    await run(sockhijack, ["attach", `pid:${web.pid}`, "--service", "web:8080", "--socket", socket]);
    await awaitState(port, "redirected");
    await run(sockhijack, ["detach", `pid:${web.pid}`, "--socket", socket]);
    await awaitState(port, "tcp");
    const { requests, wrong, unready } = await asking.finish();
    t.true(requests >= 100);
    t.is(wrong, 0);
    // Two in a million connections (README), which a busy machine may meet here once.
    t.true(unready <= 1, `${unready} reads found nothing`);
  });
}

/** Declared always, run with MITSU_TEST_ALL=1 only. */
const longTest = process.env.MITSU_TEST_ALL === "1" ? kernelTest : (title: string, _body: unknown) => test.serial.skip(title, () => {});

longTest("container to container: wrk against nginx, redirected across their namespaces, no error", async (t: ExecutionContext) => {
  t.timeout(120_000);
  const { web } = nginx(t, "runc", "pure v2", 4);
  const name = `mitsu-${process.pid % 1000}5`;
  const args = ["/usr/bin/wrk", "-t1", "-c8", "-d5", `http://10.79.0.2:8080${document}`];
  const load = new Container({ runtime: "runc", view: "pure v2", name, root: rootFileSystem(), args, cgroup: `/${name}` });
  t.teardown(() => load.remove());
  load.connectTo(web, "10.79.0.1", "10.79.0.2");
  await run(sockhijack, ["attach", web.cgroup(), "--service", "web:8080", "--socket", socket]);
  await run(sockhijack, ["attach", load.cgroup(), "--service", "load", "--socket", socket]);
  web.start();
  load.start();
  let most = 0;
  while (existsSync(`/proc/${load.pid}/exe`)) most = Math.max(most, await redirected());
  t.is(most, 8);
  t.regex(load.log(), /Requests\/sec/);
  t.notRegex(load.log(), /Socket errors|Non-2xx/);
});

/** How many flows are redirected now. */
async function redirected(): Promise<number> {
  return (await flows()).filter((flow) => flow.state === "redirected").length;
}
