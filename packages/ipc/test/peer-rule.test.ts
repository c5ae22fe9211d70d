import test from "ava";
import { checkPeer, groupId } from "../src/peer-rule.ts";

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
