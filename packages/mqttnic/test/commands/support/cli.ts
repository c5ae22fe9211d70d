/** Runs mqttnic's commands in-process, as `main.ts` does. */
import { type OutputStream, reportError, run, type TestEnv, type TestEnvOptions, testEnv } from "@mitsu/cli";
import { mqttnic } from "../../../src/cli.ts";
import { fromMosquitto } from "../../../src/mosquitto-flags.ts";

/** A command that runs. */
export interface Running {
  readonly env: TestEnv;
  readonly status: Promise<number>;
  /** Resolves once it has printed a text, on stdout or stderr; fails when it ends before. */
  readonly printed: (text: string) => Promise<void>;
}

/** Starts a command. */
export function start(argv: readonly string[], options: TestEnvOptions = {}): Running {
  const base = testEnv({ now: Date.now, nowNs: () => process.hrtime.bigint(), ...options });
  const waiting = new Set<() => void>();
  const telling = (stream: OutputStream): OutputStream => ({
    ...stream,
    write: (text) => {
      stream.write(text);
      for (const look of waiting) look();
    },
  });
  const env: TestEnv = { ...base, stdout: telling(base.stdout), stderr: telling(base.stderr) };
  let status: Promise<number>;
  try {
    status = run(mqttnic, fromMosquitto(argv), env);
  } catch (error) {
    status = Promise.resolve(reportError("mqttnic", error, env, false));
  }
  const printed = async (text: string): Promise<void> => {
    const seen = Promise.withResolvers<void>();
    const look = (): void => {
      if (`${env.out()}${env.err()}`.includes(text)) seen.resolve();
    };
    waiting.add(look);
    look();
    const ended = status.then((exit) => {
      if (!`${env.out()}${env.err()}`.includes(text))
        throw new Error(`ended with ${exit} before it printed ${text}: ${env.out()}${env.err()}`);
    });
    await Promise.race([seen.promise, ended]);
    waiting.delete(look);
  };
  return { env, status, printed };
}

/** Runs a command to its end. */
export async function cli(
  argv: readonly string[],
  options: TestEnvOptions = {},
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const { env, status } = start(argv, options);
  const exit = await status;
  return { status: exit, out: env.out(), err: env.err() };
}
