/** Names and values of fields as a message may carry them. @module */

/** A token (RFC 9110 §5.6.2) in lower case, or one with a colon before it (RFC 9113 §8.3). */
const token = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const breaking = /[\r\n\0]/g;

/** In lower case; undefined for what is no name, the empty text among it. */
export function fieldName(raw: string): string | undefined {
  const name = raw.toLowerCase();
  return token.test(name) ? name : undefined;
}

/** With spaces in the place of CR, LF and NUL, which would let a filter put more fields into a message than it says (RFC 9110 §5.5). */
export const fieldValue = (raw: string): string => raw.replace(breaking, " ");
