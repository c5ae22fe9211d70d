/** Topic filters by their levels: mqttnic's own matcher. [MQTT 5.0 §4.7] @module */
import { LevelNode } from "../broker/level-node.ts";
import type { FilterIndex } from "./filter-index.ts";

class Node<Leaf> extends LevelNode<Node<Leaf>> {
  plus: Node<Leaf> | undefined;
  /** What hangs at the filter that ends here. */
  leaf: Leaf | undefined;
  /** The same for the one that ends here with `#`. */
  hash: Leaf | undefined;
}

/**
 * The tree.
 *
 * @example
 * ```ts
 * const tree = new FilterTree<string>();
 * tree.add("sensors/+/state", "panel");
 * tree.match("sensors/7/state", (leaf) => console.log(leaf)); // panel
 * ```
 */
export class FilterTree<Leaf extends object | string | number> implements FilterIndex<Leaf> {
  readonly #root = new Node<Leaf>();

  get(filter: string): Leaf | undefined {
    let node: Node<Leaf> | undefined = this.#root;
    for (const level of filter.split("/")) {
      if (level === "#") return node.hash;
      node = level === "+" ? node.plus : node.child(level);
      if (!node) return undefined;
    }
    return node.leaf;
  }

  add(filter: string, leaf: Leaf): void {
    let node = this.#root;
    for (const level of filter.split("/")) {
      if (level === "#") {
        node.hash = leaf;
        return;
      }
      if (level === "+") {
        node.plus ??= new Node();
        node = node.plus;
      } else {
        let next = node.child(level);
        if (!next) {
          next = new Node();
          node.addChild(level, next);
        }
        node = next;
      }
    }
    node.leaf = leaf;
  }

  /** Takes it out, and what is empty then. */
  remove(filter: string): void {
    const levels = filter.split("/");
    const path: Node<Leaf>[] = [this.#root];
    const ends = levels.at(-1) === "#";
    for (const level of ends ? levels.slice(0, -1) : levels) {
      const node = path.at(-1)!;
      const next = level === "+" ? node.plus : node.child(level);
      if (!next) return;
      path.push(next);
    }
    const last = path.at(-1)!;
    if (ends) last.hash = undefined;
    else last.leaf = undefined;
    for (let at = path.length - 1; at > 0; at--) {
      const node = path[at]!;
      if (node.leaf !== undefined || node.hash !== undefined || node.plus || node.childCount > 0) return;
      const parent = path[at - 1]!;
      const level = levels[at - 1]!;
      if (level === "+") parent.plus = undefined;
      else parent.removeChild(level);
    }
  }

  match(topic: string, visit: (leaf: Leaf) => void): void {
    const levels = topic.split("/");
    // Wildcards at the first level do not match topics of the server. [MQTT-4.7.2-1]
    descend(this.#root, levels, 0, topic.charCodeAt(0) === 0x24, visit);
  }
}

function descend<Leaf>(node: Node<Leaf>, levels: readonly string[], at: number, ofServer: boolean, visit: (leaf: Leaf) => void): void {
  const wild = !(at === 0 && ofServer);
  if (node.hash !== undefined && wild) visit(node.hash);
  if (at === levels.length) {
    if (node.leaf !== undefined) visit(node.leaf);
    return;
  }
  const child = node.child(levels[at]!);
  if (child) descend(child, levels, at + 1, ofServer, visit);
  if (node.plus && wild) descend(node.plus, levels, at + 1, ofServer, visit);
}
