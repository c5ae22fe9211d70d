/** Attributes that tell who spoke to whom, and how: the same for HTTP and gRPC. Source: OpenTelemetry semantic conventions 1.45. @module */
import type { Attributes } from "@opentelemetry/api";
import type { Exchange } from "./exchange.ts";

/** Adds what both ends' spans have: the protocol, and what we know besides. HTTP/1 may be 1.0 or 1.1, so nothing is told of it. */
export function addProtocolAttributes(attributes: Attributes, exchange: Exchange): void {
  if (exchange.protocol !== "http/1") {
    attributes["network.protocol.name"] = "http";
    attributes["network.protocol.version"] = "2";
  }
  attributes["mitsu.redirected"] = exchange.redirected;
  attributes["mitsu.link"] = exchange.link;
  attributes["mitsu.injected"] = exchange.injected;
  const { flags, security, tries = 1, route } = exchange;
  if (flags) attributes["mitsu.response_flags"] = flags;
  if (security) attributes["mitsu.security"] = security;
  if (tries > 1) attributes["mitsu.tries"] = tries;
  if (route) attributes["mitsu.route"] = route;
  // What is missing then was said, and lost on its way to us.
  if (exchange.method === "") attributes["mitsu.names_lost"] = true;
}

/** Adds server and peer as one end sees them. A service is called by its name, whatever name the client used for it. */
export function addEndpointAttributes(attributes: Attributes, { client, server }: Exchange, end: "client" | "server"): void {
  const isClient = end === "client";
  const peer = isClient ? server : client;
  attributes["server.address"] = server.service || server.address;
  attributes["server.port"] = server.port;
  if (!isClient) {
    attributes["client.address"] = client.address;
    attributes["client.port"] = client.port;
  }
  attributes["network.peer.address"] = peer.address;
  attributes["network.peer.port"] = peer.port;
  if (peer.service) attributes[isClient ? "server.service.name" : "client.service.name"] = peer.service;
}
