/** As much XML as Verilator writes: elements and attributes, no text. @module */

/** One element; text between elements is not kept. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code?: string, name?: string) =>
    code === undefined ? (entities[name!] ?? whole) : String.fromCodePoint(Number(code)),
  );
}

/**
 * Parses a document and gives its root element.
 *
 * @throws {SyntaxError} when tags do not nest.
 * @example
 * ```ts
 * parseXml('<a><b c="1"/></a>').children[0].attributes.c; // "1"
 * ```
 */
export function parseXml(text: string): XmlElement {
  const document = { name: "", attributes: {}, children: [] as XmlElement[] };
  const open: { name: string; children: XmlElement[] }[] = [document];
  for (const [, closing, name, inner, alone] of text.matchAll(/<(\/?)([\w-]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/g)) {
    if (closing) {
      if (open.pop()?.name !== name) throw new SyntaxError(`</${name}> closes nothing`);
      continue;
    }
    const attributes = Object.fromEntries([...inner!.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, unescaped(value!)]));
    const element = { name: name!, attributes, children: [] as XmlElement[] };
    open.at(-1)!.children.push(element);
    if (!alone) open.push(element);
  }
  const [root] = document.children;
  if (open.length !== 1 || !root) throw new SyntaxError("the document ends too early");
  return root;
}
