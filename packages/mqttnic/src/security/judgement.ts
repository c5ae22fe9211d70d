/** Judgements in short. @module */
import type { Judgement } from "./security.ts";

/** Refuses: 0x86 bad user name or password, 0x87 not authorized, 0x88 server unavailable, 0x89 server busy. [MQTT 5.0 §3.2.2.2] */
export function refusal(reasonCode: 0x86 | 0x87 | 0x88 | 0x89, why: string): Judgement & { readonly ok: false } {
  return { ok: false, reasonCode, why };
}
