import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MitsuError, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { ProblemError } from "../../src/problem/problem-error.ts";
import { readNodes } from "../../src/problem/read-nodes.ts";
import { readProblem } from "../../src/problem/read-problem.ts";

const text = "nodes: [{ name: n1 }]\nservices: [{ name: web }]\n";

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "placer-read-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("readProblem() gives the problem, its file and the sum of its bytes", async (t) => {
  const cwd = folder(t);
  writeFileSync(join(cwd, "p.yaml"), text);
  const { problem, file, sha256 } = await readProblem("p.yaml", { env: testEnv({ cwd }) });
  t.deepEqual([problem.services[0]?.replicas, file], [["web-0"], "p.yaml"]);
  t.is(sha256, createHash("sha256").update(text).digest("hex"));
});

test("readProblem() of - reads stdin, and names it so", async (t) => {
  t.is((await readProblem("-", { env: testEnv({ stdin: text }) })).problem.nodes[0]?.name, "n1");
  const error = await t.throwsAsync(readProblem("-", { env: testEnv({ stdin: "nodes: []\nservices: [{ name: a }]" }) }), {
    instanceOf: ProblemError,
  });
  t.is(error!.message, "stdin:1:8: nodes: is empty; give at least one node");
});

test("readProblem() refuses a file of 1 GB by its size, unread", async (t) => {
  const cwd = folder(t);
  const path = join(cwd, "disk.img");
  writeFileSync(path, "");
  truncateSync(path, 2 ** 30);
  const env = {
    ...testEnv({ cwd }),
    readFile: () => {
      throw new Error("was read");
    },
  };
  const error = await t.throwsAsync(readProblem("disk.img", { env }), { instanceOf: MitsuError, code: "ERR_INPUT_UNREADABLE" });
  t.is(error!.message, "cannot read disk.img: 1.00 GiB, and no such file is larger than 256 MiB");
  t.is((error as MitsuError).exit, 2);
});

test("readProblem() stops reading stdin past 256 MiB", async (t) => {
  const chunk = Buffer.alloc(16 * 2 ** 20, 0x20);
  let given = 0;
  const env = {
    ...testEnv(),
    stdin: (async function* () {
      for (; given < 1024; given++) yield chunk;
    })(),
  };
  const error = await t.throwsAsync(readProblem("-", { env }), { code: "ERR_INPUT_UNREADABLE" });
  t.regex(error!.message, /cannot read stdin: more than 256 MiB/);
  t.is(given, 16);
});

test("readProblem() reads a device only as far as a file may go", async (t) => {
  await t.throwsAsync(readProblem("/dev/zero", { env: testEnv() }), {
    code: "ERR_INPUT_UNREADABLE",
    message: /\/dev\/zero: more than 256 MiB/,
  });
});

test("readProblem() says which file is missing, a folder, or no text", async (t) => {
  const cwd = folder(t);
  writeFileSync(join(cwd, "latin1.yaml"), Buffer.from([0x6e, 0xe4, 0x0a]));
  const env = testEnv({ cwd });
  await t.throwsAsync(readProblem("none.yaml", { env }), { code: "ERR_INPUT_MISSING", message: "cannot read none.yaml: no such file" });
  await t.throwsAsync(readProblem(".", { env }), { code: "ERR_INPUT_UNREADABLE", message: "cannot read .: it is a folder" });
  await t.throwsAsync(readProblem("latin1.yaml", { env }), {
    code: "ERR_INPUT_UNREADABLE",
    message: "cannot read latin1.yaml: it is not UTF-8 text",
  });
});

test("readNodes() reads a list of nodes", async (t) => {
  const { nodes } = await readNodes("/nodes.yaml", { env: testEnv({ files: { "/nodes.yaml": "[{ name: n1 }, { name: n2 }]" } }) });
  t.deepEqual(
    nodes.map(({ name }) => name),
    ["n1", "n2"],
  );
});
