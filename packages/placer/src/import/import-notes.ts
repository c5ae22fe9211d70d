/** Collects what an importer finds: faults, which end it, and warnings, which say what is not taken over; both with their places. @module */
import { type CatalogProblem, type FieldPath, type Finding, formatPath, schemaFindings } from "@mitsu/catalog/document";
import type { DocumentText } from "../problem/document-text.ts";
import type { Problem } from "../problem/problem.ts";
import { ProblemError } from "../problem/problem-error.ts";
import { problemFaults } from "../problem/problem-faults.ts";
import { problemFile } from "../problem/schema.ts";
import { fileOf } from "../problem/write-problem.ts";

/** What an importer gives: a problem that has no faults, and what it could not take over. */
export interface Imported {
  readonly problem: Problem;
  readonly warnings: readonly CatalogProblem[];
}

/** Where something of the problem came from: a document, and a path in it. */
export interface Origin {
  readonly document: DocumentText;
  readonly path: FieldPath;
}

/** The same warning of many things is told this often; the last says how many more there are. */
const mostAlike = 3;

/** Findings of one import. */
export class ImportNotes {
  readonly #faults: { document: DocumentText; finding: Finding }[] = [];
  readonly #warnings: { document: DocumentText; finding: Finding }[] = [];
  readonly #alike = new Map<string, number>();
  /** A place may be looked at more than once. */
  readonly #told = new Set<string>();
  readonly #documents = new Map<DocumentText, number>();

  /** What makes an import impossible. */
  fault(origin: Origin, message: string): void {
    if (this.#isOld(origin, message)) return;
    const { document, path } = origin;
    this.#faults.push({ document, finding: { path, at: "value", message } });
  }

  /** What is not taken over, or otherwise than it is meant. */
  warn(origin: Origin, message: string): void {
    if (this.#isOld(origin, message)) return;
    const { document, path } = origin;
    const count = (this.#alike.get(message) ?? 0) + 1;
    this.#alike.set(message, count);
    if (count <= mostAlike) this.#warnings.push({ document, finding: { path, at: "value", message } });
  }

  /**
   * Ends the import: checks the problem as a file of its own would be, and tells its faults at the places they came from.
   *
   * @param origins Of nodes and services, by their index in the problem; `whole` for all else.
   * @throws {ProblemError} when there are faults.
   */
  finish(
    problem: Problem,
    origins: { readonly nodes: readonly Origin[]; readonly services: readonly Origin[]; readonly whole: Origin },
  ): Imported {
    this.end();
    // What is not well-formed would be written, and not be read again.
    const form = schemaFindings(problemFile, fileOf(problem));
    for (const { path, message } of form.length > 0 ? form : problemFaults(problem)) {
      const [list, index] = path;
      const origin = (list === "nodes" || list === "services") && typeof index === "number" ? origins[list][index] : undefined;
      this.fault(origin ?? origins.whole, `${formatPath(path)}: ${message}`);
    }
    this.end();
    const more = [...this.#alike].filter(([, count]) => count > mostAlike);
    const warnings = placed(this.#warnings);
    for (const [message, count] of more) {
      const last = warnings.findLast((warning) => warning.message === message);
      if (last) warnings[warnings.lastIndexOf(last)] = { ...last, message: `${message} (and ${count - mostAlike} more like this)` };
    }
    return { problem, warnings };
  }

  #isOld({ document, path }: Origin, message: string): boolean {
    const number = this.#documents.get(document) ?? this.#documents.size;
    this.#documents.set(document, number);
    const key = JSON.stringify([number, path, message]);
    const old = this.#told.has(key);
    this.#told.add(key);
    return old;
  }

  /** @throws {ProblemError} when there are faults so far. */
  end(): void {
    if (this.#faults.length > 0) throw new ProblemError(placed(this.#faults), this.#faults.length);
  }
}

function placed(notes: readonly { document: DocumentText; finding: Finding }[]): CatalogProblem[] {
  const byDocument = new Map<DocumentText, Finding[]>();
  for (const { document, finding } of notes) {
    const list = byDocument.get(document);
    if (list) list.push(finding);
    else byDocument.set(document, [finding]);
  }
  return [...byDocument].flatMap(([document, findings]) => document.locate(findings));
}
