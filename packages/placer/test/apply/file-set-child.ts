/** Applies or rolls back in a process of its own, and kills itself at the nth point where a crash would leave something else behind; prints the points. @module */
import { createLog, systemEnv } from "@mitsu/cli";
import { applyFiles, rollbackFiles } from "../../src/apply/file-set.ts";

const [what, state, changes, dieAt] = process.argv.slice(2);
let seen = 0;
const options = {
  state: state!,
  env: systemEnv,
  log: createLog(systemEnv),
  fault: (point: string) => {
    if (seen++ === Number(dieAt)) process.kill(process.pid, "SIGKILL");
    process.stdout.write(`${point}\n`);
  },
};
if (what === "apply") await applyFiles(JSON.parse(changes!), { plan: "plan.json", to: "systemd" }, options);
else await rollbackFiles({ ...options, dryRun: false, force: false });
