/** LMDB with the rows that the store keeps, for bench/lib/mqtt-store.ts: here, because lmdb is a dependency of this package's tests only. @module */
import { open } from "lmdb";

/** What the measurement needs of it; keys count up, as the store's rows do. */
export interface LmdbPeer {
  /** Everything that is put and removed in it is one transaction. */
  turn(act: () => void): void;
  put(table: LmdbTable, key: number, value: Uint8Array): void;
  remove(table: LmdbTable, key: number): void;
  /** By topic, which is at most 1978 bytes long: LMDB bounds keys. */
  putRetained(topic: string, value: Uint8Array): void;
  values(table: LmdbTable): Iterable<Uint8Array>;
  retained(): Iterable<{ key: string; value: Uint8Array }>;
  close(): Promise<void>;
}
export type LmdbTable = "message" | "delivery" | "subscription";

/** Opens a folder, not waiting for the disk: what `sync: false` is to the store. */
export function openLmdb(path: string): LmdbPeer {
  const root = open({ path, noSync: true, maxDbs: 8, mapSize: 4 * 1024 ** 3, encoding: "binary" });
  const table = (name: string) => root.openDB<Uint8Array, number>({ name, keyEncoding: "uint32", encoding: "binary" });
  const tables = { message: table("message"), delivery: table("delivery"), subscription: table("subscription") };
  const retained = root.openDB<Uint8Array, string>({ name: "retained", encoding: "binary" });
  return {
    turn: (act) => void root.transactionSync(act),
    put: (name, key, value) => void tables[name].putSync(key, value as Buffer),
    remove: (name, key) => void tables[name].removeSync(key),
    putRetained: (topic, value) => void retained.putSync(topic, value as Buffer),
    *values(name) {
      for (const { value } of tables[name].getRange()) yield value;
    },
    retained: () => retained.getRange(),
    close: () => root.close(),
  };
}
