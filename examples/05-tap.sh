#!/usr/bin/env bash
# Redirected messages never meet a network device, so tcpdump sees none of them; a tap writes them as a capture file.
# Usage: sudo examples/05-tap.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/sockhijack.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; sockhijack cleanup --socket "$socket" &>"$work/cleanup"; rm -rf "$work"' EXIT

sockhijack run --socket "$socket" --service "redis:6379:$port" -- redis-server --port "$port" --save '' --dir "$work" >"$work/log" &
until grep -qs 'Ready to accept' "$work/log"; do kill -0 $!; sleep 0.1; done
sockhijack run --socket "$socket" --service client -- redis-benchmark -h redis.mesh -c 2 -l -q set greeting hello >"$work/load" &

# Two seconds of the service redis. Live in Wireshark: sockhijack tap redis | wireshark -k -i -
sockhijack tap redis --socket "$socket" --seconds 2 --write "$work/redis.pcapng"
echo "$(wc -c <"$work/redis.pcapng") bytes of pcapng"
if command -v tcpdump >/dev/null; then tcpdump -A -c 2 -n -r "$work/redis.pcapng" 2>/dev/null; fi
echo "$(grep -ac greeting "$work/redis.pcapng") requests are in it, in full"
