/** Gives back the memory that only starting needed. @module */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import koffi from "koffi";

const MADV_DONTNEED = 4;
/** Smaller residents are not worth a call. */
const leastKib = 256;

/**
 * Collects garbage, and drops file pages from this process' resident set: most of Node's text and data is only touched while it starts. What is needed again
 * comes back from the page cache. Only mappings that cannot be written and hold no private copy of any page are touched, so that nothing
 * but the file's own bytes is ever dropped.
 *
 * @returns bytes that were resident there.
 */
export function trimMemory(): number {
  const libc = koffi.load("libc.so.6");
  // Loading leaves tens of megabytes of garbage, such as verifier logs, which an idle heap never collects.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect(); // array buffers are freed in the background: the second waits for the first
  libc.func("int malloc_trim(size_t keep)")(0);
  const madvise = libc.func("int madvise(uintptr_t address, size_t length, int advice)");
  let dropped = 0;
  for (const mapping of readFileSync("/proc/self/smaps", "utf8").split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ [1-9]\d* +\//.exec(mapping);
    const resident = Number(/^Rss: +(\d+) kB$/m.exec(mapping)?.[1] ?? 0);
    if (!head || resident < leastKib || !/^Anonymous: +0 kB$/m.test(mapping)) continue;
    const start = BigInt(`0x${head[1]}`);
    if (madvise(start, BigInt(`0x${head[2]}`) - start, MADV_DONTNEED) === 0) dropped += resident * 1024;
  }
  return dropped;
}
