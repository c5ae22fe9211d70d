/** splice(2): it reads TCP's own queue, where redirected bytes never come. @module */
import { unfit } from "../../coupling/fitness.ts";
import { flowsOf } from "../../coupling/flow.ts";
import { type Check, expect } from "../check.ts";

/** Known to be broken as of Linux 6.18; shows that a program that splices is kept out. */
export const splicing: Check = {
  name: "splice",
  proves: "splice() moves redirected bytes",
  consequence: "known",
  refused: "redirect of programs that splice: HAProxy with `option splice-*`, Go's io.Copy; name others by `redirect: off`",
  run(bench) {
    const connection = bench.coupled();
    const [flow] = flowsOf(bench.scan(connection.networks)).filter(({ client }) => client?.inode === BigInt(connection.client.inode));
    const reason = flow && unfit(flow, { usable: true, redirect: () => "on", splices: () => true });
    if (reason !== "splice") throw new Error(`a program that splices would be redirected (${reason ?? "fit"})`);
    const [from, to] = bench.sockets.pipe().map((fd) => bench.track(fd));
    connection.client.send(100);
    connection.server.readable();
    const moved = bench.sockets.splice(connection.server.fd, to!, 4096);
    connection.server.receive(moved > 0 ? 100 - moved : 100);
    bench.close(from!);
    bench.close(to!);
    expect(moved === 100, `splice() ${moved < 0 ? `gave errno ${-moved}` : `moved ${moved}`} with 100 bytes there; read() had them`);
    return "100 bytes moved";
  },
};
