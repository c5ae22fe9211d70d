/**
 * Rules of one section of an ACL file as a tree of topic levels: a question costs as many steps as its topic has levels, whatever the number of rules.
 * @module
 */
import type { AclAccess } from "./acl-file.ts";

/** Lines that bear on a topic, the first of each kind; 0 is none. */
export interface AclLines {
  read: number;
  write: number;
  deny: number;
}

/** What `%c` and `%u` stand for in a question. */
export interface AclNames {
  readonly clientId: string;
  readonly username: string | undefined;
}

interface Node {
  readonly children: Map<string, Node>;
  plus: Node | undefined;
  clientId: Node | undefined;
  username: Node | undefined;
  /** Rules that end here. */
  here: AclLines | undefined;
  /** Rules that go on with `#`, which also stands for no level at all. [MQTT 5.0 §4.7.1.2] */
  rest: AclLines | undefined;
}

const newNode = (): Node => ({
  children: new Map(),
  plus: undefined,
  clientId: undefined,
  username: undefined,
  here: undefined,
  rest: undefined,
});

const first = (known: number, line: number): number => (known === 0 || line < known ? line : known);

function add(lines: AclLines | undefined, access: AclAccess, line: number): AclLines {
  const sum = lines ?? { read: 0, write: 0, deny: 0 };
  if (access === "deny") sum.deny = first(sum.deny, line);
  if (access === "read" || access === "readwrite") sum.read = first(sum.read, line);
  if (access === "write" || access === "readwrite") sum.write = first(sum.write, line);
  return sum;
}

/** A name fills a level of a granting rule only when it is one level, and no wildcard: `a/b` as a client id gains nothing by `%c`. */
const fillsLevel = (name: string | undefined): name is string => name !== undefined && name !== "" && !/[/+#]/.test(name);

/** Nodes that {@link AclTrie.findReadable} looks at: about 0.2 ms. */
const mostSteps = 1000;

/** See the module. */
export class AclTrie {
  readonly #root: Node = newNode();
  /** Asked for again and again: one object, filled anew. */
  readonly #found: AclLines = { read: 0, write: 0, deny: 0 };

  /** Adds a rule. @param isPattern Whether `%c` and `%u` stand for names. */
  add(filter: string, access: AclAccess, line: number, isPattern: boolean): void {
    let node = this.#root;
    for (const level of filter.split("/")) {
      if (level === "#") {
        node.rest = add(node.rest, access, line);
        return;
      }
      if (level === "+") node = node.plus ??= newNode();
      else if (isPattern && level === "%c") node = node.clientId ??= newNode();
      else if (isPattern && level === "%u") node = node.username ??= newNode();
      else {
        const child = node.children.get(level) ?? newNode();
        node.children.set(level, child);
        node = child;
      }
    }
    node.here = add(node.here, access, line);
  }

  /**
   * The rules that cover a topic, or all of a filter's topics. Valid until the next question.
   *
   * A name of several levels (`a/b`) does not fill `%c` where a rule grants, but does where a rule denies.
   */
  match(levels: readonly string[], names: AclNames): Readonly<AclLines> {
    const found = this.#found;
    found.read = found.write = found.deny = 0;
    this.#visit(this.#root, levels, 0, names, true);
    return found;
  }

  #take(lines: AclLines | undefined, grants: boolean): void {
    if (!lines) return;
    const found = this.#found;
    if (lines.deny > 0) found.deny = first(found.deny, lines.deny);
    if (!grants) return;
    if (lines.read > 0) found.read = first(found.read, lines.read);
    if (lines.write > 0) found.write = first(found.write, lines.write);
  }

  #visit(node: Node, levels: readonly string[], at: number, names: AclNames, grants: boolean): void {
    const level = levels[at];
    // Wildcards in the first level do not stand for what begins with $, nor do names where a rule grants. [MQTT-4.7.2-1]
    const dollar = at === 0 && level!.startsWith("$");
    if (node.rest && !dollar) this.#take(node.rest, grants);
    if (level === undefined) this.#take(node.here, grants);
    // A filter's `#` is covered by `#` alone.
    if (level === undefined || level === "#") return;
    const child = node.children.get(level);
    if (child) this.#visit(child, levels, at + 1, names, grants);
    if (node.plus && !dollar) this.#visit(node.plus, levels, at + 1, names, grants);
    if (node.clientId) this.#visitName(node.clientId, names.clientId, levels, at, names, grants && !dollar);
    if (node.username) this.#visitName(node.username, names.username, levels, at, names, grants && !dollar);
  }

  #visitName(node: Node, name: string | undefined, levels: readonly string[], at: number, names: AclNames, grants: boolean): void {
    if (name === undefined || name === "") return;
    if (name === levels[at] && fillsLevel(name)) this.#visit(node, levels, at + 1, names, grants);
    if (!name.includes("/")) return;
    const parts = name.split("/");
    if (parts.every((part, index) => levels[at + index] === part)) this.#visit(node, levels, at + parts.length, names, false);
  }

  /**
   * Looks for a rule that grants reading some topic of a filter. Calls back with the common part of both, itself a filter, and the rule's line, until
   * `accept` says true.
   *
   * @returns undefined when it gave up: whoever subscribes to `#` again and again must not have a large file searched each time.
   */
  findReadable(
    levels: readonly string[],
    names: AclNames,
    accept: (common: readonly string[], line: number) => boolean,
  ): boolean | undefined {
    const common: string[] = [];
    let stepsLeft = mostSteps;
    const under = (node: Node, level: string, next: (child: Node) => boolean): boolean => {
      common.push(level);
      const done = next(node);
      common.pop();
      return done;
    };
    const end = (lines: AclLines | undefined, rest: readonly string[]): boolean =>
      lines !== undefined && lines.read > 0 && accept([...common, ...rest], lines.read);
    const search = (node: Node, at: number): boolean => {
      if (stepsLeft-- === 0) return true;
      const level = levels[at];
      const top = common.length === 0;
      const dollar = top && level?.startsWith("$") === true;
      // Beneath a filter's `#`, `at` stays where it is.
      const all = level === "#";
      if (!dollar && end(node.rest, levels.slice(at))) return true;
      if ((level === undefined || all) && !top && end(node.here, [])) return true;
      if (level === undefined) return false;
      const next = all ? at : at + 1;
      if (all || level === "+") {
        for (const [name, child] of node.children) {
          if (!(top && name.startsWith("$")) && under(child, name, (one) => search(one, next))) return true;
        }
        if (node.plus && under(node.plus, "+", (one) => search(one, next))) return true;
        return namesOf(node, names).some(
          ([child, name]) => !(top && name.startsWith("$")) && under(child, name, (one) => search(one, next)),
        );
      }
      const child = node.children.get(level);
      if (child && under(child, level, (one) => search(one, next))) return true;
      if (dollar) return false;
      if (node.plus && under(node.plus, level, (one) => search(one, next))) return true;
      return namesOf(node, names).some(([one, name]) => name === level && under(one, level, (same) => search(same, next)));
    };
    const found = search(this.#root, 0);
    return stepsLeft < 0 ? undefined : found;
  }
}

function namesOf(node: Node, { clientId, username }: AclNames): (readonly [Node, string])[] {
  const pairs: (readonly [Node, string])[] = [];
  if (node.clientId && fillsLevel(clientId)) pairs.push([node.clientId, clientId]);
  if (node.username && fillsLevel(username)) pairs.push([node.username, username]);
  return pairs;
}
