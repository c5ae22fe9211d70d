import test from "ava";
import { parseService } from "../src/commands/parse-service.ts";
import { emptyCatalog, withServices } from "../src/mesh/effective-catalog.ts";

for (const [text, name, ports] of [
  ["web", "web", []],
  ["web:8080", "web", ["8080"]],
  ["web:80:8080", "web", ["80:8080"]],
  ["web:8080,9090", "web", ["8080", "9090"]],
  ["dns:53/udp", "dns", ["53/udp"]],
  ["dns:53:5353/udp,53/tcp", "dns", ["53:5353/udp", "53/tcp"]],
  ["a", "a", []],
  ["7", "7", []],
  [`${"a".repeat(63)}:1`, "a".repeat(63), ["1"]],
] as const) {
  test(`parseService() reads ${text}, and the catalog takes what it read`, (t) => {
    t.deepEqual(parseService(text), { name, ports: [...ports] });
    t.is(withServices(emptyCatalog, [parseService(text)]).services[0]?.name, name);
  });
}

for (const text of [
  "",
  ":80",
  "Web",
  "-web",
  "web-",
  "we b",
  "web.mesh",
  "a".repeat(64),
  "web:",
  "web:http",
  "web:80,",
  "web:80:",
  "web:80:81:82",
  "web:80/sctp",
  "web:-1",
  "web: 80",
  "../x:80",
  "web:0",
  "web:65536",
  "web:80:0",
  "web:80:70000/udp",
]) {
  test(`parseService() refuses ${JSON.stringify(text)} with an example`, (t) => {
    const error = t.throws(() => parseService(text), { code: "ERR_SERVICE_NAME" }) as { exit?: number; hint?: string } | undefined;
    t.is(error?.exit, 2);
    t.regex(error?.hint ?? "", /web:8080/);
  });
}

test("what parseService() cannot see, the catalog refuses and says where it came from", (t) => {
  t.throws(() => withServices(emptyCatalog, [parseService("web:80,80")]), { message: /^--service/ });
});
