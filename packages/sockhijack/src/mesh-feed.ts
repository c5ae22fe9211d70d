/** A view of the mesh as a stream: at once, and again after each change of what it shows. @module */
import type { Mesh } from "./mesh/mesh.ts";

/**
 * Follows the mesh until `signal` aborts.
 *
 * @param view Is asked after each refresh; what says the same as before is not told again.
 * @example
 * ```ts
 * for await (const names of meshFeed(mesh, signal, () => mesh.catalog.services.map(({ name }) => name))) console.log(names);
 * ```
 */
export async function* meshFeed<T>(mesh: Pick<Mesh, "watch">, signal: AbortSignal, view: () => T): AsyncGenerator<T> {
  let wake = Promise.withResolvers<void>();
  const stop = (): void => wake.resolve();
  signal.addEventListener("abort", stop);
  const unwatch = mesh.watch(stop);
  let told = "";
  try {
    while (!signal.aborted) {
      wake = Promise.withResolvers();
      const state = view();
      const text = JSON.stringify(state);
      if (text === told) await wake.promise;
      else yield state;
      told = text;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    unwatch();
  }
}
