/** SCRAM-SHA-256 as an enhanced authentication of MQTT 5. [MQTT 5.0 §4.12] @module */
import { createScramExchange } from "./scram.ts";
import type { ScramKeys } from "./scram-keys.ts";
import type { AuthExchange, AuthMethod, ConnectAttempt, Judgement } from "./security.ts";

/** What the method asks the rest of security. */
export interface ScramMethodOptions {
  /** What is certain without a password: a refusal holds here too, and a certificate's name must be the user's. */
  byPeer(attempt: ConnectAttempt): Judgement | undefined;
  find(user: string): ScramKeys | undefined;
  /** 16 bytes, the same for the same user. */
  inventSalt(user: string): Buffer;
}

/** As `mqttnic passwd --scram` writes them, so that invented users look like real ones. */
const usualIterations = 16_384;

/** The method. */
export function scramMethod({ byPeer, find, inventSalt }: ScramMethodOptions): AuthMethod {
  const users = {
    find,
    invent: (user: string): ScramKeys => ({
      iterations: usualIterations,
      salt: inventSalt(user),
      storedKey: Buffer.alloc(32),
      serverKey: Buffer.alloc(32),
    }),
  };
  return {
    name: "SCRAM-SHA-256",
    begin(attempt): AuthExchange {
      const certain = byPeer(attempt);
      const exchange = createScramExchange(users);
      return {
        step(data) {
          if (certain && !certain.ok) return { kind: "refused", reasonCode: certain.reasonCode, why: certain.why };
          const step = exchange.step(data);
          if (step.kind === "refused") return { kind: "refused", reasonCode: 0x86, why: `SCRAM-SHA-256: ${step.why}` };
          if (step.kind === "continue") return step;
          const { user, data: last } = step;
          const other = [attempt.username, certain?.ok ? certain.identity.username : undefined].find(
            (name) => name !== undefined && name !== user,
          );
          if (other !== undefined)
            return { kind: "refused", reasonCode: 0x86, why: `SCRAM-SHA-256: proved to be "${user}", not "${other}"` };
          return {
            kind: "done",
            data: last,
            identity: { username: user, by: "scram", untilMs: certain?.ok ? certain.identity.untilMs : 0, peerNode: undefined },
          };
        },
      };
    },
  };
}
