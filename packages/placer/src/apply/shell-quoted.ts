/** Words of shell lines that people copy. @module */

/** A text as one word for `sh`. */
export function shellQuoted(text: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
