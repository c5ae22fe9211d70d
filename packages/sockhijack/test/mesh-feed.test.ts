import test from "ava";
import { meshFeed } from "../src/mesh-feed.ts";

/** A mesh that says so when a test wants it to. */
class MeshDouble {
  readonly watchers = new Set<() => void>();
  watch(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }
  refresh(): void {
    for (const changed of this.watchers) changed();
  }
}

test("meshFeed() tells at once, and after each refresh that changes what it shows, until it is left or aborted", async (t) => {
  const mesh = new MeshDouble();
  const end = new AbortController();
  let shown = 1;
  const feed = meshFeed(mesh, end.signal, () => ({ shown }));
  t.deepEqual(await feed.next(), { value: { shown: 1 }, done: false });
  const second = feed.next();
  mesh.refresh();
  shown = 2;
  mesh.refresh();
  t.deepEqual(await second, { value: { shown: 2 }, done: false });
  shown = 3;
  mesh.refresh(); // while nobody waits
  t.deepEqual(await feed.next(), { value: { shown: 3 }, done: false });
  const last = feed.next();
  end.abort();
  t.deepEqual(await last, { value: undefined, done: true });
  t.is(mesh.watchers.size, 0);

  const other = meshFeed(mesh, new AbortController().signal, () => 0);
  await other.next();
  t.is(mesh.watchers.size, 1);
  await other.return(undefined);
  t.is(mesh.watchers.size, 0);
});
