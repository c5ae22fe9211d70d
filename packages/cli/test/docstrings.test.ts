import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "ava";

const root = join(import.meta.dirname, "../../..");
const read = (path: string) => readFileSync(path, "utf8");

/** Name → whether a docstring stands right before its declaration, for every declaration that a file exports. */
function exportsOf(path: string): Map<string, boolean> {
  const lines = read(path).split("\n");
  const found = new Map<string, boolean>();
  for (const [at, line] of lines.entries()) {
    const name = /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type) (\w+)/.exec(line)?.[1];
    if (!name) continue;
    let before = at - 1;
    while (/^(\/\/ biome-ignore|@)/.test(lines[before] ?? "")) before--;
    const documented = /\*\/$/.test(lines[before] ?? "") && !/@module/.test(lines[before] ?? "");
    found.set(name, documented || found.get(name) === true); // an overload's first declaration carries the text
  }
  return found;
}

/** Names that a `mod.ts` re-exports, with the file each comes from. */
function reexports(path: string): { readonly name: string; readonly from: string }[] {
  const text = read(path);
  const named = [...text.matchAll(/export (?:type )?\{([^}]*)\} from "(\.[^"]+)"/g)];
  const starred = [...text.matchAll(/export \* from "(\.[^"]+)"/g)];
  const resolve = (from: string) => join(dirname(path), from);
  return [
    ...named.flatMap(([, names, from]) =>
      names!
        .split(",")
        .map((name) =>
          name
            .replace(/^\s*(type )?/, "")
            .split(" as ")[0]!
            .trim(),
        )
        .filter(Boolean)
        .map((name) => ({ name, from: resolve(from!) })),
    ),
    ...starred.flatMap(([, from]) => [...exportsOf(resolve(from!)).keys()].map((name) => ({ name, from: resolve(from!) }))),
  ];
}

const modules = globSync("packages/*/src/mod.ts", { cwd: root }).map((path) => join(root, path));

test("the docstring test sees the packages", (t) => {
  t.true(modules.length >= 2);
  t.true(modules.some((path) => reexports(path).length > 10));
});

for (const path of modules) {
  test(`every export of ${relative(root, path)} has a docstring`, (t) => {
    const missing = reexports(path).filter(({ name, from }) => !existsSync(from) || exportsOf(from).get(name) !== true);
    t.deepEqual(
      missing.map(({ name, from }) => `${relative(root, from)}: ${name}`),
      [],
    );
  });
}

for (const directory of globSync("packages/*/src", { cwd: root })) {
  test(`every file of ${directory} says in its first lines what it is, and documents what it exports`, (t) => {
    for (const file of globSync("**/*.ts", { cwd: join(root, directory) })) {
      const path = join(root, directory, file);
      t.regex(read(path), /^(#!.*\n)?\/\*\*[\s\S]*?@module/, file);
      const bare = [...exportsOf(path)].filter(([, documented]) => !documented).map(([name]) => name);
      t.deepEqual(bare, [], file);
    }
  });
}
