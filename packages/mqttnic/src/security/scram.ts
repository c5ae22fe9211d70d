/** SCRAM-SHA-256 without channel binding: the client proves that it knows the password and never sends it. [RFC 5802, RFC 7677] @module */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { saslPrep } from "./saslprep.ts";
import { hmac, type ScramKeys, sha256 } from "./scram-keys.ts";

/** Where the exchange looks a user up. */
export interface ScramUsers {
  find(user: string): ScramKeys | undefined;
  /** What an unknown user is shown: the same at each try, so that nobody learns who exists. */
  invent(user: string): ScramKeys;
}

/** One step's result; `refused` says why, for the log. */
export type ScramStep =
  | { readonly kind: "continue"; readonly data: Buffer }
  | { readonly kind: "done"; readonly user: string; readonly data: Buffer }
  | { readonly kind: "refused"; readonly why: string };

/** Longer messages are refused unread. */
const mostBytes = 4096;

const refused = (why: string): ScramStep => ({ kind: "refused", why });

/**
 * One exchange: client-first → server-first, client-final → server-final.
 *
 * @example
 * ```ts
 * const exchange = createScramExchange(users);
 * exchange.step(Buffer.from("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")); // continue: r=…,s=…,i=4096
 * ```
 */
export function createScramExchange(
  users: ScramUsers,
  newNonce: () => string = () => randomBytes(18).toString("base64"),
): { step(data: Buffer | undefined): ScramStep } {
  let asked:
    | {
        readonly user: string;
        readonly keys: ScramKeys;
        readonly known: boolean;
        readonly gs2: string;
        readonly nonce: string;
        readonly messages: string;
      }
    | undefined;
  let over = false;

  function begin(text: string): ScramStep {
    // gs2-header: `n` no channel binding, `y` the client could but we cannot; `p` asks for it.
    const parts = /^([ny],(?:a=([^,]*))?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(text);
    if (text.startsWith("p=")) return refused("channel binding is not supported");
    if (!parts) return refused("the client's first message is malformed");
    const [, gs2, authorise, bare, name, clientNonce] = parts;
    const user = nameOf(name!);
    if (user === undefined) return refused("the user name is malformed");
    if (authorise !== undefined && nameOf(authorise) !== user) return refused("it asks to act for another user");
    const found = users.find(user);
    const keys = found ?? users.invent(user);
    const nonce = `${clientNonce}${newNonce()}`;
    const answer = `r=${nonce},s=${keys.salt.toString("base64")},i=${keys.iterations}`;
    asked = { user, keys, known: found !== undefined, gs2: gs2!, nonce, messages: `${bare},${answer}` };
    return { kind: "continue", data: Buffer.from(answer) };
  }

  function finish(text: string, { user, keys, known, gs2, nonce, messages }: NonNullable<typeof asked>): ScramStep {
    const parts = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)(?:,.*)?),p=([A-Za-z0-9+/]+={0,2})$/s.exec(text);
    if (!parts) return refused("the client's final message is malformed");
    const [, withoutProof, binding, echoed, proofText] = parts;
    if (binding !== Buffer.from(gs2).toString("base64")) return refused("the channel binding differs from the first message's");
    if (echoed !== nonce) return refused("the nonce is another");
    const proof = Buffer.from(proofText!, "base64");
    if (proof.length !== 32) return refused("the proof has another length");
    const authMessage = `${messages},${withoutProof}`;
    const signature = hmac(keys.storedKey, authMessage);
    const clientKey = Buffer.from(proof.map((byte, at) => byte ^ signature[at]!));
    // The comparison is made for unknown users too.
    const right = timingSafeEqual(sha256(clientKey), keys.storedKey);
    if (!right || !known) return refused(known ? "the proof is wrong" : "no such user");
    return { kind: "done", user, data: Buffer.from(`v=${hmac(keys.serverKey, authMessage).toString("base64")}`) };
  }

  return {
    step(data) {
      if (over) return refused("the exchange is over");
      const text = data && data.length <= mostBytes ? data.toString("utf8") : "";
      const step = asked ? finish(text, asked) : begin(text);
      over = step.kind !== "continue";
      return step;
    },
  };
}

/** `=2C` is a comma and `=3D` an equals sign; any other `=` is an error. */
function nameOf(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined;
  return saslPrep(text.replaceAll("=2C", ",").replaceAll("=3D", "="));
}
