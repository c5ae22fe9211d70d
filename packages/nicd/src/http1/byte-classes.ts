/** Which bytes HTTP allows where: tables of 256, 1 where allowed. @module */

function only(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** RFC 9110 §5.6.2 `tchar`. */
export const token: Uint8Array = only(`!#$%&'*+-.^_\`|~${alphanumeric}`);
/** A field's value: HTAB, SP, VCHAR and obs-text (RFC 9110 §5.5). */
export const valueByte: Uint8Array = new Uint8Array(256).fill(1, 0x20).fill(0, 0x7f, 0x80);
valueByte[9] = 1;
/**
 * A request's target: visible ASCII; all else is encoded (RFC 9112 §3.2). A raw byte would be a second way to write the same path, past any rule
 * that is about its encoded form.
 */
export const targetByte: Uint8Array = new Uint8Array(256).fill(1, 0x21, 0x7f);
/** A host with port: unreserved, percent, sub-delims and what encloses an IPv6 address (RFC 3986 §3.2.2); no user name. */
export const hostByte: Uint8Array = only(`-._~%!$&'()*+,;=:[]${alphanumeric}`);
