/** Real packets: curl and python3 -m http.server on the loopback of a network namespace, seen by tcpdump and by libpcap. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { needs } from "../../../sockhijack/test/kernel/support/needs.ts";
import { parseProblem } from "../../src/problem/parse-problem.ts";

const placer = new URL("../../../../bin/placer", import.meta.url).pathname;
const requests = 5;
const bodyBytes = 100_000;

/** Everything in one namespace that ends with this script. Each step waits for what it needs to see, and none for a time. */
const script = `set -e
ip link set lo up
python3 -u -m http.server --bind 127.0.0.2 8000 >server.log 2>&1 & server=$!
tcpdump -i lo -U -w dump.pcap tcp 2>tcpdump.log & dump=$!
"$PLACER" profile --capture lo --seconds 60 --config mesh.yaml --json -o live.yaml >live.json 2>live.log & live=$!
trap 'kill $server $dump $live 2>/dev/null || true' EXIT
await() { n=0; until eval "$1"; do n=$((n+1)); [ $n -lt 400 ] || { echo "in vain: $1" >&2; cat live.log >&2; exit 1; }; sleep 0.05; done; }
await 'grep -q Serving server.log'
await 'grep -q listening tcpdump.log'
# A packet socket of each of the two.
await '[ $(wc -l </proc/net/packet) -ge 3 ]'
for each in $(seq ${requests}); do curl -sS --interface 127.0.0.3 -o got -D headers http://127.0.0.2:8000/body; done
cmp got body
# tcpdump writes each packet as it comes: once it has the last connection's second FIN, all are there; it also ends with what it has not read yet.
await '[ $(tcpdump -n -r dump.pcap 2>/dev/null | grep -c "Flags .F") -ge ${2 * requests} ]'
kill -INT $live; wait $live
kill -INT $dump; wait $dump || true
"$PLACER" profile --pcap dump.pcap --config mesh.yaml --json -o file.yaml >file.json
tcpdump -r dump.pcap -w - 2>/dev/null | "$PLACER" profile --pcap=- --config mesh.yaml --json >stdin.json 2>stdin.log
`;

kernelTest("profile --capture and --pcap count what curl and http.server said, as tcpdump's own figures have it", (t) => {
  t.timeout(90_000);
  for (const program of ["tcpdump", "curl", "python3"]) needs(program, program);
  const directory = mkdtempSync(join(tmpdir(), "mitsu-capture-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, "body"), Buffer.alloc(bodyBytes, 7));
  writeFileSync(
    join(directory, "mesh.yaml"),
    "version: 1\nservices:\n  web: { ports: ['80:8000'], replicas: [{ address: 127.0.0.2 }] }\n  app: { ports: [9], replicas: [{ address: 127.0.0.3 }] }\n",
  );
  execFileSync("unshare", ["--net", "sh", "-c", script], {
    cwd: directory,
    env: { ...process.env, PLACER: placer },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const text = (name: string): string => readFileSync(join(directory, name), "utf8");
  // tcpdump says of each packet: … Flags [P.], seq 1:83, ack 1, … length 82
  const lines = execFileSync("tcpdump", ["-n", "-r", join(directory, "dump.pcap")], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  })
    .trim()
    .split("\n");
  const payload = lines.reduce((sum, line) => sum + Number(/length (\d+)/.exec(line)?.[1] ?? 0), 0);
  t.true(payload > requests * bodyBytes);
  const bytes = (edge: { readonly bytesPerSecond: number }, seconds: number): number => Math.round(edge.bytesPerSecond * seconds);
  for (const name of ["live.json", "file.json"]) {
    const { sources, edges } = JSON.parse(text(name));
    t.is(edges.length, 1, name);
    t.like(edges[0], { from: "app", to: "web" });
    const { seconds, records, skipped } = sources[0];
    t.is(Math.round(edges[0].messagesPerSecond * seconds), 2 * requests, name);
    // Rates are written with six digits.
    t.true(Math.abs(bytes(edges[0], seconds) - payload) <= payload / 1e5, `${name}: ${bytes(edges[0], seconds)} of ${payload}`);
    t.is(skipped, 0);
    t.is(records, lines.length, name);
  }
  t.true(JSON.parse(text("live.json")).interrupted);
  t.deepEqual(
    parseProblem(text("stdin.json"), "stdin").traffic[0]!.bytesPerSecond,
    parseProblem(text("file.yaml"), "file").traffic[0]!.bytesPerSecond,
  );
  t.regex(text("live.log"), /interrupted: what is written was measured for/);
});

kernelTest("profile --capture says that there is no such interface", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "mitsu-capture-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, "mesh.yaml"), "version: 1\nservices:\n  web: { ports: [80], replicas: [{ address: 127.0.0.2 }] }\n");
  const found = spawnSync(placer, ["profile", "--capture", "none0", "--config", join(directory, "mesh.yaml")], { encoding: "utf8" });
  t.is(found.status, 71, found.stderr);
  t.regex(found.stderr, /cannot capture at none0: .*No such device/);
});
