import test from "ava";
import fc from "fast-check";
import { parseTarget } from "../src/request-target.ts";
import { otherRoute, RouteNames, routeOf } from "../src/route.ts";

const get = (target: string) => ({ protocol: "http/1", method: "GET", target }) as const;

/** Target → route. */
const routes: readonly (readonly [string, string])[] = [
  ["/", "/"],
  ["/cart", "/cart"],
  ["/cart/", "/cart/"],
  ["/cart?item=3&page=2", "/cart"],
  ["/cart#top", "/cart"],
  ["/cart?a=#b?c", "/cart"],
  ["/users/17", "/users/{id}"],
  ["/users/17/orders/4711", "/users/{id}/orders/{id}"],
  ["/at/-3.5", "/at/{id}"],
  ["/items/550e8400-e29b-41d4-a716-446655440000", "/items/{id}"],
  ["/items/550E8400E29B41D4A716446655440000/edit", "/items/{id}/edit"],
  ["/blobs/9f86d081884c7d659a2feaa0c55ad015", "/blobs/{id}"],
  ["/commits/e942c44f", "/commits/{id}"],
  ["/videos/dQw4w9WgXcQ", "/videos/{id}"],
  ["/t/V1StGXR8_Z5jdHi6B-myT", "/t/{id}"],
  ["/t/eyJhbGciOiJIUzI1NiJ9", "/t/{id}"],
  ["/t/QWxhZGRpbjpvcGVuIHNlc2FtZQ", "/t/{id}"],
  ["/u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/u/{id}"],
  ["/orders/order-17", "/orders/{id}"],
  ["/days/2024-01-31", "/days/{id}"],
  ["/mail/ann@example.com", "/mail/{id}"],
  ["/names/J%C3%BCrgen", "/names/{id}"],
  ["/cart;jsessionid=8A7F", "/cart"],
  // Words stay, with a digit or two and with capitals.
  ["/api/v1/users", "/api/v1/users"],
  ["/apis/apps/v1beta1", "/apis/apps/v1beta1"],
  ["/oauth2/callback", "/oauth2/callback"],
  ["/i18n/messages", "/i18n/messages"],
  ["/s3/bucket", "/s3/bucket"],
  ["/getUserAccountSettingsByName", "/getUserAccountSettingsByName"],
  ["/health-check/deep", "/health-check/deep"],
  ["/static/index.html", "/static/index.html"],
  ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Check"],
  ["/shop.v1beta1.Cart2Service/Get", "/shop.v1beta1.Cart2Service/Get"],
  ["/main.8f3d2c1a.js", "/{id}"],
  ["/apis/v1.2/users", "/apis/v1.2/users"],
  ["/hipstershop.ProductCatalogService/GetProduct", "/hipstershop.ProductCatalogService/GetProduct"],
  // The other forms, and no form at all.
  ["*", "*"],
  ["http://shop.example:8080/users/17?x=1", "/users/{id}"],
  ["HTTPS://u:p@shop.example", "/"],
  ["http://shop.example?x=1", "/"],
  ["users/17", otherRoute],
  ["//double/17", "//double/{id}"],
];

for (const [target, route] of routes) {
  test(`routeOf() makes ${route} of ${target}`, (t) => t.is(routeOf(get(target)), route));
}

test("routeOf() does not take the authority of CONNECT for a path", (t) =>
  t.is(routeOf({ protocol: "http/1", method: "CONNECT", target: "db.example:443" }), "{authority}"));

test("routeOf() does not trust the last segment of a path that was cut", (t) => {
  const long = "/segment".repeat(11);
  t.is(routeOf(get(`${long}/half-of-a-se`), 90), `${long}/{cut}`);
  t.is(routeOf(get(`${long}?${"q".repeat(90)}`), 90), long);
  t.is(routeOf(get(`${long}/the-whole-of-it`)), `${long}/the-whole-of-it`);
  t.is(new RouteNames({ cutFrom: 90 }).of("web", get(`${long}/half-of-a-se`)), `${long}/{cut}`);
});

test("routeOf() takes a target of HTTP/2 for whole, a lost one for none, and a gRPC method as it is", (t) => {
  const long = "/segment".repeat(12);
  t.is(routeOf({ ...get(long), protocol: "http/2" }, 90), long);
  t.is(routeOf({ protocol: "http/2", method: "", target: "" }), otherRoute);
  t.is(routeOf({ protocol: "grpc", method: "POST", target: "/shop.v1.Cart/Get17-2" }), "/shop.v1.Cart/Get17-2");
  t.is(routeOf({ protocol: "grpc", method: "POST", target: "shop" }), otherRoute);
});

test("routeOf() makes some route of anything, without query and fragment", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string({ maxLength: 90 }), (target) => {
        const route = routeOf(get(target));
        return route.length > 0 && !/[?#]/.test(route);
      }),
      { seed: 1, numRuns: 2000 },
    ),
  );
});

test("parseTarget() takes all forms apart", (t) => {
  const parts = (method: string, target: string) => {
    const { authority, path, query, scheme, credentials } = parseTarget(method, target);
    return [scheme, authority, path, query, credentials];
  };
  t.deepEqual(parts("GET", "/a?b=c?d"), ["http", undefined, "/a", "b=c?d", false]);
  t.deepEqual(parts("GET", "https://u:p@h:1/a?b#c"), ["https", "h:1", "/a", "b", true]);
  t.deepEqual(parts("GET", "/at?to=http://x@y/"), ["http", undefined, "/at", "to=http://x@y/", false]);
  t.deepEqual(parts("OPTIONS", "*"), ["http", undefined, "*", undefined, false]);
  t.deepEqual(parts("CONNECT", "h:443"), ["http", "h:443", "", undefined, false]);
});

test("RouteNames stops at its limit, for each service on its own, and still knows the routes it has", (t) => {
  const table = new RouteNames({ limit: 3 });
  const of = (service: string, target: string) => table.of(service, get(target));
  t.deepEqual(
    ["/a", "/b", "/c", "/d", "/a", "/c?x"].map((target) => of("web", target)),
    ["/a", "/b", "/c", otherRoute, "/a", "/c"],
  );
  t.is(of("cart", "/d"), "/d");
});
