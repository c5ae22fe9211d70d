#!/usr/bin/env bash
# Who may ask what, decided for each request by the service of the cgroup that the client runs in: not by anything it says. Programs stay as they are.
# Usage: sudo examples/09-authorisation.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/sockhijack.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; sockhijack cleanup --socket "$socket" &>"$work/cleanup"; rm -rf "$work"' EXIT
run=(sockhijack run --socket "$socket" --service)

cat >"$work/mesh.yaml" <<YAML
version: 1
services:
  stock: { ports: ["80:$port"], tracing: header, authorisation: deny, without-nic: refuse }
  shop: {}
  reports: {}
  nicd: {} # a service itself, so that its sockets too are redirected past TCP
authorisation:
  - { name: shop-orders, action: allow, to: stock, from: shop, match: { method: [GET, POST], path: /items } }
  - { name: reports-read, action: allow, to: stock, from: reports, match: { method: GET } }
YAML
sockhijack daemon --socket "$socket" --config "$work/mesh.yaml" 2>"$work/log" &
until grep -qs ' ready ' "$work/log"; do kill -0 $!; sleep 0.1; done
cat >"$work/nginx.conf" <<CONF
daemon off; pid $work/pid; error_log stderr; events {}
http { access_log off; $(for t in client_body proxy fastcgi uwsgi scgi; do echo "${t}_temp_path $work/$t;"; done)
  server { listen 127.0.0.1:$port; return 200 "12 left\n"; } }
CONF
"${run[@]}" stock -- nginx -c "$work/nginx.conf" 2>"$work/nginx.log" &
"${run[@]}" nicd -- nicd daemon --config "$work/mesh.yaml" --sockhijack "$socket" --channel "127.0.0.1:$((port + 1))" --socket "$work/nicd.sock" 2>"$work/nicd.log" &
until grep -qs ' ready ' "$work/nicd.log"; do kill -0 $!; sleep 0.1; done

"${run[@]}" shop -- curl -sS http://stock.mesh/items/42
"${run[@]}" shop -- curl -sS -X DELETE http://stock.mesh/items/42
"${run[@]}" reports -- curl -sS http://stock.mesh/items/42
"${run[@]}" reports -- curl -sS -d n=1 http://stock.mesh/items/42 -H 'x-forwarded-for: shop'
nicd routes --socket "$work/nicd.sock"
nicd trace --socket "$work/nicd.sock"
