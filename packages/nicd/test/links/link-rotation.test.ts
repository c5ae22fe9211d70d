import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { CertificateFiles, issueInto, pathsIn, rotateIn, trustIn } from "../../src/certificates/mod.ts";
import { LinkPool, LinkServer } from "../../src/links/mod.ts";
import { authorityIn, echo, folder, identityOf, open, target, trustDomain, twoNodes, until, type Watched } from "./two-nodes.ts";

/** Sends numbered blocks one after the other, each when the one before is back, until told to stop. */
class Talker {
  readonly watched: Watched;
  rounds = 0;
  #stop = false;
  readonly done: Promise<void>;

  constructor(watched: Watched) {
    this.watched = watched;
    this.watched.keep = false;
    this.done = this.#talk();
  }

  stop(): Promise<void> {
    this.#stop = true;
    return this.done;
  }

  async #talk(): Promise<void> {
    const block = Buffer.alloc(1000, "r");
    while (!this.#stop) {
      this.watched.stream.write(block, 0, block.length);
      this.rounds++;
      await this.watched.until(() => this.watched.bytes === this.rounds * block.length);
    }
    this.watched.stream.end();
    const error = await this.watched.closed();
    if (error !== null) throw error;
  }
}

test("LinkPool.rotate() under load: new links with the new certificate, old streams to their end, none dropped", async (t) => {
  const nodes = await twoNodes(t);
  const { pool, port, server, dir, authority, identities } = nodes;
  const old = Array.from({ length: 30 }, () => new Talker(open(pool, port)));
  await until(() => old.every(({ rounds }) => rounds > 3), "load");
  let short = 0;
  let stop = false;
  // Short streams all the while: each must find a link.
  const shorts = (async () => {
    while (!stop) {
      const watched = open(pool, port, "short");
      await watched.until(() => watched.bytes === 5);
      watched.stream.end();
      const error = await watched.closed();
      if (error !== null) throw error;
      short++;
    }
  })();
  for (let round = 0; round < 4; round++) {
    identities.a = await identityOf(dir, authority, "node-a");
    server.rotate(await identityOf(dir, authority, "node-b"));
    pool.rotate();
    const links = server.status().length;
    await until(() => server.status().length >= Math.min(links + 1, 2) && pool.status()[0]!.draining > 0, "a second link");
    const before = short;
    await until(() => short > before + 5, "streams on the new link");
  }
  t.true(pool.status()[0]!.draining >= 1);
  stop = true;
  await shorts;
  await Promise.all(old.map((talker) => talker.stop()));
  await until(() => pool.status()[0]!.draining === 0 && server.status().length === 1, "the end of old links");
  t.is(pool.status()[0]!.lastError, null);
  t.true(short > 20);
});

test("a rotation whose new link fails keeps the old one, and is made good later", async (t) => {
  const { pool, port, server, dir, authority, identities } = await twoNodes(t, { limits: { firstBackOffMs: 20, maxBackOffMs: 40 } });
  const talker = new Talker(open(pool, port));
  await until(() => talker.rounds > 3, "load");
  const good = identities.a;
  identities.a = await identityOf(dir, await authorityIn(join(dir, "wrong")), "node-a");
  pool.rotate();
  await until(
    () => server.refusals.counts.untrusted + server.refusals.counts.handshake >= 2 || pool.status()[0]!.lastError !== null,
    "a refusal",
  );
  const rounds = talker.rounds;
  await until(() => talker.rounds > rounds + 3, "the old link to go on");
  t.is(pool.status()[0]!.state, "up");
  identities.a = await identityOf(dir, authority, "node-a");
  t.not(identities.a, good);
  await until(() => pool.status()[0]!.draining === 1, "the new link");
  await talker.stop();
});

test("the authority is changed without a failed stream: trust both, reissue, take the old one out", async (t) => {
  const dir = await folder(t);
  const [first, second] = [await authorityIn(join(dir, "ca-1")), await authorityIn(join(dir, "ca-2"))];
  const homes = { a: join(dir, "a"), b: join(dir, "b") };
  await issueInto(homes.a, first, { kind: "node", name: "node-a" });
  await issueInto(homes.b, first, { kind: "node", name: "node-b" });
  const options = { settleMs: 5 };
  const files = { a: await CertificateFiles.open(pathsIn(homes.a), options), b: await CertificateFiles.open(pathsIn(homes.b), options) };
  const server = new LinkServer({
    security: { security: "mtls", trustDomain, identity: () => files.b.current },
    permits: (to) => to === target,
    connect: (request) => echo(request),
  });
  const port = await server.listen(0, "127.0.0.1");
  const pool = new LinkPool({ security: "mtls", trustDomain, identity: () => files.a.current });
  files.a.onChange(() => pool.rotate());
  files.b.onChange((identity) => server.rotate(identity));
  t.teardown(async () => {
    files.a[Symbol.dispose]();
    files.b[Symbol.dispose]();
    pool.close();
    await server.close();
  });
  const talker = new Talker(open(pool, port));
  await until(() => talker.rounds > 3, "load");
  const changed = async (change: () => Promise<unknown>) => {
    const versions = [files.a.current.version, files.b.current.version];
    await change();
    await until(() => files.a.current.version > versions[0]! && files.b.current.version > versions[1]!, "the files to be read");
    const watched = open(pool, port, "x");
    await watched.until(() => watched.bytes === 1);
    watched.stream.end();
    t.is(await watched.closed(), null);
  };
  await changed(() => Promise.all([trustIn(homes.a, second.certificate), trustIn(homes.b, second.certificate)]));
  await changed(() => Promise.all([rotateIn(homes.a, second), rotateIn(homes.b, second)]));
  // The first authority leaves.
  await changed(() =>
    Promise.all([writeFile(pathsIn(homes.a).authorities, second.certificate), writeFile(pathsIn(homes.b).authorities, second.certificate)]),
  );
  await talker.stop();
  t.is(server.refusals.last, "");
  t.is(files.a.status().error, null);
});

test("a link whose peer's certificate is over is replaced, and its streams go on", async (t) => {
  const nodes = await twoNodes(t);
  const { pool, port, server, dir, authority } = nodes;
  // Ends in two seconds; a day's certificate of a day ago.
  server.rotate(await identityOf(dir, authority, "node-b", { now: () => Date.now() - 86_400_000 + 2000 }));
  const talker = new Talker(open(pool, port));
  await until(() => talker.rounds > 3, "load");
  server.rotate(nodes.identities.b);
  await until(() => pool.status()[0]!.draining === 1, "the replacement");
  t.true(pool.status()[0]!.certificateNotAfterMs! > Date.now() + 3_600_000);
  await talker.stop();
  t.pass();
});
