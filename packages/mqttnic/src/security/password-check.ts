/**
 * Checks passwords without holding the loop up: few at a time on libuv's pool, with a bound on those that wait, and a small memory of those that were
 * right, so that thousands of reconnects cost one hash each and not 30 ms of CPU.
 *
 * The memory holds, for a user, SHA-256 of a random key of this object, the name and the password: who reads the process' memory can try passwords
 * against it faster than against the file. It has a bound (least recently used go first) and lives as long as this object, which a reload makes anew.
 * Wrong passwords and unknown users always take the whole time.
 * @module
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { type Credential, impossibleCredential, verifyCredential } from "./credential.ts";
import type { PasswordEntry } from "./password-file.ts";

/** `busy`: too many wait. */
export type PasswordVerdict = "right" | "wrong" | "busy";

/** Bounds; what is left out has the default. */
export interface PasswordCheckOptions {
  /** Hashes at a time; 2 of the 4 threads that libuv's pool has unless told, which also serves files and names. */
  readonly mostAtATime?: number;
  /** That wait for their turn: at 30 ms a hash and two at a time about 4 s. */
  readonly mostWaiting?: number;
  readonly mostRemembered?: number;
  /** Hashes a password and compares, for tests. */
  readonly verify?: (credential: Credential, password: Buffer) => Promise<boolean>;
}

/** See the module. */
export interface PasswordCheck {
  /** At once when the same password was right before. */
  check(user: string, password: Buffer): PasswordVerdict | Promise<PasswordVerdict>;
}

/** Makes a check of the users of a file. */
export function createPasswordCheck(
  users: ReadonlyMap<string, PasswordEntry>,
  { mostAtATime = 2, mostWaiting = 256, mostRemembered = 4096, verify = verifyCredential }: PasswordCheckOptions = {},
): PasswordCheck {
  const key = randomBytes(32);
  const impossible = impossibleCredential(users.values().next().value?.credential);
  const remembered = new Map<string, Buffer>();
  const onTheirWay = new Map<string, Promise<PasswordVerdict>>();
  const waiting: (() => void)[] = [];
  let working = 0;

  const digestOf = (user: string, password: Buffer): Buffer =>
    createHash("sha256")
      .update(key)
      .update(`${Buffer.byteLength(user)}:${user}`)
      .update(password)
      .digest();

  function remember(user: string, digest: Buffer): void {
    remembered.delete(user);
    remembered.set(user, digest);
    if (remembered.size > mostRemembered) remembered.delete(remembered.keys().next().value!);
  }

  async function hashed(user: string, password: Buffer, digest: Buffer): Promise<PasswordVerdict> {
    if (working >= mostAtATime) await new Promise<void>((resolve) => waiting.push(resolve));
    else working++;
    try {
      const entry = users.get(user);
      const right = (await verify(entry?.credential ?? impossible, password)) && entry !== undefined;
      if (right) remember(user, digest);
      return right ? "right" : "wrong";
    } finally {
      const next = waiting.shift();
      // The turn is handed over: `working` stays as it is.
      if (next) next();
      else working--;
    }
  }

  return {
    check(user, password) {
      const digest = digestOf(user, password);
      const known = remembered.get(user);
      if (known && timingSafeEqual(known, digest)) {
        remember(user, digest);
        return "right";
      }
      // Many devices that share a user come back at once: one hash answers all.
      const same = digest.toString("base64");
      const running = onTheirWay.get(same);
      if (running) return running;
      if (waiting.length >= mostWaiting) return "busy";
      const verdict = hashed(user, password, digest).finally(() => onTheirWay.delete(same));
      onTheirWay.set(same, verdict);
      return verdict;
    },
  };
}
