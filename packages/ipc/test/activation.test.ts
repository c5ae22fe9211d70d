import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "ava";
import { connect } from "../src/mod.ts";
import { demo, socketPath } from "./fixture.ts";

/** Does what systemd does for a socket unit: opens the socket as descriptor 3, says so in the environment, and becomes the daemon. */
const systemd = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="control")
os.execv(sys.argv[2], sys.argv[2:])
`;

test("serve() takes the listening socket that systemd passed", async (t) => {
  const path = socketPath(t);
  const script = `
    import { serve } from ${JSON.stringify(import.meta.resolve("../src/mod.ts"))};
    import { demo } from ${JSON.stringify(import.meta.resolve("./fixture.ts"))};
    import { createLog, listenFds, systemEnv } from ${JSON.stringify(import.meta.resolve("@mitsu/cli"))};
    const [control] = listenFds(systemEnv);
    const handlers = { add: ({ a, b }) => ({ sum: a + b }) };
    const server = await serve({ listen: { fd: control.fd }, daemon: "demo", version: "1", protocol: demo, log: createLog(systemEnv), handlers });
    process.once("SIGTERM", server.close);
    console.log("serving", control.name);`;
  const child = spawn("python3", ["-c", systemd, path, process.execPath, "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.is(String((await once(child.stdout, "data"))[0]), "serving control\n");
  using client = await connect(path, demo);
  t.is(client.daemon.pid, child.pid!);
  t.is((await client.call("add", { a: 20, b: 22 })).sum, 42);
  child.kill();
  t.deepEqual(await once(child, "exit"), [0, null]);
});
