/**
 * The three functions of `Reflect` that tsyringe, on which @peculiar/x509 is built, asks for when it is loaded: import this before it.
 * They are what is left of the metadata proposal (rbuckton.github.io/reflect-metadata) for classes compiled without `emitDecoratorMetadata`:
 * a map per class. Where a full implementation is there already, it stays.
 *
 * @module
 */
const kept = new WeakMap<object, Map<unknown, unknown>>();

const functions = {
  defineMetadata(key: unknown, value: unknown, target: object): void {
    const own = kept.get(target) ?? new Map<unknown, unknown>();
    kept.set(target, own.set(key, value));
  },
  getOwnMetadata: (key: unknown, target: object): unknown => kept.get(target)?.get(key),
  getMetadata(key: unknown, target: object): unknown {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
      const value = kept.get(at)?.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  },
};

if (!("getMetadata" in Reflect)) Object.assign(Reflect, functions);
