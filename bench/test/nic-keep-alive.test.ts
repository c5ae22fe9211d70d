import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";

const run = promisify(execFile);
const source = join(import.meta.dirname, "../lib/keep-alive.c");
const folder = mkdtempSync(join(tmpdir(), "mitsu-keep-alive-"));
const program = join(folder, "keep-alive");

test.before(async () => {
  await run("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", program, source]);
});
test.after.always(() => rmSync(folder, { recursive: true }));

/** What lib/keep-alive.c prints. */
interface Outcome {
  readonly requests: number;
  readonly failed: number;
  readonly closed: number;
  readonly unanswered: number;
  readonly why: Readonly<Record<string, number>>;
  readonly broken: readonly number[];
}

const answer = (head = ""): string => `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${head}\r\nhello`;

/** Runs the client against a server that does what `respond` does with the nth request (from 1). */
async function against(respond: (socket: Socket, n: number) => void, connections: number, requests: number): Promise<Outcome> {
  let n = 0;
  const server = createServer((socket) => {
    socket.on("data", () => respond(socket, ++n));
    socket.on("error", () => {}); // the client goes away in its own time
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const { stdout } = await run(program, ["127.0.0.1", String(port), "/x", String(connections), String(requests), "10"]);
    return JSON.parse(stdout) as Outcome;
  } finally {
    server.close();
  }
}

test("keep-alive counts exactly the requests it was asked for", async (t) => {
  const got = await against((socket) => socket.write(answer()), 4, 200);
  t.like(got, { requests: 200, failed: 0, closed: 0, unanswered: 0, broken: [] });
});

test("keep-alive takes an answer in pieces for one answer", async (t) => {
  const got = await against(
    (socket) => {
      socket.setNoDelay();
      socket.write("HTTP/1.1 200 OK\r\nContent-Le", () => socket.write("ngth: 5\r\n\r\nhe", () => socket.write("llo")));
    },
    2,
    40,
  );
  t.like(got, { requests: 40, failed: 0 });
});

test("keep-alive counts a close without `Connection: close` as a failure and goes on", async (t) => {
  const got = await against((socket, n) => (n === 10 ? socket.destroy() : socket.write(answer())), 2, 50);
  t.like(got, { requests: 49, failed: 1, unanswered: 0 });
  t.is(got.broken.length, 1);
  t.is(got.why.reset, 1);
});

test("keep-alive takes `Connection: close` for an orderly end", async (t) => {
  const got = await against((socket, n) => (n === 10 ? socket.end(answer("Connection: close\r\n")) : socket.write(answer())), 2, 50);
  t.like(got, { requests: 50, failed: 0, closed: 1, broken: [] });
});

test("keep-alive counts other statuses and answers that are cut short as failures", async (t) => {
  const got = await against(
    (socket, n) => {
      if (n === 5) socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
      else if (n === 9) socket.end(answer().slice(0, -2));
      else socket.write(answer());
    },
    1,
    20,
  );
  t.like(got, { requests: 18, failed: 2, why: { reset: 0, cutShort: 1, status: 1, refused: 0 } });
});

test("keep-alive ends when nobody listens", async (t) => {
  const { stdout } = await run(program, ["127.0.0.1", "1", "/x", "2", "10", "10"]);
  t.like(JSON.parse(stdout), { requests: 0, failed: 6, why: { refused: 6 } });
});
