#!/usr/bin/env bash
# A broker, and mosquitto's own clients at it: retained messages, a session that waits for its client, and what the broker tells of all that.
# Usage: sudo examples/10-broker.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
command -v mosquitto_pub >/dev/null || { echo "this example needs mosquitto's clients: apt-get install mosquitto-clients" >&2; exit 69; }
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/mqttnic.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT

mqttnic daemon --listen "127.0.0.1:$port" --persistence "$work/store.db" --socket "$socket" 2>"$work/log" &
until grep -qs ' ready ' "$work/log"; do kill -0 $!; sleep 0.1; done
broker=$!

# A retained message is kept for those who subscribe later.
mosquitto_pub -p "$port" -t rooms/kitchen/temperature -m 21.5 -r -q 1
mosquitto_sub -p "$port" -t 'rooms/+/temperature' -v -C 1

# A session outlives its connection: what is published meanwhile waits for it.
mosquitto_sub -p "$port" -i panel -c -q 1 -t 'rooms/+/door' -E
for event in opened closed; do mosquitto_pub -p "$port" -t rooms/kitchen/door -m $event -q 1; done
mqttnic clients --socket "$socket"

# It also outlives the broker, even one that is killed.
kill -KILL $broker; wait $broker 2>"$work/killed" || true
mqttnic daemon --listen "127.0.0.1:$port" --persistence "$work/store.db" --socket "$socket" 2>"$work/again" &
until grep -qs ' ready ' "$work/again"; do kill -0 $!; sleep 0.1; done
mosquitto_sub -p "$port" -i panel -c -q 1 -t 'rooms/+/door' -v -C 2

mqttnic retained --socket "$socket" 'rooms/#'
mqttnic status --socket "$socket"
