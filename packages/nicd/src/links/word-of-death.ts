/** How the nicd of a replica's node tells another nicd that nobody takes connections at the replica. @module */
import type { MessageHead } from "../message-head.ts";

const field = "proxy-status";
const value = "nicd; error=connection_refused";

/**
 * Goes with the 503 that nicd answers in the replica's place. A program that answers so itself takes only itself out of selection.
 *
 * Source: RFC 9209 §2.3.3.
 */
export const wordOfDeath: readonly (readonly [name: string, value: string])[] = [[field, value]];

/** Whether an answer has it. */
export function saysDead(head: Pick<MessageHead, "get">): boolean {
  return head.get(field) === value;
}
