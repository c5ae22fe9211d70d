#!/usr/bin/env bash
# mesh.yaml names services and replicas: one name, two nginx behind it, connections shared out between them.
# Usage: sudo examples/02-mesh-yaml.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/sockhijack.sock
chmod 755 "$work"
trap 'kill $(jobs -p) 2>/dev/null; wait; sockhijack cleanup --socket "$socket" &>"$work/cleanup"; rm -rf "$work"' EXIT

cat >"$work/mesh.yaml" <<YAML
version: 1
services:
  web:
    ports: [80]
    replicas:
      - { address: 127.0.0.1, port: $port }
      - { address: 127.0.0.1, port: $((port + 1)) }
  client: {}
YAML
sockhijack daemon --socket "$socket" --config "$work/mesh.yaml" >"$work/log" 2>&1 &
until grep -qs ' ready ' "$work/log"; do kill -0 $!; sleep 0.1; done

for replica in "$port" "$((port + 1))"; do
  cat >"$work/$replica.conf" <<CONF
daemon off; worker_processes 1; pid $work/$replica.pid; error_log stderr; events {}
http {
  access_log off;
  client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
  server { listen $replica; return 200 "replica $((replica - port + 1))\n"; }
}
CONF
  sockhijack run --socket "$socket" --service web -- nginx -c "$work/$replica.conf" 2>"$work/$replica.log" &
  until curl -s "http://127.0.0.1:$replica/" >"$work/first"; do kill -0 $!; sleep 0.1; done
done

sockhijack resolve web --socket "$socket"
# Forty connections from one unmodified curl: which replica answered how often?
sockhijack run --socket "$socket" --service client -- curl -s -H 'Connection: close' 'http://web.mesh/?[1-40]' | sort | uniq -c
