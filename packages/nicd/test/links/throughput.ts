/**
 * Measures one link between two processes of this machine: bytes and streams a second. A program, not a test:
 * `node --expose-gc packages/nicd/test/links/throughput.ts [seconds]` prints one line for each figure.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { issueInto } from "../../src/certificates/mod.ts";
import { type IncomingRequest, LinkPool, type LinkSecurity, LinkServer } from "../../src/links/mod.ts";
import { authorityIn, caller, identityIn, trustDomain } from "./two-nodes.ts";

/** What a target's port means at the server. */
const ports = { discard: 1, echo: 2, source: 3 };
const block = Buffer.alloc(64 * 1024, "x");
const quiet: ByteStreamEvents = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

function security(name: string, dir: string): LinkSecurity {
  if (name === "plain-text") return { security: name };
  const identity = identityIn(dir);
  return { security: "mtls", trustDomain, identity: () => identity };
}

/** Writes until it may not, and again when it may. @param sent - Hears of the bytes. */
function pump(stream: ByteStream, going: () => boolean, sent: (bytes: number) => void): void {
  while (going()) {
    sent(block.length);
    if (!stream.write(block, 0, block.length)) return;
  }
}

function serve(request: IncomingRequest): void {
  let open = true;
  const { port } = request.target;
  const stream: ByteStream = request.accept({
    onData(buffer, start, end) {
      if (port === ports.echo && !stream.write(buffer, start, end)) stream.pause();
      if (port === ports.source)
        pump(
          stream,
          () => open,
          () => {},
        );
    },
    onDrain() {
      if (port === ports.source)
        pump(
          stream,
          () => open,
          () => {},
        );
      else stream.resume();
    },
    onEnd: () => stream.end(),
    onClose() {
      open = false;
    },
  });
}

async function server(name: string, dir: string): Promise<void> {
  const links = new LinkServer({ security: security(name, dir), permits: () => true, connect: serve });
  process.send?.(await links.listen(0, "127.0.0.1"));
  process.once("disconnect", () => process.exit());
}

/** Runs one load for a while. @returns What it counted a second, and this process's share of a CPU. */
async function during(
  seconds: number,
  load: (going: () => boolean, count: (n: number) => void) => ByteStream[],
): Promise<{ perSecond: number; cpu: number }> {
  let [going, counted] = [true, 0];
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const streams = load(
    () => going,
    (n) => {
      counted += n;
    },
  );
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  going = false;
  const [took, used] = [(performance.now() - start) / 1000, process.cpuUsage(cpu)];
  for (const stream of streams) stream.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  return { perSecond: counted / took, cpu: (used.user + used.system) / 1e6 / took };
}

async function measure(name: string, dirs: { a: string; b: string }, seconds: number): Promise<void> {
  const child = fork(import.meta.filename, ["server", name, dirs.b]);
  const [port] = await once(child, "message");
  const pool = new LinkPool(security(name, dirs.a));
  const open = (to: number, events: Partial<ByteStreamEvents>) =>
    pool.open({ address: "127.0.0.1", port, node: "node-b" }, `10.0.0.1:${to}`, caller, { ...quiet, ...events });
  const tell = (what: string, unit: string, { perSecond, cpu }: { perSecond: number; cpu: number }) =>
    console.log(
      `${name.padEnd(10)}  ${what.padEnd(34)} ${Math.round(perSecond).toLocaleString("en").padStart(8)} ${unit}  (client: ${cpu.toFixed(2)} CPU)`,
    );
  // In plain text it would be measured in memory that the first run has left.
  if (name === "mtls") await idle(name, open);
  for (const n of [1, 16]) {
    const up = await during(seconds, (going, count) =>
      Array.from({ length: n }, () => {
        const stream = open(ports.discard, { onDrain: () => pump(stream, going, (bytes) => count(bytes / 1e6)) });
        setImmediate(() => pump(stream, going, (bytes) => count(bytes / 1e6)));
        return stream;
      }),
    );
    tell(`bytes out, ${n} stream${n > 1 ? "s" : ""}`, "MB/s", up);
    const down = await during(seconds, (_, count) =>
      Array.from({ length: n }, () => {
        const stream = open(ports.source, { onData: (_buffer, start, end) => count((end - start) / 1e6) });
        stream.write(block, 0, 1);
        return stream;
      }),
    );
    tell(`bytes in, ${n} stream${n > 1 ? "s" : ""}`, "MB/s", down);
  }
  for (const n of [1, 16, 256]) {
    const short = await during(seconds, (going, count) => {
      const next = () => {
        if (!going()) return;
        const stream = open(ports.echo, {
          onData: () => stream.end(),
          onClose(error) {
            if (error === null) count(1);
            else console.error(error.message);
            next();
          },
        });
        stream.write(block, 0, 200);
      };
      for (let i = 0; i < n; i++) next();
      return [];
    });
    tell(`streams of 200 bytes, ${n} at once`, "/s", short);
    const echoes = await during(seconds, (going, count) =>
      Array.from({ length: n }, () => {
        let got = 0;
        const stream = open(ports.echo, {
          onData(_buffer, start, end) {
            got += end - start;
            if (got < 1024 || !going()) return;
            got = 0;
            count(1);
            stream.write(block, 0, 1024);
          },
        });
        stream.write(block, 0, 1024);
        return stream;
      }),
    );
    tell(`1 KiB there and back, ${n} streams`, "/s", echoes);
  }
  pool.close();
  child.disconnect();
}

/** Memory of streams on which nothing happens, at the client's end. */
async function idle(name: string, open: (to: number, events: Partial<ByteStreamEvents>) => ByteStream): Promise<void> {
  const streams = 4000;
  const kept: ByteStream[] = [];
  // The link comes first: only so many streams wait for it.
  await new Promise<void>((resolve) => {
    const first = open(ports.echo, { onData: () => first.end(), onClose: () => resolve() });
    first.write(block, 0, 1);
  });
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  await new Promise<void>((resolve) => {
    let up = 0;
    for (let i = 0; i < streams; i++) {
      const stream = open(ports.echo, { onData: () => ++up === streams && resolve() });
      stream.write(block, 0, 1);
      kept.push(stream);
    }
  });
  globalThis.gc?.();
  console.log(
    `${name.padEnd(10)}  ${`memory of an idle stream, ${streams} open`.padEnd(34)} ${((process.memoryUsage().rss - before) / streams / 1024).toFixed(1).padStart(8)} KiB`,
  );
}

if (process.argv[2] === "server") await server(process.argv[3]!, process.argv[4]!);
else {
  const dir = await mkdtemp(join(tmpdir(), "nicd-throughput-"));
  try {
    const authority = await authorityIn(join(dir, "ca"));
    const dirs = { a: join(dir, "a"), b: join(dir, "b") };
    await issueInto(dirs.a, authority, { kind: "node", name: "node-a" });
    await issueInto(dirs.b, authority, { kind: "node", name: "node-b" });
    for (const name of ["mtls", "plain-text"]) await measure(name, dirs, Number(process.argv[2] ?? 3));
  } finally {
    await rm(dir, { recursive: true });
  }
}
