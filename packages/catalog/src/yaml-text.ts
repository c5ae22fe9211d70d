/** Reads YAML 1.2 text strictly: what the parser merely warns of, and keys given twice, are faults too. @module */
import { type Document, isAlias, isMap, isNode, isSeq, LineCounter, type Node, parseAllDocuments, parseDocument } from "yaml";
import { keyText, locate, type Source } from "./locate.ts";
import type { CatalogProblem, FieldPath } from "./problem.ts";

/** What became of a text: its plain value when `problems` is empty. */
export interface YamlText {
  readonly source: Source;
  readonly value: unknown;
  readonly problems: CatalogProblem[];
}

/** Deeper nesting is refused before the recursive parser runs out of stack. */
const deepestNesting = 64;

const options = { prettyErrors: false, uniqueKeys: false, logLevel: "error" } as const;

/** Parses one YAML document; never throws on any text. */
export function readYaml(text: string, file: string): YamlText {
  const lines = new LineCounter();
  return read(file, lines, () => [parseDocument(text, { ...options, lineCounter: lines })])[0]!;
}

/** Parses all YAML documents of a text, at least one; never throws on any text. Places count lines from the text's beginning. */
export function readYamlDocuments(text: string, file: string): YamlText[] {
  const lines = new LineCounter();
  return read(file, lines, () => {
    const documents = parseAllDocuments(text, { ...options, lineCounter: lines });
    return documents.length > 0 ? [...documents] : [parseDocument("", options)];
  });
}

function read(file: string, lines: LineCounter, parse: () => Document[]): YamlText[] {
  let documents: Document[];
  try {
    documents = parse();
  } catch (error) {
    // The parser recurses; its only throw is the exhausted stack.
    const message = `cannot read this as YAML: ${(error as Error).message}; nest at most ${deepestNesting} levels`;
    return [{ source: { file, document: parseDocument(""), lines }, value: undefined, problems: [placed(file, lines, 0, message)] }];
  }
  return documents.map((document) => readDocument({ file, document, lines }));
}

function placed(file: string, lines: LineCounter, offset: number, message: string): CatalogProblem {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col), field: "", message };
}

function readDocument(source: Source): YamlText {
  const { document } = source;
  const at = (offset: number, message: string) => placed(source.file, source.lines, offset, message);
  const faults = [...document.errors, ...document.warnings].map((fault) => at(fault.pos[0], `not valid YAML: ${yamlMessage(fault)}`));
  // At one place only the first fault counts; the others follow from it.
  const problems = [...new Map(faults.reverse().map((fault) => [`${fault.line}:${fault.column}`, fault])).values()];
  if (problems.length === 0) problems.push(...structureProblems(source, at));
  if (problems.length > 0) return { source, value: undefined, problems };
  try {
    return { source, value: document.toJS({ maxAliasCount: 100 }), problems };
  } catch (error) {
    return { source, value: undefined, problems: [at(0, `cannot read this as YAML: ${(error as Error).message}`)] };
  }
}

function yamlMessage({ code, message }: { code: string; message: string }): string {
  if (code === "MULTIPLE_DOCS") return "a file holds one document; remove the `---` and what follows";
  if (message.startsWith("Maximum call stack")) return `nested too deep; nest at most ${deepestNesting} levels`;
  const text = message.replaceAll(/\s+/g, " ");
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Walks all nodes for what the grammar allows and our files do not: keys given twice, keys that are no text or `__proto__`, aliases to nothing or to themselves, bottomless nesting. */
function structureProblems(source: Source, at: (offset: number, message: string) => CatalogProblem): CatalogProblem[] {
  const problems: CatalogProblem[] = [];
  const visit = (node: unknown, path: FieldPath): void => {
    if (!isNode(node)) return;
    const offset = node.range?.[0] ?? 0;
    if (path.length > deepestNesting) problems.push(at(offset, `nested too deep; nest at most ${deepestNesting} levels`));
    else if (isAlias(node)) {
      const target = node.resolve(source.document);
      if (!target) problems.push(at(offset, `no anchor &${node.source} before this alias; define it first`));
      else if (target.range && target.range[0] <= offset && offset < target.range[1])
        problems.push(at(offset, `alias *${node.source} is inside what it stands for; write the value out`));
    } else if (isSeq(node)) {
      node.items.forEach((item, index) => {
        visit(item, [...path, index]);
      });
    } else if (isMap(node)) {
      const seen = new Map<string, number>();
      for (const pair of node.items) {
        const key = keyText(pair.key);
        const keyOffset = (pair.key as Node | null)?.range?.[0] ?? offset;
        if (key === undefined) {
          problems.push(at(keyOffset, "a field name must be plain text; quote it"));
          continue;
        }
        // Objects have it from birth, and schema libraries skip it: it would be dropped without a word.
        if (key === "__proto__") problems.push(at(keyOffset, '"__proto__" is not allowed as a field name; choose another'));
        const first = seen.get(key);
        if (first === undefined) seen.set(key, keyOffset);
        else {
          const place = locate(source, { path: [...path, key], at: "key", message: "" });
          const { line, col } = source.lines.linePos(keyOffset);
          problems.push({
            ...place,
            line,
            column: col,
            message: `${JSON.stringify(key)} is given twice; the first is in line ${source.lines.linePos(first).line}`,
          });
        }
        visit(pair.value, [...path, key]);
      }
    }
  };
  visit(source.document.contents, []);
  return problems;
}
