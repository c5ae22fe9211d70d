#!/usr/bin/env node
/**
 * The figures of docs/adr/0013-an-epoll-of-our-own.md: relays that add a header in front of one nginx, interleaved, medians.
 * `node packages/nicd/test/reactor/relay-comparison.ts [rounds] [seconds]`; needs nginx, haproxy, wrk, and two cores.
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [rounds = 5, seconds = 3] = process.argv.slice(2).map(Number);
const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), "relay-comparison-"));
const replica = 29_080;
const nginx = join(folder, "nginx.conf");
writeFileSync(
  nginx,
  `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error; events { worker_connections 4096; }
   http { access_log off; keepalive_requests 100000000; server { listen 127.0.0.1:${replica}; location / { return 200 "${"x".repeat(1024)}"; } } }`,
);
const haproxy = join(folder, "haproxy.cfg");
writeFileSync(
  haproxy,
  `global\n nbthread 1\ndefaults\n mode http\n timeout connect 5s\n timeout client 50s\n timeout server 50s\n http-reuse always
frontend f\n bind 127.0.0.1:29081\n http-request set-header traceparent 00-%[rand(65535),hex]%[rand(65535),hex]-01\n default_backend b
backend b\n server s 127.0.0.1:${replica}\n`,
);
const relays = [
  { name: "HAProxy", port: 29_081, command: ["haproxy", "-f", haproxy] },
  { name: "node:net relay", port: 29_082, command: [process.execPath, join(here, "net-relay.ts"), "29082", String(replica)] },
  {
    name: "nicd's data plane on node:net",
    port: 29_084,
    command: [process.execPath, join(here, "plane-relay.ts"), "29084", String(replica), "net"],
  },
  { name: "nicd's data plane", port: 29_083, command: [process.execPath, join(here, "plane-relay.ts"), "29083", String(replica)] },
] as const;

const onCore = (core: number, command: readonly string[]) => spawn("taskset", ["-c", String(core), ...command], { stdio: "ignore" });
const children = [onCore(0, ["nginx", "-c", nginx]), ...relays.map(({ command }) => onCore(1, command))];

async function listens(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    const [up] = await Promise.race([once(socket, "connect").then(() => [true]), once(socket, "close").then(() => [false])]).catch(() => [
      false,
    ]);
    socket.destroy();
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Of a process so far, in µs: clock ticks are hundredths of a second. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const median = (list: number[]): number => list.sort((a, b) => a - b)[list.length >> 1]!;

try {
  for (const { port } of relays) await listens(port);
  for (const connections of [16, 256]) {
    const rates = relays.map(() => [] as number[]);
    const costs = relays.map(() => [] as number[]);
    for (let round = 0; round < rounds; round++)
      for (const [index, { port }] of relays.entries()) {
        const { pid } = children[index + 1]!;
        const before = cpuOf(pid!);
        const wrk = spawnSync("taskset", ["-c", "0", "wrk", "-t1", `-c${connections}`, `-d${seconds}`, `http://127.0.0.1:${port}/`], {
          encoding: "utf8",
        });
        const requests = Number(/(\d+) requests in/.exec(wrk.stdout)![1]);
        rates[index]!.push(Number(/Requests\/sec: +([\d.]+)/.exec(wrk.stdout)![1]));
        costs[index]!.push((cpuOf(pid!) - before) / requests);
      }
    for (const [index, { name }] of relays.entries())
      console.log(
        `${connections} connections, ${name}: ${median(rates[index]!).toFixed(0)} requests/s, ${median(costs[index]!).toFixed(1)} µs of CPU each`,
      );
  }
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
