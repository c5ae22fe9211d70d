/** What is done to a socket that was accepted, by those who read and write it themselves. @module */
import { close, constant, setsockopt } from "./syscalls.ts";

const one = Uint8Array.of(1, 0, 0, 0);

/** Small writes leave at once. */
export function setNoDelay(fd: number): void {
  setsockopt(fd, constant.IPPROTO_TCP, constant.TCP_NODELAY, one, 4);
}

/** Closes a socket that nobody watches. */
export function closeSocket(fd: number): void {
  close(fd);
}
