import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { checkPeer, groupId } from "../src/peer-rule.ts";
import { fixture } from "./fixture.ts";

const own = { uid: 900, gid: 950, group: "mitsu" };
const peer = (uid: number, gid: number, groups: number[] = []) => ({ pid: 1, uid, gid, groups });

test("checkPeer() lets root, the daemon's user and the group's members in", (t) => {
  for (const allowed of [peer(0, 0), peer(900, 1), peer(1000, 950), peer(1000, 1000, [4, 950])]) t.notThrows(() => checkPeer(allowed, own));
});

test("checkPeer() refuses everybody else with a hint", (t) => {
  for (const refused of [peer(1000, 1000), peer(1000, 0, [0, 900]), peer(950, 900)]) {
    t.like(
      t.throws(() => checkPeer(refused, own), { code: "ERR_IPC_DENIED" }),
      { exit: 77, hint: "run as root, or join group mitsu: usermod -aG mitsu <user>" },
    );
  }
});

test("checkPeer() lets no group in where the group does not exist", (t) => {
  t.throws(() => checkPeer(peer(1000, 1000, [1, 2]), { ...own, gid: undefined }), { code: "ERR_IPC_DENIED" });
});

test("groupId() reads /etc/group", (t) => {
  const file = () => Buffer.from("root:x:0:\nmitsu:x:950:alice\nmitsu-dev:x:951:\n");
  t.is(groupId("mitsu", file), 950);
  t.is(groupId("mit", file), undefined);
  t.is(groupId("root"), 0);
});

/** Becomes uid and gid `argv[2]`, with group `argv[3]` besides if given, connects, and prints the first frame's code or type. */
const stranger = `
import os, socket, sys
os.setgroups([int(g) for g in sys.argv[3:]]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
print(s.recv(4096)[4:])
`;

// Only root can become somebody else.
const asRoot = process.getuid?.() === 0 ? test : test.skip;
asRoot("the server goes by what the kernel says of a peer, even when the file mode lets everybody connect", async (t) => {
  const { path } = await fixture(t, { mode: 0o666, group: "daemon" }); // a group every Linux has
  chmodSync(dirname(path), 0o755);
  const connectAs = async (...ids: number[]) => (await promisify(execFile)("python3", ["-c", stranger, path, ...ids.map(String)])).stdout;
  const gid = groupId("daemon")!;
  t.regex(await connectAs(65534), /ERR_IPC_DENIED/);
  t.regex(await connectAs(65534, gid + 1000), /ERR_IPC_DENIED/);
  t.regex(await connectAs(65534, gid), /hello/);
  t.regex(await connectAs(0), /hello/);
});
