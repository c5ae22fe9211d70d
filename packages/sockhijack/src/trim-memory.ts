/** Gives back memory that starting or work needed, once all is calm. @module */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import koffi from "koffi";

/** Between two checks. */
const everyMs = 2_000;
/** Looks in that time that a daemon takes which has nothing to do. */
const idleLooks = 2;
/** Growth since the last time that makes it worth the some 50 ms. */
const growth = 1.25;

/**
 * Trims this process' memory when it is calm and has grown since the last time.
 *
 * @param looks How many looks the engine has taken so far.
 * @returns ends it.
 */
export function trimWhenCalm(looks: () => number): () => void {
  let before = looks();
  let trimmedBytes = 0;
  const timer = setInterval(() => {
    const calm = looks() - before <= idleLooks;
    before = looks();
    if (!calm || process.memoryUsage.rss() < growth * trimmedBytes) return;
    trimMemory();
    trimmedBytes = process.memoryUsage.rss();
  }, everyMs).unref();
  return () => clearInterval(timer);
}

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
function trimMemory(): number {
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
