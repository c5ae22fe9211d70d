#!/usr/bin/env bash
# Programs that run already, with connections open under load, become services and are let go again: no request is lost.
# Usage: sudo examples/04-attach-running.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d) port=$((20000 + RANDOM % 12000)) socket=$work/sockhijack.sock
cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/mitsu-example-$$
trap 'kill $(jobs -p) 2>/dev/null; wait; sockhijack cleanup --socket "$socket" &>"$work/cleanup"; rmdir "$cgroups"/{redis,client} "$cgroups"; rm -rf "$work"' EXIT

# A cgroup for each, as systemd makes one for each unit; nothing here knows of sockhijack.
mkdir -p "$cgroups/redis" "$cgroups/client"
in_cgroup() { echo "$BASHPID" >"$cgroups/$1/cgroup.procs" && exec "${@:2}"; }
in_cgroup redis redis-server --port "$port" --save '' --dir "$work" >"$work/redis" &
until grep -qs 'Ready to accept' "$work/redis"; do kill -0 $!; sleep 0.1; done
in_cgroup client redis-benchmark -p "$port" -c 8 -t set -l -q -n 100000 >"$work/load" &
client=$!

# redirected COUNT: waits until so many of the open connections are redirected.
redirected() {
  for _ in {1..60}; do
    now=$(sockhijack flows --socket "$socket" --json | grep -c '"state": "redirected"' || true)
    if [[ $now == "$1" ]]; then echo "$now of 8 connections redirected"; return; fi
    sleep 0.1
  done
  sockhijack flows --socket "$socket"
  return 1
}
sockhijack attach "$cgroups/redis" --socket "$socket" --service "redis:$port"
sockhijack attach "$cgroups/client" --socket "$socket" --service client
redirected 8
sockhijack detach client --socket "$socket"
redirected 0
kill -0 "$client" && echo "the client noticed nothing"
