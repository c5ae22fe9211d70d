#!/usr/bin/env bash
# Feedback: 20 nodes publish their load, and the broker makes one small message of it that tells all of them the state of all ($agg).
# Usage: sudo examples/13-feedback.sh
# shellcheck disable=SC2016 # the dollar is MQTT's
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
command -v mosquitto_pub >/dev/null || { echo "this example needs mosquitto's clients: apt-get install mosquitto-clients" >&2; exit 69; }
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/mqttnic.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT

cat >"$work/mesh.yaml" <<YAML
version: 1
mqtt:
  listeners: [{ address: 127.0.0.1, port: $port }]
  aggregates:
    load: # its messages come at \$agg/load
      filter: nodes/+/state
      field: cpu # of a JSON payload
      key-level: 1 # the node's name in the topic
      functions: [last, min, max, mean, top]
      top-count: 2
      interval: 50ms # at most so often, and only when something changed; 0 is at each turn of the broker's loop
      retain: true
YAML
mqttnic daemon --config "$work/mesh.yaml" --socket "$socket" 2>"$work/log" &
until grep -qs ' ready ' "$work/log"; do kill -0 $!; sleep 0.1; done

# Each node tells how it is, and would subscribe to $agg/load; here one subscriber stands for all.
mosquitto_sub -p "$port" -t '$agg/load' -F '%l bytes: %p' >"$work/heard" &
for node in {1..20}; do
  mosquitto_pub -p "$port" -t "nodes/n$node/state" -m "{\"cpu\":$((node * 37 % 100)),\"memory\":$((node * 11 % 64)),\"queue\":0}"
done
until grep -q '"n":20' "$work/heard"; do sleep 0.1; done
tail -n 1 "$work/heard"
echo "$(wc -l <"$work/heard") messages told what 20 did; without the aggregate each node would have got 20"

# Nothing changed: nothing is sent. One changes: one message.
mosquitto_pub -p "$port" -t nodes/n7/state -m '{"cpu":99}'
until grep -q '\["n7",99\]' "$work/heard"; do sleep 0.1; done
mqttnic sub -p "$port" -t '$agg/load' -C 1 | grep -o '"min".*'
