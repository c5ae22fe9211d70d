/**
 * Topic access as mosquitto 2 has it, compiled for speed. In this order:
 *
 * 1. Peers of the mesh and in-process clients may do everything.
 * 2. Nobody publishes to `$SYS…` (but `$SYS/broker/connection/+/state`, where bridges say that they are there), to `$agg/…` or to `$share/…`.
 *    Without an ACL file everything else is allowed, other `$`-topics too, as in mosquitto.
 * 3. The lines of the client's user, or those before the first `user` for clients without a name: a `deny` that matches denies, else a grant allows.
 * 4. The `pattern` lines: a `deny` that matches denies, else a grant allows. They grant nothing to clients whose id or name contains `+` or `#`.
 * 5. The rest is denied.
 *
 * So a user's grant beats a pattern's `deny`; the installed mosquitto does the same (see test/security/acl-mosquitto.test.ts). Stricter than mosquitto:
 * an id or name with `/` fills no `%c` or `%u` of a grant (of a `deny` it does), a name that begins with `$` fills none in the first level, and a
 * SUBSCRIBE is refused when none of the filter's topics may ever be received (mosquitto accepts it and delivers nothing; so do we when that takes more than 1000 steps to find out). As in mosquitto, what may be
 * received is decided at delivery.
 * @module
 */
import type { AclRule } from "./acl-file.ts";
import { type AclNames, AclTrie } from "./acl-trie.ts";
import type { Acl, Identity } from "./security.ts";

/** What is asked. */
export type AclQuestion = "publish" | "receive" | "subscribe";

/** An answer, and the line of the ACL file that gave it. */
export interface AclDecision {
  readonly allowed: boolean;
  /** 0 when no line did. */
  readonly line: number;
  readonly why: string;
}

/** An {@link Acl} that can say why. */
export interface ExplainedAcl extends Acl {
  explain(question: AclQuestion, who: Identity, clientId: string, topic: string): AclDecision;
}

const bridgeState = /^\$SYS\/broker\/connection\/[^/]*\/state$/;

/** Why nobody may publish to a topic, whatever an ACL file says; undefined when the file decides. */
function reserved(topic: string): string | undefined {
  if (topic.startsWith("$SYS") && !bridgeState.test(topic)) return "$SYS is the broker's own";
  if (topic.startsWith("$agg/")) return "$agg is the broker's own";
  if (topic.startsWith("$share/")) return "$share/… is no topic but a shared subscription";
  return undefined;
}

const isTrusted = ({ by }: Identity): boolean => by === "mesh" || by === "in-process";
/** Stands for a line: too many bear on a filter to look at all. It may be subscribed to, and delivery decides. */
const undecided: number = Number.MAX_SAFE_INTEGER;
const trusted: AclDecision = { allowed: true, line: 0, why: "peers and in-process clients may do everything" };

/** Access without an ACL file: everything but publishing to what is the broker's own. */
const openAcl: ExplainedAcl = {
  mayPublish: (who, _clientId, topic) => topic.charCodeAt(0) !== 36 || isTrusted(who) || reserved(topic) === undefined,
  mayReceive: () => true,
  maySubscribe: () => true,
  explain(question, who, clientId, topic) {
    if (isTrusted(who)) return trusted;
    const allowed = question !== "publish" || openAcl.mayPublish(who, clientId, topic);
    return { allowed, line: 0, why: allowed ? "there is no ACL file" : reserved(topic)! };
  },
};

/**
 * Compiles rules; undefined stands for no ACL file.
 *
 * @example
 * ```ts
 * const acl = compileAcl(parseAclFile("acl", await readFile("acl")));
 * acl.mayPublish(identity, "client-1", "sensors/1");
 * ```
 */
export function compileAcl(rules: readonly AclRule[] | undefined): ExplainedAcl {
  if (!rules) return openAcl;
  const users = new Map<string, AclTrie>();
  const anonymous = new AclTrie();
  const patterns = new AclTrie();
  let hasPatterns = false;
  for (const { of, filter, access, line } of rules) {
    if (of === "everybody") {
      hasPatterns = true;
      patterns.add(filter, access, line, true);
    } else if (of === "anonymous") anonymous.add(filter, access, line, false);
    else {
      const trie = users.get(of.user) ?? new AclTrie();
      users.set(of.user, trie);
      trie.add(filter, access, line, false);
    }
  }
  const own = (who: Identity): AclTrie | undefined => (who.username === undefined ? anonymous : users.get(who.username));
  const patternsFor = ({ clientId, username }: AclNames): AclTrie | undefined =>
    hasPatterns && !/[+#]/.test(clientId) && (username === undefined || !/[+#]/.test(username)) ? patterns : undefined;

  /** The line that decides: positive allows, negative denies, 0 for none. */
  function topicLine(kind: "read" | "write", who: Identity, clientId: string, topic: string): number {
    const levels = topic.split("/");
    const names: AclNames = { clientId, username: who.username };
    for (const trie of [own(who), patternsFor(names)]) {
      if (!trie) continue;
      const found = trie.match(levels, names);
      if (found.deny > 0) return -found.deny;
      if (found[kind] > 0) return found[kind];
    }
    return 0;
  }

  function filterLine(who: Identity, clientId: string, filter: string): number {
    const levels = filter.split("/");
    const names: AclNames = { clientId, username: who.username };
    const mine = own(who);
    let denied = 0;
    for (const trie of [mine, patternsFor(names)]) {
      if (!trie) continue;
      let line = 0;
      const found = trie.findReadable(levels, names, (common, granting) => {
        // What is denied of the user counts for patterns too.
        const deny = trie.match(common, names).deny || (trie === mine ? 0 : (mine?.match(common, names).deny ?? 0));
        if (deny > 0) denied ||= deny;
        else line = granting;
        return deny === 0;
      });
      if (found === undefined) return undecided;
      if (found) return line;
    }
    return -denied;
  }

  const lineFor = (question: AclQuestion, who: Identity, clientId: string, topic: string): number =>
    question === "subscribe"
      ? filterLine(who, clientId, topic)
      : topicLine(question === "publish" ? "write" : "read", who, clientId, topic);

  return {
    mayPublish(who, clientId, topic) {
      if (isTrusted(who)) return true;
      if (topic.charCodeAt(0) === 36 && reserved(topic) !== undefined) return false;
      return topicLine("write", who, clientId, topic) > 0;
    },
    mayReceive: (who, clientId, topic) => isTrusted(who) || topicLine("read", who, clientId, topic) > 0,
    maySubscribe: (who, clientId, filter) => isTrusted(who) || filterLine(who, clientId, filter) > 0,
    explain(question, who, clientId, topic) {
      if (isTrusted(who)) return trusted;
      const own = question === "publish" ? reserved(topic) : undefined;
      if (own !== undefined) return { allowed: false, line: 0, why: own };
      const line = lineFor(question, who, clientId, topic);
      if (line === undecided) return { allowed: true, line: 0, why: "too many lines bear on it; what is received is decided at delivery" };
      if (line !== 0) return { allowed: line > 0, line: Math.abs(line), why: line > 0 ? "granted" : "denied" };
      return { allowed: false, line: 0, why: question === "subscribe" ? "no line grants a topic that it matches" : "no line grants it" };
    },
  };
}
