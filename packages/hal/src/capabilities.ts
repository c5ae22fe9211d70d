/** The capabilities that Mitsu's own devices have. Others join by {@link defineCapability}, and are told to a placement. @module */
import { asyncMessage } from "./capabilities/async-message.ts";
import { balance } from "./capabilities/balance.ts";
import { checksum } from "./capabilities/checksum.ts";
import { hash } from "./capabilities/hash.ts";
import { matchAction } from "./capabilities/match-action.ts";
import { redirect } from "./capabilities/redirect.ts";
import { relay } from "./capabilities/relay.ts";
import { topicMatch } from "./capabilities/topic-match.ts";
import { traceInject } from "./capabilities/trace-inject.ts";
import type { AnyCapability } from "./capability.ts";

/** All of them. */
export const capabilities: readonly AnyCapability[] = [
  topicMatch,
  asyncMessage,
  matchAction,
  hash,
  checksum,
  redirect,
  balance,
  traceInject,
  relay,
];
