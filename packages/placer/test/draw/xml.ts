/** A strict reader of the XML that pictures are: it throws at whatever is not well-formed. */

/** An element, with its attributes, its children in order, and the text directly in it. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };

function plain(text: string): string {
  if (/[\p{Cc}<]/u.test(text.replace(/\n/g, "")) || !text.isWellFormed()) throw new Error(`not text: ${JSON.stringify(text)}`);
  return text.replace(/&([^;]*;)?/g, (whole, name: string | undefined) => {
    const entity = name?.slice(0, -1) ?? "";
    if (/^#\d+$/.test(entity)) return String.fromCodePoint(Number(entity.slice(1)));
    const found = entities[entity];
    if (found === undefined) throw new Error(`not an entity: ${whole}`);
    return found;
  });
}

/** Reads a document of elements and text, without declarations, comments or CDATA, which pictures have none of. */
export function parseXml(document: string): Element {
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  const tag = /<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y;
  for (let at = 0; at < document.length; ) {
    const next = document.indexOf("<", at);
    open.at(-1)!.text += plain(document.slice(at, next < 0 ? undefined : next));
    if (next < 0) break;
    tag.lastIndex = next;
    const [whole, closing, name, attributes, empty] = tag.exec(document) ?? [];
    if (whole === undefined || name === undefined) throw new Error(`not a tag: ${document.slice(next, next + 80)}`);
    at = next + whole.length;
    if (closing) {
      const last = open.pop();
      if (last?.name !== name) throw new Error(`</${name}> ends <${last?.name}>`);
      continue;
    }
    const pairs = [...attributes!.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key, value]): [string, string] => [key!, plain(value!)]);
    if (new Set(pairs.map(([key]) => key)).size < pairs.length) throw new Error(`an attribute twice: ${whole}`);
    const element: Element = { name, attributes: Object.fromEntries(pairs), children: [], text: "" };
    open.at(-1)!.children.push(element);
    if (!empty) open.push(element);
  }
  if (open.length !== 1 || root.children.length !== 1) throw new Error(`${open.at(-1)?.name} is not closed, or there are two roots`);
  return root.children[0]!;
}

/** Every element below one, itself included, in document order. */
export function all(element: Element): readonly Element[] {
  return [element, ...element.children.flatMap((child) => all(child))];
}
