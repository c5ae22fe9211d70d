#!/usr/bin/env bash
# Two nodes, two network namespaces here: a request goes from nicd to nicd over one mutual TLS link. What a capture between them can read: nothing.
# Usage: sudo examples/08-two-nodes.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
command -v tcpdump >/dev/null || { echo "this example needs tcpdump: apt-get install tcpdump" >&2; exit 69; }
work=$(mktemp -d) a=mitsu-example-$$-a b=mitsu-example-$$-b
trap 'kill $(jobs -p) 2>/dev/null; wait; ip netns del $a; ip netns del $b; rm -rf "$work"' EXIT
ip netns add $a && ip netns add $b && ip -n $a link add eth0 type veth peer name eth0 netns $b
for end in "$a 10.212.0.1" "$b 10.212.0.2"; do
  read -r node address <<<"$end"
  ip -n "$node" address add "$address/24" dev eth0 && ip -n "$node" link set eth0 up && ip -n "$node" link set lo up
done

# The same file on both nodes, and a certificate for each.
cat >"$work/mesh.yaml" <<'YAML'
version: 1
nodes: { a: { address: 10.212.0.1 }, b: { address: 10.212.0.2 } }
services: { web: { ports: ["80:8080"], tracing: header, nic: on, replicas: [{ node: b }] } }
YAML
nicd ca init --authority "$work/ca" >"$work/made"
for node in a b; do nicd cert issue --authority "$work/ca" --certificates "$work/$node" --node $node >"$work/made"; done
daemon=(nicd daemon --sockhijack off --config "$work/mesh.yaml" --link-listen 0.0.0.0 --listen 127.0.0.1:80=web)
ip netns exec $a "${daemon[@]}" --node a --certificates "$work/a" --socket "$work/a.sock" 2>"$work/a.log" &
ip netns exec $b "${daemon[@]}" --node b --certificates "$work/b" --socket "$work/b.sock" 2>"$work/b.log" &
mkdir "$work/pages" && echo 'the secret page' >"$work/pages/index.html"
ip netns exec $b /usr/bin/python3 -m http.server 8080 --directory "$work/pages" &>"$work/web.log" &
ip netns exec $b tcpdump -i eth0 --immediate-mode -U -w "$work/capture" 2>"$work/tcpdump" &
until grep -qs ' ready ' "$work/a.log" && grep -qs ' ready ' "$work/b.log" && grep -qs listening "$work/tcpdump"; do kill -0 $!; sleep 0.1; done

for url in http://10.212.0.2:8080/ http://127.0.0.1/; do # the first goes past nicd, for comparison
  before=$(grep -ac secret "$work/capture" || true)
  ip netns exec $a curl -sS --retry 5 --retry-connrefused $url
  sleep 0.2 # tcpdump writes it
  echo "$url: the page can be read in the capture $(($(grep -ac secret "$work/capture" || true) - before)) times"
done
nicd links --socket "$work/a.sock"
nicd trace --socket "$work/a.sock"
