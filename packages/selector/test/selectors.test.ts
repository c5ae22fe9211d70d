import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { selectorNames } from "../src/selector.ts";
import { createSelector, isSelectorName, selectorOptions } from "../src/selectors.ts";

for (const name of selectorNames) {
  test(`createSelector() makes ${name}, each with its own state`, (t) => {
    t.is(createSelector(name).name, name);
    t.not(createSelector(name), createSelector(name));
    t.true(isSelectorName(name));
  });

  test(`createSelector() refuses an option that ${name} does not have`, (t) => {
    const error = t.throws<MitsuError>(() => createSelector(name, { colour: 1 }), { instanceOf: MitsuError });
    t.is(error.code, "ERR_SELECTOR_OPTION");
    t.true(error.message.includes("colour"));
    t.truthy(error.hint);
  });
}

for (const [name, options] of Object.entries(selectorOptions)) {
  test(`selectorOptions has ${name}'s, in kebab-case, with a default within the range and what it does; createSelector() takes them`, (t) => {
    t.true(isSelectorName(name));
    for (const [option, { default: usual, least, most, whole, about }] of Object.entries(options)) {
      t.regex(option, /^[a-z]+(-[a-z]+)*$/);
      t.true(least <= usual && usual <= most, option);
      t.true(!whole || [usual, least, most].every(Number.isInteger), option);
      t.regex(about, /^[a-z].*[^.]$/, option);
      for (const value of [usual, least, most]) t.notThrows(() => createSelector(name, { [option]: value }), `${option} ${value}`);
      for (const value of [least - 1, most + 1]) t.throws(() => createSelector(name, { [option]: value }), { code: "ERR_SELECTOR_OPTION" });
    }
  });
}

for (const name of ["round robin", "jsq", "", "constructor", "Mitsu"]) {
  test(`createSelector() refuses the name ${JSON.stringify(name)} and names those that there are`, (t) => {
    const error = t.throws<MitsuError>(() => createSelector(name), { instanceOf: MitsuError });
    t.is(error.code, "ERR_SELECTOR_NAME");
    t.true(error.message.includes(JSON.stringify(name)));
    for (const known of selectorNames) t.true(error.hint!.includes(known));
    t.false(isSelectorName(name));
  });
}

for (const [name, option, values] of [
  ["least-request", "choices", [1, 2.5, 101, Number.NaN, -1]],
  ["least-request", "bias", [-0.1, 101, Number.POSITIVE_INFINITY]],
  ["peak-ewma", "decay-ms", [0, -5, Number.NaN]],
  ["peak-ewma", "default-rtt-ms", [0, Number.POSITIVE_INFINITY]],
  ["c3", "alpha", [0, 1.1, Number.NaN]],
] as const) {
  for (const value of values) {
    test(`createSelector() refuses ${option} ${value} of ${name} and names the range`, (t) => {
      const error = t.throws<MitsuError>(() => createSelector(name, { [option]: value }), { instanceOf: MitsuError });
      t.is(error.code, "ERR_SELECTOR_OPTION");
      t.regex(error.message, new RegExp(`option ${option} of selector ${name} is ${value}`));
      t.regex(error.hint!, /^use .* to .*unless told$/);
    });
  }
}
