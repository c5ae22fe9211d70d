/** Headers of the PROXY protocol as bytes, right and wrong ones. @module */

/** Fields of a header of version 2. */
export interface Version2 {
  readonly version?: number;
  readonly command: number;
  readonly family: number;
  readonly transport: number;
  readonly addresses: Buffer;
  readonly tlvs?: Buffer;
}

/** A header of version 2. */
export function version2({ version = 2, command, family, transport, addresses, tlvs = Buffer.alloc(0) }: Version2): Buffer {
  const fixed = Buffer.from("\r\n\r\n\0\r\nQUIT\n\0\0\0\0", "latin1");
  fixed[12] = (version << 4) | command;
  fixed[13] = (family << 4) | transport;
  fixed.writeUInt16BE(addresses.length + tlvs.length, 14);
  return Buffer.concat([fixed, addresses, tlvs]);
}
