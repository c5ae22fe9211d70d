#!/usr/bin/env bash
# Who may come in, by a password file, and what they may do, by an ACL: what is refused, how clients see it, and what the audit log says.
# Usage: sudo examples/11-broker-security.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/mqttnic.sock
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT

echo sensor-secret | mqttnic passwd "$work/passwords" sensor-7 --create --stdin
echo ann-secret | mqttnic passwd "$work/passwords" ann --stdin
cat >"$work/acl" <<'ACL'
user ann
topic read sensors/#
# everybody: a sensor writes below its own name
pattern write sensors/%u/#
ACL
cat >"$work/mesh.yaml" <<YAML
version: 1
mqtt:
  listeners: [{ address: 127.0.0.1, port: $port, anonymous: deny }]
  security: { password-file: $work/passwords, acl-file: $work/acl, audit-log: $work/audit }
YAML
mqttnic daemon --config "$work/mesh.yaml" --socket "$socket" 2>"$work/log" &
until grep -qs ' ready ' "$work/log"; do kill -0 $!; sleep 0.1; done

# What would be allowed, and by which line? (exit status 1: it would be denied)
mqttnic acl check "$work/acl" --user sensor-7 --publish sensors/sensor-7/temperature
if mqttnic acl check "$work/acl" --user sensor-7 --publish sensors/sensor-8/temperature; then exit 1; fi

# What is: the sensor's own topic, another's, a wrong password, no name.
pub=(mqttnic pub --port "$port" --qos 1 --message 21.5 --topic)
MQTT_PASSWORD=sensor-secret "${pub[@]}" sensors/sensor-7/temperature -r --username sensor-7
if MQTT_PASSWORD=sensor-secret "${pub[@]}" sensors/sensor-8/temperature --username sensor-7; then exit 1; fi
if MQTT_PASSWORD=guess "${pub[@]}" sensors/sensor-7/temperature --username sensor-7; then exit 1; fi
if "${pub[@]}" sensors/sensor-7/temperature; then exit 1; fi
MQTT_PASSWORD=ann-secret mqttnic sub --port "$port" --username ann -t 'sensors/#' -v -C 1
cat "$work/audit"
