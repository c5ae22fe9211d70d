/** The capability `topic-match` in software, by mqttnic's own tree: what matching falls back to. @module */
import {
  fullError,
  type Opened,
  type Provider,
  ProviderDevice,
  type TopicEntry,
  type TopicMatch,
  type TopicMatchSpec,
  topicMatch,
} from "@mitsu/hal";
import { checkFilter, parseShared } from "../protocol/topic.ts";
import { FilterTree } from "./filter-tree.ts";

/** Who hangs at a filter. */
interface Leaf {
  readonly ids: Set<number>;
  /** By name, members in the order in which they came. */
  readonly groups: Map<string, { readonly ids: number[]; turn: number }>;
}

/** The tree as a provider. */
export function treeMatchProvider(entries: number = Number.POSITIVE_INFINITY): Provider<TopicMatchSpec, TopicMatch, readonly TopicEntry[]> {
  const counts = { lookups: 0 };
  return {
    capability: topicMatch,
    entries,
    // A topic of five levels among 4096 filters, as bench/topic-matcher.sh measures it on a slow core.
    cost: () => ({ ns: 600 }),
    refuses: (_spec, state) => {
      const bad = state.find(({ filter, id }) => fault(filter, id) !== undefined);
      return bad && fault(bad.filter, bad.id);
    },
    open: (spec, state) => openTree(spec.entries, state, counts),
    counters: () => ({ ...counts }),
  };
}

/**
 * The tree as a device.
 *
 * @example
 * ```ts
 * const { operations } = treeDevice().install({ capability: topicMatch, spec: { entries: 10 } });
 * operations.add("sport/+", 7);
 * operations.match("sport/tennis"); // [7]
 * ```
 */
export function treeDevice(entries: number = Number.POSITIVE_INFINITY, name = "mqttnic-tree"): ProviderDevice {
  return new ProviderDevice({ name, kind: "software", version: "1" }, [treeMatchProvider(entries)]);
}

function openTree(most: number, state: readonly TopicEntry[], counts: { lookups: number }): Opened<TopicMatch, readonly TopicEntry[]> {
  const tree = new FilterTree<Leaf>();
  /** All pairs, in the order in which they came. */
  const rows = new Map<string, TopicEntry>();
  const keyOf = (filter: string, id: number): string => `${id} ${filter}`;
  const check = (filter: string, id: number): void => {
    const wrong = fault(filter, id);
    if (wrong !== undefined) throw new RangeError(wrong);
  };
  const operations: TopicMatch = {
    add(filter, id) {
      check(filter, id);
      const key = keyOf(filter, id);
      if (rows.has(key)) return;
      if (rows.size >= most) throw fullError("topic-match");
      rows.set(key, { filter, id });
      const shared = parseShared(filter);
      const plain = shared?.filter ?? filter;
      let leaf = tree.get(plain);
      if (!leaf) {
        leaf = { ids: new Set(), groups: new Map() };
        tree.add(plain, leaf);
      }
      if (!shared) leaf.ids.add(id);
      else {
        const group = leaf.groups.get(shared.group);
        if (group) group.ids.push(id);
        else leaf.groups.set(shared.group, { ids: [id], turn: 0 });
      }
    },
    remove(filter, id) {
      check(filter, id);
      if (!rows.delete(keyOf(filter, id))) return false;
      const shared = parseShared(filter);
      const plain = shared?.filter ?? filter;
      const leaf = tree.get(plain)!;
      if (!shared) leaf.ids.delete(id);
      else {
        const { ids } = leaf.groups.get(shared.group)!;
        ids.splice(ids.indexOf(id), 1);
        if (ids.length === 0) leaf.groups.delete(shared.group);
      }
      if (leaf.ids.size === 0 && leaf.groups.size === 0) tree.remove(plain);
      return true;
    },
    match(topic) {
      if (topic === "" || /[+#\0]/.test(topic)) throw new RangeError(`${JSON.stringify(topic)} is not a topic`);
      counts.lookups++;
      const found = new Set<number>();
      tree.match(topic, ({ ids, groups }) => {
        for (const id of ids) found.add(id);
        for (const group of groups.values()) found.add(group.ids[group.turn++ % group.ids.length]!);
      });
      return [...found].sort((one, other) => one - other);
    },
  };
  for (const { filter, id } of state) operations.add(filter, id);
  return { operations, export: () => [...rows.values()] };
}

/** What keeps a pair out. */
function fault(filter: string, id: number): string | undefined {
  if (!Number.isInteger(id) || id < 0 || id >= 2 ** 32) return `id ${id} is not one of 0 to 4294967295`;
  const wrong = filter.includes("\0") ? "it has U+0000" : checkFilter(filter);
  return wrong && `${JSON.stringify(filter)} is not a topic filter: ${wrong}`;
}
