/** Which texts are names of nodes, services, replicas, resources and labels. @module */

/** No control characters, no space around it. */
export const namePattern: RegExp = /^[^\s\p{Cc}](?:[^\p{Cc}]*[^\s\p{Cc}])?$/u;

/** As long as a host's name may be. */
export const longestName = 253;

const plain = {};

/** Objects have these from birth (`constructor`): a record that lacks such a name would not say so. */
export function isInherited(name: string): boolean {
  return name in plain;
}

/** Whether a text is a name. */
export function isName(text: string): boolean {
  return text.length > 0 && text.length <= longestName && namePattern.test(text) && !isInherited(text);
}
