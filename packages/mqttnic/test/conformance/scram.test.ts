/** Enhanced authentication, by the method the broker has: SCRAM-SHA-256. [MQTT 5.0 §4.12, RFC 5802, RFC 7677] @module */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import test from "ava";
import type { RawClient, Received } from "./raw-client.ts";
import { codeOf, type Scene, suite } from "./suite.ts";

const method = "SCRAM-SHA-256";
const salt = Buffer.from("0123456789abcdef");
const iterations = 4096;
const hmac = (key: Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();
const saltedPassword = pbkdf2Sync("pencil", salt, iterations, 32, "sha256");
const clientKey = hmac(saltedPassword, "Client Key");
const storedKey = createHash("sha256").update(clientKey).digest();
const serverKey = hmac(saltedPassword, "Server Key");
const bare = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");

const check = suite(test, {
  conf: ["password_file @users"],
  files: { users: `user:$scram-sha-256$i=${iterations}$${bare(salt)}$${bare(storedKey)}$${bare(serverKey)}\n` },
  scram: true,
});
const none = { mosquittoFails: "has no method of its own" };

const clientFirst = "n=user,r=fyko+d2lbbFgONRv9qkxdawL";

/** What the client answers to the server's challenge, and what the server must prove. */
function finalOf(serverFirst: string, key: Buffer = clientKey): { message: Buffer; proof: string } {
  const nonce = serverFirst.match(/^r=([^,]+)/)?.[1] ?? "";
  const withoutProof = `c=biws,r=${nonce}`;
  const signed = `${clientFirst},${serverFirst},${withoutProof}`;
  const signature = hmac(storedKey, signed);
  const proof = Buffer.from(key.map((byte, at) => byte ^ signature[at]!));
  return {
    message: Buffer.from(`${withoutProof},p=${proof.toString("base64")}`),
    proof: `v=${hmac(serverKey, signed).toString("base64")}`,
  };
}

/** Sends CONNECT and reads the challenge. */
async function begin(scene: Scene): Promise<{ client: RawClient; challenge: Received<"auth"> }> {
  const client = await scene.open();
  client.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 5,
    clientId: scene.id(),
    clean: true,
    keepalive: 0,
    properties: { authenticationMethod: method, authenticationData: Buffer.from(`n,,${clientFirst}`), maximumPacketSize: 200 },
  });
  return { client, challenge: await client.expect("auth") };
}

check.v5(
  "AUTH: the whole exchange, and once more on the same connection. v5 [MQTT-4.12.0-2] [MQTT-4.12.0-5] [MQTT-4.12.1-1] [MQTT-3.15.2-1] [MQTT-3.15.2-2] [MQTT-3.15.2-3]",
  none,
  async (scene) => {
    const { client, challenge } = await begin(scene);
    scene.t.is(challenge.reasonCode, 0x18);
    scene.t.is(challenge.properties?.authenticationMethod, method);
    scene.t.true(challenge.bytes.length <= 200);
    const { message, proof } = finalOf(challenge.properties!.authenticationData!.toString());
    client.send({ cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: method, authenticationData: message } });
    const connack = await client.expect("connack");
    scene.t.is(connack.reasonCode, 0);
    scene.t.is(connack.properties?.authenticationMethod, method);
    scene.t.is(connack.properties?.authenticationData?.toString(), proof);
    client.connack = connack;

    const again = { authenticationMethod: method, authenticationData: Buffer.from(`n,,${clientFirst}`) };
    client.send({ cmd: "auth", reasonCode: 0x19, properties: again });
    const second = await client.expect("auth");
    scene.t.is(second.reasonCode, 0x18);
    const last = finalOf(second.properties!.authenticationData!.toString());
    client.send({ cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: method, authenticationData: last.message } });
    const success = await client.expect("auth");
    scene.t.is(success.reasonCode, 0);
    scene.t.is(success.properties?.authenticationMethod, method);
    await scene.nothing(client);
  },
);

check.v5("AUTH: a wrong proof gets CONNACK 0x86 or 0x87 and the close. v5 [MQTT-4.12.0-4]", none, async (scene) => {
  const { client, challenge } = await begin(scene);
  const { message } = finalOf(challenge.properties!.authenticationData!.toString(), Buffer.alloc(32, 1));
  client.send({ cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: method, authenticationData: message } });
  const connack = await client.expect("connack");
  scene.t.true([0x86, 0x87].includes(codeOf(connack)));
  scene.t.deepEqual(await client.closed(), []);
});

check.v5("AUTH: a wrong proof when authenticating again closes. v5 [MQTT-4.12.1-2]", none, async (scene) => {
  const { client, challenge } = await begin(scene);
  const { message } = finalOf(challenge.properties!.authenticationData!.toString());
  client.send({ cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: method, authenticationData: message } });
  client.connack = await client.expect("connack");
  client.send({
    cmd: "auth",
    reasonCode: 0x19,
    properties: { authenticationMethod: method, authenticationData: Buffer.from(`n,,${clientFirst}`) },
  });
  const second = await client.expect("auth");
  const wrong = finalOf(second.properties!.authenticationData!.toString(), Buffer.alloc(32, 1)).message;
  client.send({ cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: method, authenticationData: wrong } });
  await scene.refused(client, 0x86, 0x87);
});

check.v5("AUTH: another method than CONNECT's is a protocol error. v5 [MQTT-4.12.1-1] [MQTT-4.12.0-5]", none, async (scene) => {
  const { client, challenge } = await begin(scene);
  const { message } = finalOf(challenge.properties!.authenticationData!.toString());
  client.send({ cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: method, authenticationData: message } });
  client.connack = await client.expect("connack");
  client.send({ cmd: "auth", reasonCode: 0x19, properties: { authenticationMethod: "SCRAM-SHA-1" } });
  await scene.refused(client, 0x82, 0x8c);
});

check.v5("AUTH: other packets than AUTH and DISCONNECT before CONNACK close. v5 [MQTT-3.1.4-6]", none, async (scene) => {
  const { client } = await begin(scene);
  client.send({ cmd: "publish", topic: scene.topic, payload: "too early", qos: 0, dup: false, retain: false });
  const before = await client.closed();
  scene.t.true(before.every((one) => one.cmd === "connack" && codeOf(one) >= 0x80));
});
