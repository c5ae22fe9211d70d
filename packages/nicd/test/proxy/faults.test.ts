/** A fault of nicd's own, as a filter that throws, costs the connection that met it and no other. */

import { rawClient, rawServer } from "@mitsu/reactor/raw-peer";
import { until } from "@mitsu/reactor/turns";
import test from "ava";
import type { Filter } from "../../src/filters/filter.ts";
import { type LiveExchange, verdict } from "../../src/live-exchange.ts";
import { testPlane, webAt } from "./test-plane.ts";

const ask = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: web\r\n\r\n`;

class Faulty implements Filter {
  readonly name = "faulty";
  readonly #at: "request" | "answer" | "end";

  constructor(at: "request" | "answer" | "end") {
    this.#at = at;
  }

  onRequestHead(x: LiveExchange): 0 {
    return this.#fail("request", x);
  }
  onResponseHead(x: LiveExchange): 0 {
    return this.#fail("answer", x);
  }
  onEnd(x: LiveExchange): void {
    this.#fail("end", x);
  }

  #fail(where: string, x: LiveExchange): 0 {
    if (where === this.#at && x.request.path === "/bad") throw new TypeError("a bug");
    return verdict.continue;
  }
}

for (const at of ["request", "answer", "end"] as const) {
  test(`a filter that throws at the ${at} ends its own connection; others go on, and it is counted`, async (t) => {
    const server = await rawServer(t);
    server.server.on("connection", (socket) => socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")));
    const { reactor, port } = await testPlane(t, webAt(server.port), [new Faulty(at)], true);
    const faults: unknown[] = [];
    reactor.onFault = (error) => faults.push(error);
    const [good, bad] = [rawClient(t, port), rawClient(t, port)];
    t.regex(await good.send(ask("/good")).message(), /ok$/);
    bad.send(ask("/bad"));
    await until(() => faults.length > 0, "a fault");
    t.is(reactor.faults, faults.length);
    t.true(faults.every((fault) => fault instanceof TypeError));
    t.regex(await good.send(ask("/good")).message(), /ok$/);
    if (at === "request") t.not(await bad.end(), "");
  });
}
