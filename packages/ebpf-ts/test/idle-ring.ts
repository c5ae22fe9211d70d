/** Run by ring-buffer.test.ts: opens a ring and does nothing more, so that the process must end by itself. @module */
import { BpfObject, RingBuffer } from "../src/mod.ts";
import { testObject } from "./compile-bpf.ts";

const object = BpfObject.open(testObject("everything")).load();
new RingBuffer(object.map("events"), () => {});
