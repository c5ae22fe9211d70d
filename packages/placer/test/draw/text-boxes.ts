/** Where the texts of a picture stand, for tests that none runs into another or off the page. */
import type { Box } from "../../src/draw/chart.ts";
import { textWidth } from "../../src/draw/svg-text.ts";
import type { Element } from "./xml.ts";

/** A text and the room it takes at most. */
export interface TextBox extends Box {
  readonly text: string;
}

function sizeOf(classes: readonly string[]): number {
  if (classes.includes("title")) return 19;
  if (classes.includes("head")) return 14;
  if (classes.includes("small")) return 10;
  return classes.includes("soft") ? 11 : 12;
}

/** Every text below an element; translations are followed, turned texts left out. */
export function textBoxes(element: Element, dx = 0, dy = 0): readonly TextBox[] {
  const { transform = "", x = "0", y = "0", class: classes = "", "text-anchor": anchor = "start" } = element.attributes;
  if (transform.startsWith("rotate")) return [];
  const [, left = "0", top = "0"] = /^translate\((-?[\d.]+) (-?[\d.]+)\)$/.exec(transform) ?? [];
  if (element.name !== "text") return element.children.flatMap((child) => textBoxes(child, dx + Number(left), dy + Number(top)));
  const size = sizeOf(classes.split(" "));
  const width = textWidth(element.text, size);
  const start = anchor === "end" ? width : anchor === "middle" ? width / 2 : 0;
  // From the height of capitals to the baseline: what lines of text may not share.
  return element.text === ""
    ? []
    : [{ text: element.text, x: dx + Number(x) - start, y: dy + Number(y) - size * 0.75, width, height: size * 0.75 }];
}
