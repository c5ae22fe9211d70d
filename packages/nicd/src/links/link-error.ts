/** Why a stream or a link failed. @module */
import { constants } from "node:http2";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Codes of links' errors; which of them may be tried again without harm is in {@link neverSent}. */
export const linkErrorCode = {
  /** The peer's nicd was not reached, or is being left alone after a failure. */
  connect: "ERR_LINK_CONNECT",
  /** One end does not accept the other's certificate. */
  identity: "ERR_LINK_IDENTITY",
  /** Too many streams wait for this peer. */
  full: "ERR_LINK_FULL",
  /** The peer's nicd answered the CONNECT with a status that is not 2xx. */
  refused: "ERR_LINK_REFUSED",
  /** The link broke with the stream on it. */
  lost: "ERR_LINK_LOST",
  /** The other end reset the stream. */
  reset: "ERR_LINK_RESET",
  /** This pool was closed. */
  closed: "ERR_LINK_CLOSED",
} as const;

/** One of {@link linkErrorCode}. */
export type LinkErrorCode = (typeof linkErrorCode)[keyof typeof linkErrorCode];

/** An error of a link. */
export function linkError(code: LinkErrorCode, message: string, hint: string, cause?: unknown): MitsuError {
  return new MitsuError(message, { code, hint, exit: exitStatus.unavailable, cause });
}

/** True when no byte of the stream has reached the program it was for: another replica may be tried with the same bytes. */
export function neverSent(error: Error): boolean {
  const { code } = error as Partial<MitsuError>;
  return code === "ERR_LINK_CONNECT" || code === "ERR_LINK_IDENTITY" || code === "ERR_LINK_FULL" || code === "ERR_LINK_REFUSED";
}

/** Name of an HTTP/2 error code: `NGHTTP2_CANCEL` is `CANCEL`. */
export function http2ErrorName(code: number): string {
  const found = Object.entries(constants).find(([name, value]) => value === code && isErrorName.test(name));
  return found?.[0].replace("NGHTTP2_", "") ?? `error ${code}`;
}

const isErrorName =
  /^NGHTTP2_(NO_ERROR|PROTOCOL_ERROR|INTERNAL_ERROR|FLOW_CONTROL_ERROR|SETTINGS_TIMEOUT|STREAM_CLOSED|FRAME_SIZE_ERROR|REFUSED_STREAM|CANCEL|COMPRESSION_ERROR|CONNECT_ERROR|ENHANCE_YOUR_CALM|INADEQUATE_SECURITY|HTTP_1_1_REQUIRED)$/;
