import test from "ava";
import { CatalogError, parseCatalog } from "../src/mod.ts";

const maps = (text: string, indent: string) => text.split("\n").map((line) => `${indent}- { ${line} }\n`);

/** A mesh whose service `web` has these routes, one a line; the first stands in line 7. */
const routes = (text: string) =>
  `version: 1\nservices:\n  v1: { ports: [80] }\n  web:\n    ports: [80, 81]\n    routes:\n${maps(text, "      ").join("")}`;
/** A mesh whose service `web`, in line 4, has these fields. */
const web = (text: string, rest = "") => `version: 1\nservices:\n  v1: { ports: [80] }\n  web: { ports: [80, 81], ${text} }\n${rest}`;
/** A mesh with these authorisation rules, one a line; the first stands in line 6. */
const rules = (text: string) => web("", `authorisation:\n${maps(text, "  ").join("")}`);

/** A text, and all the lines of its error. */
const cases: [title: string, text: string, ...lines: string[]][] = [
  [
    "an unknown field of a route",
    routes("tow: v1"),
    '7:11: services.web.routes[0].tow: unknown field "tow"; did you mean "to"? allowed are name, match, to, mirror, redirect, respond, rewrite, headers, timeout, retries, fault, rate-limit, limits, filters',
  ],
  [
    "an unknown service in to, as a word and in a list",
    routes("to: v2\nto: [ { service: w1, weight: 1 } ]"),
    '7:15: services.web.routes[0].to: no service "v2"; there are v1, web',
    '8:28: services.web.routes[1].to[0].service: no service "w1"; there are v1, web',
  ],
  [
    "an unknown service in mirror",
    routes("mirror: { service: v3 }"),
    '7:30: services.web.routes[0].mirror.service: no service "v3"; there are v1, web',
  ],
  [
    "a target that is a word in a list",
    routes("to: [v1]"),
    '7:16: services.web.routes[0].to[0]: "v1" is not a target; use {service: v2, weight: 1}',
  ],
  ["an empty list of targets", routes("to: []"), "7:15: services.web.routes[0].to: is empty; name a service, or leave it out for this one"],
  [
    "a target that is a number",
    routes("to: 5"),
    "7:15: services.web.routes[0].to: 5 is not a target; use the name of a service or a list such as [{service: v1, weight: 9}, {service: v2, weight: 1}]",
  ],
  [
    "weights that are all 0",
    routes("to: [ { service: v1, weight: 0 }, { service: web, weight: 0 } ]"),
    "7:15: services.web.routes[0].to: every weight is 0, so nobody would answer; give one of them more, or use respond",
  ],
  [
    "a weight too large",
    routes("to: [ { service: v1, weight: 1000001 } ]"),
    "7:40: services.web.routes[0].to[0].weight: 1000001 is not a weight; use 0 (takes none) to 1000000",
  ],
  [
    "one target twice",
    routes("to: [ { service: v1 }, { service: v1 } ]"),
    '7:45: services.web.routes[0].to[1].service: "v1" is already in to[0]; give it one weight',
  ],
  [
    "a target without a name",
    routes("to: [ { weight: 1 } ]"),
    "7:17: services.web.routes[0].to[0].service: is missing; use 1 to 63 lower-case letters, digits and hyphens, as in DNS",
  ],
  [
    "one route name twice",
    routes("name: a, match: { path: /a }\nname: a"),
    '8:17: services.web.routes[1].name: "a" is already the name of routes[0]; give each its own',
  ],
  [
    "a route named default",
    routes("name: default"),
    '7:17: services.web.routes[0].name: "default" is the name of the route behind all others; choose another',
  ],
  [
    "a route name with capitals",
    routes("name: Canary"),
    '7:17: services.web.routes[0].name: "Canary" is not a name; use 1 to 63 lower-case letters, digits and hyphens, as in DNS',
  ],
  [
    "a regular expression with an open bracket",
    routes("match: { path: { regex: '/a(' } }"),
    '7:35: services.web.routes[0].match.path.regex: "/a(" is not a regular expression: missing closing ): `/a(`; use RE2\'s syntax, which has no look-around and no back references',
  ],
  [
    "a regular expression with look-ahead and one with a back reference",
    routes("match: { header: { a: { regex: 'a(?=b)' } } }\nmatch: { query: { a: { regex: '(a)\\1' } } }"),
    '7:42: services.web.routes[0].match.header.a.regex: "a(?=b)" is not a regular expression: invalid or unsupported Perl syntax: `(?=`; use RE2\'s syntax, which has no look-around and no back references',
    '8:41: services.web.routes[1].match.query.a.regex: "(a)\\\\1" is not a regular expression: invalid escape sequence: `\\1`; use RE2\'s syntax, which has no look-around and no back references',
  ],
  [
    "a regular expression that is empty, and one too long",
    routes(`match: { path: { regex: '' } }\nmatch: { path: { regex: '/${"a".repeat(1024)}' } }`),
    "7:35: services.web.routes[0].match.path.regex: is empty; leave it out to match all",
    "8:35: services.web.routes[1].match.path.regex: is longer than 1024 characters; split it over several routes",
  ],
  [
    "a regular expression that can match no path",
    routes("match: { path: { regex: 'api/.*' } }"),
    '7:35: services.web.routes[0].match.path.regex: "api/.*" matches no path: every path begins with /, and all of it must match; begin with /, or with .* for any beginning',
  ],
  [
    "a path that does not begin with a slash, and one with a query",
    routes("match: { path: api }\nmatch: { path: { exact: '/a?b' } }\nmatch: { path: { prefix: /a b } }"),
    '7:26: services.web.routes[0].match.path: "api" is not a path; begin it with /, leave ? and # out, and write other than plain ASCII as %XX',
    '8:35: services.web.routes[1].match.path.exact: "/a?b" is not a path; begin it with /, leave ? and # out, and write other than plain ASCII as %XX',
    '9:36: services.web.routes[2].match.path.prefix: "/a b" is not a path; begin it with /, leave ? and # out, and write other than plain ASCII as %XX',
  ],
  [
    "a path compared in two ways, and in none",
    routes("match: { path: { exact: /a, prefix: /b } }\nmatch: { path: {} }\nmatch: { path: { suffix: /b } }"),
    "7:26: services.web.routes[0].match.path: gives exact and prefix; give one of them",
    "8:26: services.web.routes[1].match.path: says nothing to compare with; give exact, prefix or regex",
    '9:28: services.web.routes[2].match.path.suffix: unknown field "suffix"; allowed are exact, prefix, regex',
  ],
  [
    "a path that is a list",
    routes("match: { path: [/a] }"),
    "7:26: services.web.routes[0].match.path: a list is not a path to match; use a prefix such as /api, {exact: /api}, {prefix: /api} or {regex: …}",
  ],
  [
    "hosts that are none",
    routes("match: { host: 'shop:80' }\nmatch: { host: [ '*shop' ] }\nmatch: { host: [] }\nmatch: { host: http://shop }"),
    '7:26: services.web.routes[0].match.host: "shop:80" is not a host; use a name without scheme and port, such as shop.example, *.example.com (all below it) or *',
    '8:28: services.web.routes[1].match.host[0]: "*shop" is not a host; use a name without scheme and port, such as shop.example, *.example.com (all below it) or *',
    "9:26: services.web.routes[2].match.host: is empty; leave it out to match all",
    '10:26: services.web.routes[3].match.host: "http://shop" is not a host; use a name without scheme and port, such as shop.example, *.example.com (all below it) or *',
  ],
  [
    "methods that are none",
    routes("match: { method: 'GET,PUT' }\nmatch: { method: [] }\nmatch: { method: 5 }"),
    '7:28: services.web.routes[0].match.method: "GET,PUT" is not a method; use GET, POST or another method of HTTP',
    "8:28: services.web.routes[1].match.method: is empty; leave it out to match all",
    "9:28: services.web.routes[2].match.method: 5 is not a method; use GET, POST or another method of HTTP, or a list of them",
  ],
  [
    "header conditions that are none",
    routes(
      "match: { header: { a: 1 } }\nmatch: { header: { a: {} } }\nmatch: { header: { a: { exact: b, present: true } } }\nmatch: { header: { a: { present: false } } }\nmatch: { header: { a: { prefix: '' } } }\nmatch: { header: { a: ' b' } }\nmatch: { header: { a: { exact: \"b\\n\" } } }\nmatch: { header: { a: { present: true, not: 1 } } }",
    ),
    "7:33: services.web.routes[0].match.header.a: 1 is not a header to match; use text (numbers in quotes), {exact: …}, {prefix: …}, {regex: …} or {present: true}, each with not: true to turn it round",
    "8:33: services.web.routes[1].match.header.a: says nothing to compare with; give exact, prefix, regex or present",
    "9:33: services.web.routes[2].match.header.a: gives exact and present; give one of them",
    "10:44: services.web.routes[3].match.header.a.present: takes true; for absence use {present: true, not: true}",
    "11:43: services.web.routes[4].match.header.a.prefix: is empty; use present: true to match any value",
    '12:33: services.web.routes[5].match.header.a: " b" is not text for a header; remove the blanks at its ends',
    '13:42: services.web.routes[6].match.header.a.exact: "b\\n" is not text for a header; use Latin-1 without control characters, in quotes when it looks like a number',
    "14:55: services.web.routes[7].match.header.a.not: 1 is not true or false; use true to turn the condition round",
  ],
  [
    "header names that are none",
    routes(
      "match: { header: { 'a b': c } }\nmatch: { header: { ':path': /a } }\nmatch: { header: { Host: a } }\nmatch: { header: { ':status': a } }",
    ),
    '7:30: services.web.routes[0].match.header["a b"]: "a b" is not the name of a header; use letters, digits and hyphens, such as x-version',
    '8:30: services.web.routes[1].match.header[":path"]: ":path" is not handled as a header; use `path` of the match',
    '9:30: services.web.routes[2].match.header.Host: "Host" is not handled as a header; use `host` of the match',
    '10:30: services.web.routes[3].match.header[":status"]: ":status" is a pseudo header; it cannot be used here',
  ],
  [
    "a header given twice in a match",
    routes("match: { header: { X-A: a, x-a: b } }"),
    '7:38: services.web.routes[0].match.header.x-a: "x-a" is given twice; case does not matter',
  ],
  [
    "a parameter that is no text, and one without a name",
    routes("match: { query: { a: true } }\nmatch: { query: { '': a } }"),
    "7:32: services.web.routes[0].match.query.a: true is not a parameter to match; use text (numbers in quotes), {exact: …}, {prefix: …}, {regex: …} or {present: true}, each with not: true to turn it round",
    '8:29: services.web.routes[1].match.query[""]: is empty; name a parameter',
  ],
  [
    "ports that are none or not the service's",
    routes("match: { port: 0 }\nmatch: { port: [] }\nmatch: { port: 82 }\nmatch: { port: [80, 83] }"),
    "7:26: services.web.routes[0].match.port: 0 is not a port; use 1 to 65535",
    "8:26: services.web.routes[1].match.port: is empty; leave it out to match all",
  ],
  [
    "ports that the service has not",
    routes("match: { port: 82 }\nmatch: { port: [80, 83] }"),
    "7:26: services.web.routes[0].match.port: the service has no TCP port 82; there are 80, 81",
    "8:31: services.web.routes[1].match.port[1]: the service has no TCP port 83; there are 80, 81",
  ],
  [
    "a body that is too long",
    routes(`respond: { status: 200, body: ${"a".repeat(4097)} }`),
    "7:41: services.web.routes[0].respond.body: is longer than 4096 characters; let a service answer",
  ],
  [
    "redirect and respond in one route",
    routes("redirect: { scheme: https }, respond: { status: 404 }"),
    "7:40: services.web.routes[0].respond: the route has `redirect` already; keep one of them",
  ],
  [
    "a redirect that also goes on",
    routes(
      "redirect: { scheme: https }, to: v1, mirror: { service: v1 }, rewrite: { path: /a }, timeout: 1s, retries: 1, headers: { request: { remove: [a] } }, limits: { response: 1MB }",
    ),
    "7:40: services.web.routes[0].to: asks no service, because of `redirect`; keep one of them",
    "7:48: services.web.routes[0].mirror: asks no service, because of `redirect`; keep one of them",
    "7:73: services.web.routes[0].rewrite: asks no service, because of `redirect`; keep one of them",
    "7:96: services.web.routes[0].timeout: asks no service, because of `redirect`; keep one of them",
    "7:109: services.web.routes[0].retries: asks no service, because of `redirect`; keep one of them",
    "7:132: services.web.routes[0].headers.request: asks no service, because of `redirect`; leave this out",
    "7:170: services.web.routes[0].limits.response: asks no service, because of `redirect`; leave this out",
  ],
  [
    "an own answer that also goes on",
    routes("respond: { status: 404 }, to: v1"),
    "7:37: services.web.routes[0].to: asks no service, because of `respond`; keep one of them",
  ],
  [
    "a redirect to where it came from",
    routes("redirect: {}\nredirect: { status: 302 }"),
    "7:21: services.web.routes[0].redirect: leads where it came from; give scheme, host, port, path or prefix",
    "8:21: services.web.routes[1].redirect: leads where it came from; give scheme, host, port, path or prefix",
  ],
  [
    "a status that is no redirect's",
    routes("redirect: { status: 300, host: a }"),
    "7:31: services.web.routes[0].redirect.status: 300 is not a status of a redirect; use 301, 302, 303, 307 or 308",
  ],
  [
    "a redirect with both ways to change the path",
    routes("match: { path: /a }, redirect: { path: /b, prefix: /c }"),
    "7:42: services.web.routes[0].redirect: gives path and prefix; give one of them",
  ],
  [
    "a redirect to a bad host, scheme, port or path",
    routes("redirect: { host: 'a:1', scheme: ftp, port: 0, path: a }"),
    '7:29: services.web.routes[0].redirect.host: "a:1" is not a host; use a name without scheme and port, such as shop.example or [fd00::1]',
    '7:44: services.web.routes[0].redirect.scheme: "ftp" is not allowed here; use http, https',
    "7:55: services.web.routes[0].redirect.port: 0 is not a port; use 1 to 65535",
    '7:64: services.web.routes[0].redirect.path: "a" is not a path; begin it with /, leave ? and # out, and write other than plain ASCII as %XX',
  ],
  [
    "a prefix to replace where there is none",
    routes(
      "rewrite: { prefix: /b }\nmatch: { path: { exact: /a } }, redirect: { prefix: /b }\nmatch: { path: { regex: /a } }, rewrite: { prefix: /b }",
    ),
    "7:22: services.web.routes[0].rewrite.prefix: there is no prefix to replace, the route matches every path; give match.path a prefix, or use path",
    "8:55: services.web.routes[1].redirect.prefix: there is no prefix to replace, the route matches a path by exact; give match.path a prefix, or use path",
    "9:54: services.web.routes[2].rewrite.prefix: there is no prefix to replace, the route matches a path by regex; give match.path a prefix, or use path",
  ],
  [
    "an empty rewrite, and one with both ways",
    routes("rewrite: {}\nmatch: { path: /a }, rewrite: { path: /b, prefix: /c }"),
    "7:20: services.web.routes[0].rewrite: is empty; give host, path or prefix",
    "8:41: services.web.routes[1].rewrite: gives path and prefix; give one of them",
  ],
  [
    "answers that are none",
    routes("respond: { status: 100 }\nrespond: { body: a }\nrespond: { status: 204, body: a }\nrespond: { status: 200, body: 1 }"),
    "7:30: services.web.routes[0].respond.status: 100 is not a final status; use 200 to 599",
    "8:20: services.web.routes[1].respond.status: is missing; use 200 to 599",
    "9:41: services.web.routes[2].respond.body: an answer of this status has no body (RFC 9110 §15); leave it out",
    "10:41: services.web.routes[3].respond.body: 1 is not text; put it in quotes",
  ],
  [
    "edits of headers that are not edited",
    routes(
      "headers: { request: { remove: [':path'], set: { Transfer-Encoding: chunked }, add: { host: a } } }\nheaders: { response: { set: { ':status': '200' }, remove: [Content-Length], add: { connection: close, ':method': GET } } }",
    ),
    '7:42: services.web.routes[0].headers.request.remove[0]: ":path" is not handled as a header; use `rewrite: { path: … }`',
    '7:59: services.web.routes[0].headers.request.set.Transfer-Encoding: "Transfer-Encoding" belongs to one connection or to the framing and is never edited; leave it out',
    '7:96: services.web.routes[0].headers.request.add.host: "host" is not handled as a header; use `rewrite: { host: … }`',
    '8:41: services.web.routes[1].headers.response.set[":status"]: ":status" is a pseudo header; it cannot be used here',
    '8:70: services.web.routes[1].headers.response.remove[0]: "Content-Length" belongs to one connection or to the framing and is never edited; leave it out',
    '8:94: services.web.routes[1].headers.response.add.connection: "connection" belongs to one connection or to the framing and is never edited; leave it out',
    '8:113: services.web.routes[1].headers.response.add[":method"]: ":method" is not handled as a header; use a route of its own, methods stay',
  ],
  [
    "edits with bad names and values",
    routes("headers: { request: { remove: ['a b'], set: { 'a:': b }, add: { a: 1, b: \"x\\ny\", c: ' d' } } }"),
    '7:42: services.web.routes[0].headers.request.remove[0]: "a b" is not the name of a header; use letters, digits and hyphens, such as x-version',
    '7:57: services.web.routes[0].headers.request.set["a:"]: "a:" is not the name of a header; use letters, digits and hyphens, such as x-version',
    "7:78: services.web.routes[0].headers.request.add.a: 1 is not text for a header; use Latin-1 without control characters, in quotes when it looks like a number",
    '7:84: services.web.routes[0].headers.request.add.b: "x\\ny" is not text for a header; use Latin-1 without control characters, in quotes when it looks like a number',
    '7:95: services.web.routes[0].headers.request.add.c: " d" is not text for a header; remove the blanks at its ends',
  ],
  [
    "edits that undo each other",
    routes("headers: { request: { remove: [a, A], set: { A: b, a: c }, add: { a: c } } }"),
    '7:45: services.web.routes[0].headers.request.remove[1]: "a" is given twice; case does not matter',
    '7:56: services.web.routes[0].headers.request.set.A: "A" is also in `remove`; `set` alone replaces it',
    '7:62: services.web.routes[0].headers.request.set.a: "a" is given twice; case does not matter',
    '7:62: services.web.routes[0].headers.request.set.a: "a" is also in `remove`; `set` alone replaces it',
    '7:77: services.web.routes[0].headers.request.add.a: "a" is also in `remove`; `set` alone replaces it',
  ],
  [
    "durations that are none",
    routes("timeout: 15\ntimeout: 1 s\ntimeout: -1s\ntimeout: 25d\ntimeout: 600h\ntimeout: 0.1ms"),
    "7:20: services.web.routes[0].timeout: 15 is not a duration; use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none",
    '8:20: services.web.routes[1].timeout: "1 s" is not a duration; use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none',
    '9:20: services.web.routes[2].timeout: "-1s" is not a duration; use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none',
    '10:20: services.web.routes[3].timeout: "25d" is not a duration; use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none',
    '11:20: services.web.routes[4].timeout: "600h" is not a duration; use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none',
    '12:20: services.web.routes[5].timeout: "0.1ms" is not a duration; use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none',
  ],
  ["retries without attempts", routes("retries: { on: [5xx] }"), "7:20: services.web.routes[0].retries.attempts: is missing; use 0 to 10"],
  [
    "retries that are none",
    routes(
      "retries: 11\nretries: { attempts: 1.5 }\nretries: often\nretries: { attempts: 1, on: [] }\nretries: { attempts: 1, on: 500 }\nretries: { attempts: 1, on: [4xx] }\nretries: { attempts: 1, budget: 20 }\nretries: { attempts: 1, least-in-flight: -1 }\nretries: { attempts: 1, back-off: 1 }\nretries: { attempts: 1, per-try: 1s }",
    ),
    "7:20: services.web.routes[0].retries: 11 is not a number of further tries; use 0 to 10",
    "8:32: services.web.routes[1].retries.attempts: 1.5 is not a number of further tries; use 0 to 10",
    '9:20: services.web.routes[2].retries: "often" is not a way to retry; use a number of further tries or {attempts: 2, on: [gateway-error], per-try-timeout: 1s}',
    "10:39: services.web.routes[3].retries.on: is empty; leave it out for the usual ones",
    "11:39: services.web.routes[4].retries.on: 500 is not a condition; use one or a list of 5xx, gateway-error, connect-failure, reset, refused-stream, retriable-4xx",
    '12:40: services.web.routes[5].retries.on[0]: "4xx" is not allowed here; use 5xx, gateway-error, connect-failure, reset, refused-stream, retriable-4xx',
    "13:43: services.web.routes[6].retries.budget: 20 is not a share; use a number from 0 (none) to 1 (all)",
    "14:52: services.web.routes[7].retries.least-in-flight: -1 is not a number of requests; use 0 to 1000000",
    "15:45: services.web.routes[8].retries.back-off: 1 is not a duration; use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none",
    '16:35: services.web.routes[9].retries.per-try: unknown field "per-try"; allowed are attempts, on, per-try-timeout, back-off, budget, least-in-flight',
  ],
  [
    "a try longer than the whole",
    routes(
      "retries: { attempts: 1, per-try-timeout: 20s }\ntimeout: 1s, retries: { attempts: 1, per-try-timeout: 2s }\ntimeout: 0, retries: { attempts: 1, per-try-timeout: 2h }",
    ),
    "7:52: services.web.routes[0].retries.per-try-timeout: 20s for one try is longer than the 15s of the whole exchange; shorten it, or raise timeout",
    "8:65: services.web.routes[1].retries.per-try-timeout: 2s for one try is longer than the 1s of the whole exchange; shorten it, or raise timeout",
  ],
  [
    "faults that are none",
    routes(
      "fault: {}\nfault: { delay: {} }\nfault: { delay: { time: 0s } }\nfault: { delay: { time: 1s, share: 50 } }\nfault: { abort: { share: 1 } }\nfault: { abort: { status: 99 } }",
    ),
    "7:18: services.web.routes[0].fault: is empty; give delay, abort or both",
    "8:27: services.web.routes[1].fault.delay.time: is missing; use a number over 0 with ms, s, m or h, such as 250ms or 2s, at most 24 days",
    '9:35: services.web.routes[2].fault.delay.time: "0s" is not a duration; use a number over 0 with ms, s, m or h, such as 250ms or 2s, at most 24 days',
    "10:46: services.web.routes[3].fault.delay.share: 50 is not a share; use a number from 0 (none) to 1 (all)",
    "11:27: services.web.routes[4].fault.abort.status: is missing; use 200 to 599",
    "12:37: services.web.routes[5].fault.abort.status: 99 is not a final status; use 200 to 599",
  ],
  [
    "rates that are none",
    routes(
      "rate-limit: 100\nrate-limit: 100/d\nrate-limit: 0/s\nrate-limit: 5/0s\nrate-limit: {}\nrate-limit: { requests: 0 }\nrate-limit: { requests: 1, per: 0 }\nrate-limit: { requests: 1, burst: 0 }",
    ),
    '7:23: services.web.routes[0].rate-limit: 100 is not a rate; use "100/s", "5/10s" or {requests: 100, per: 1s, burst: 200}',
    '8:23: services.web.routes[1].rate-limit: "100/d" is not a rate; use "100/s", "5/10s" or {requests: 100, per: 1s, burst: 200}',
    '9:23: services.web.routes[2].rate-limit: "0/s" is not a rate; use "100/s", "5/10s" or {requests: 100, per: 1s, burst: 200}',
    '10:23: services.web.routes[3].rate-limit: "5/0s" is not a rate; use "100/s", "5/10s" or {requests: 100, per: 1s, burst: 200}',
    "11:23: services.web.routes[4].rate-limit.requests: is missing; use 1 to 999999999",
    "12:35: services.web.routes[5].rate-limit.requests: 0 is not a number of requests; use 1 to 999999999",
    "13:43: services.web.routes[6].rate-limit.per: 0 is not a duration; use a number over 0 with ms, s, m or h, such as 250ms or 2s, at most 24 days",
    "14:45: services.web.routes[7].rate-limit.burst: 0 is not a number of requests; use 1 to 999999999",
  ],
  [
    "sizes that are none",
    routes("limits: { request: 1M }\nlimits: { request: -1 }\nlimits: { response: 2000GiB }\nlimits: { body: 1 }"),
    '7:30: services.web.routes[0].limits.request: "1M" is not a size; use bytes or a number with B, kB, KiB, MB, MiB, GB or GiB, such as 64KiB, at most 1024GiB; 0 is no limit',
    "8:30: services.web.routes[1].limits.request: -1 is not a size; use bytes or a number with B, kB, KiB, MB, MiB, GB or GiB, such as 64KiB, at most 1024GiB; 0 is no limit",
    '9:31: services.web.routes[2].limits.response: "2000GiB" is not a size; use bytes or a number with B, kB, KiB, MB, MiB, GB or GiB, such as 64KiB, at most 1024GiB; 0 is no limit',
    '10:21: services.web.routes[3].limits.body: unknown field "body"; allowed are request, response',
  ],
  [
    "a share above 1",
    routes("mirror: { service: v1, share: 2 }"),
    "7:41: services.web.routes[0].mirror.share: 2 is not a share; use a number from 0 (none) to 1 (all)",
  ],
  ["routes that are a map", web("routes: { to: v1 }"), "4:35: services.web.routes: a map is not a list; give a list"],
  [
    "words there are not",
    web("nic: yes, without-nic: drop, protocol: grpc, authorisation: ask"),
    '4:32: services.web.nic: "yes" is not allowed here; use auto, on, off',
    '4:50: services.web.without-nic: "drop" is not allowed here; use direct, refuse',
    '4:66: services.web.protocol: "grpc" is not allowed here; use auto, http, tcp',
    '4:87: services.web.authorisation: "ask" is not allowed here; use allow, deny',
  ],
  [
    "a cluster with bad numbers",
    web(
      "cluster: { selector: p2d, locality: on, connect-timeout: 0, idle-timeout: 1, max-connections: 0, max-pending: -1, max-requests: 2000000, outlier: { consecutive-errors: a, ejection: 0s, max-ejected: 10 } }",
    ),
    '4:48: services.web.cluster.selector: "p2d" is not a selector; did you mean "p2c"? use mitsu, round-robin, random, weighted, least-request, p2c, peak-ewma, c3, prequal',
    '4:63: services.web.cluster.locality: "on" is not allowed here; use auto, prefer, off',
    "4:84: services.web.cluster.connect-timeout: 0 is not a duration; use a number over 0 with ms, s, m or h, such as 250ms or 2s, at most 24 days",
    "4:101: services.web.cluster.idle-timeout: 1 is not a duration; use a number over 0 with ms, s, m or h, such as 250ms or 2s, at most 24 days",
    "4:121: services.web.cluster.max-connections: 0 is not a limit; use 1 to 1000000",
    "4:137: services.web.cluster.max-pending: -1 is not a limit; use 0 to 1000000",
    "4:155: services.web.cluster.max-requests: 2000000 is not a limit; use 1 to 1000000",
    '4:195: services.web.cluster.outlier.consecutive-errors: "a" is not a limit; use 0 to 1000000',
    '4:208: services.web.cluster.outlier.ejection: "0s" is not a duration; use a number over 0 with ms, s, m or h, such as 250ms or 2s, at most 24 days',
    "4:225: services.web.cluster.outlier.max-ejected: 10 is not a share; use a number from 0 (none) to 1 (all)",
  ],
  [
    "routes of bytes",
    web("protocol: tcp, routes: [ { to: v1 } ]"),
    "4:42: services.web.routes: are about HTTP requests, and protocol is tcp; use http or auto there, or remove the routes",
  ],
  [
    "a target without TCP ports, and one with other ports",
    "version: 1\nservices:\n  a: { ports: [53/udp] }\n  b: { ports: [81, 82] }\n  c:\n  web: { ports: [80, 81], routes: [ { to: a }, { to: b }, { mirror: { service: c } }, { match: { port: 81 }, to: b } ] }\n",
    "6:43: services.web.routes[0].to: a has no TCP port to ask it at; give it ports",
    "6:54: services.web.routes[1].to: port 80 is asked for, and b has 81, 82; give it 80 too, or limit the route by match.port",
    "6:80: services.web.routes[2].mirror.service: c has no TCP port to ask it at; give it ports",
  ],
  [
    "nicd before a service with UDP ports only",
    "version: 1\nservices:\n  dns: { ports: [53/udp], nic: on, routes: [ {} ], cluster: {}, protocol: http }\n  ntp: { ports: [123/udp], cluster: {} }\n",
    "3:27: services.dns.nic: nicd takes TCP only, and all ports of the service are UDP; remove this",
    "3:36: services.dns.routes: nicd takes TCP only, and all ports of the service are UDP; remove this",
    "3:52: services.dns.cluster: nicd takes TCP only, and all ports of the service are UDP; remove this",
    "3:65: services.dns.protocol: nicd takes TCP only, and all ports of the service are UDP; remove this",
    "4:28: services.ntp.cluster: nicd takes TCP only, and all ports of the service are UDP; remove this",
  ],
  [
    "nic: off where requests must be checked",
    web("nic: off, authorisation: deny"),
    "4:27: services.web.nic: is off, but its authorisation is deny, and nobody else checks requests; use auto or on there, or take that away",
  ],
  [
    "nic: off where a rule is about the service",
    web("nic: off", "authorisation: [ { action: deny, to: [v1, web], from: '*' } ]\n"),
    "4:27: services.web.nic: is off, but authorisation[0] is about this service, and nobody else checks requests; use auto or on there, or take that away",
  ],
  [
    "defaults that are none",
    web("", "defaults: { timeout: 1, retries: { on: reset }, authorisation: off, without-nic: on, cluster: { outliers: {} } }\n"),
    "5:22: defaults.timeout: 1 is not a duration; use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none",
    "5:34: defaults.retries.attempts: is missing; use 0 to 10",
    '5:64: defaults.authorisation: "off" is not allowed here; use allow, deny',
    '5:82: defaults.without-nic: "on" is not allowed here; use direct, refuse',
    '5:97: defaults.cluster.outliers: unknown field "outliers"; did you mean "outlier"? allowed are selector, sticky, locality, slow-start, panic-threshold, connect-timeout, idle-timeout, max-connections, max-pending, max-requests, outlier',
  ],
  [
    "a default try longer than the whole",
    web("", "defaults: { timeout: 1s, retries: { attempts: 1, per-try-timeout: 2s } }\n"),
    "5:67: defaults.retries.per-try-timeout: 2s for one try is longer than the 1s of the whole exchange; shorten it, or raise timeout",
  ],
  [
    "unknown services in a rule",
    rules("action: allow, to: wep, from: [v1, v9]"),
    '6:26: authorisation[0].to: no service "wep"; did you mean "web"?',
    '6:42: authorisation[0].from[1]: no service "v9"; there are v1, web',
  ],
  [
    "one rule name twice",
    rules("name: a, action: allow, to: web, from: v1\nname: a, action: deny, to: web, from: v1"),
    '7:13: authorisation[1].name: "a" is already the name of authorisation[0]; give each its own',
  ],
  [
    "a rule that lacks everything",
    rules("name: a"),
    "6:5: authorisation[0].action: is missing; use allow, deny",
    '6:5: authorisation[0].to: is missing; use the name of a service, or "*" for all',
    '6:5: authorisation[0].from: is missing; use the name of a service, or "*" for all',
  ],
  [
    "a rule for nobody",
    rules("action: audit, to: [], from: 1, dry-run: maybe, matches: {}"),
    '6:15: authorisation[0].action: "audit" is not allowed here; use allow, deny',
    '6:26: authorisation[0].to: is empty; name a service, or "*" for all',
    '6:36: authorisation[0].from: 1 is not a service; use the name of a service, or "*" for all',
    '6:48: authorisation[0].dry-run: "maybe" is not true or false; use true to only count and log',
    '6:55: authorisation[0].matches: unknown field "matches"; did you mean "match"? allowed are name, action, to, from, match, dry-run',
  ],
  [
    "a rule for ports there are not",
    rules("action: deny, to: web, from: '*', match: { port: 82 }\naction: deny, to: [v1, web], from: '*', match: { port: [81, 90] }"),
    "6:56: authorisation[0].match.port: no service in `to` has TCP port 82; there are 80, 81",
    "7:67: authorisation[1].match.port[1]: no service in `to` has TCP port 90; there are 80, 81",
  ],
  [
    "a rule on HTTP where there are bytes only",
    web("protocol: tcp", "authorisation: [ { action: allow, to: web, from: v1, match: { path: /a, method: GET, port: 80 } } ]\n"),
    "5:63: authorisation[0].match.path: never matches, because protocol is tcp for every service in `to`; match by `from` and `port`, or set protocol: http",
    "5:73: authorisation[0].match.method: never matches, because protocol is tcp for every service in `to`; match by `from` and `port`, or set protocol: http",
  ],
  [
    "links that are none",
    web("", "links: { security: tls, trust-domain: Shop, port: 0 }\n"),
    '5:20: links.security: "tls" is not allowed here; use mtls, plain-text',
    '5:39: links.trust-domain: "Shop" is not a trust domain; use lower-case letters, digits, dots, hyphens and underscores, such as shop.example',
    "5:51: links.port: 0 is not a port; use 1 to 65535",
  ],
];

for (const [title, text, ...lines] of cases) {
  test(`parseCatalog() refuses ${title}`, (t) => {
    const error = t.throws(() => parseCatalog(text), { instanceOf: CatalogError, code: "ERR_CATALOG_INVALID" });
    // Of the problems, not of the message, which is cut after twenty.
    t.deepEqual(
      error?.problems.map(({ line, column, field, message }) => `${line}:${column}: ${field}: ${message}`),
      lines,
    );
  });
}

/** A text that is taken, and its warnings. */
const odd: [title: string, text: string, ...lines: string[]][] = [
  [
    "routes behind one that matches all of theirs",
    routes("name: all\nmatch: { path: /a }\nname: b, match: { method: GET }"),
    '8:9: services.web.routes[1]: no request reaches this route: "all" in front of it matches them all; put it first or remove it',
    '9:9: services.web.routes[2]: no request reaches this route: "all" in front of it matches them all; put it first or remove it',
  ],
  [
    "a route behind one with a shorter prefix",
    routes("match: { path: /a }\nmatch: { path: { exact: /a/b }, method: GET }\nmatch: { path: /ab }"),
    '8:9: services.web.routes[1]: no request reaches this route: "routes[0]" in front of it matches them all; put it first or remove it',
  ],
  ["routes in good order", routes("match: { path: /a/b }\nmatch: { path: /a }\nmatch: {}")],
  [
    "an allow rule that a deny rule covers",
    web(
      "without-nic: direct",
      "authorisation:\n  - { action: allow, to: web, from: v1, match: { path: /a } }\n  - { name: none, action: deny, to: '*', from: '*' }\n",
    ).replace("v1: { ports: [80] }", "v1: { ports: [80], without-nic: refuse }"),
    '6:5: authorisation[0]: never decides: "none" denies all of it, and deny rules come first; remove it or narrow the other',
  ],
  [
    "an allow rule that a dry deny rule covers",
    web(
      "",
      "defaults: { without-nic: direct }\nauthorisation:\n  - { action: allow, to: web, from: v1 }\n  - { action: deny, to: '*', from: '*', dry-run: true }\n",
    ),
  ],
  [
    "rules, and no word on what happens without nicd",
    rules("action: deny, to: web, from: v1\naction: deny, to: v1, from: web"),
    "5:1: authorisation: requests to v1, web are not checked while nicd is away; say `without-nic: refuse` there or in defaults, or `direct` if that is meant",
  ],
  [
    "a service that denies, and no word on what happens without nicd",
    web("authorisation: deny"),
    "4:27: services.web.authorisation: requests to web are not checked while nicd is away; say `without-nic: refuse` there or in defaults, or `direct` if that is meant",
  ],
  [
    "a default that denies, and no word on what happens without nicd",
    web("without-nic: refuse", "defaults: { authorisation: deny }\n"),
    "5:13: defaults.authorisation: requests to v1 are not checked while nicd is away; say `without-nic: refuse` there or in defaults, or `direct` if that is meant",
  ],
  [
    "rules, and a word on what happens without nicd",
    web("without-nic: direct", "authorisation: [ { action: deny, to: web, from: v1 } ]\n"),
  ],
  [
    "nic: off where there are routes and a protocol",
    web("nic: off, routes: [ {} ], protocol: http"),
    "4:27: services.web.nic: is off, so routes, protocol of this service do nothing; use auto or on",
  ],
];

for (const [title, text, ...lines] of odd) {
  test(`parseCatalog() takes ${title}, and ${lines.length === 0 ? "warns of nothing" : "warns"}`, (t) => {
    const warnings: string[] = [];
    parseCatalog(text, { warn: ({ line, column, field, message }) => warnings.push(`${line}:${column}: ${field}: ${message}`) });
    t.deepEqual(warnings, lines);
  });
}

test("parseCatalog() warns of nothing when it throws", (t) => {
  t.throws(() => parseCatalog(web("nic: off, routes: [ { to: nobody } ]"), { warn: () => t.fail() }), { instanceOf: CatalogError });
});
