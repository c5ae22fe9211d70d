/** Run by ring-buffer.test.ts: a handler throws once while the event loop runs it; prints what was caught and how many records came. @module */
import { BpfObject, RingBuffer } from "../src/mod.ts";
import { testObject } from "./compile-bpf.ts";

let caught = "nothing";
process.on("uncaughtException", (error) => {
  caught = error.message;
});

const object = BpfObject.open(testObject("everything")).load();
let delivered = 0;
const handle = (): void => {
  if (++delivered === 1) throw new Error("record 0");
  if (delivered === 5) ring.close();
};
const ring = new RingBuffer(object.map("events"), handle, { keepAlive: true });
const context = new Uint8Array(192);
new DataView(context.buffer).setUint32(8, 5, true);
object.program("emit").testRun(new Uint8Array(64), context);
process.on("exit", () => console.log(`${caught}, ${delivered} delivered`));
