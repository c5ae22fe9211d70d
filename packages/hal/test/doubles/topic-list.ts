/** A topic matcher that is a list, for tests: the slowest there can be, to compare others with. @module */
import { type TopicEntry, type TopicMatch, type TopicMatchSpec, topicMatch } from "../../src/capabilities/topic-match.ts";
import { fullError } from "../../src/capability.ts";
import { cycleCost } from "../../src/device.ts";
import { type Provider, ProviderDevice } from "../../src/provider-device.ts";
import { topicMatches } from "../cases/topic-match.ts";

/** The list as a provider, with costs like hardware's. */
function topicListProvider(entries: number): Provider<TopicMatchSpec, TopicMatch, readonly TopicEntry[]> {
  let matches = 0;
  return {
    capability: topicMatch,
    entries,
    cost: () => cycleCost(8, 250),
    open({ entries: most }, state) {
      const rows = [...state];
      const turns = new Map<string, number>();
      const find = (filter: string, id: number): number => rows.findIndex((row) => row.filter === filter && row.id === id);
      return {
        operations: {
          add(filter, id) {
            if (find(filter, id) >= 0) return;
            if (rows.length >= most) throw fullError("topic-match");
            rows.push({ filter, id });
          },
          remove(filter, id) {
            const at = find(filter, id);
            if (at >= 0) rows.splice(at, 1);
            return at >= 0;
          },
          match(topic) {
            matches++;
            const ids = new Set<number>();
            const members = new Map<string, number[]>();
            for (const { filter, id } of rows) {
              const [, , own] = /^\$share\/([^/]+)\/(.+)$/.exec(filter) ?? [];
              if (!topicMatches(own ?? filter, topic)) continue;
              if (own === undefined) ids.add(id);
              else members.set(filter, [...(members.get(filter) ?? []), id]);
            }
            for (const [filter, of] of members) {
              const turn = turns.get(filter) ?? 0;
              turns.set(filter, turn + 1);
              ids.add(of[turn % of.length]!);
            }
            return [...ids].sort((one, other) => one - other);
          },
        },
        export: () => rows.map((row) => ({ ...row })),
      };
    },
    counters: () => ({ matches }),
  };
}

/** The list as a device that passes for hardware. */
export function topicList(entries = 100, name = "topic-list"): ProviderDevice {
  return new ProviderDevice({ name, kind: "hardware", version: "0" }, [topicListProvider(entries)]);
}
