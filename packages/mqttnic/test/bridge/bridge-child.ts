/** A broker with its state on disk and a bridge, in a process that the test kills: `node bridge-child.ts <state> <port> <remote port>`. */
import { startBridge } from "../../src/bridge/bridge.ts";
import { defaultConfig, defaultLimits, defaultListener } from "../../src/config/defaults.ts";
import { openBroker } from "../../src/open-broker.ts";
import { bridgeConfig, quiet } from "./mosquitto.ts";

const [path = "", port = "", remotePort = ""] = process.argv.slice(2);
const { core } = await openBroker(
  {
    ...defaultConfig,
    listeners: [{ ...defaultListener, port: Number(port) }],
    limits: { ...defaultLimits, queuedMessages: 100_000 },
    persistence: { path, sync: false },
    sysIntervalMs: 0,
  },
  { dataPlane: "net", log: quiet, about: { version: "0", pid: process.pid, startedAtMs: Date.now(), node: "child" } },
);
startBridge(
  core,
  bridgeConfig(Number(remotePort), {
    restartMinMs: 1,
    restartMaxMs: 5,
    topics: [{ pattern: "#", direction: "both", qos: 2, localPrefix: "", remotePrefix: "" }],
  }),
  { log: quiet, brokerId: "child", readFile: () => new Uint8Array() },
);
process.stdout.write("ready\n");
