/** `mqttnic acl check`: what an ACL file says to a question, and by which line. @module */
import { type Context, print } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type AclQuestion, compileAcl } from "../security/acl.ts";
import { aclFileKind, parseAclFile } from "../security/acl-file.ts";
import { readBytes } from "../security/text-file.ts";

/** What `acl check` is told. */
export interface AclCheckArgs {
  readonly file: string;
  /** undefined for an anonymous client. */
  readonly user: string | undefined;
  readonly clientId: string | undefined;
  /** One of the three: may it publish to the topic, get its messages, subscribe to it as a filter. */
  readonly publish: boolean;
  readonly receive: boolean;
  readonly subscribe: boolean;
  readonly topic: string;
}

const questions = ["publish", "receive", "subscribe"] as const satisfies readonly AclQuestion[];

function usage(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint });
}

/** `mqttnic acl check`; exit status 0 for allowed, 1 for denied. */
export async function check(args: AclCheckArgs, context: Context): Promise<number> {
  const [question, ...more] = questions.filter((name) => args[name]);
  if (question === undefined || more.length > 0) {
    throw usage(
      "say what is asked: --publish, --receive or --subscribe, one of them",
      "mqttnic acl check acl --user ann --publish sensors/1",
    );
  }
  const { file, topic, user, clientId } = args;
  if (topic === "") throw usage("the topic is empty", "name a topic");
  if (question !== "subscribe" && /[+#]/.test(topic)) {
    throw usage(`"${topic}" has wildcards, a topic has none`, "name one topic, or ask with --subscribe");
  }
  const rules = parseAclFile(file, await readBytes(aclFileKind, file));
  const identity = { username: user, by: user === undefined ? "anonymous" : "password", untilMs: 0, peerNode: undefined } as const;
  // `$share/<group>/` is no part of the filter. [MQTT 5.0 §4.8.2]
  const asked = question === "subscribe" ? topic.replace(/^\$share\/[^/]+\//, "") : topic;
  const { allowed, line, why } = compileAcl(rules).explain(question, identity, clientId ?? "", asked);
  const rule = rules.find((one) => one.line === line)?.text ?? null;
  print(context, { allowed, question, topic, user: user ?? null, clientId: clientId ?? null, line: line || null, rule, why }, (value) => {
    const by = value.line === null ? value.why : `${file}:${value.line}: ${value.rule}`;
    return `${value.allowed ? "allowed" : "denied"} by ${value.line === null ? `no line: ${by}` : by}\n`;
  });
  return allowed ? exitStatus.ok : exitStatus.failure;
}
