const kernel = "packages/*/test/kernel/**/*.test.ts";
/** About half of the work: what the one lane does, the other leaves. Of two folders, as ava leaves what all paths have in common out of the titles. */
const half = [
  "packages/sockhijack/test/kernel/[a-q]*.test.ts",
  "packages/placer/test/{apply,commands,draw,exact,plan,problem,profile,watch}/**/*.test.ts",
  "scripts/test/*.test.ts",
];
const all = ["packages/*/test/**/*.test.ts", "scripts/test/*.test.ts", "bench/test/*.test.ts"];
const possible = process.env.MITSU_WITHOUT_KERNEL ? [...all, `!${kernel}`] : all;
/** scripts/run-tests.ts runs two ava beside each other, one for each lane; MITSU_WITHOUT_KERNEL is set on a machine that cannot load BPF programs. */
const files =
  { half: [...half, ...possible.filter((one) => one.startsWith("!"))], rest: [...possible, ...half.map((one) => `!${one}`)] }[
    process.env.MITSU_TEST_LANE
  ] ?? possible;

/** ava runs the TypeScript sources as they are: Node 24 strips the types. One file at a time, in the same order everywhere: else a file that hangs is
 * not seen beside another that goes on (scripts/run-tests.ts ends it), and what fails elsewhere cannot be had again here. */
export default {
  extensions: ["ts"],
  files,
  concurrency: 1,
  sortTestFiles: (one, other) => (one < other ? -1 : 1),
  cache: false,
  timeout: "30m",
  workerThreads: false,
};
