#!/usr/bin/env bash
# A bridge between mqttnic and an unmodified mosquitto: topics out and in, and nothing lost while the other broker is away.
# Usage: sudo examples/12-broker-bridge.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH:/usr/sbin
command -v mosquitto >/dev/null || { echo "this example needs mosquitto: apt-get install mosquitto mosquitto-clients" >&2; exit 69; }
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/mqttnic.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT

cat >"$work/mesh.yaml" <<YAML
version: 1
mqtt:
  listeners: [{ address: 127.0.0.1, port: $port }]
  bridges:
    cloud: # site/sensors/1 there is sensors/1 here
      addresses: ["127.0.0.1:$((port + 1))"]
      topics:
        - { pattern: "sensors/#", direction: out, qos: 1, remote-prefix: site/ }
        - { pattern: "orders/#", direction: in, qos: 1, remote-prefix: site/ }
      restart: { least: 1s, most: 1s }
YAML
mosquitto=(mosquitto -p $((port + 1)))
"${mosquitto[@]}" &>"$work/mosquitto" & there=$!
mqttnic daemon --config "$work/mesh.yaml" --socket "$socket" 2>"$work/log" &
until mqttnic status --socket "$socket" 2>"$work/not-yet" | grep -qs ' up '; do kill -0 $!; sleep 0.1; done

# Both ways: what is published here is there, what is published there is here.
mosquitto_pub -p "$port" -t sensors/1 -m 21.5 -r -q 1
mosquitto_sub -p $((port + 1)) -t 'site/sensors/#' -v -C 1
mosquitto_pub -p $((port + 1)) -t site/orders/1 -m 'open the valve' -r -q 1
mosquitto_sub -p "$port" -t 'orders/#' -v -C 1

# The other broker is killed: what is published here meanwhile waits, and gets there when it is back.
kill -KILL $there; wait $there 2>"$work/killed" || true
for n in 2 3; do mosquitto_pub -p "$port" -t sensors/$n -m 2$n -r -q 1; done
mqttnic clients --socket "$socket"
"${mosquitto[@]}" &>"$work/mosquitto" &
until mosquitto_sub -p $((port + 1)) -t site/sensors/2 -t site/sensors/3 -v -C 2 -W 10 2>"$work/not-yet"; do kill -0 $!; sleep 0.1; done
mqttnic status --socket "$socket" | grep -A 1 LINK
