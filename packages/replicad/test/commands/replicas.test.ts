/** `replicad replicas`, against a control socket with made-up answers. */
import { stripVTControlCharacters } from "node:util";
import { run, testEnv } from "@mitsu/cli";
import test from "ava";
import { replicad } from "../../src/cli.ts";
import { cli, daemon, replicaOf, replicas } from "./canned-answers.ts";

test("replicas is a table by service and address, with units, - for what is not known, and weights by hand marked", async (t) => {
  const socket = await daemon(t, { replicas: () => ({ replicas }) });
  const { status, out } = await cli(["replicas", "--socket", socket]);
  t.is(status, 0);
  t.is(
    out,
    [
      "SERVICE    REPLICA         STANDING         NODE  WEIGHT   IN FLIGHT  WORK [ms]  LATENCY [ms]  FAILED [%]      AGE",
      "api:80     [fd00::7]:80    draining         n2       0.5*        120       1.25          4.50          <1    2m05s",
      "cart:8080  10.0.0.7:8080   healthy          n2         1           3       1.25          4.50           0   0.8 ms",
      "cart:8080  10.0.0.9:8080   dead             ?          1           -          -             -         100        -",
      "cart:8080  10.0.0.10:8080  slow-start 40 %  here       1           0       1.25             -           0  <0.1 ms",
      "* by hand: replicad set-weight",
      "",
    ].join("\n"),
  );
  const { replicas: json } = JSON.parse((await cli(["replicas", "--json", "--socket", socket])).out);
  t.deepEqual(json, [replicas[3], replicas[0], replicas[2], replicas[1]]);
});

test("replicas --sort puts the largest first, and what is not known last", async (t) => {
  const socket = await daemon(t, { replicas: () => ({ replicas }) });
  const order = async (sort: string): Promise<string[]> => {
    const { out } = await cli(["replicas", "--sort", sort, "--json", "--socket", socket]);
    return JSON.parse(out).replicas.map(({ replica }: { replica: string }) => replica.replace(/:\d+$/, ""));
  };
  t.deepEqual(await order("in-flight"), ["[fd00::7]", "10.0.0.7", "10.0.0.10", "10.0.0.9"]);
  t.deepEqual(await order("age"), ["[fd00::7]", "10.0.0.7", "10.0.0.10", "10.0.0.9"]);
  t.deepEqual(await order("latency"), ["[fd00::7]", "10.0.0.7", "10.0.0.9", "10.0.0.10"]);
});

test("replicas asks for one service, and says so when it has none", async (t) => {
  const asked: unknown[] = [];
  const socket = await daemon(t, {
    replicas(request) {
      asked.push(request);
      return { replicas: [] };
    },
  });
  t.is((await cli(["replicas", "cart", "--socket", socket])).out, "no replicas: cart has none\n");
  t.is((await cli(["replicas", "--socket", socket])).out, "no replicas: no service of the mesh file has one\n");
  t.deepEqual(asked, [{ service: "cart" }, {}]);
});

test("replicas colours the standing on a terminal only, without NO_COLOR, and leaves out columns that have no room", async (t) => {
  // A service and a node that are called as a standing is: the one that is painted comes after the address.
  const confusing = replicaOf({ service: "dead", node: "dead", standing: "dead" });
  const socket = await daemon(t, { replicas: () => ({ replicas: [...replicas, confusing] }) });
  const tty = await cli(["replicas", "--socket", socket], { isTTY: true, columns: 84 });
  const painted = (code: number, text: string): string => `\u001b[${code}m${text}\u001b[0m`;
  for (const [code, text] of [
    [32, "healthy"],
    [33, "slow-start 40 %"],
    [31, "dead"],
    [2, "draining"],
  ] as const)
    t.true(tty.out.includes(`  ${painted(code, text)}`), text);
  t.true(tty.out.includes(`dead:8080  10.0.0.7:8080   ${painted(31, "dead")}`));
  t.regex(tty.out, /^SERVICE.*IN FLIGHT +AGE\n/);
  for (const line of stripVTControlCharacters(tty.out).split("\n")) t.true(line.length <= 84, line);
  for (const options of [{ isTTY: true, vars: { NO_COLOR: "1" } }, {}])
    t.false((await cli(["replicas", "--socket", socket], options)).out.includes("\u001b"));
});

test("replicas --watch draws until interrupted, each time anew", async (t) => {
  const drawn = Promise.withResolvers<void>();
  let times = 0;
  const socket = await daemon(t, {
    replicas: () => {
      if (++times === 4) drawn.resolve();
      return { replicas: [replicaOf({ inFlight: times })] };
    },
  });
  const env = testEnv({ isTTY: true, rows: 10 });
  const status = run(replicad, ["replicas", "--watch", "--interval-ms", "1", "--socket", socket], env);
  await drawn.promise;
  t.true(env.raise("SIGINT"));
  t.is(await status, 0);
  t.true(env.out().split("\u001b[H").length > 3, "from the first line again each time");
  t.regex(env.out(), /n2 +1 +1 +1\.25[\s\S]*n2 +1 +2 +1\.25/);
  t.true(env.out().endsWith("\u001b[?1049l"), "the terminal is as before");
});
