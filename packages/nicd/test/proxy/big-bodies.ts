/** Both ends of one exchange with big bodies, in a thread of their own: what the test's thread holds is then the proxy's alone. @module */
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { parentPort, workerData } from "node:worker_threads";

const { bytes, chunked } = workerData as { bytes: number; chunked: boolean };
const piece = Buffer.alloc(64 * 1024, "x");
const headers = chunked ? {} : { "content-length": bytes };

function* body(): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, Math.min(left, piece.length));
}

async function lengthOf(message: IncomingMessage): Promise<number> {
  let length = 0;
  for await (const data of message) length += (data as Buffer).length;
  return length;
}

let uploaded = 0;
const server = createServer(async (message, answer) => {
  uploaded = await lengthOf(message);
  answer.writeHead(200, headers);
  Readable.from(body()).pipe(answer);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
parentPort!.postMessage((server.address() as AddressInfo).port);
const [port] = (await once(parentPort!, "message")) as [number];
const asking = request({ port, host: "127.0.0.1", method: "POST", headers, agent: false });
Readable.from(body()).pipe(asking);
const [answer] = (await once(asking, "response")) as [IncomingMessage];
parentPort!.postMessage({ uploaded, downloaded: await lengthOf(answer) });
parentPort!.close();
server.closeAllConnections();
server.close();
