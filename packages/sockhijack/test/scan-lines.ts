/** Lines of a scan, made up for tests: everything that is not given is as on a fit, idle loopback connection. @module */
import { ipBytes } from "../src/kernel/ip.ts";
import { fact, type SockRecord, sockRecord, stateFlag, tcpState } from "../src/kernel/layout.ts";

/** A line; fields that are not given are 0. */
export function line(fields: Partial<SockRecord>): SockRecord {
  return { ...sockRecord.decode(new DataView(new ArrayBuffer(sockRecord.size))), ...fields };
}

/** A socket that listens. */
export function listener(ip: string, port: number, fields: Partial<SockRecord> = {}): SockRecord {
  const family = ip.includes(":") ? 10 : 2;
  return line({ local_ip: ipBytes(ip), local_port: port, state: tcpState.listen, facts: fact.listener, family, netns: 1n, ...fields });
}

/** Both ends of the connection number `n` from service 1 to port 80 of service 2, both fit to be redirected. */
export function ends(
  n: number,
  { client = {}, server = {} }: { readonly client?: Partial<SockRecord>; readonly server?: Partial<SockRecord> } = {},
): { readonly client: SockRecord; readonly server: SockRecord } {
  const ip = ipBytes("127.0.0.1");
  const both = { local_ip: ip, remote_ip: ip, state: tcpState.established, family: 2, netns: 1n, facts: fact.nonblock };
  const [a, b] = [BigInt(n * 2 + 1), BigInt(n * 2 + 2)];
  return {
    client: line({
      ...both,
      cookie: a,
      sk: a << 8n,
      local_port: 40_000 + n,
      remote_port: 80,
      service: 1,
      flags: stateFlag.client,
      ...client,
    }),
    server: line({ ...both, cookie: b, sk: b << 8n, local_port: 80, remote_port: 40_000 + n, service: 2, ...server }),
  };
}
