import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createLog, testEnv } from "@mitsu/cli";
import test from "ava";
import { defaultConfig, defaultListener } from "../../src/config/defaults.ts";
import { openBroker } from "../../src/open-broker.ts";
import { temporaryFolder } from "./echo-plane.ts";
import { TestAuthority } from "./test-certificates.ts";

const run = promisify(execFile);

test("mosquitto_pub and mosquitto_sub exchange a message over TLS with client certificates and over a Unix socket", async (t) => {
  if (!existsSync("/usr/bin/mosquitto_pub")) {
    t.log("skipped: no mosquitto-clients");
    t.pass();
    return;
  }
  const folder = await temporaryFolder(t);
  const authority = await TestAuthority.make(folder, "authority");
  const foreign = await TestAuthority.make(folder, "foreign");
  const server = await authority.issue("server", "/CN=broker", "DNS:localhost,IP:127.0.0.1");
  const client = await authority.issue("client", "/CN=lamp", "URI:urn:lamp");
  const stranger = await foreign.issue("stranger", "/CN=lamp", "URI:urn:lamp");
  const tls = { ...server, authorities: authority.certificate, requireCertificate: true, revoked: undefined, byServerName: {} };
  const path = join(folder, "mqtt.sock");
  const listeners = [
    { ...defaultListener, name: "tls", port: 0, tls },
    { ...defaultListener, name: "unix", address: undefined, path },
  ];
  const about = { version: "0.0.0", pid: process.pid, startedAtMs: Date.now(), node: "test" };
  const broker = await openBroker({ ...defaultConfig, listeners }, { dataPlane: "net", log: createLog(testEnv()), about });
  t.teardown(() => broker.close(0));
  const over = (pair: { certificate: string; key: string }) => {
    const at = ["-h", "localhost", "-p", String(broker.listeners[0]?.port)];
    return [...at, "--cafile", authority.certificate, "--cert", pair.certificate, "--key", pair.key];
  };
  await run("mosquitto_pub", [...over(client), "-V", "5", "-q", "2", "-r", "-t", "a", "-m", "over TLS"]);
  t.is((await run("mosquitto_sub", ["--unix", path, "-C", "1", "-W", "10", "-t", "a"])).stdout, "over TLS\n");
  await run("mosquitto_pub", ["--unix", path, "-q", "1", "-r", "-t", "b", "-m", "over a Unix socket"]);
  t.is((await run("mosquitto_sub", [...over(client), "-C", "1", "-W", "10", "-q", "2", "-t", "b"])).stdout, "over a Unix socket\n");
  await t.throwsAsync(run("mosquitto_pub", [...over(stranger), "-t", "a", "-m", "nobody"]));
});
