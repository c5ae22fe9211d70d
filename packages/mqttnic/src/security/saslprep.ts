/** One form for names and passwords that look the same. @module */

/** RFC 3454 table B.1, mapped to nothing. */
const dropped = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|[\u200B-\u200D]|\u2060|[\uFE00-\uFE0F]|\uFEFF/g;
/** RFC 3454 table C.1.2, other spaces. */
const spaces = /[\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]/g;
/** Controls, private use, surrogates, non-characters and what is not assigned. */
const prohibited = /[\p{Cc}\p{Co}\p{Cs}\p{Cn}\uFFF9-\uFFFD\u{E0001}\u{E0020}-\u{E007F}]/u;

/**
 * SASLprep without its rule for mixed writing directions; Unicode's present tables stand for those of 3.2.
 *
 * @returns undefined for text with characters that are prohibited, or with none left.
 * Source: RFC 4013 §2.
 */
export function saslPrep(text: string): string | undefined {
  const prepared = text.replace(dropped, "").replace(spaces, " ").normalize("NFKC");
  return prepared === "" || prohibited.test(prepared) ? undefined : prepared;
}
