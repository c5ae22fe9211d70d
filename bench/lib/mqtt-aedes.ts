#!/usr/bin/env node
/**
 * aedes as its documentation starts it, on loopback, with Nagle off as for the other brokers.
 *
 *     node bench/lib/mqtt-aedes.ts 1883
 *
 * @module
 */
import { createServer } from "node:net";
import { Aedes } from "aedes";

const broker = await Aedes.createBroker({ concurrency: 1000 });
const server = createServer({ noDelay: true }, broker.handle);
server.listen(Number(process.argv[2]), "127.0.0.1");
