/** `nicd ca` and `nicd cert`: from nothing to a certificate that a daemon takes, and over to another authority. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, testEnv } from "@mitsu/cli";
import { exitStatus } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import { nicd } from "../../src/cli.ts";

const dayMs = 86_400_000;

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "nicd-c-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function cli(...argv: readonly string[]) {
  const env = testEnv({ now: Date.now, columns: 120 });
  return { status: await run(nicd, argv, env), out: env.out(), err: env.err() };
}

test("ca init, cert issue, show and rotate", async (t) => {
  const folder = folderOf(t);
  const [ca, node] = [join(folder, "ca"), join(folder, "node")];
  const made = await cli("ca", "init", "--authority", ca, "--trust-domain", "shop.mesh", "--days", "100");
  t.is(made.status, exitStatus.ok, made.err);
  t.regex(made.out, /spiffe:\/\/shop\.mesh/);
  t.is(statSync(join(ca, "ca.key")).mode & 0o077, 0, "its key is its owner's alone");
  t.regex((await cli("ca", "show", "--authority", ca)).out, /spiffe:\/\/shop\.mesh/);

  const issued = await cli("cert", "issue", "--authority", ca, "--certificates", node, "--node", "node-a", "--days", "3", "--json");
  t.is(issued.status, exitStatus.ok, issued.err);
  const { certificate } = JSON.parse(issued.out);
  t.deepEqual(certificate.uris, ["spiffe://shop.mesh/node/node-a"]);
  t.true(Math.abs(certificate.notAfterMs - Date.now() - 3 * dayMs) < dayMs / 24);
  t.is(statSync(join(node, "tls.key")).mode & 0o077, 0);

  const shown = await cli("cert", "show", "--certificates", node);
  t.is(shown.status, exitStatus.ok);
  t.regex(shown.out, /node\/node-a[\s\S]*trusts[\s\S]*shop\.mesh/);
  const rotated = await cli("cert", "rotate", "--authority", ca, "--certificates", node, "--days", "5", "--json");
  const next = JSON.parse(rotated.out).certificate;
  t.deepEqual(next.uris, certificate.uris);
  t.not(next.serial, certificate.serial);
});

test("cert show of one that is over has exit status 69", async (t) => {
  const folder = folderOf(t);
  const [ca, node] = [join(folder, "ca"), join(folder, "node")];
  await cli("ca", "init", "--authority", ca);
  await cli("cert", "issue", "--authority", ca, "--certificates", node, "--service", "cart", "--days", "2");
  const later = testEnv({ now: () => Date.now() + 3 * dayMs });
  t.is(await run(nicd, ["cert", "show", "--certificates", node], later), exitStatus.unavailable);
  t.regex(later.out(), /sa\/cart[\s\S]*OVER/);
});

test("cert trust takes a further authority, once", async (t) => {
  const folder = folderOf(t);
  const [ca, other, node] = [join(folder, "ca"), join(folder, "other"), join(folder, "node")];
  await cli("ca", "init", "--authority", ca);
  await cli("ca", "init", "--authority", other);
  await cli("cert", "issue", "--authority", ca, "--certificates", node, "--node", "node-a");
  for (let time = 0; time < 2; time++) {
    const { status, out, err } = await cli("cert", "trust", join(other, "ca.crt"), "--certificates", node, "--json");
    t.is(status, exitStatus.ok, err);
    t.is(JSON.parse(out).authorities.length, 2);
  }
});

test("what cannot be done says why, and what to do", async (t) => {
  const folder = folderOf(t);
  const [ca, node] = [join(folder, "ca"), join(folder, "node")];
  await cli("ca", "init", "--authority", ca);
  writeFileSync(join(folder, "not.crt"), "nothing");
  await cli("cert", "issue", "--authority", ca, "--certificates", node, "--node", "node-a");
  const wrong: readonly (readonly [argv: readonly string[], says: RegExp])[] = [
    [["ca", "init", "--authority", ca], /ca/],
    [["ca", "show", "--authority", join(folder, "none")], /none/],
    [["cert", "issue", "--authority", ca, "--certificates", node], /--node or --service/],
    [["cert", "issue", "--authority", ca, "--certificates", node, "--node", "a", "--service", "b"], /--node or --service/],
    [["cert", "issue", "--authority", ca, "--certificates", node, "--node", "Not A Name"], /Not A Name/],
    [["cert", "show", "--certificates", join(folder, "none")], /none/],
    [["cert", "rotate", "--authority", ca, "--certificates", join(folder, "none")], /none/],
    [["cert", "trust", join(folder, "none.crt"), "--certificates", node], /none\.crt/],
    [["cert", "trust", join(folder, "not.crt"), "--certificates", node], /certificate/],
  ];
  for (const [argv, says] of wrong) {
    const { status, err, out } = await cli(...argv);
    t.not(status, exitStatus.ok, argv.join(" "));
    t.regex(err, says, argv.join(" "));
    t.regex(err, /hint: /, argv.join(" "));
    t.is(out, "");
  }
});
