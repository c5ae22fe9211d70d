import { parseCatalog } from "@mitsu/catalog";
import test from "ava";
import { replicaFlags } from "../../src/bus/node-state.ts";
import { KnownReplicas } from "../../src/known/known-replicas.ts";
import { meshPorts } from "../../src/mesh/mesh-ports.ts";
import { explain } from "../../src/select/explain.ts";
import { PortSelection } from "../../src/select/port-selection.ts";
import { Tickets } from "../../src/select/tickets.ts";

const mesh = (cluster: string, replicas = "[{ address: 10.0.0.1 }, { address: 10.0.0.2 }, { address: 10.0.0.3 }]") =>
  parseCatalog(`version: 1\nservices: { web: { ports: [80], replicas: ${replicas}, cluster: ${cluster} } }`);

function open(cluster = "{ slow-start: 0 }") {
  const known = new KnownReplicas(() => undefined);
  const [port] = meshPorts(mesh(cluster), "a", []);
  const selection = new PortSelection(port!, { known, clients: () => 1, random: () => 0.5 }, 0);
  const says = (key: string, inFlight: number, flags = 0): void => {
    Object.assign(known.get(key)!, { inFlight, serviceMs: 1, flags, atMs: 1000 });
  };
  return { selection, says };
}

const [first, second, third] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] as const;

test("PortSelection: the least busy one by what is known", (t) => {
  const { selection, says } = open();
  says(first, 4);
  says(second, 1);
  says(third, 9);
  t.is(selection.select(null, 1000)?.replica.key, second);
});

test("PortSelection: neither drained nor down ones; those that are back at once without slow start", (t) => {
  const { selection, says } = open();
  says(first, 0, replicaFlags.draining);
  says(second, 0, replicaFlags.down);
  says(third, 50);
  t.is(selection.select(null, 1000)?.replica.key, third);
  says(first, 0);
  t.is(selection.select(null, 1001)?.replica.key, first);
});

test("PortSelection: a new mesh file keeps what is known, changes the selector, and forgets replicas that went", (t) => {
  const { selection, says } = open();
  says(first, 4);
  says(second, 1);
  says(third, 9);
  selection.select(null, 1000);
  const [port] = meshPorts(mesh("{ selector: round-robin }", "[{ address: 10.0.0.1 }, { address: 10.0.0.3 }]"), "a", []);
  selection.update(port!, 1001);
  t.deepEqual([...selection.choices.keys()], [first, third]);
  const seen = new Set(Array.from({ length: 2 }, () => selection.select(null, 1002)!.replica.key));
  t.deepEqual(seen, new Set([first, third]));
  t.is(selection.choices.get(first)!.known.inFlight, 4);
});

test("PortSelection: a sticky key stays with its replica", (t) => {
  const { selection } = open();
  const keys = new Set(Array.from({ length: 20 }, (_, n) => selection.select("user-17", 1000 + n)!.replica.key));
  t.is(keys.size, 1);
});

test("Tickets: an own request counts until it is answered, once", (t) => {
  const { selection } = open();
  const tickets = new Tickets();
  const choice = selection.select(null, 1000)!;
  const ticket = tickets.begin(selection, choice, 1000);
  t.is(choice.candidate.inFlight, 1);
  t.is(tickets.waiting, 1);
  t.true(tickets.end(ticket, 1003, 3, "ok"));
  t.is(choice.candidate.inFlight, 0);
  t.false(tickets.end(ticket, 1004, 4, "ok"));
  t.like(tickets, { waiting: 0, unknown: 1, forgotten: 0 });
});

test("Tickets: what nobody answers within a minute is over, and says nothing against the replica", (t) => {
  const { selection } = open();
  const tickets = new Tickets();
  const choice = selection.select(null, 1000)!;
  tickets.begin(selection, choice, 1000);
  tickets.expire(60_999);
  t.is(tickets.waiting, 1);
  tickets.expire(61_000);
  t.like(tickets, { waiting: 0, forgotten: 1 });
  t.like(choice.candidate, { inFlight: 0, failures: 0 });
});

test("Tickets: a refused connection takes the replica out at once", (t) => {
  const { selection } = open();
  const tickets = new Tickets();
  const choice = selection.select(null, 1000)!;
  tickets.end(tickets.begin(selection, choice, 1000), 1001, 1, "refused");
  t.is(selection.membership.standing(choice.replica.key), "dead");
  const others = new Set(Array.from({ length: 30 }, (_, n) => selection.select(null, 1002 + n)!.replica.key));
  t.false(others.has(choice.replica.key));
});

test("explain: costs, shares that sum to 1, who is left out and why; and it changes nothing", (t) => {
  const { selection, says } = open();
  says(first, 4);
  says(second, 1);
  says(third, 0, replicaFlags.draining);
  const answer = explain(selection, null, 1000);
  t.like(answer, { service: "web", port: 80, selector: "mitsu", unit: "ms", clients: 1, panic: false });
  t.deepEqual(
    answer.candidates.map(({ replica, chosen }) => [replica, chosen]),
    [
      [second, true],
      [first, false],
    ],
  );
  t.true(answer.candidates[0]!.cost! < answer.candidates[1]!.cost!);
  const sum = answer.candidates.reduce((all, { share }) => all + share, 0);
  t.true(Math.abs(sum - 1) < 1e-9);
  t.like(answer.left[0], { replica: { replica: third, standing: "draining" }, why: "it is drained (replicad drain)" });
  t.regex(answer.why, /^10\.0\.0\.2:80 costs least: /);
  t.deepEqual(explain(selection, null, 1000), answer);
});

test("explain: a service without a replica that takes requests says so", (t) => {
  const { selection, says } = open();
  for (const key of [first, second, third]) says(key, 0, replicaFlags.draining);
  t.like(explain(selection, null, 1000), { candidates: [], why: "there is no replica that takes requests" });
  t.is(selection.select(null, 1000), null);
});
