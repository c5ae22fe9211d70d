/** The mark of brokers that a message has passed on its way over bridges: a User Property for each, so that it comes to none of them twice. @module */

/** Name of the User Property. */
const markName = "mqttnic-passed";

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** The mark of one broker as a property in wire format. [MQTT 5.0 §3.3.2.3.7] */
export function passedMark(brokerId: string): Buffer {
  return Buffer.concat([Buffer.from([0x26]), text(markName), text(brokerId)]);
}
