/** `mqttnic passwd`: adds, changes and removes the users of a password file. @module */
import { resolve } from "node:path";
import { type Context, print } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { formatCredential, makeCredential } from "../security/credential.ts";
import { parsePasswordFile, unfitName } from "../security/password-file.ts";
import { readPasswordFileForChange, replacePasswordFile } from "../security/password-file-change.ts";
import { askPasswordTwice, firstLine } from "../security/password-prompt.ts";

/** What `passwd` is told. */
export interface PasswdArgs {
  readonly file: string;
  readonly user: string;
  /** Removes the user. */
  readonly delete: boolean;
  /** Keeps what SCRAM-SHA-256 needs instead of an Argon2 hash; plain passwords of this user work too. */
  readonly scram: boolean;
  /** Makes the file when there is none. */
  readonly create: boolean;
  /** The password is the first line of stdin. */
  readonly stdin: boolean;
}

function usage(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint });
}

/** `mqttnic passwd`. */
export async function run(args: PasswdArgs, context: Context): Promise<void> {
  const { user, scram } = args;
  const why = unfitName(user);
  if (why !== undefined) throw usage(why, "choose another user name");
  if (args.delete && (scram || args.create || args.stdin))
    throw usage("--delete goes with no other option", "mqttnic passwd <file> <user> --delete");
  const path = resolve(context.env.cwd(), args.file);
  const before = await readPasswordFileForChange(path, args.create);
  // A file that the broker would refuse is not written to: its owner must see what is wrong first.
  const known = parsePasswordFile(path, before.bytes).get(user);
  if (args.delete && !known) {
    throw new MitsuError(`${path} has no user "${user}"`, {
      code: "ERR_NO_USER",
      exit: exitStatus.data,
      hint: "see the names in the file",
    });
  }
  const line = args.delete ? undefined : await newLine(args, context);
  const lines = before.bytes.toString("utf8").split("\n");
  if (known) lines.splice(known.line - 1, 1, ...(line === undefined ? [] : [line]));
  else if (lines.at(-1) === "") lines.splice(-1, 0, line!);
  else lines.push(line!, "");
  await replacePasswordFile(before, Buffer.from(lines.join("\n")));
  const did = args.delete ? "removed" : known ? "changed" : "added";
  print(context, { file: path, user, did }, () => `${did} ${user} in ${path}; a running mqttnic reads it at a reload\n`);
}

async function newLine({ user, scram, stdin }: PasswdArgs, { env }: Context): Promise<string> {
  const password = stdin ? await firstLine(env.stdin) : await askPasswordTwice(env, user);
  if (password === "") throw usage("the password is empty", "give one that is not");
  return `${user}:${formatCredential(await makeCredential(Buffer.from(password), scram ? "scram-sha-256" : "argon2id"))}`;
}
