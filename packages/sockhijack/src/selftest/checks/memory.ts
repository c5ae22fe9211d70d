/** Bounded memory: a program that does not read holds its writer up, as with plain TCP. @module */
import { formatBytes } from "@mitsu/cli";
import type { Connection } from "../bench.ts";
import { type Check, expect } from "../check.ts";

/** Nothing takes more than this; without a bound the kernel would take gigabytes. */
const limit = 32 << 20;

function fillAndDrain({ client, server }: Connection): number {
  const bytes = client.fill(limit);
  expect(bytes < limit, `a reader that does not read was sent more than ${formatBytes(limit)}`);
  server.receive(bytes);
  expect(client.writable(), "the writer was not woken when all had been read");
  client.send(1);
  server.receive(1);
  return bytes;
}

/** As much as plain TCP and a tenth more. */
export const memory: Check = {
  name: "memory",
  proves: "a program that does not read is sent no more than by plain TCP + 10 %, and its writer wakes when it reads",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    const plain = fillAndDrain(bench.connect());
    const redirected = fillAndDrain(bench.coupled());
    const figures = `${formatBytes(redirected)} unread at most, ${formatBytes(plain)} by plain TCP`;
    expect(redirected <= plain * bench.memoryRatio, figures);
    return figures;
  },
};
