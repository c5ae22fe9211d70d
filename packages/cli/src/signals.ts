/** SIGTERM and SIGINT end a daemon gracefully once, at once the second time; SIGHUP reloads it. @module */
import { constants } from "node:os";
import type { Env, SignalName } from "./env.ts";

/** A subscription to the process' signals. */
export interface Signals {
  /** Resolves with the first SIGTERM or SIGINT. */
  readonly stop: Promise<SignalName>;
  /** Aborts together with `stop`. */
  readonly signal: AbortSignal;
  /** Lets go of the signals. */
  readonly [Symbol.dispose]: () => void;
}

/**
 * Listens for the signals of a daemon.
 *
 * @example
 * ```ts
 * using signals = onSignals(env, () => reload());
 * await signals.stop;
 * ```
 */
export function onSignals(env: Env, onReload?: () => void): Signals {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<SignalName>();
  const stopBy = (name: "SIGTERM" | "SIGINT") => () => {
    if (controller.signal.aborted) return env.exit(128 + constants.signals[name]);
    controller.abort(name);
    resolve(name);
  };
  const off = [env.onSignal("SIGTERM", stopBy("SIGTERM")), env.onSignal("SIGINT", stopBy("SIGINT"))];
  if (onReload) off.push(env.onSignal("SIGHUP", onReload));
  return {
    stop: promise,
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const remove of off) remove();
    },
  };
}
