/** Finds nicd's tables of loads: one for each process that carries traffic, which come, are replaced, and go. @module */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LoadTable } from "./load-table.ts";

/** A table without a file, whose writer is silent for so long, is forgotten. */
const forgetMs = 60_000;
/** More processes than any nicd has. */
const mostTables = 256;

interface Found {
  readonly table: LoadTable;
  aliveAtMs: number;
}

/** The tables beside a control socket: `<socket>.load` and `<socket>.<n>.load`. */
export class NicdLoads {
  /** Those whose writers live. */
  readonly tables: LoadTable[] = [];
  /** Why there is none; null when there is. */
  why: string | null = null;
  readonly #socket: string;
  readonly #found: Map<string, Found> = new Map();
  readonly #refused: Map<string, string> = new Map();
  #first = true;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Looks which tables there are: some system calls. What is counted at the first look is of a time that is not known. */
  look(clockMs: number): void {
    this.#refused.clear();
    const paths = this.#paths();
    for (const path of paths) this.#open(path, clockMs);
    this.#first = false;
    this.tables.length = 0;
    for (const [path, found] of this.#found) {
      if (found.table.alive(clockMs)) {
        found.aliveAtMs = clockMs;
        this.tables.push(found.table);
      } else if (clockMs - found.aliveAtMs > forgetMs && !paths.includes(path)) {
        found.table.close();
        this.#found.delete(path);
      }
    }
    this.why = this.tables.length > 0 ? null : this.#reason();
  }

  close(): void {
    for (const { table } of this.#found.values()) table.close();
    this.#found.clear();
    this.tables.length = 0;
  }

  #open(path: string, clockMs: number): void {
    const known = this.#found.get(path);
    if (known && !known.table.replaced(clockMs)) return;
    try {
      const table = new LoadTable(path, this.#first);
      known?.table.close();
      this.#found.set(path, { table, aliveAtMs: clockMs });
    } catch (error) {
      // One that was there stays until there is another: it is dead by its beat.
      this.#refused.set(path, (error as Error).message);
    }
  }

  #paths(): string[] {
    const folder = dirname(this.#socket);
    const name = `${basename(this.#socket)}.`;
    try {
      return readdirSync(folder)
        .filter((file) => file.startsWith(name) && /^(\d+\.)?load$/.test(file.slice(name.length)))
        .slice(0, mostTables)
        .map((file) => join(folder, file));
    } catch {
      return []; // no folder, no nicd
    }
  }

  #reason(): string {
    const [refused] = this.#refused.values();
    if (refused !== undefined) return refused;
    return this.#found.size > 0 ? "it has not been heard for a second" : `${this.#socket}.load is not there`;
  }
}
