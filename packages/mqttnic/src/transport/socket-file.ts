/** The file of a Unix socket: what is in its way, who may open it, and its end. @module */
import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { ListenerConfig } from "../config/broker-config.ts";
import { listenError } from "./listen-error.ts";

/** File mode and group of a Unix socket. */
export interface SocketFileOptions {
  /** 0o660 unless told. */
  readonly socketMode?: number;
  /** `mitsu` unless told; left as it is when there is no such group. */
  readonly socketGroup?: string;
}

/**
 * Makes way for a socket: one whose daemon is gone is removed; anything else that is there is left alone.
 *
 * @throws {MitsuError} `ERR_LISTEN`.
 */
export async function clearWay(config: ListenerConfig, path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket())
    throw new MitsuError(`cannot listen on ${path} (listener ${config.name}): a ${kindOf(there)} is in the way`, {
      code: "ERR_LISTEN",
      hint: "choose another path, or move it away; it was left as it is",
      exit: exitStatus.config,
    });
  if (await answers(path)) throw listenError(config, Object.assign(new Error("a program listens there"), { code: "EADDRINUSE" }));
  removeSocketFile(path, there.ino);
}

/** Runs what binds, bind(2) included, so that nobody else can open the file until {@link openToGroup} says who may. */
export function bindClosed<T>(bind: () => T): T {
  const before = process.umask(0o177);
  try {
    return bind();
  } finally {
    process.umask(before);
  }
}

/** Sets group and mode. @returns The file's inode number, by which {@link removeSocketFile} knows it. */
export function openToGroup(path: string, { socketMode = 0o660, socketGroup = "mitsu" }: SocketFileOptions): number {
  const gid = groupId(socketGroup);
  if (gid !== undefined && process.getuid?.() === 0) chownSync(path, 0, gid);
  chmodSync(path, socketMode);
  return lstatSync(path).ino;
}

/** Only the file that is meant: another daemon may have put its own there meanwhile. */
export function removeSocketFile(path: string, inode: number): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === inode) unlinkSync(path);
}

function kindOf(there: { isDirectory(): boolean; isSymbolicLink(): boolean }): string {
  return there.isDirectory() ? "folder" : there.isSymbolicLink() ? "symbolic link" : "file that is no socket";
}

/** Whether somebody listens at a Unix socket; any failure but "nobody" counts as somebody, so that nothing is removed by mistake. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"));
  });
}

function groupId(name: string): number | undefined {
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  const gid = line?.split(":")[2];
  return gid === undefined || gid === "" ? undefined : Number(gid);
}
