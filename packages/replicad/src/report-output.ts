/** Hands everything known of replicas to nicd, through shared memory. @module */
import { ReportWriter } from "@mitsu/replica-table";
import type { KnownReplica, KnownReplicas } from "./known/known-replicas.ts";

/** A table of reports that follows {@link KnownReplicas}. */
export class ReportOutput {
  writes = 0;
  /** Replicas that did not fit. */
  left = 0;
  readonly #known: KnownReplicas;
  readonly #table: ReportWriter;
  #version = -1;
  #written: { readonly one: KnownReplica; readonly row: number }[] = [];

  /** @throws {MitsuError} when the table cannot be made at `path`. */
  constructor(path: string, known: KnownReplicas) {
    this.#known = known;
    this.#table = ReportWriter.create(path);
  }

  get rows(): number {
    return this.#written.length;
  }

  /** Writes all rows; a figure costs some nanoseconds. */
  write(nowMs: number, clients: number): void {
    if (this.#version !== this.#known.version) this.#follow();
    for (const { one, row } of this.#written) this.#table.write(row, one);
    this.#table.commit(nowMs, clients);
    this.writes++;
  }

  close(): void {
    this.#table.close();
  }

  #follow(): void {
    this.#version = this.#known.version;
    const now = new Set(this.#known.all());
    for (const { one } of this.#written) if (!now.has(one)) this.#table.remove(one.key);
    const all = [...now].map((one) => ({ one, row: this.#table.row(one.key) }));
    this.#written = all.filter(({ row }) => row >= 0);
    this.left = all.length - this.#written.length;
  }
}
