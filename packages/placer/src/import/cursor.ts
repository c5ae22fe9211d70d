/** Walks a foreign file's value, and finds fault with what has another type than it should, at its place. @module */
import { type FieldPath, show } from "@mitsu/catalog/document";
import type { DocumentText } from "../problem/document-text.ts";
import type { ImportNotes, Origin } from "./import-notes.ts";

/** A value and where it stands. */
export class Cursor implements Origin {
  readonly value: unknown;
  readonly document: DocumentText;
  readonly path: FieldPath;
  readonly notes: ImportNotes;

  constructor(value: unknown, document: DocumentText, path: FieldPath, notes: ImportNotes) {
    this.value = value;
    this.document = document;
    this.path = path;
    this.notes = notes;
  }

  /** Whether there is a value; null is none. */
  get given(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** The value of a field of a map, of a field of that, and so on; nothing where there is none. */
  at(...steps: string[]): Cursor {
    let value = this.value;
    let path = this.path;
    for (const step of steps) {
      value = isMap(value) && Object.hasOwn(value, step) ? value[step] : undefined;
      path = [...path, step];
    }
    return new Cursor(value, this.document, path, this.notes);
  }

  /** A list's items; none where there is no list. */
  list(): Cursor[] {
    if (!this.given) return [];
    if (!Array.isArray(this.value)) {
      this.fault(`${show(this.value)} is not a list; give a list`);
      return [];
    }
    return this.value.map((item, index) => new Cursor(item, this.document, [...this.path, index], this.notes));
  }

  /** A map's fields; none where there is no map. */
  entries(): [string, Cursor][] {
    if (!this.given) return [];
    if (!isMap(this.value)) {
      this.fault(`${show(this.value)} is not a map; give a map`);
      return [];
    }
    return Object.entries(this.value).map(([key, value]) => [key, new Cursor(value, this.document, [...this.path, key], this.notes)]);
  }

  /** Text, or `otherwise` where there is none. */
  text(otherwise = ""): string {
    if (!this.given) return otherwise;
    if (typeof this.value === "string") return this.value;
    this.fault(`${show(this.value)} is not text; quote it`);
    return otherwise;
  }

  /** Text that must be there. */
  needText(): string {
    if (!this.given || this.value === "") this.fault("is missing; give text");
    return this.text();
  }

  /** A map of texts; numbers and truth values are taken as written. */
  texts(): Record<string, string> {
    return Object.fromEntries(
      this.entries().map(([key, one]) => [
        key,
        typeof one.value === "number" || typeof one.value === "boolean" ? String(one.value) : one.text(),
      ]),
    );
  }

  /** A whole number from `least`, also one in quotes; `otherwise` where there is none. */
  count(least: number, otherwise: number): number {
    if (!this.given) return otherwise;
    const count = typeof this.value === "string" && /^\d{1,9}$/.test(this.value) ? Number(this.value) : this.value;
    if (typeof count === "number" && Number.isSafeInteger(count) && count >= least && count <= 1e6) return count;
    this.fault(`${show(this.value)} cannot stand here; give a whole number from ${least} to 1000000`);
    return otherwise;
  }

  /** What makes the import impossible. */
  fault(message: string): void {
    this.notes.fault(this, message);
  }

  /** What is not taken over. */
  warn(message: string): void {
    this.notes.warn(this, message);
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
