/** Asks for a password without showing it. @module */
import type { ReadStream } from "node:tty";
import { type Env, exitStatus, MitsuError } from "@mitsu/cli";

/** The first line of a stream, without its end. */
export async function firstLine(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    if (chunk.includes(10)) break;
  }
  return Buffer.concat(chunks).toString("utf8").split("\n")[0]!.replace(/\r$/, "");
}

/** Asks twice on the terminal. @throws {MitsuError} `ERR_USAGE` where there is none, and when both differ. */
export async function askPasswordTwice(env: Env, user: string): Promise<string> {
  const stdin = env.stdin as Partial<ReadStream> & AsyncIterable<Uint8Array>;
  if (stdin.isTTY !== true) {
    throw new MitsuError("stdin is no terminal to ask for the password on", {
      code: "ERR_USAGE",
      exit: exitStatus.usage,
      hint: "add --stdin to read one line from it",
    });
  }
  const terminal = stdin as ReadStream;
  terminal.setRawMode(true);
  try {
    const [first, second] = await ask(env, terminal, [`password for ${user}: `, "once more: "]);
    if (first === second) return first!;
  } finally {
    terminal.setRawMode(false);
    terminal.pause();
  }
  throw new MitsuError("the two passwords differ, nothing was changed", { code: "ERR_USAGE", exit: exitStatus.usage, hint: "try again" });
}

/** In raw mode the terminal echoes nothing, and editing and Ctrl-C are ours. */
function ask(env: Env, terminal: ReadStream, prompts: readonly string[]): Promise<readonly string[]> {
  env.stderr.write(prompts[0]!);
  return new Promise((resolve, reject) => {
    const answers: string[] = [];
    let typed: string[] = [];
    const onData = (bytes: Buffer): void => {
      for (const character of bytes.toString("utf8")) {
        if (character === "\u0003" || character === "\u0004") {
          terminal.off("data", onData);
          env.stderr.write("\n");
          reject(new MitsuError("interrupted, nothing was changed", { code: "ERR_INTERRUPTED", exit: 130 }));
          return;
        }
        if (character === "\r" || character === "\n") {
          answers.push(typed.join(""));
          typed = [];
          env.stderr.write(`\n${prompts[answers.length] ?? ""}`);
          if (answers.length === prompts.length) {
            terminal.off("data", onData);
            resolve(answers);
            return;
          }
        } else if (character === "\u007f" || character === "\b") typed.pop();
        else if (character === "\u0015") typed = [];
        else typed.push(character);
      }
    };
    terminal.on("data", onData);
    terminal.resume();
  });
}
