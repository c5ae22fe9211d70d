/** Sockets on an epoll of our own, run inside Node's loop: what daemons with a hot path are built on. @module */
export { closeSocket, setNoDelay } from "./accepted-socket.ts";
export { type ListenAt, Listener } from "./listener.ts";
export { type Pollable, Reactor } from "./reactor.ts";
export { decodeSocketAddress, encodeSocketAddress, type SocketAddress } from "./socket-address.ts";
export { TcpSocket } from "./tcp-socket.ts";
