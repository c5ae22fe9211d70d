/** Set by ./test on a machine that cannot load BPF programs. */
const withoutKernel = process.env.MITSU_WITHOUT_KERNEL ? ["!packages/*/test/kernel/**"] : [];

/** ava runs the TypeScript sources as they are: Node 24 strips the types. Two files at a time, as most tests wait more than they work:
 * kernel tests have daemons, namespaces, cgroups and pins of their own, and within a file run one by one. */
export default {
  extensions: ["ts"],
  files: ["packages/*/test/**/*.test.ts", "scripts/test/*.test.ts", "bench/test/*.test.ts", ...withoutKernel],
  concurrency: 2,
  timeout: "120s",
  workerThreads: false,
};
