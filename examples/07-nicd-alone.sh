#!/usr/bin/env bash
# nicd alone, as any proxy: requests split by weight, tried again on another replica, and failed on purpose. It needs neither root nor sockhijack.
# Usage: sudo examples/07-nicd-alone.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/nicd.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT

cat >"$work/mesh.yaml" <<YAML
version: 1
services:
  shop-v1: { ports: [80], replicas: [{ address: 127.0.0.1, port: $((port + 1)) }] }
  shop-v2: { ports: [80], replicas: [{ address: 127.0.0.1, port: $((port + 2)) }] }
  stock: # one of the two answers nothing but 503
    ports: [80]
    replicas: [{ address: 127.0.0.1, port: $((port + 3)) }, { address: 127.0.0.1, port: $((port + 4)) }]
    cluster: { outlier: { consecutive-errors: 0 } } # or it would be left out after five
  shop:
    ports: [80]
    tracing: header
    routes: # the first that matches decides
      - { name: chaos, match: { header: { x-chaos: { present: true } } }, fault: { delay: { time: 200ms }, abort: { status: 503 } } }
      - { name: stock, match: { path: /stock }, to: stock, retries: 3 }
      - { name: canary, to: [{ service: shop-v1, weight: 90 }, { service: shop-v2, weight: 10 }] }
YAML
cat >"$work/nginx.conf" <<CONF
daemon off; pid $work/pid; error_log stderr; events {}
http { access_log off; $(for t in client_body proxy fastcgi uwsgi scgi; do echo "${t}_temp_path $work/$t;"; done)
  server { listen 127.0.0.1:$((port + 1)); return 200 "version 1\n"; } server { listen 127.0.0.1:$((port + 2)); return 200 "version 2\n"; }
  server { listen 127.0.0.1:$((port + 3)); return 200 "12 left\n"; } server { listen 127.0.0.1:$((port + 4)); return 503; } }
CONF
nginx -c "$work/nginx.conf" 2>"$work/nginx.log" &
nicd daemon --sockhijack off --listen "127.0.0.1:$port=shop" --config "$work/mesh.yaml" --socket "$socket" 2>"$work/log" &
until grep -qs ' ready ' "$work/log"; do kill -0 $!; sleep 0.1; done

curl -sS "http://127.0.0.1:$port/?[1-200]" | sort | uniq -c
curl -sS -o "$work/out" -w '%{http_code}\n' "http://127.0.0.1:$port/stock?[1-40]" | sort | uniq -c
curl -sS -o "$work/out" -w '%{http_code} after %{time_total} s, as it was told\n' -H 'x-chaos: 1' "http://127.0.0.1:$port/"
nicd clusters --socket "$socket"
nicd trace --socket "$socket" --limit 1
