/** `replicad status`, `metrics` and `reload`, against a control socket with made-up answers. */
import { join } from "node:path";
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { cli, daemon, folderOf, status as well } from "./canned-answers.ts";

test("status says who is heard and told in whole units, and JSON has all of it", async (t) => {
  const socket = await daemon(t, { status: () => well });
  const { status, out } = await cli(["status", "--socket", socket], { now: () => 3_720_000 });
  t.is(status, 0);
  t.is(
    out,
    [
      "replicad 0.1.0, pid 7, up 1h02m, node n1",
      "mesh shop: 2 services, 4 replicas, 1 of them drained or weighted by hand",
      "broker mqtt://127.0.0.1:1883: up, connected 2 times, lost 1 time",
      "messages: 1200 sent, one every 1.0 ms; 2400 received",
      "not sent: 3 as the broker took no more, 4 as it was away",
      "refused: replayed 2, garbled 1",
      "kernel scores: up, 4 replicas, written 900 times",
      "reports for nicd: 4 replicas, written 901 times",
      "selections: 12, 1 in flight; 2 never answered, 1 answer to none",
      "",
      "NODE          AGE  CLOCK [±ms]  REPLICAS  LOST  TASKS/CPU  CONGESTION",
      "n1 (here)  0.4 ms                      2     0       1.50  cpu 12 %, memory 95 % full",
      "n2         1.6 ms         0.25         1     5       0.25  NIC drops 3/s",
      "n3          2m05s            -         0     0          -  ?",
      "",
      "SOURCE      STATE  PATH                        WHY",
      "nicd        up     /run/mitsu/nicd.sock",
      "sockhijack  away   /run/mitsu/sockhijack.sock  there is no such socket",
      "",
    ].join("\n"),
  );
  t.deepEqual(JSON.parse((await cli(["status", "--socket", socket, "--json"])).out), well);
});

test("status ends with the reasons and status 69 when it is degraded; names of others do not drive the terminal", async (t) => {
  const evil = "n\u001b[2J";
  const socket = await daemon(t, {
    status: () => ({
      ...well,
      degraded: ["the broker is away: nodes hear nothing of each other"],
      broker: { ...well.broker, url: null, state: "none" },
      nodes: [{ ...well.nodes[1]!, name: evil }],
      sources: [],
      kernel: { state: "off", replicas: 0, writes: 0, why: `no ${evil}` },
      overrides: 0,
    }),
  });
  const { status, out } = await cli(["status", "--socket", socket]);
  t.is(status, 69);
  t.regex(out, /\nmesh shop: 2 services, 4 replicas\nbroker: none, nodes do not hear each other\nkernel scores: off \(no n�\[2J\)\n/);
  t.regex(out, /\nDEGRADED: the broker is away: nodes hear nothing of each other\n$/);
  t.false(out.includes("\u001b"));
});

test("status leaves columns out before it cuts any on a terminal of 60 cells", async (t) => {
  const socket = await daemon(t, { status: () => well });
  const { out } = await cli(["status", "--socket", socket], { isTTY: true, columns: 60 });
  t.regex(out, /\nNODE +AGE +REPLICAS +CONGESTION\nn1 \(here\) .*cpu 12 %, memory 95 % full\n/);
});

test("metrics prints the text, reload hands on what is wrong", async (t) => {
  let wrong = false;
  const socket = await daemon(t, {
    metrics: async () => ({ text: "mitsu_replicad_degraded 0\n" }),
    reload: async () => {
      if (wrong) throw new MitsuError("mesh.yaml:3:5: services.cart: no such field", { code: "ERR_CATALOG_INVALID", exit: 78 });
      return {};
    },
  });
  t.is((await cli(["metrics", "--socket", socket])).out, "mitsu_replicad_degraded 0\n");
  t.is((await cli(["reload", "--socket", socket])).out, "the mesh file was read again\n");
  wrong = true;
  const refused = await cli(["reload", "--socket", socket]);
  t.deepEqual([refused.status, refused.out], [78, ""]);
  t.regex(refused.err, /mesh\.yaml:3:5/);
});

test("every command says how to start a daemon that is not there", async (t) => {
  const socket = join(folderOf(t), "none.sock");
  for (const line of [
    "status",
    "replicas",
    "replicas --watch",
    "explain cart",
    "select cart",
    "drain 10.0.0.7:80",
    "set-weight 10.0.0.7:80 1",
    "metrics",
    "reload",
  ]) {
    const { status, out, err } = await cli([...line.split(" "), "--socket", socket]);
    t.deepEqual([status, out], [69, ""], line);
    t.regex(err, /hint: start it: replicad daemon/, line);
  }
});
