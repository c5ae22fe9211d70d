import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run as runProgram, testEnv } from "@mitsu/cli";
import test from "ava";
import { placer } from "../../src/cli.ts";
import { small } from "../../src/generate/small.ts";
import { socialNetwork } from "../../src/generate/social-network.ts";
import { parseProblem } from "../../src/problem/parse-problem.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";

async function generate(...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const env = testEnv();
  const status = await runProgram(placer, ["generate", ...args], env);
  return { status, out: env.out(), err: env.err() };
}

test("placer generate writes a problem to stdout that reads back as it was made", async (t) => {
  const { status, out } = await generate("social-network");
  t.is(status, 0);
  t.deepEqual(parseProblem(out, "stdout"), socialNetwork());
});

test("placer generate takes nodes, services and seed, and writes JSON by the file's name", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "placer-generate-"));
  t.teardown(() => rm(directory, { recursive: true }));
  const to = join(directory, "problem.json");
  t.is((await generate("small", "--seed", "7", "--nodes", "3", "--services", "9", "-o", to)).status, 0);
  const text = await readFile(to, "utf8");
  t.is(text[0], "{");
  t.deepEqual(parseProblem(text, to), small({ seed: 7, nodes: 3, services: 9 }));
});

for (const [args, message] of [
  [["small", "--nodes", "0"], /--nodes 0 is not a whole number from 1/],
  [["small", "--services", "2.5"], /--services 2.5 is not a whole number/],
  [["industrial", "--requested", "1.2"], /--requested 1.2 is not a number from 0.01 to 0.98/],
  [["medium"], /<kind> cannot be 'medium'/],
] as const)
  test(`placer generate ${args.join(" ")} is wrong usage`, async (t) => {
    const { status, out, err } = await generate(...args);
    t.is(status, 2);
    t.is(out, "");
    t.regex(err, message);
  });

test("small() with rules is a problem that its file form carries, for 100 seeds", (t) => {
  for (let seed = 1; seed <= 100; seed++) {
    const problem = small({ seed, rules: true });
    t.deepEqual(parseProblem(writeProblem(problem, "yaml"), "small.yaml"), problem);
  }
});
