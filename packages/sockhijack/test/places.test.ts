import test from "ava";
import { layoutVersion } from "../src/kernel/layout.ts";
import { placesOf } from "../src/places.ts";

test("placesOf() gives the ordinary daemon its documented places", (t) => {
  t.deepEqual(placesOf("/run/mitsu/sockhijack.sock"), {
    pins: `/sys/fs/bpf/mitsu/v${layoutVersion}`,
    state: "/var/lib/mitsu/sockhijack",
    cgroup: "mitsu",
    dnsPort: 53,
  });
});

test("placesOf() gives every other socket places of its own, the same ones each time", (t) => {
  const sockets = Array.from({ length: 200 }, (_, n) => `/tmp/${n}.sock`);
  const places = sockets.map((socket) => placesOf(socket));
  for (const name of ["pins", "state", "cgroup"] as const) t.is(new Set(places.map((p) => p[name])).size, sockets.length, name);
  t.deepEqual(
    sockets.map((socket) => placesOf(socket)),
    places,
  );
  for (const { pins, state, cgroup, dnsPort } of places) {
    t.regex(pins, new RegExp(`^/sys/fs/bpf/mitsu/v${layoutVersion}-[0-9a-f]{8}$`));
    t.regex(state, /^\/var\/lib\/mitsu\/sockhijack-[0-9a-f]{8}$/);
    t.regex(cgroup, /^mitsu-[0-9a-f]{8}$/);
    t.true(dnsPort > 1023 && dnsPort < 32768, `${dnsPort} is outside of the ports that the kernel hands out`);
  }
  t.true(new Set(places.map(({ dnsPort }) => dnsPort)).size > 190);
});

test("placesOf() takes the paths that the operator named", (t) => {
  const { pins, state, cgroup } = placesOf("/tmp/x.sock", { pins: "/sys/fs/bpf/x", state: undefined });
  t.is(pins, "/sys/fs/bpf/x");
  t.is(state, placesOf("/tmp/x.sock").state);
  t.is(cgroup, placesOf("/tmp/x.sock").cgroup);
});
