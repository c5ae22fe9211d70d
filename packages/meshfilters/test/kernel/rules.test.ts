/** Rules compiled for the kernel decide real connections as the reference does. @module */
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import type { Program } from "../../../sockhijack/test/kernel/support/program.ts";
import { Sandbox } from "../../../sockhijack/test/kernel/support/sandbox.ts";
import { python } from "../../../sockhijack/test/kernel/support/servers.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { startWho, who } from "../../../sockhijack/test/kernel/support/who.ts";
import { type BuiltRules, buildRules } from "../../src/rules/build-rules.ts";
import { RuleEvaluator } from "../../src/rules/evaluate.ts";
import { parseRules } from "../../src/rules/parse-rules.ts";

interface Meshed {
  readonly sandbox: Sandbox;
  readonly daemon: Program;
  readonly built: BuiltRules;
  readonly rebuild: (rules: string) => Promise<BuiltRules>;
  /** What connect() to `web.mesh` gives a program of this service: a server's name or an errno's. */
  readonly connect: (service: string, port: number) => Promise<string>;
}

/** Service `web` (ports 80 and 81) under rules. */
async function meshed(t: ExecutionContext, rules: string, mesh = ""): Promise<Meshed> {
  const sandbox = new Sandbox(t);
  const source = (text: string): string => sandbox.file("rules.yaml", `version: 1\n${text}`);
  const built = await buildRules(source(rules), { backEnds: ["kernel"] });
  const [one, two] = [await freePort(), await freePort()];
  const daemon = await sandbox.daemon({
    mesh: `version: 1\nservices: { web: { ports: ["80:${one}", "81:${two}"] }, a: , b: }\n${mesh}\n`,
    args: ["--rules", join(sandbox.directory, "rules.policies.yaml")],
  });
  await startWho(sandbox, "web", who("web", [one, two]));
  const connecting = `import socket, sys, errno
s = socket.socket(); s.settimeout(5)
code = s.connect_ex(("web.mesh", int(sys.argv[1])))
print(s.makefile().readline().split()[0] if code == 0 else errno.errorcode[code])`;
  return {
    sandbox,
    daemon,
    built,
    rebuild: (text) => buildRules(source(text), { backEnds: ["kernel"] }),
    connect: async (service, port) => (await sandbox.run(service, [python, "-c", connecting, String(port)]).succeeded()).trim(),
  };
}

kernelTest("rules built for the kernel refuse what the reference refuses, in their order; the log names the rule", async (t) => {
  const rules = `services: [web]
rules:
  - { name: a-in, match: { from: a, port: 81 }, do: allow }
  - { name: no-a, match: { from: a }, do: deny }
  - { name: no-81, match: { port: 81, from: [b, c] }, do: deny }
`;
  const { connect, daemon, built } = await meshed(t, rules);
  t.deepEqual(
    built.rules.map(({ device }) => device),
    ["kernel", "kernel", "kernel", "kernel"],
  );
  const reference = new RuleEvaluator(parseRules(`version: 1\n${rules}`, "rules.yaml"));
  for (const service of ["a", "b", "d"])
    for (const port of [80, 81]) {
      const { status } = reference.judge({ headers: [], service, spiffe: "", address: "", port }, 0n);
      t.is(await connect(service, port), status === null ? "web" : "ECONNREFUSED", `${service} to ${port}`);
    }
  t.regex((await daemon.says(/^.*connect denied.*$/m))[0], /from=a to=web port=80 protocol=tcp rule=no-a /);
});

kernelTest("rules only take away from mesh.yaml's policies; on SIGHUP other rules hold", async (t) => {
  const { connect, daemon, rebuild } = await meshed(
    t,
    "rules:\n  - { name: b-in, match: { from: b }, do: allow }\n  - { name: none, do: deny }\n",
    "policies: [{ name: no-b, from: b, to: web, ports: [81], action: deny }]",
  );
  t.deepEqual([await connect("a", 80), await connect("b", 80), await connect("b", 81)], ["ECONNREFUSED", "web", "ECONNREFUSED"]);
  await rebuild("rules:\n  - { name: no-b-80, match: { from: b, port: 80 }, do: deny }\n");
  daemon.child.kill("SIGHUP");
  await until("the other rules", async () => (await connect("a", 80)) === "web", { timeoutMs: 30_000 });
  t.deepEqual([await connect("b", 80), await connect("b", 81)], ["ECONNREFUSED", "ECONNREFUSED"]);
});
