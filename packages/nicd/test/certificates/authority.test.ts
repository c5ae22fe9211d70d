import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import {
  certificateFacts,
  formatSpiffeId,
  issue,
  issueInto,
  loadAuthority,
  makeAuthority,
  parseSpiffeId,
  pathsIn,
  rotateIn,
  showAuthority,
  showFolder,
  trustIn,
  urisOf,
} from "../../src/certificates/mod.ts";

const openssl = async (...args: string[]) => (await promisify(execFile)("openssl", args)).stdout;
const dayMs = 86_400_000;

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "nicd-certificates-"));
  t.teardown(() => rm(dir, { recursive: true }));
  return dir;
}

test("formatSpiffeId() and parseSpiffeId() know two forms, of nodes and of services", (t) => {
  t.is(formatSpiffeId({ kind: "node", trustDomain: "mesh.local", name: "node-a" }), "spiffe://mesh.local/node/node-a");
  t.is(formatSpiffeId({ kind: "service", trustDomain: "mesh.local", name: "web" }), "spiffe://mesh.local/ns/mesh/sa/web");
  const wrong = [
    "",
    "spiffe://mesh.local",
    "spiffe://mesh.local/node/",
    "spiffe://mesh.local/node/..",
    "spiffe://mesh.local/node/a/b",
    "spiffe://MESH.local/node/a",
  ];
  wrong.push(
    "https://mesh.local/node/a",
    "spiffe://mesh.local/node/a?x",
    "spiffe://mesh.local/node/a#x",
    "spiffe://mesh.local:80/node/a",
    "spiffe://mesh.local/ns/shop/sa/web",
  );
  wrong.push(
    "spiffe://u@mesh.local/node/a",
    "spiffe://mesh.local//node/a",
    "spiffe://mesh.local/node/%61",
    "SPIFFE://mesh.local/node/a",
    "spiffe://mesh.local/node/a\n",
  );
  for (const uri of wrong) t.is(parseSpiffeId(uri), null, uri);
  t.throws(() => formatSpiffeId({ kind: "node", trustDomain: "Mesh", name: "a" }), { code: "ERR_SPIFFE_ID" });
});

test("parseSpiffeId() takes only what formatSpiffeId() makes", (t) => {
  const part = fc.stringMatching(/^(spiffe:\/\/|mesh\.local|\/|node|ns\/mesh\/sa|[a-z0-9A-Z%.?#@:_-]){0,8}$/);
  fc.assert(
    fc.property(
      fc.oneof(
        part,
        part.map((rest) => `spiffe://mesh.local/node/${rest}`),
      ),
      (uri) => {
        const id = parseSpiffeId(uri);
        return id === null || formatSpiffeId(id) === uri;
      },
    ),
    { seed: 5, numRuns: 3000 },
  );
  t.pass();
});

test("urisOf() takes no URI out of a name that contains one", (t) => {
  t.deepEqual(urisOf("DNS:a, URI:spiffe://mesh.local/node/a"), ["spiffe://mesh.local/node/a"]);
  t.deepEqual(urisOf('DNS:"x, URI:spiffe://mesh.local/node/a"'), []);
  t.deepEqual(urisOf(undefined), []);
});

test("makeAuthority() makes a key that only its owner reads, and never a second one", async (t) => {
  const dir = join(await folder(t), "ca");
  const facts = await makeAuthority(dir, { trustDomain: "mesh.local", days: 30 });
  t.true(facts.authority);
  t.deepEqual(facts.uris, ["spiffe://mesh.local"]);
  t.is((await stat(join(dir, "ca.key"))).mode & 0o777, 0o600);
  t.is((await stat(dir)).mode & 0o777, 0o700);
  const key = await readFile(join(dir, "ca.key"), "utf8");
  await t.throwsAsync(makeAuthority(dir, { trustDomain: "mesh.local" }), { code: "ERR_CA_EXISTS" });
  t.is(await readFile(join(dir, "ca.key"), "utf8"), key);
  // A certificate without its key is not overwritten either, and leaves no key behind.
  await rm(join(dir, "ca.key"));
  await t.throwsAsync(makeAuthority(dir, { trustDomain: "mesh.local" }), { code: "ERR_CA_EXISTS" });
  await t.throwsAsync(stat(join(dir, "ca.key")), { code: "ENOENT" });
  await t.throwsAsync(makeAuthority(join(dir, "new"), { trustDomain: "Not/A/Domain" }), { code: "ERR_SPIFFE_ID" });
  await t.throwsAsync(loadAuthority(join(dir, "none")), { code: "ERR_CA_MISSING" });
  await writeFile(join(dir, "ca.key"), "nonsense");
  t.deepEqual(await showAuthority(dir), facts);
  await t.throwsAsync(loadAuthority(dir), { code: "ERR_CA_BAD" });
});

test("openssl sees an authority and certificates as X.509-SVID asks", async (t) => {
  const dir = await folder(t);
  await makeAuthority(join(dir, "ca"), { trustDomain: "mesh.local" });
  const authority = await loadAuthority(join(dir, "ca"));
  const report = await issueInto(join(dir, "a"), authority, { kind: "node", name: "node-a" });
  await issueInto(join(dir, "web"), authority, { kind: "service", name: "web", days: 2 });
  const { certificate, key, authorities } = pathsIn(join(dir, "a"));
  for (const purpose of ["sslserver", "sslclient"]) {
    t.regex(await openssl("verify", "-x509_strict", "-purpose", purpose, "-CAfile", authorities, certificate), /: OK\n$/);
  }
  const text = await openssl("x509", "-in", certificate, "-noout", "-text");
  t.regex(text, /Key Usage: critical\s+Digital Signature\n/);
  t.regex(text, /Extended Key Usage:\s+TLS Web Server Authentication, TLS Web Client Authentication\n/);
  t.regex(text, /Subject Alternative Name:\s+URI:spiffe:\/\/mesh\.local\/node\/node-a\n/);
  t.regex(text, /Basic Constraints: critical\s+CA:FALSE\n/);
  t.regex(text, /ASN1 OID: prime256v1/);
  t.regex(text, /ecdsa-with-SHA256/);
  const root = await openssl("x509", "-in", authorities, "-noout", "-text");
  t.regex(root, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
  t.regex(root, /Key Usage: critical\s+Certificate Sign, CRL Sign/);
  const keyId = /Subject Key Identifier:\s+(\S+)/.exec(root)![1]!;
  t.true(text.includes(keyId), "the authority's key identifier");
  t.regex(
    await openssl("x509", "-in", pathsIn(join(dir, "web")).certificate, "-noout", "-ext", "subjectAltName"),
    /URI:spiffe:\/\/mesh\.local\/ns\/mesh\/sa\/web/,
  );
  t.is((await stat(key)).mode & 0o777, 0o600);
  t.is(await openssl("pkey", "-in", key, "-pubout"), await openssl("x509", "-in", certificate, "-noout", "-pubkey"));
  const { notAfterMs, notBeforeMs } = report.certificate;
  t.is(notAfterMs - notBeforeMs >= dayMs && notAfterMs - notBeforeMs <= dayMs + 5 * 60_000 + 1000, true);
});

test("issue() gives each certificate a serial of its own, and none a life beyond its authority's", async (t) => {
  const dir = await folder(t);
  await makeAuthority(dir, { trustDomain: "mesh.local", days: 1 });
  const authority = await loadAuthority(dir);
  const all = await Promise.all(Array.from({ length: 20 }, () => issue(authority, { kind: "node", name: "a", days: 30 })));
  const facts = all.map(({ certificate }) => certificateFacts(certificate));
  t.is(new Set(facts.map(({ serial }) => serial)).size, 20);
  t.true(facts.every(({ serial }) => /^[4-7][0-9A-F]{31}$/.test(serial)));
  t.true(facts.every(({ notAfterMs }) => notAfterMs === authority.facts.notAfterMs));
  await t.throwsAsync(issue(authority, { kind: "node", name: "a", now: () => Date.now() + 2 * dayMs }), { code: "ERR_CA_EXPIRED" });
  await t.throwsAsync(issue(authority, { kind: "node", name: "../a" }), { code: "ERR_SPIFFE_ID" });
});

test("rotateIn() renews for the same node and keeps other authorities; trustIn() drops those that are over", async (t) => {
  const dir = await folder(t);
  await makeAuthority(join(dir, "ca"), { trustDomain: "mesh.local" });
  await makeAuthority(join(dir, "new"), { trustDomain: "mesh.local" });
  await makeAuthority(join(dir, "over"), { trustDomain: "mesh.local", days: 1, now: () => Date.now() - 3 * dayMs });
  await makeAuthority(join(dir, "foreign"), { trustDomain: "other.example" });
  const load = (name: string) => loadAuthority(join(dir, name));
  const home = join(dir, "a");
  const first = await issueInto(home, await load("ca"), { kind: "node", name: "node-a" });
  await trustIn(home, (await load("new")).certificate);
  await trustIn(home, (await load("over")).certificate);
  const second = await rotateIn(home, await load("new"));
  t.not(second.certificate.serial, first.certificate.serial);
  t.deepEqual(second.certificate.id, first.certificate.id);
  t.is(second.authorities.length, 2);
  t.deepEqual(await showFolder(home), second);
  t.is(second.problem, null);
  t.regex((await showFolder(home, () => Date.now() + 2 * dayMs)).problem!, /'O=Mitsu, CN=node-a' ended/);
  const { certificate, authorities } = pathsIn(home);
  t.regex(await openssl("verify", "-x509_strict", "-CAfile", authorities, certificate), /: OK\n$/);
  await t.throwsAsync(rotateIn(home, await load("foreign")), { code: "ERR_CERT_BAD" });
  await t.throwsAsync(showFolder(join(dir, "none")), { code: "ERR_CERT_BAD" });
});
