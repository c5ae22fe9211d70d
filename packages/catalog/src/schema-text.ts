/** Writes the JSON Schema of a zod schema as a file of this repository has it. @module */
import { z } from "zod";

/** Of `biome.json`. */
const lineWidth = 140;

/** The schema of what people write, as text: JSON Schema 2020-12, two spaces, a newline at the end. */
export function schemaText(form: z.ZodType, title: string): string {
  const schema = z.toJSONSchema(form, { io: "input", reused: "inline" });
  const text = JSON.stringify({ ...schema, title }, null, 2);
  // Lists of words on one line where they fit, as Biome formats JSON, so that formatting and regenerating agree.
  const lists = text.replaceAll(/^(.*)\[\s+("[^[\]{}]*?")\s+\](,?)$/gm, (whole: string, before: string, words: string, comma: string) => {
    const line = `${before}[${words.replaceAll(/,\s+/g, ", ")}]${comma}`;
    return line.length <= lineWidth ? line : whole;
  });
  return `${lists}\n`;
}
