/** Set by ./test on a machine that cannot load BPF programs. */
const withoutKernel = process.env.MITSU_WITHOUT_KERNEL ? ["!packages/*/test/kernel/**"] : [];

/** ava runs the TypeScript sources as they are: Node 24 strips the types. Kernel tests own machine-wide state, so files run one at a time. */
export default {
  extensions: ["ts"],
  files: ["packages/*/test/**/*.test.ts", "scripts/test/*.test.ts", "bench/test/*.test.ts", ...withoutKernel],
  concurrency: 1,
  timeout: "120s",
  workerThreads: false,
};
