/** How connections end: half-close, close and reset with redirected bytes unread. @module */
import { constants } from "node:os";
import { type Check, expect } from "../check.ts";

const SOL_SOCKET = 1;
const SO_LINGER = 13;
const bytes = 100_000;

/** shutdown(SHUT_WR), both ways. */
export const halfClose: Check = {
  name: "half-close",
  proves: "after shutdown(SHUT_WR) the other direction goes on, and the end comes behind the last byte",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    const { client, server } = bench.coupled();
    client.send(bytes);
    bench.sockets.endWriting(client.fd);
    server.receive(bytes);
    expect(server.ending() === 0, "the reader was not told of the end");
    server.send(bytes);
    bench.sockets.endWriting(server.fd);
    client.receive(bytes);
    expect(client.ending() === 0, "the one that had shut down was not told of the other's end");
    return `${bytes} bytes each way, then the end`;
  },
};

/** close(2) with what it sent unread; SO_LINGER 0, which resets. */
export const closing: Check = {
  name: "close",
  proves: "what was sent before close or reset is still read, then the reader is told",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    const closed = bench.coupled();
    closed.client.send(bytes);
    bench.close(closed.client.fd);
    closed.server.receive(bytes);
    expect(closed.server.ending() === 0, "no end of the stream after close");
    const reset = bench.coupled();
    reset.client.send(bytes);
    bench.sockets.setOption(reset.client.fd, SOL_SOCKET, SO_LINGER, new Uint8Array(Int32Array.of(1, 0).buffer));
    bench.close(reset.client.fd);
    reset.server.receive(bytes);
    const told = reset.server.ending();
    expect(told === 0 || told === -constants.errno.ECONNRESET, `a reset gave errno ${-told}`);
    return `${bytes} bytes read after each; a reset reads as ${told === 0 ? "end of stream" : "ECONNRESET"}`;
  },
};
