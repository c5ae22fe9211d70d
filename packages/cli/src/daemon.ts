/** A daemon's life: lock, open, ready, wait, close in reverse. @module */
import { type Closers, createClosers } from "./closers.ts";
import { lockDaemon } from "./daemon-lock.ts";
import type { Env } from "./env.ts";
import { exitStatus } from "./error.ts";
import type { Log } from "./log.ts";
import { type ListenFd, listenFds, notifier } from "./sd-notify.ts";
import { onSignals } from "./signals.ts";

/** What the daemon is started with. */
export interface DaemonOptions {
  readonly env: Env;
  readonly log: Log;
  /** Control socket path, which the lock goes by; left alone under socket activation, as systemd owns the file. */
  readonly socket: string;
}

/** What `start` is given. */
export interface Life extends Closers {
  /** Sockets passed by systemd; serve on these in place of `socket`. */
  readonly listenFds: readonly ListenFd[];
  /** Aborts when the daemon is asked to stop. */
  readonly signal: AbortSignal;
  /** SIGHUP calls `reload`; when it throws, the old state stays, and the reason is logged. */
  readonly onReload: (reload: () => Promise<void> | void) => void;
  /** One line for `systemctl status`. */
  readonly status: (text: string) => void;
  /** Ends the daemon with this error: something in the background broke for good. */
  readonly fail: (error: unknown) => void;
}

/**
 * Runs a daemon until SIGTERM, SIGINT or `fail`, and returns its exit status.
 *
 * @throws {MitsuError} `ERR_DAEMON_RUNNING`; whatever `start` throws, after all that was opened is closed again.
 * @example
 * ```ts
 * run: (_args, { env, log, socket }) =>
 *   runDaemon({ env, log, socket }, async (life) => {
 *     const map = openMap();
 *     life.defer("map", () => map.close());
 *   }),
 * ```
 */
export async function runDaemon({ env, log, socket }: DaemonOptions, start: (life: Life) => Promise<void> | void): Promise<number> {
  const closers = createClosers(log);
  const passed = listenFds(env);
  const notify = notifier(env, (error) => log.warn("cannot tell the service manager", { error }));
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {}); // it may be rejected before anyone waits
  let reload: (() => Promise<void> | void) | undefined;
  let reloading = Promise.resolve();
  // One reload after another: two at once would race for the same state.
  const onReload = () => {
    reloading = reloading.then(async () => {
      if (!reload) return log.info("nothing to reload");
      await notify.reloading();
      try {
        await reload();
        log.info("reloaded");
      } catch (error) {
        log.error("reload failed, the old configuration stays", { error });
      }
      await notify.ready();
    });
  };
  using signals = onSignals(env, onReload);
  try {
    if (passed.length === 0) closers.defer("lock", await lockDaemon(env, socket, log));
    await start({
      ...closers,
      listenFds: passed,
      signal: signals.signal,
      onReload: (handler) => {
        reload = handler;
      },
      status: (text) => void notify.status(text),
      fail: failure.reject,
    });
    closers.defer("watchdog", notify.watchdog());
    await notify.ready();
    log.info("ready", { socket, pid: env.pid });
    const name = await Promise.race([signals.stop, failure.promise]);
    log.info("stopping", { signal: name });
    return exitStatus.ok;
  } finally {
    await notify.stopping();
    await reloading;
    await closers.closeAll();
  }
}
