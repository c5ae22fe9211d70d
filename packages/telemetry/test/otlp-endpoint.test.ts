import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { otlpEndpoint } from "../src/otlp-endpoint.ts";

for (const [endpoint, href] of [
  ["http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"],
  ["http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"],
  ["https://otlp.example/tenant/a/", "https://otlp.example/tenant/a/v1/traces"],
  ["http://[::1]:4318", "http://[::1]:4318/v1/traces"],
  ["https://otlp.example?key=1#x", "https://otlp.example/v1/traces?key=1"],
] as const) {
  test(`otlpEndpoint() makes ${href} of ${endpoint}`, (t) => t.is(otlpEndpoint(endpoint).url.href, href));
}

for (const endpoint of ["", "127.0.0.1:4318", "localhost:4318", "grpc://h:4317", "http://", "file:///tmp", "http://h/v1/traces"]) {
  test(`otlpEndpoint() refuses ${JSON.stringify(endpoint)} and says what to do`, (t) => {
    const error = t.throws(() => otlpEndpoint(endpoint), { instanceOf: MitsuError });
    t.is(error?.code, "ERR_OTLP_ENDPOINT");
    t.is(error?.exit, 78);
    t.regex(error?.hint ?? "", /http:\/\//);
  });
}

test("otlpEndpoint() sends a URL's credentials as a header, and shows them to nobody", (t) => {
  const { url, headers } = otlpEndpoint("http://ann:p%40ss@h:4318");
  t.is(url.href, "http://h:4318/v1/traces");
  t.deepEqual(headers, { authorization: `Basic ${btoa("ann:p@ss")}` });
  t.notRegex(t.throws(() => otlpEndpoint("ftp://ann:secret@h"))!.message, /secret/);
});

test("otlpEndpoint() reads OTEL_EXPORTER_OTLP_HEADERS", (t) => {
  const { headers } = otlpEndpoint("http://h", "Api-Key=abc=, x-tenant = a%20b%2Cc ,,");
  t.deepEqual(headers, { "api-key": "abc=", "x-tenant": "a b,c" });
});

for (const text of ["secret", "=secret", "a b=secret", "a=%0d%0asecret", "a=%zzsecret", "ok=1,secret"]) {
  test(`otlpEndpoint() refuses the headers ${JSON.stringify(text)} without showing them`, (t) => {
    const error = t.throws(() => otlpEndpoint("http://h", text), { instanceOf: MitsuError });
    t.is(error?.code, "ERR_OTLP_HEADERS");
    t.notRegex(error!.message, /secret/);
  });
}
