/** The command line: help, unknown words, completion. */
import test from "ava";
import { mqttnic } from "../../src/cli.ts";
import { cli } from "./support/cli.ts";

for (const { name } of mqttnic.commands) {
  test(`mqttnic ${name} --help says what it does, with an example`, async (t) => {
    const { status, out } = await cli([...name.split(" "), "--help"]);
    t.is(status, 0);
    t.regex(out, new RegExp(`mqttnic ${name}`));
    t.regex(out, /example/i);
    t.regex((await cli(["--help"])).out, new RegExp(`\\b${name.split(" ")[0]}\\b`));
  });
}

test("no two options of a command have the same letter, and none is taken for a negation", (t) => {
  for (const { name, options } of mqttnic.commands) {
    const letters = Object.values(options).flatMap(({ alias }) => (alias === undefined ? [] : [alias]));
    t.is(new Set(letters).size, letters.length, name);
    t.false(letters.includes("h"), name);
    for (const key of Object.keys(options)) t.notRegex(key, /^no[A-Z]/, `${name}: --${key}`);
  }
});

test("mqttnic --version, an unknown command and an unknown option", async (t) => {
  t.deepEqual(JSON.parse((await cli(["--version", "--json"])).out), { name: "mqttnic", version: mqttnic.version });
  const unknown = await cli(["cleints"]);
  t.is(unknown.status, 2);
  t.regex(unknown.err, /mqttnic clients/);
  t.regex((await cli(["daemon", "--persistance", "x"])).err, /--persistence/);
});

test("completion knows the commands", async (t) => {
  for (const shell of ["bash", "zsh"]) t.regex((await cli(["completion", shell])).out, /subscriptions/);
});
