const kernel = "packages/*/test/kernel/**/*.test.ts";
/** A third of the work each, kernel tests, which mostly wait, in two of them; the third lane has the rest. Of two folders each, as ava leaves what all paths have in common out of the titles. */
const lanes = {
  first: [
    "packages/sockhijack/test/kernel/[a-m]*.test.ts",
    "packages/{catalog,hal,meshfilters,placer}/test/**/*.test.ts",
    "scripts/test/*.test.ts",
  ],
  second: [
    "packages/sockhijack/test/kernel/[n-z]*.test.ts",
    "packages/nicd/test/kernel/**/*.test.ts",
    "packages/{proxy-wasm,replicad}/test/**/*.test.ts",
    "bench/test/*.test.ts",
  ],
};
const all = ["packages/*/test/**/*.test.ts", "scripts/test/*.test.ts", "bench/test/*.test.ts"];
const possible = process.env.MITSU_WITHOUT_KERNEL ? [...all, `!${kernel}`] : all;
const lane = process.env.MITSU_TEST_LANE;
const left = possible.filter((one) => one.startsWith("!"));
/** scripts/run-tests.ts runs an ava for each lane beside each other; MITSU_WITHOUT_KERNEL is set on a machine that cannot load BPF programs. */
const files =
  lane === undefined
    ? possible
    : lane === "rest"
      ? [...possible, ...Object.values(lanes).flatMap((own) => own.map((one) => `!${one}`))]
      : [...lanes[lane], ...left];

/** ava runs the TypeScript sources as they are: Node 24 strips the types. One file at a time, in the same order everywhere: else a file that hangs is
 * not seen beside another that goes on (scripts/run-tests.ts ends it), and what fails elsewhere cannot be had again here. */
export default {
  extensions: ["ts"],
  files,
  concurrency: 1,
  sortTestFiles: (one, other) => (one < other ? -1 : 1),
  nodeArguments: [`--import=${import.meta.dirname}/scripts/compile-cache.mjs`],
  cache: false,
  timeout: "30m",
  workerThreads: false,
};
