/** `replicad drain`, against a control socket with made-up answers. */
import { run, testEnv } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import type { OverrideRequest, ReplicadReplica } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { replicad } from "../../src/cli.ts";
import { cli, daemon, replicaOf } from "./canned-answers.ts";

const key = "10.0.0.7:8080";
const draining = (over: Partial<ReplicadReplica> = {}): ReplicadReplica => replicaOf({ standing: "draining", overridden: true, ...over });
const clock = { nowNs: () => process.hrtime.bigint() };

/** One whose replica has, at each question, the next of `states`, and then the last; `untold` likewise at each override. */
async function drained(t: ExecutionContext, states: readonly ReplicadReplica[], untold: readonly (string | null)[] = [null]) {
  const asked: OverrideRequest[] = [];
  let looks = 0;
  const socket = await daemon(t, {
    override(request) {
      asked.push(request);
      return { replica: states[0]!, untold: untold[Math.min(asked.length, untold.length) - 1]! };
    },
    replicas: () => ({ replicas: [replicaOf({ replica: "10.0.0.8:8080" }), states[Math.min(++looks, states.length - 1)]!] }),
  });
  return { socket, asked, looks: () => looks };
}

test("drain says what it did and what is in flight; --undo takes it back", async (t) => {
  const { socket, asked } = await drained(t, [draining()]);
  t.deepEqual(await cli(["drain", key, "--socket", socket]), {
    status: 0,
    out: "cart:8080 at 10.0.0.7:8080 (n2) gets no new requests; 3 in flight\n",
    err: "",
  });
  const back = await drained(t, [replicaOf({ ramp: 0.1, standing: "slow-start" })]);
  t.is(
    (await cli(["drain", key, "--undo", "--socket", back.socket])).out,
    "cart:8080 at 10.0.0.7:8080 (n2) is not drained any more and gets requests, slowly at first\n",
  );
  const weightless = await drained(t, [draining({ weight: 0 })]);
  t.regex(
    (await cli(["drain", key, "--undo", "--socket", weightless.socket])).out,
    /but its weight is 0: replicad set-weight 10\.0\.0\.7:8080 default\n/,
  );
  t.deepEqual(
    [...asked, ...back.asked],
    [
      { replica: key, draining: true },
      { replica: key, draining: false },
    ],
  );
  t.deepEqual(JSON.parse((await cli(["drain", key, "--json", "--socket", socket])).out), { replica: draining(), untold: null });
});

test("drain says what it does not know of the requests in flight", async (t) => {
  const never = await drained(t, [draining({ inFlight: null, ageMs: null })]);
  t.regex((await cli(["drain", key, "--socket", never.socket])).out, /; its node says nothing of what is in flight\n/);
  const old = await drained(t, [draining({ ageMs: 5000 })]);
  t.regex((await cli(["drain", key, "--socket", old.socket])).out, /; 3 in flight 5\.00 s ago, nothing heard since\n/);
});

test("drain ends with status 75 when other nodes do not know, so that what follows after && is not done", async (t) => {
  const { socket } = await drained(t, [draining()], ["the broker is away"]);
  const { status, out, err } = await cli(["drain", key, "--socket", socket]);
  t.is(status, 75);
  t.regex(out, /gets no new requests/);
  t.regex(
    err,
    /^replicad: other nodes do not know it yet, and may send to 10\.0\.0\.7:8080 as before: the broker is away\n {2}hint: they are told once/,
  );
});

test("drain --wait waits until nothing is in flight, with progress on a terminal", async (t) => {
  const { socket, looks } = await drained(t, [draining(), draining({ inFlight: 2 }), draining({ inFlight: 0 })]);
  const env = testEnv({ isTTY: true, ...clock });
  t.is(await run(replicad, ["drain", key, "--wait", "--socket", socket], env), 0);
  t.regex(env.out(), /^cart:8080 at 10\.0\.0\.7:8080 \(n2\) is drained, with nothing in flight after \d+ ms\n$/);
  t.regex(env.err(), /10\.0\.0\.7:8080: 3 in flight, 0 s of 60 s[\s\S]*: 2 in flight, /);
  t.true(env.err().endsWith("\r\u001b[K"), "the line is cleared");
  t.true(looks() >= 2);
});

test("drain --wait does not believe news that is older than the drain", async (t) => {
  const idle = draining({ inFlight: 0, ageMs: 60_000 });
  const { socket, looks } = await drained(t, [idle, idle, idle, draining({ inFlight: 0, ageMs: 0 })]);
  const { status } = await cli(["drain", key, "--wait", "--socket", socket], clock);
  t.is(status, 0);
  t.true(looks() >= 3);
});

test("drain --wait tells other nodes again until they know", async (t) => {
  const { socket, asked } = await drained(t, [draining({ inFlight: 0, ageMs: 0 })], ["the broker is away", null]);
  t.is((await cli(["drain", key, "--wait", "--socket", socket], clock)).status, 0);
  t.deepEqual(asked, [
    { replica: key, draining: true },
    { replica: key, draining: true },
  ]);
});

test("drain --wait ends with status 75 after --timeout, and says what is in flight still", async (t) => {
  const { socket } = await drained(t, [draining()]);
  const { status, out, err } = await cli(["drain", key, "--wait", "--timeout", "0.1", "--socket", socket], clock);
  t.deepEqual([status, out], [75, ""]);
  t.regex(err, /^replicad: 10\.0\.0\.7:8080 is drained, but not idle after 0\.1 seconds: 3 in flight\n {2}hint: wait on .* --undo\n$/);
  const untold = await drained(t, [draining()], ["the broker is away"]);
  t.regex((await cli(["drain", key, "--wait", "--timeout", "0.1", "--socket", untold.socket], clock)).err, /do not know it yet/);
});

test("drain --wait that is interrupted leaves the replica drained and says how to take it back", async (t) => {
  const { socket } = await drained(t, [draining()]);
  const env = testEnv(clock);
  const status = run(replicad, ["drain", key, "--wait", "--socket", socket], env);
  while (!env.raise("SIGINT")) await new Promise(setImmediate); // it listens once the daemon has answered
  t.is(await status, 130);
  t.regex(env.err(), /interrupted; 10\.0\.0\.7:8080 stays drained\n {2}hint: take it back: replicad drain 10\.0\.0\.7:8080 --undo\n/);
});

test("drain --wait says that the replica left the mesh, and hands on that there is none", async (t) => {
  const { socket } = await drained(t, [draining(), replicaOf({ replica: "10.0.0.6:8080" })]);
  const { status, err } = await cli(["drain", key, "--wait", "--socket", socket], clock);
  t.is(status, 1);
  t.regex(err, /10\.0\.0\.7:8080 has left the mesh file/);
  const none = await daemon(t, {
    override: () => {
      throw new MitsuError(`no service has a replica ${key}`, { code: "ERR_NO_REPLICA", exit: 2, hint: "did you mean 10.0.0.6:8080?" });
    },
  });
  const unknown = await cli(["drain", key, "--json", "--socket", none]);
  t.is(unknown.status, 2);
  t.deepEqual(JSON.parse(unknown.err).error, {
    code: "ERR_NO_REPLICA",
    message: "no service has a replica 10.0.0.7:8080",
    hint: "did you mean 10.0.0.6:8080?",
  });
});
