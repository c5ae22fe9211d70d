#!/usr/bin/env bash
# A policy decides at connect() who may talk to whom; the program that may not sees "Connection refused".
# Usage: sudo examples/03-policy.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/sockhijack.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; sockhijack cleanup --socket "$socket" &>"$work/cleanup"; rm -rf "$work"' EXIT

cat >"$work/mesh.yaml" <<YAML
version: 1
services:
  redis: { ports: ["6379:$port"] }
  shop: {}
  intruder: {}
policies: # the first that matches decides
  - { name: shop-may, from: shop, to: redis, action: allow }
  - { name: nobody-else, from: "*", to: redis, action: deny }
YAML
sockhijack daemon --socket "$socket" --config "$work/mesh.yaml" >"$work/log" 2>&1 &
until grep -qs ' ready ' "$work/log"; do kill -0 $!; sleep 0.1; done
sockhijack run --socket "$socket" --service redis -- redis-server --port "$port" --save '' --dir "$work" >"$work/redis" &
until grep -qs 'Ready to accept' "$work/redis"; do kill -0 $!; sleep 0.1; done

# What would happen, and by which rule? (exit status 1: it would be denied)
sockhijack policy check --socket "$socket" --from shop --to redis --port 6379
if sockhijack policy check --socket "$socket" --from intruder --to redis --port 6379; then exit 1; fi

# What does happen:
sockhijack run --socket "$socket" --service shop -- redis-cli -h redis.mesh ping
if sockhijack run --socket "$socket" --service intruder -- redis-cli -h redis.mesh ping; then exit 1; fi

# The real address is no way around it.
if sockhijack run --socket "$socket" --service intruder -- redis-cli -h 127.0.0.1 -p "$port" ping; then exit 1; fi
sed -n 's/.*\(connect denied\)/\1/p' "$work/log"
