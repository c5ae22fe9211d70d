/** Packets that no client may send, each after a CONNECT that was well. [MQTT 5.0 §2, §4.13] @module */
import test from "ava";
import { describe } from "./raw-client.ts";
import { type Scene, suite } from "./suite.ts";
import { bytes, connectBytes, packet, type packetType, properties, text, u16, u32 } from "./wire.ts";

const check = suite(test);

/** Each of the packets ends its connection, to 5.0 clients with one of the codes. */
async function eachCloses(scene: Scene, packets: Readonly<Record<string, Buffer>>, codes: readonly number[] = [0x81, 0x82]): Promise<void> {
  const failed: string[] = [];
  await Promise.all(
    Object.entries(packets).map(async ([name, content]) => {
      const client = await scene.connect();
      client.sendBytes(content);
      const before = await client.closed().catch((error: Error) => [error.message]);
      const said = before
        .map((one) => (typeof one === "string" ? one : one.cmd === "disconnect" ? `0x${one.reasonCode?.toString(16)}` : describe(one)))
        .join();
      const right = scene.version === 5 ? codes.map((code) => `0x${code.toString(16)}`) : [""];
      if (!right.includes(said)) failed.push(`${name}: ${said || "closed without DISCONNECT"}`);
    }),
  );
  scene.t.deepEqual(failed.toSorted(), []);
}

check.both(
  "Packets only a server sends are protocol errors from a client. v3.1.1 [MQTT-4.8.0-1] v5 [MQTT-4.13.1-1]",
  { mosquittoFails: "lets some pass" },
  async (scene) => {
    const none = scene.version === 5 ? 0 : [];
    await eachCloses(scene, {
      connack: packet("connack", 0, 0, 0, none),
      suback: packet("suback", 0, u16(1), none, 0),
      unsuback: packet("unsuback", 0, u16(1), none, none),
      pingresp: packet("pingresp", 0),
    });
  },
);

check.both("Type 0 is forbidden, and 15 before 5.0. v3.1.1 [MQTT-4.8.0-1] [MQTT-2.2.2-1] v5 [MQTT-4.13.1-1]", async (scene) => {
  await eachCloses(scene, {
    "type 0": bytes(0, 0),
    "type 0 with content": bytes(0, 2, 1, 1),
    ...(scene.version === 4 ? { "type 15": bytes(0xf0, 0) } : {}),
  });
});

check.both(
  "Reserved flags of the fixed header are checked, for every type. v3.1.1 [MQTT-2.2.2-1] [MQTT-2.2.2-2] [MQTT-3.6.1-1] [MQTT-3.14.1-1] v5 [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]",
  { mosquittoFails: "lets some pass" },
  async (scene) => {
    const packets: Record<string, Buffer> = {};
    const wants: Partial<Record<keyof typeof packetType, number>> = {
      puback: 0,
      pubrec: 0,
      pubrel: 2,
      pubcomp: 0,
      pingreq: 0,
      disconnect: 0,
      ...(scene.version === 5 ? { auth: 0 } : {}),
    };
    for (const [type, want] of Object.entries(wants) as [keyof typeof packetType, number][]) {
      const content = type.startsWith("pub") ? u16(1) : [];
      for (const flags of [0, 1, 2, 4, 8, 15]) if (flags !== want) packets[`${type} with ${flags}`] = packet(type, flags, content);
    }
    await eachCloses(scene, packets);
  },
);

check.both("PUBLISH with both QoS bits set. v3.1.1 [MQTT-3.3.1-4] v5 [MQTT-3.3.1-4]", async (scene) => {
  await eachCloses(scene, { "QoS 3": packet("publish", 6, text(scene.topic), u16(1), scene.version === 5 ? 0 : [], 1) });
});

check.both("PUBLISH with DUP at QoS 0 is refused, or passed on without it. v3.1.1 [MQTT-3.3.1-2] v5 [MQTT-3.3.1-2]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 0);
  pub.sendBytes(packet("publish", 8, text(scene.topic), scene.version === 5 ? 0 : [], 1), packet("pingreq", 0));
  const answer = await pub.next();
  if (answer?.cmd === "pingresp") scene.t.false((await scene.message(sub)).dup);
  else scene.t.true(answer === undefined || answer.cmd === "disconnect");
});

check.both("PUBLISH with packet id 0. v3.1.1 [MQTT-2.3.1-1] v5 [MQTT-2.2.1-3]", async (scene) => {
  const none = scene.version === 5 ? 0 : [];
  await eachCloses(scene, {
    "QoS 1": packet("publish", 2, text(scene.topic), u16(0), none, 1),
    "QoS 2": packet("publish", 4, text(scene.topic), u16(0), none, 1),
  });
});

check.both(
  "PUBLISH to a topic with wildcards, empty, with U+0000 or ill-formed. v3.1.1 [MQTT-3.3.2-1] [MQTT-3.3.2-2] [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-1.4.0-1] [MQTT-1.4.0-2] v5 [MQTT-3.3.2-1] [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-1.5.4-1] [MQTT-1.5.4-2]",
  async (scene) => {
    const packets: Record<string, Buffer> = {};
    const illFormed = ["ff", "c080", "eda080", "edbfbf", "f4908080", "e28f", "80", "f8888080"].map((hex) => Buffer.from(`61${hex}`, "hex"));
    for (const topic of ["a/+", "#", "a/#", "+", "a+b", "a#", "", "a\0", "\0", ...illFormed]) {
      packets[JSON.stringify(topic.toString("hex" as "utf8"))] = packet("publish", 0, text(topic), scene.version === 5 ? 0 : [], 1);
    }
    await eachCloses(scene, packets, [0x81, 0x82, 0x90]);
  },
);

check.both("PUBLISH that ends early. v3.1.1 [MQTT-4.8.0-1] v5 [MQTT-4.13.1-1]", async (scene) => {
  const v5 = scene.version === 5;
  await eachCloses(scene, {
    "nothing at all": packet("publish", 0),
    "one byte": packet("publish", 0, 0),
    "a topic longer than the packet": packet("publish", 0, u16(10), 0x61),
    "no packet id": packet("publish", 2, text("a")),
    "half a packet id": packet("publish", 2, text("a"), 0),
    ...(v5 ? { "no properties": packet("publish", 0, text("a")), "no properties at QoS 1": packet("publish", 2, text("a"), u16(1)) } : {}),
  });
});

check.both(
  "Acknowledgements that end early, or have packet id 0. v3.1.1 [MQTT-4.8.0-1] v5 [MQTT-4.13.1-1]",
  { mosquittoFails5: "lets some pass" },
  async (scene) => {
    const packets: Record<string, Buffer> = {};
    for (const [type, flags] of [
      ["puback", 0],
      ["pubrec", 0],
      ["pubrel", 2],
      ["pubcomp", 0],
    ] as const) {
      packets[`${type} of one byte`] = packet(type, flags, 1);
      packets[`${type} of no bytes`] = packet(type, flags);
      packets[`${type} with packet id 0`] = packet(type, flags, u16(0));
    }
    await eachCloses(scene, packets);
  },
);

check.v3(
  "Acknowledgements and others with more bytes than 3.1.1 knows. v3.1.1 [MQTT-4.8.0-1]",
  { mosquittoFails: "lets some pass" },
  async (scene) => {
    await eachCloses(scene, {
      puback: packet("puback", 0, u16(1), 0),
      pubrel: packet("pubrel", 2, u16(1), 0),
      pingreq: packet("pingreq", 0, 0),
      disconnect: packet("disconnect", 0, 0),
    });
  },
);

check.v5(
  "Acknowledgements and DISCONNECT with codes or properties that are not theirs. v5 [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.14.2-1] [MQTT-4.13.1-1]",
  { mosquittoFails: "lets some pass" },
  async (scene) => {
    await eachCloses(scene, {
      "PUBACK with 0x01": packet("puback", 0, u16(1), 1),
      "PUBREC with 0x92": packet("pubrec", 0, u16(1), 0x92),
      "PUBREL with 0x10": packet("pubrel", 2, u16(1), 0x10),
      "PUBCOMP with 0x10": packet("pubcomp", 0, u16(1), 0x10),
      "PUBACK with a property of PUBLISH": packet("puback", 0, u16(1), 0, properties(0x01, 1)),
      "PUBACK with two Reason Strings": packet("puback", 0, u16(1), 0, properties(0x1f, text("a"), 0x1f, text("b"))),
      "PUBACK with a property length beyond it": packet("puback", 0, u16(1), 0, 9),
      "PUBACK with bytes after its properties": packet("puback", 0, u16(1), 0, 0, 0),
      "DISCONNECT with 0x01": packet("disconnect", 0, 1),
      "DISCONNECT with a code for servers": packet("disconnect", 0, 0x8b),
      "DISCONNECT with a property of PUBLISH": packet("disconnect", 0, 0, properties(0x01, 1)),
      "DISCONNECT with its expiry twice": packet("disconnect", 0, 0, properties(0x11, u32(0), 0x11, u32(0))),
      "PINGREQ with a byte": packet("pingreq", 0, 0),
    });
  },
);

check.both(
  "A Remaining Length of five bytes. v3.1.1 [MQTT-4.8.0-1] v5 [MQTT-1.5.5-1] [MQTT-4.13.1-1]",
  { mosquittoFails5: "closes without DISCONNECT" },
  async (scene) => {
    await eachCloses(scene, { publish: bytes(0x30, 0xff, 0xff, 0xff, 0xff, 0x01), pingreq: bytes(0xc0, 0x80, 0x80, 0x80, 0x80, 0x00) });
  },
);

check.v5("A variable byte integer longer than it must be is malformed. v5 [MQTT-1.5.5-1]", async (scene) => {
  await eachCloses(scene, {
    "property length": packet("publish", 0, text(scene.topic), [0x80, 0x00], 1),
    "subscription identifier": packet("subscribe", 2, u16(1), properties(0x0b, [0x81, 0x00]), text(scene.topic), 0),
  });
});

check.v5(
  "CONNECT with properties that are wrong. v5 [MQTT-3.1.4-1] [MQTT-4.13.1-1] [MQTT-3.2.2-8]",
  { mosquittoFails: "lets some pass" },
  async (scene) => {
    const cases: Record<string, Buffer> = {
      "Session Expiry twice": properties(0x11, u32(1), 0x11, u32(1)),
      "Receive Maximum twice": properties(0x21, u16(1), 0x21, u16(1)),
      "Maximum Packet Size twice": properties(0x27, u32(1000), 0x27, u32(1000)),
      "Topic Alias Maximum twice": properties(0x22, u16(1), 0x22, u16(1)),
      "Request Response Information 2": properties(0x19, 2),
      "Request Problem Information 2": properties(0x17, 2),
      "Request Problem Information twice": properties(0x17, 1, 0x17, 1),
      "Authentication Data without a method": properties(0x16, text("x")),
      "Authentication Method twice": properties(0x15, text("x"), 0x15, text("x")),
      "a property of PUBLISH": properties(0x23, u16(1)),
      "a property of CONNACK": properties(0x12, text("x")),
      "an unknown property": properties(0x60, 1),
      "a User Property that is ill-formed": properties(0x26, text(Buffer.from([0xff])), text("x")),
      "a length beyond the packet": bytes(0x7f, 0x11),
    };
    const failed: string[] = [];
    await Promise.all(
      Object.entries(cases).map(async ([name, wrong]) => {
        const client = await scene.open();
        client.sendBytes(connectBytes({ version: 5, properties: wrong, payload: [text(scene.id())] }));
        const before = await client.closed().catch((error: Error) => [error.message]);
        const said = before
          .map((one) => (typeof one === "string" ? one : one.cmd === "connack" ? `0x${one.reasonCode?.toString(16)}` : describe(one)))
          .join();
        if (!["", "0x81", "0x82"].includes(said)) failed.push(`${name}: ${said}`);
      }),
    );
    scene.t.deepEqual(failed.toSorted(), []);
  },
);

check.v5(
  "A will with properties or a topic that are wrong. v5 [MQTT-3.1.4-1] [MQTT-3.1.3-11] [MQTT-4.7.0-1]",
  { mosquittoFails: "lets some pass" },
  async (scene) => {
    const cases: Record<string, readonly [Buffer, string]> = {
      "Will Delay twice": [properties(0x18, u32(1), 0x18, u32(1)), "a"],
      "Payload Format 2": [properties(0x01, 2), "a"],
      "a Topic Alias": [properties(0x23, u16(1)), "a"],
      "a Session Expiry": [properties(0x11, u32(1)), "a"],
      "a wildcard in its Response Topic": [properties(0x08, text("a/#")), "a"],
      "a wildcard in its topic": [properties(), "a/+"],
      "an empty topic": [properties(), ""],
    };
    const failed: string[] = [];
    await Promise.all(
      Object.entries(cases).map(async ([name, [wrong, topic]]) => {
        const client = await scene.open();
        client.sendBytes(connectBytes({ version: 5, flags: 0x06, payload: [text(scene.id()), wrong, text(topic), text("x")] }));
        const before = await client.closed().catch((error: Error) => [error.message]);
        const said = before
          .map((one) => (typeof one === "string" ? one : one.cmd === "connack" ? `0x${one.reasonCode?.toString(16)}` : describe(one)))
          .join();
        if (!["", "0x81", "0x82", "0x90"].includes(said)) failed.push(`${name}: ${said}`);
      }),
    );
    scene.t.deepEqual(failed.toSorted(), []);
  },
);

check.both(
  "After DISCONNECT the broker closes, and nothing the client sends counts any more. v3.1.1 [MQTT-3.14.4-1] [MQTT-3.14.4-2] v5 [MQTT-3.14.4-1] [MQTT-3.14.4-2]",
  async (scene) => {
    const [other, client] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(other, scene.topic, 0);
    client.sendBytes(packet("disconnect", 0), packet("publish", 0, text(scene.topic), scene.version === 5 ? 0 : [], 1));
    scene.t.deepEqual(await client.closed(), []);
    await scene.nothing(other);
  },
);

check.both("One client's malformed packet disturbs nobody else. v3.1.1 [MQTT-4.8.0-1] v5 [MQTT-4.13.2-1]", async (scene) => {
  const [sub, pub, bad] = [await scene.connect(), await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 1);
  bad.sendBytes(bytes(0x60, 2, 0, 1));
  await bad.closed();
  await scene.publish(pub, scene.topic, "well");
  await scene.take(sub, "well");
});
