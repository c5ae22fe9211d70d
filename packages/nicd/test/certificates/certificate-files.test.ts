import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import {
  type Authority,
  CertificateFiles,
  type CertificateFilesOptions,
  type Identity,
  issue,
  issueInto,
  loadAuthority,
  makeAuthority,
  pathsIn,
  rotateIn,
} from "../../src/certificates/mod.ts";

const dayMs = 86_400_000;

interface Home {
  readonly dir: string;
  readonly ca: string;
  readonly authority: Authority;
}

async function home(t: ExecutionContext): Promise<Home> {
  const root = await mkdtemp(join(tmpdir(), "nicd-files-"));
  t.teardown(() => rm(root, { recursive: true }));
  const ca = join(root, "ca");
  await makeAuthority(ca, { trustDomain: "mesh.local", now: () => Date.now() - 10 * dayMs });
  const authority = await loadAuthority(ca);
  const dir = join(root, "a");
  await issueInto(dir, authority, { kind: "node", name: "node-a" });
  return { dir, ca, authority };
}

async function opened(t: ExecutionContext, dir: string, options: CertificateFilesOptions = {}): Promise<CertificateFiles> {
  const files = await CertificateFiles.open(pathsIn(dir), { settleMs: 10, ...options });
  // The watchers and timers of the files keep no process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => {
    files[Symbol.dispose]();
    clearInterval(alive);
  });
  return files;
}

const next = (files: CertificateFiles) => new Promise<Identity>((resolve) => files.onChange(resolve));
const failed = (files: CertificateFiles) =>
  new Promise<Error>((resolve) => {
    files.onError = resolve;
  });

test("CertificateFiles uses a new pair as soon as it is there", async (t) => {
  const { dir, authority } = await home(t);
  const files = await opened(t, dir);
  t.is(files.current.version, 1);
  t.deepEqual(files.current.id, { kind: "node", trustDomain: "mesh.local", name: "node-a" });
  const changed = next(files);
  const { certificate } = await rotateIn(dir, authority, { days: 2 });
  const identity = await changed;
  t.is(identity, files.current);
  t.is(identity.notAfterMs, certificate.notAfterMs);
  t.like(files.status(), { uri: "spiffe://mesh.local/node/node-a", version: identity.version, expired: false, error: null });
});

test("CertificateFiles follows a swapped link to the folder, as Kubernetes swaps it", async (t) => {
  const { dir, authority } = await home(t);
  const mount = join(dir, "mount");
  await mkdir(mount);
  const version = async (name: string, days: number) => {
    await issueInto(join(mount, name), authority, { kind: "node", name: "node-a", days });
    await symlink(name, join(mount, "..data.new"));
    await rename(join(mount, "..data.new"), join(mount, "..data"));
  };
  await version("..1", 1);
  for (const name of ["tls.crt", "tls.key", "ca.crt"]) await symlink(join("..data", name), join(mount, name));
  const files = await opened(t, mount);
  for (const days of [2, 3]) {
    const changed = next(files);
    await version(`..${days}`, days);
    await rm(join(mount, `..${days - 1}`), { recursive: true });
    t.true((await changed).notAfterMs > Date.now() + (days - 1) * dayMs);
  }
});

test("CertificateFiles keeps the pair in use when the key is another's, and says so once", async (t) => {
  const { dir, authority } = await home(t);
  const files = await opened(t, dir);
  const before = files.current;
  const told = failed(files);
  const other = await issue(authority, { kind: "node", name: "node-a" });
  await writeFile(pathsIn(dir).certificate, other.certificate);
  t.regex((await told).message, /the key is not the certificate's/);
  t.is(files.current, before);
  t.regex(files.status().error!, /the key is not the certificate's/);
  files.onError = () => t.fail("told twice");
  t.false(await files.reload());
  const changed = next(files);
  await writeFile(pathsIn(dir).key, other.key);
  await changed;
  t.is(files.status().error, null);
});

const unfit: readonly [title: string, message: RegExp, spoil: (home: Home) => Promise<void>][] = [
  [
    "is over",
    /ended \d{4}-/,
    async ({ dir, authority }) => put(dir, await issue(authority, { kind: "node", name: "a", now: () => Date.now() - 3 * dayMs })),
  ],
  [
    "is not valid yet",
    /begins \d{4}-/,
    async ({ dir, authority }) => put(dir, await issue(authority, { kind: "node", name: "a", now: () => Date.now() + dayMs })),
  ],
  [
    "is signed by nobody trusted",
    /no authority in the authorities' file/,
    async ({ dir, ca }) => {
      await makeAuthority(`${ca}-2`, { trustDomain: "mesh.local" });
      await put(dir, await issue(await loadAuthority(`${ca}-2`), { kind: "node", name: "a" }));
    },
  ],
  ["is no certificate", /there is no certificate in the certificate file/, ({ dir }) => writeFile(pathsIn(dir).certificate, "half a")],
  ["is gone", /ENOENT/, ({ dir }) => rm(pathsIn(dir).certificate)],
  ["has no authorities beside it", /in the authorities' file/, ({ dir }) => writeFile(pathsIn(dir).authorities, "")],
];

async function put(dir: string, { certificate, key }: { certificate: string; key: string }): Promise<void> {
  await writeFile(pathsIn(dir).key, key);
  await writeFile(pathsIn(dir).certificate, certificate);
}

for (const [title, message, spoil] of unfit) {
  test(`CertificateFiles refuses a certificate that ${title}, at the start and later`, async (t) => {
    const place = await home(t);
    const files = await opened(t, place.dir, { settleMs: 60_000 });
    await spoil(place);
    t.false(await files.reload());
    t.regex(files.status().error!, message);
    t.is(files.current.version, 1);
    const error = await t.throwsAsync(CertificateFiles.open(pathsIn(place.dir)), { code: "ERR_CERT_BAD" });
    t.regex(error!.message, message);
  });
}

test("CertificateFiles takes a bundle of several authorities, one of them over", async (t) => {
  const { dir, ca, authority } = await home(t);
  await makeAuthority(`${ca}-2`, { trustDomain: "mesh.local", days: 1, now: () => Date.now() - 5 * dayMs });
  const over = await loadAuthority(`${ca}-2`);
  await writeFile(pathsIn(dir).authorities, `# both\n${over.certificate}\n${authority.certificate}`);
  const files = await opened(t, dir);
  t.is(files.status().error, null);
});

test("CertificateFiles looks at the files from time to time where no change is told, and knows when its own is over", async (t) => {
  const { dir, authority } = await home(t);
  let now = Date.now();
  const due: { ms: number; call: () => void }[] = [];
  const files = await opened(t, dir, {
    now: () => now,
    after(ms, call) {
      // The watcher's own calls are left out: only the poll is to find it.
      if (ms === 7777) due.push({ ms, call });
      return () => {};
    },
    pollMs: 7777,
  });
  now += 2 * dayMs;
  t.true(files.status().expired);
  const changed = next(files);
  await rotateIn(dir, authority, { days: 5 });
  t.is(due.length, 1);
  due[0]!.call();
  await changed;
  t.false(files.status().expired);
});
