/** `replicad explain`, against a control socket with made-up answers. */
import { MitsuError } from "@mitsu/cli/error";
import type { ReplicadExplanation } from "@mitsu/ipc";
import test from "ava";
import { cli, daemon, explanation, replicaOf } from "./canned-answers.ts";

test("explain lists candidates with cost, share and age, those left out with the reason, and why one won", async (t) => {
  const asked: unknown[] = [];
  const socket = await daemon(t, {
    explain(request) {
      asked.push(request);
      return explanation;
    },
  });
  const { status, out } = await cli(["explain", "cart", "--socket", socket]);
  t.is(status, 0);
  t.is(
    out,
    [
      "cart:8080, selector mitsu, 2 clients",
      "options: stale-ms 10, remote-cost-ms 0.5",
      "",
      "   REPLICA         COST [ms]  SHARE  IN FLIGHT  WORK [ms]      AGE  STANDING         NODE",
      "→  10.0.0.10:8080       1.25   65 %          0       1.25  <0.1 ms  slow-start 40 %  here",
      "   10.0.0.7:8080        5.50   35 %          3       1.25   0.8 ms  healthy          n2",
      "",
      "left out:",
      "  10.0.0.9:8080 (?): nobody took a connection there",
      "  10.0.0.8:8080 (n2): it is drained (replicad drain)",
      "",
      explanation.why,
      "",
    ].join("\n"),
  );
  t.deepEqual(
    JSON.parse((await cli(["explain", "cart", "--port", "8080", "--key", "user-17", "--json", "--socket", socket])).out),
    explanation,
  );
  t.deepEqual(asked, [{ service: "cart" }, { service: "cart", port: 8080, stickyKey: "user-17" }]);
  t.regex((await cli(["explain", "cart", "--key", "a\u001b", "--socket", socket])).out, /clients, key "a\\u001b"\n/);
});

test("explain draws shares as bars on a terminal, the chosen one in bold", async (t) => {
  const socket = await daemon(t, { explain: () => explanation });
  const { out } = await cli(["explain", "cart", "--socket", socket], { isTTY: true, columns: 120 });
  const [chosen, other] = out.split("\n").slice(4, 6);
  t.true(chosen!.startsWith("\u001b[1m→  10.0.0.10:8080       1.25  █████▏    65 %  ") && chosen!.endsWith("here\u001b[0m"), chosen);
  t.true(other!.startsWith("   10.0.0.7:8080        5.50  ██▉       35 %  "), other);
});

/** The explanation with candidates that are changed. */
const changed = (over: Partial<ReplicadExplanation>): Promise<ReplicadExplanation> => Promise.resolve({ ...explanation, ...over });

test("explain warns of panic, of a herd, and when no replica takes requests", async (t) => {
  let answer = await changed({ panic: true });
  const socket = await daemon(t, { explain: () => answer });
  const text = async (): Promise<string> => (await cli(["explain", "cart", "--socket", socket])).out;
  t.regex(await text(), /\nPANIC: too few replicas are healthy/);

  const [best, other] = explanation.candidates;
  const candidates = [{ ...best!, ageMs: 100 }, other!, { ...other!, replica: "10.0.0.11:8080", share: 0 }];
  answer = await changed({ candidates });
  t.regex(
    await text(),
    /\nHERD: news of 100 ms is older than a request takes \(1\.25 ms\), and 2 clients may all send to 10\.0\.0\.10:8080/,
  );
  for (const calm of [{ clients: 1 }, { unit: null }, { candidates: candidates.map((one) => ({ ...one, share: 1 / 3 })) }]) {
    answer = await changed({ candidates, ...calm });
    t.notRegex(await text(), /HERD/, JSON.stringify(Object.keys(calm)));
  }

  answer = await changed({ candidates: [], why: "there is no replica that takes requests" });
  t.regex(await text(), /\nleft out:\n[\s\S]*\nNONE of 2 replicas takes requests\nthere is no replica that takes requests\n$/);
});

test("explain has no column of costs for a selector that compares nothing", async (t) => {
  const [best] = explanation.candidates;
  const socket = await daemon(t, {
    explain: () => ({ ...explanation, selector: "round-robin", options: {}, unit: null, left: [], candidates: [{ ...best!, cost: null }] }),
  });
  const { out } = await cli(["explain", "cart", "--socket", socket]);
  t.regex(out, /^cart:8080, selector round-robin, 2 clients\n\n {3}REPLICA +SHARE /);
});

test("explain hands on that there is no such service", async (t) => {
  const socket = await daemon(t, {
    explain: () => {
      throw new MitsuError("there is no service cadr", { code: "ERR_NO_SERVICE", exit: 2, hint: "did you mean cart?" });
    },
  });
  t.deepEqual(await cli(["explain", "cadr", "--socket", socket]), {
    status: 2,
    out: "",
    err: "replicad: there is no service cadr\n  hint: did you mean cart?\n",
  });
});

test("explain lets no text of others drive the terminal", async (t) => {
  const evil = "\u001b[2J";
  const socket = await daemon(t, {
    explain: () => ({ ...explanation, service: evil, why: evil, left: [{ replica: replicaOf({ node: evil }), why: evil }] }),
  });
  t.false((await cli(["explain", "cart", "--socket", socket])).out.includes("\u001b"));
});
