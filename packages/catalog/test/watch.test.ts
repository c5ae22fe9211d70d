import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { type Catalog, type CatalogProblem, formatChanges, loadCatalog, watchCatalog } from "../src/mod.ts";

const mesh = (...services: string[]) => `version: 1\nservices: { ${services.map((name) => `${name}: `).join(", ")} }\n`;
const names = ({ services }: Catalog) => services.map(({ name }) => name).join(" ");

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "mitsu-catalog-"));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Watches a file; `next()` gives what happens next, as `names: changes` or `error: message`. */
async function watched(t: ExecutionContext, path: string) {
  const seen: string[] = [];
  let wake = () => {};
  const note = (text: string) => {
    seen.push(text);
    wake();
  };
  const watch = await watchCatalog(
    path,
    (catalog, changes) => note(`${names(catalog)}: ${formatChanges(changes)}`),
    (error) => note(`error: ${error.message.replaceAll(dirname(path), "")}`),
    { debounceMs: 5 },
  );
  t.teardown(() => watch.close());
  const next = async (): Promise<string> => {
    while (seen.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return seen.shift()!;
  };
  return { watch, next, seen };
}

test("watchCatalog() sees a write in place", async (t) => {
  const path = join(await folder(t), "mesh.yaml");
  await writeFile(path, mesh("a"));
  const { watch, next } = await watched(t, path);
  t.is(names(watch.catalog), "a");
  await writeFile(path, mesh("a", "b"));
  // A write is two steps, truncate and fill; the first alone is an empty file, and may be seen as one.
  const first = await next();
  t.is(first.startsWith("error:") ? await next() : first, "a b: + service b");
  t.is(names(watch.catalog), "a b");
});

test("watchCatalog() sees an atomic rename, again and again", async (t) => {
  const path = join(await folder(t), "mesh.yaml");
  await writeFile(path, mesh("a"));
  const { next } = await watched(t, path);
  for (const name of ["b", "c", "d"]) {
    await writeFile(`${path}.new`, mesh("a", name));
    await rename(`${path}.new`, path);
    t.regex(await next(), new RegExp(`^a ${name}: `));
  }
});

test("watchCatalog() sees the swap of a link to a folder, as Kubernetes updates a ConfigMap", async (t) => {
  const top = await folder(t);
  for (const name of ["a", "b"]) {
    await mkdir(join(top, `..${name}`));
    await writeFile(join(top, `..${name}`, "mesh.yaml"), mesh(name));
  }
  await symlink("..a", join(top, "..data"));
  await symlink("..data/mesh.yaml", join(top, "mesh.yaml"));
  const { next } = await watched(t, join(top, "mesh.yaml"));
  await symlink("..b", join(top, "..data.new"));
  await rename(join(top, "..data.new"), join(top, "..data"));
  t.is(await next(), "b: - service a\n+ service b");
});

test("watchCatalog() follows a link to a file elsewhere, and to another one", async (t) => {
  const [near, far, farther] = [await folder(t), await folder(t), await folder(t)];
  await writeFile(join(far, "x.yaml"), mesh("a"));
  await writeFile(join(farther, "y.yaml"), mesh("c"));
  await symlink(join(far, "x.yaml"), join(near, "mesh.yaml"));
  const { next } = await watched(t, join(near, "mesh.yaml"));
  await writeFile(join(far, "x.new"), mesh("a", "b"));
  await rename(join(far, "x.new"), join(far, "x.yaml"));
  t.is(await next(), "a b: + service b");
  await symlink(join(farther, "y.yaml"), join(near, "new"));
  await rename(join(near, "new"), join(near, "mesh.yaml"));
  t.regex(await next(), /^c: /);
  await writeFile(join(farther, "y.new"), mesh("c", "d"));
  await rename(join(farther, "y.new"), join(farther, "y.yaml"));
  t.is(await next(), "c d: + service d");
});

test("watchCatalog() keeps the old catalog when the file turns bad, says so once, and goes on", async (t) => {
  const path = join(await folder(t), "mesh.yaml");
  const replace = async (text: string) => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  await writeFile(path, mesh("a"));
  const { watch, next, seen } = await watched(t, path);
  await replace("version: 3\n");
  t.is(await next(), "error: /mesh.yaml:1:10: version: 3 is not a known version; use 1");
  t.is(names(watch.catalog), "a");
  await watch.reload();
  t.deepEqual(seen, []);
  await replace(mesh("a", "b"));
  t.is(await next(), "a b: + service b");
});

test("watchCatalog() tells that the file is gone and sees it and even its folder come back", async (t) => {
  const top = await folder(t);
  const path = join(top, "etc", "mesh.yaml");
  await mkdir(dirname(path));
  await writeFile(path, mesh("a"));
  const { watch, next } = await watched(t, path);
  await rm(dirname(path), { recursive: true });
  t.is(await next(), "error: cannot read /mesh.yaml: no such file");
  t.is(names(watch.catalog), "a");
  await mkdir(join(top, "new"));
  await writeFile(join(top, "new", "mesh.yaml"), mesh("b"));
  await rename(join(top, "new"), dirname(path));
  t.regex(await next(), /^b: /);
  await writeFile(`${path}.new`, mesh("c"));
  await rename(`${path}.new`, path);
  t.regex(await next(), /^c: /);
});

test("watchCatalog() calls nothing when nothing changes, nor after close()", async (t) => {
  const path = join(await folder(t), "mesh.yaml");
  await writeFile(path, mesh("a"));
  const { watch, seen } = await watched(t, path);
  await writeFile(path, `# a comment\n${mesh("a")}`);
  await watch.reload();
  t.deepEqual(seen, []);
  watch.close();
  await writeFile(path, mesh("b"));
  await watch.reload();
  t.deepEqual(seen, []);
  t.is(names(watch.catalog), "a");
});

test("watchCatalog() and loadCatalog() tell warnings, the former once as long as they stay the same", async (t) => {
  const path = join(await folder(t), "mesh.yaml");
  const odd = (name: string) => `version: 1\nservices: { ${name}: { ports: [80], nic: off, routes: [ {} ] } }\n`;
  await writeFile(path, odd("a"));
  const warnings: string[] = [];
  const warn = ({ field, line }: CatalogProblem) => warnings.push(`${line} ${field}`);
  await loadCatalog(path, { warn });
  t.deepEqual(warnings.splice(0), ["2 services.a.nic"]);
  const watch = await watchCatalog(
    path,
    () => {},
    (error) => t.fail(error.message),
    { warn },
  );
  t.teardown(() => watch.close());
  await watch.reload();
  t.deepEqual(warnings.splice(0), ["2 services.a.nic"]);
  await writeFile(`${path}.new`, odd("b"));
  await rename(`${path}.new`, path);
  await watch.reload();
  t.deepEqual(warnings, ["2 services.b.nic"]);
});

test("watchCatalog() throws what loadCatalog() throws when the first load fails", async (t) => {
  const path = join(await folder(t), "mesh.yaml");
  await t.throwsAsync(watched(t, path), { code: "ERR_CATALOG_MISSING" });
  await writeFile(path, "version: 2");
  await t.throwsAsync(watched(t, path), { code: "ERR_CATALOG_INVALID" });
});

test("loadCatalog() names the file and what is wrong with it", async (t) => {
  const top = await folder(t);
  const path = join(top, "mesh.yaml");
  await t.throwsAsync(loadCatalog(path), { code: "ERR_CATALOG_MISSING", message: `cannot read ${path}: no such file` });
  await t.throwsAsync(loadCatalog(join(path, "x")), { code: "ERR_CATALOG_MISSING" });
  await t.throwsAsync(loadCatalog(top), { code: "ERR_CATALOG_UNREADABLE", message: `cannot read ${top}: it is a directory` });
  await t.throwsAsync(loadCatalog("/dev/zero"), { code: "ERR_CATALOG_UNREADABLE", message: "cannot read /dev/zero: it is a device" });
  await writeFile(path, "");
  await truncate(path, 17 * 1024 * 1024);
  await t.throwsAsync(loadCatalog(path), { code: "ERR_CATALOG_UNREADABLE", message: `cannot read ${path}: larger than 16 MiB` });
  await writeFile(path, Buffer.from([0x76, 0xff, 0xfe]));
  await t.throwsAsync(loadCatalog(path), { code: "ERR_CATALOG_UNREADABLE", message: `cannot read ${path}: not UTF-8 text` });
  await writeFile(path, "version: 1\nmesh: A\n");
  const error = await t.throwsAsync(loadCatalog(path), { code: "ERR_CATALOG_INVALID" });
  t.true(error?.message.startsWith(`${path}:2:7: mesh: "A" is not a name`));
});
