/** A TCP client in a process of its own, inside a cgroup and a network namespace. @module */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { inNetns } from "../src/mod.ts";

const client = `
const socket = require("node:net").connect(Number(process.argv[1]), "127.0.0.1");
socket.on("connect", () => { console.log("connected"); socket.end(); });
socket.on("error", (error) => console.log(error.code));`;

/** Connects to 127.0.0.1 and gives `connected` or the error's code. */
export async function connectFrom(where: { cgroup?: string; netns?: string }, port: number): Promise<string> {
  const join = where.cgroup === undefined ? "" : `echo $$ > ${where.cgroup}/cgroup.procs && `;
  // A child starts in the namespace its parent's thread is in.
  const start = () => promisify(execFile)("sh", ["-c", `${join}exec "$0" -e "$1" "$2"`, process.execPath, client, `${port}`]);
  const { stdout } = await (where.netns === undefined ? start() : await spawnIn(where.netns, start));
  return stdout.trim();
}

/** Starts within the namespace, waits outside of it. */
async function spawnIn<T>(netns: string, start: () => Promise<T>): Promise<T> {
  return inNetns(netns, () => ({ started: start() })).started;
}
