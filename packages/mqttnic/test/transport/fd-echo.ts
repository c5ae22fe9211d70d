/** A program that echoes at the socket that it inherits as descriptor 3, as systemd passes one; a child of listener.test.ts. @module */
import { defaultListener } from "../../src/config/defaults.ts";
import { NetPlane } from "../../src/data-plane/net-plane.ts";

const slab = Buffer.alloc(65_536);
let at = 0;
const plane: NetPlane = new NetPlane({
  onOpen(id, peer) {
    at += slab.write(`${peer.transport} `, at);
    plane.send(id, slab, 0, at, 1, false);
  },
  onBytes(id, buffer, start, end) {
    const from = at;
    at += buffer.copy(slab, at, start, end);
    plane.send(id, slab, from, at, 1, false);
  },
  onDrain() {},
  onClose() {
    void plane.stop();
  },
  onTurn() {
    if (plane.flush()) at = 0;
  },
});
await plane.listen({ ...defaultListener, address: undefined, port: 0, fd: 3 });
