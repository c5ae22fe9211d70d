/** mosquitto's command lines as ours. */
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { fromMosquitto } from "../../src/mosquitto-flags.ts";
import { cli } from "./support/cli.ts";

for (const [theirs, ours] of [
  ["-c m.conf -p 1883 -v", "daemon --config-file=m.conf --port=1883 --log-level=debug"],
  ["-p 1 -p 2", "daemon --port=1 --port=2"],
  ["-v", "daemon --log-level=debug"],
  ["--config-file m.conf --verbose", "daemon --config-file=m.conf --log-level=debug"],
  ["-c m.conf --json", "daemon --config-file=m.conf --json"],
  ["-c", "daemon -c"],
  ["daemon -c m.conf -v --listen x", "daemon --config-file=m.conf --log-level=debug --listen x"],
  ["pub -h b -p 1 -t a -m -x -q 1 -r", "pub --host=b --port=1 --topic=a --message=-x --qos=1 -r"],
  [
    "sub -h b -t a -t b -C 1 -W 2 -F %t -V mqttv311 -v",
    "sub --host=b --topic=a --topic=b --count=1 --timeout=2 --format=%t --protocol=3.1.1 -v",
  ],
  ["sub -V 5 -V mqttv31 -V 7", "sub --protocol=5 --protocol=3.1 --protocol=7"],
  ["pub -D publish user-property k v -D PUBLISH content-type x", "pub --user-property=k=v --content-type=x"],
  ["sub -R --retained-only", "sub --retained=never --retained=only"],
  ["sub -h", "sub -h"],
  ["-h", "-h"],
  ["--json status", "--json status"],
  ["status -v", "status -v"],
  ["", ""],
] as const) {
  test(`fromMosquitto() makes '${ours}' of '${theirs}'`, (t) => {
    const words = (text: string): string[] => text.split(" ").filter(Boolean);
    t.deepEqual(fromMosquitto(words(theirs)), words(ours));
  });
}

test("fromMosquitto() refuses -d with a hint, and properties that are not known", async (t) => {
  t.like(
    t.throws(() => fromMosquitto(["-c", "x", "-d"]), { instanceOf: MitsuError }),
    { code: "ERR_USAGE", exit: 2 },
  );
  t.throws(() => fromMosquitto(["pub", "-D", "connect", "session-expiry-interval", "1"]), {
    message: /property connect session-expiry-interval/,
  });
  const { status, err } = await cli(["-d"]);
  t.is(status, 2);
  t.regex(err, /background\n.*hint: leave -d out; systemd/);
});
