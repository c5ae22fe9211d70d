import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { credentials, loadPackageDefinition, Metadata, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { rawClient, rawServer } from "@mitsu/reactor/raw-peer";
import { Timer } from "@mitsu/reactor/timers";
import { until } from "@mitsu/reactor/turns";
import test, { type ExecutionContext } from "ava";
import { testPlane, webAt } from "./test-plane.ts";

const run = promisify(execFile);

/** Says so when a program of the test is not there. */
function has(t: ExecutionContext, ...programs: string[]): boolean {
  const missing = programs.filter((program) => spawnSync("which", [program]).status !== 0);
  if (missing.length > 0) {
    t.log(`skipped: ${missing.join(", ")} not installed`);
    t.pass();
  }
  return missing.length === 0;
}

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "nicd-programs-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listens(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect(port, "127.0.0.1");
    const up = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens at ${port}`);
}

/** Starts a server program, ended with the test. */
function start(t: ExecutionContext, program: string, args: readonly string[]): void {
  const child = spawn(program, args, { stdio: "ignore" });
  t.teardown(async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
}

async function nginx(t: ExecutionContext): Promise<{ port: number; root: string }> {
  const root = folder(t);
  const port = await freePort();
  const conf = `daemon off; worker_processes 1; pid ${root}/pid; error_log ${root}/error; events { worker_connections 512; }
    http { access_log off; keepalive_requests 100000000; client_body_temp_path ${root}/body; proxy_temp_path ${root}/p; fastcgi_temp_path ${root}/f; uwsgi_temp_path ${root}/u; scgi_temp_path ${root}/s;
      client_max_body_size 1m; gzip on; gzip_min_length 1; gzip_types text/plain;
      server { listen 127.0.0.1:${port}; root ${root}; default_type text/plain; location /hello { return 200 "hello\\n"; }
        location /put { dav_methods PUT; } } }`;
  writeFileSync(join(root, "nginx.conf"), conf);
  writeFileSync(join(root, "file.txt"), "line of text\n".repeat(50_000));
  spawnSync("chmod", ["755", root]);
  start(t, "nginx", ["-c", join(root, "nginx.conf")]);
  await listens(port);
  return { port, root };
}

test.serial("curl and nginx: files, ranges, compression, HEAD, keep-alive, 100-continue and a refused upload", async (t) => {
  if (!has(t, "curl", "nginx")) return;
  const { port: replica, root } = await nginx(t);
  const { port, plane, ended } = await testPlane(t, webAt(replica));
  const url = `http://127.0.0.1:${port}`;
  const curl = async (...args: string[]): Promise<string> =>
    (await run("curl", ["-s", "--max-time", "10", ...args], { encoding: "latin1", maxBuffer: 1e8 })).stdout;
  const file = "line of text\n".repeat(50_000);
  t.is(await curl(`${url}/file.txt`), file);
  t.is(await curl("--compressed", `${url}/file.txt`), file); // nginx sends this in chunks
  t.is(await curl("-0", "--compressed", `${url}/file.txt`), file);
  t.is(await curl("-r", "13-25", `${url}/file.txt`), "line of text\n");
  t.regex(await curl("-I", `${url}/file.txt`), /Content-Length: 650000/);
  t.is(await curl(`${url}/hello`, `${url}/hello`, "-w", "%{num_connects} "), "hello\n1 hello\n0 ");
  writeFileSync(join(root, "big"), Buffer.alloc(2_000_000));
  t.regex(await curl("-i", "-T", join(root, "big"), "-H", "Expect: 100-continue", `${url}/put/big`), /413 Request Entity Too Large/);
  t.regex(await curl("-i", "-T", join(root, "big"), "-H", "Expect:", `${url}/put/big`), /413 Request Entity Too Large/);
  t.regex(await curl("-i", "-H", "Content-Length: 1", "-H", "Transfer-Encoding: chunked", "-d", "x", `${url}/`), /^HTTP\/1\.1 400/);
  await until(() => plane.connections.http === 0, "no connection");
  t.true(ended.every(({ flag }) => flag === ""));
});

test.serial("wrk with 64 connections: no error, and few connections to nginx", async (t) => {
  if (!has(t, "wrk", "nginx")) return;
  const { port: replica } = await nginx(t);
  const { port, plane, ended } = await testPlane(t, webAt(replica));
  for (const path of ["/hello", "/file.txt"]) {
    const { stdout } = await run("wrk", ["-t1", "-c64", "-d2", `http://127.0.0.1:${port}${path}`]);
    t.notRegex(stdout, /Socket errors|Non-2xx/);
    t.log(`${path}: ${/Requests\/sec: +(\S+)/.exec(stdout)![1]} requests/s with everything in one process`);
  }
  t.true(plane.pool.opened <= 130);
  await until(() => plane.connections.http === 0, "no connection");
  t.true(ended.every(({ flag, status }) => (flag === "" && status === 200) || flag === "DC"));
});

test.serial("gRPC calls of @grpc/grpc-js pass as bytes of HTTP/2: unary, streams both ways, metadata and status", async (t) => {
  const proto = {
    nested: {
      test: {
        nested: {
          Text: { fields: { text: { type: "string", id: 1 } } },
          Echo: {
            methods: {
              Say: { requestType: "Text", responseType: "Text" },
              Chat: { requestType: "Text", requestStream: true, responseType: "Text", responseStream: true },
              Fail: { requestType: "Text", responseType: "Text" },
            },
          },
        },
      },
    },
  };
  // biome-ignore lint/suspicious/noExplicitAny: grpc-js makes its clients from data
  const { Echo } = (loadPackageDefinition(fromJSON(proto as never)) as any).test;
  const server = new Server();
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const handlers: any = {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    Say: (call: any, answer: any) => answer(null, { text: `${call.request.text} ${call.metadata.get("who")[0]}` }),
    // biome-ignore lint/suspicious/noExplicitAny: as above
    Chat: (call: any) => {
      call.on("data", (message: { text: string }) => call.write({ text: message.text.toUpperCase() }));
      call.on("end", () => call.end());
    },
    // biome-ignore lint/suspicious/noExplicitAny: as above
    Fail: (_: any, answer: any) => answer({ code: status.NOT_FOUND, details: "no such thing" }),
  };
  server.addService(Echo.service, handlers);
  const replica = await promisify(server.bindAsync.bind(server))("127.0.0.1:0", ServerCredentials.createInsecure());
  t.teardown(() => server.forceShutdown());
  const { port, passed, plane } = await testPlane(t, webAt(replica));
  const client = new Echo(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("who", "me");
  const said = await Promise.all(
    Array.from(
      { length: 200 },
      (_, n) =>
        new Promise<string>((resolve, reject) =>
          client.Say({ text: String(n) }, metadata, (error: ServiceError | null, answer: { text: string }) =>
            error ? reject(error) : resolve(answer.text),
          ),
        ),
    ),
  );
  t.deepEqual(
    said,
    Array.from({ length: 200 }, (_, n) => `${n} me`),
  );
  const chat = client.Chat();
  const heard: string[] = [];
  chat.on("data", (message: { text: string }) => heard.push(message.text));
  for (const text of ["a", "b", "x".repeat(100_000)]) chat.write({ text });
  chat.end();
  await once(chat, "end");
  t.deepEqual(heard, ["A", "B", "X".repeat(100_000)]);
  const failed = await new Promise<ServiceError>((resolve) => client.Fail({ text: "" }, (error: ServiceError) => resolve(error)));
  t.is(failed.code, status.NOT_FOUND);
  client.close();
  await until(() => passed.length === 1, "the connection's end");
  t.is(plane.spoken.get("http2"), 1);
  t.like(passed[0], { target: "web", flag: "" });
});

test.serial("redis-cli and redis pass as bytes, also pipelined", async (t) => {
  if (!has(t, "redis-cli", "redis-server")) return;
  const replica = await freePort();
  start(t, "redis-server", ["--port", String(replica), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder(t)]);
  await listens(replica);
  const { port, passed, plane } = await testPlane(t, webAt(replica));
  const redis = async (...args: string[]): Promise<string> => (await run("redis-cli", ["-p", String(port), ...args])).stdout.trim();
  t.is(await redis("PING"), "PONG");
  t.is(await redis("SET", "GET / HTTP/1.1", "x"), "OK");
  t.is(await redis("GET", "GET / HTTP/1.1"), "x");
  const many = Array.from({ length: 5000 }, (_, n) => `SET k${n} ${n}\r\n`).join("");
  const piped = spawn("redis-cli", ["-p", String(port), "--pipe"], { stdio: ["pipe", "pipe", "ignore"] });
  piped.stdin.end(many);
  let said = "";
  piped.stdout.on("data", (data: Buffer) => {
    said += data;
  });
  await once(piped, "close");
  t.regex(said, /errors: 0, replies: 5000/);
  await until(() => passed.length === 4, "the connections' ends");
  t.is(plane.spoken.get("tcp"), 4);
});

test.serial("psql and PostgreSQL pass as bytes", async (t) => {
  const postgres = spawnSync("bash", ["-c", "command -v postgres || ls /usr/lib/postgresql/*/bin/postgres"], {
    encoding: "utf8",
  }).stdout.split("\n")[0]!;
  if (!has(t, "psql")) return;
  if (postgres === "" || spawnSync("id", ["postgres"]).status !== 0) {
    t.log("skipped: no PostgreSQL server, or no user for it");
    t.pass();
    return;
  }
  const data = folder(t);
  const initdb = spawnSync("bash", ["-c", `readlink -f ${postgres}`], { encoding: "utf8" })
    .stdout.trim()
    .replace(/postgres$/, "initdb");
  spawnSync("chown", ["postgres", data]);
  const made = spawnSync("runuser", ["-u", "postgres", "--", initdb, "-D", join(data, "db"), "-A", "trust", "--no-sync"], {
    encoding: "utf8",
  });
  if (made.status !== 0) {
    t.log(`skipped: initdb: ${made.stderr.trim() || made.error}`);
    t.pass();
    return;
  }
  const replica = await freePort();
  start(t, "runuser", [
    "-u",
    "postgres",
    "--",
    postgres,
    "-D",
    join(data, "db"),
    "-p",
    String(replica),
    "-h",
    "127.0.0.1",
    "-k",
    data,
    "-F",
  ]);
  await listens(replica);
  const { port, passed } = await testPlane(t, webAt(replica));
  const psql = async (sql: string): Promise<string> =>
    (await run("psql", ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres", "-At", "-c", sql], { maxBuffer: 1e8 })).stdout.trim();
  t.is(await psql("select 6 * 7"), "42");
  const rows = (await psql("select repeat('x', 1000) from generate_series(1, 20000)")).split("\n");
  t.is(rows.length, 20_000);
  t.true(rows.every((row) => row.length === 1000));
  await until(() => passed.length === 2, "the connections' ends");
});

test.serial("a server that speaks first is heard, and a client that begins to ask slowly is not mistaken for one of it", async (t) => {
  const server = await rawServer(t);
  const { port, plane, reactor } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port);
  const replica = await server.next();
  replica.send("220 ready\r\n");
  t.is(await client.take(/\r\n/), "220 ready\r\n");
  client.send("HELO me\r\n");
  await replica.take(/HELO me\r\n/);
  client.socket.end();
  t.is(await replica.end(), "end");
  replica.socket.end();
  t.is(await client.end(), "end");

  const slow = rawClient(t, port).send("GET /adm");
  await new Promise<void>((fired) => reactor.timers.arm(new Timer(fired), 200)); // twice as long as a silent client is waited for
  slow.send("in HTTP/1.1\r\nHost: web\r\n\r\n");
  const second = await server.next();
  t.regex(await second.message(), /^GET \/admin /);
  t.is(plane.spoken.get("http1"), 1);
});
