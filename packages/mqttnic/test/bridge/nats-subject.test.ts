import test from "ava";
import fc from "fast-check";
import { subjectOf, subjectsOf, topicOf } from "../../src/bridge/nats-subject.ts";
import { covers } from "../../src/bridge/topic-filter.ts";

/** Whether a NATS subscription gets a subject. Source: docs.nats.io. */
function natsMatches(pattern: string, subject: string): boolean {
  const [patterns, tokens] = [pattern.split("."), subject.split(".")];
  for (const [at, token] of patterns.entries()) {
    if (token === ">") return tokens.length > at;
    if (tokens[at] === undefined || (token !== "*" && token !== tokens[at])) return false;
  }
  return patterns.length === tokens.length;
}

const level = fc.oneof(
  fc.constantFrom("", "a", "b", ".", "*", ">", " ", "%", "%2E", "ü", "a.b"),
  fc.string({ maxLength: 5 }).filter((text) => !/[+#/\0]/.test(text)),
);
const topic = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"))
  .filter((text) => text !== "" && text.isWellFormed());

test("topicOf() gives back the topic of subjectOf(), which is a subject that NATS takes", (t) => {
  fc.assert(
    fc.property(topic, fc.constantFrom("", "mqtt", "a.b."), (name, prefix) => {
      const subject = subjectOf(prefix, name)!;
      t.true(
        subject.split(".").every((token) => token !== "" && !/[\s*>]/.test(token)),
        subject,
      );
      t.is(topicOf(prefix, subject), name);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test("subjectsOf() matches in NATS what the filter matches in MQTT", (t) => {
  const part = fc.oneof({ weight: 2, arbitrary: level }, { weight: 1, arbitrary: fc.constant("+") });
  const filter = fc
    .tuple(fc.array(part, { maxLength: 3 }), fc.boolean())
    .map(([parts, open]) => [...parts, ...(open || parts.length === 0 ? ["#"] : [])].join("/"));
  fc.assert(
    fc.property(
      filter.filter((text) => text.isWellFormed() && text !== "" && !text.startsWith("$")),
      topic.filter((name) => !name.startsWith("$")),
      (wanted, name) => {
        const subject = subjectOf("p", name)!;
        t.is(
          subjectsOf("p", wanted).some((pattern) => natsMatches(pattern, subject)),
          covers(wanted, name),
          `${wanted} ${name}`,
        );
      },
    ),
    { seed: 1, numRuns: 3000 },
  );
});

test("topicOf() takes no subject that subjectOf() does not give", (t) => {
  for (const subject of ["x.a", "p.", "p.a..b", "p.%zz", "p.%41", "p.a+", "p.#", "p.%2f", "p.%2F", "p.%00"])
    t.is(topicOf("p", subject), undefined, subject);
  t.is(subjectOf("p", "x".repeat(5000)), undefined);
});
