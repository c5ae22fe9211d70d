#!/usr/bin/env bash
# Two unmodified programs and no file: the client finds the server by the name it was given, and their sockets are coupled.
# Usage: sudo examples/01-two-programs.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000))
socket=$work/sockhijack.sock # only so that this example meets no other daemon; without --socket it is /run/mitsu/sockhijack.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; sockhijack cleanup --socket "$socket" &>"$work/cleanup"; rm -rf "$work"' EXIT

# The server. No daemon runs yet: this starts one. Clients reach redis.mesh:6379, whatever port the server listens on.
sockhijack run --socket "$socket" --service "redis:6379:$port" -- redis-server --port "$port" --save '' --dir "$work" >"$work/log" &
until grep -qs 'Ready to accept' "$work/log"; do kill -0 $!; sleep 0.1; done

# Clients, by name: one answer, then four connections that stay open for a while.
sockhijack run --socket "$socket" --service client -- redis-cli -h redis.mesh ping
sockhijack run --socket "$socket" --service client -- redis-benchmark -h redis.mesh -c 4 -t set -l -q >"$work/load" &

# Each begins as TCP and is redirected as soon as both ends are seen to be fit for it.
for _ in {1..50}; do
  sockhijack flows --socket "$socket" >"$work/flows"
  if [[ $(grep -c ' redirected ' "$work/flows") == 4 ]]; then cat "$work/flows"; exit 0; fi
  sleep 0.1
done
cat "$work/flows"
exit 1
