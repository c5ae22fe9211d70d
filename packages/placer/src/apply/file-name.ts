/** Names of files made of names in a problem, which may hold anything. @module */

/** Makes a name that is safe in every directory, and of which no two are alike. */
export function fileNames(): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    const plain =
      name
        .replaceAll(/[^A-Za-z0-9._-]/g, "_")
        .replace(/^[.-]/, "_")
        .slice(0, 200) || "_";
    let free = plain;
    for (let number = 2; taken.has(free); number++) free = `${plain}_${number}`;
    taken.add(free);
    return free;
  };
}
