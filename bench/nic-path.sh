#!/usr/bin/env bash
# What nicd costs a request, measured beside Envoy, HAProxy and nginx in the same run: each a single-threaded relay in front of the same nginx.
# Method, pinning and how to read the output: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
nic-path.sh: nicd, Envoy, HAProxy and nginx as relays that add a traceparent, interleaved

usage: bench/nic-path.sh [options]

  --reps N        repetitions; medians are over these (default 3)
  --seconds N     length of one measurement (default 3)
  --quick         three minutes: one repetition of one second, fewer connections and requests; indicative only
  --relays LIST   of envoy,haproxy,nginx,nicd (default all)
  --phases LIST   of http,redirect,open,idle,body,slow,kill,reload (default all; open is the open loop of http and redirect)
  --sizes LIST    response bytes: 1024,65536 (default both)
  --connections LIST   (default 16,256)
  --otlp          Envoy and nicd also export every span, to a receiver on loopback; else they only add the header
  --out DIR       where nic-path-<date>.json and nic-path.svg go (default bench/out)
  --strict        exit 1 when a target is missed or could not be measured
  --help

phases:
  http      closed loop (wrk): req/s, and CPU time of each role by its cgroup
  redirect  the same with client, relay and server as programs of sockhijack
  open      latency at half of Envoy's rate, send times scheduled
  idle      10 000 idle connections: the relay's resident set
  body      100 MB down and up: the relay's peak, and whether every byte is right
  slow      a reader of 24 MB/s: whether the relay grows, and whether the server is held up
  kill      kill -9 of one of two workers under load: which connections fail
  reload    a new configuration each second during a million requests: how many fail

examples:
  bench/nic-path.sh                                    everything, about 25 minutes
  bench/nic-path.sh --quick                            a smoke run
  bench/nic-path.sh --phases http --sizes 1024 --connections 16 --relays nicd,haproxy
  bench/nic-path.sh --phases kill,reload --relays nicd

Needs root, cgroup v2, nginx, wrk, haproxy, gcc, python3, curl, iproute2. stdout is the table, stderr the progress.
HELP
}

reps=3 seconds=3 quick=no strict=no export_spans=no
relays=envoy,haproxy,nginx,nicd
phases=http,redirect,open,idle,body,slow,kill,reload
sizes=1024,65536
connections=16,256
idle_connections=10000 body_bytes=100000000 slow_seconds=9 reload_requests=1000000 reload_every=1
bench=nic-path
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --reps) reps=${2:?}; shift ;;
    --seconds) seconds=${2:?}; shift ;;
    --quick) quick=yes reps=1 seconds=1 idle_connections=2000 slow_seconds=3 reload_requests=100000 reload_every=0.3 ;;
    --relays) relays=${2:?}; shift ;;
    --phases) phases=${2:?}; shift ;;
    --sizes) sizes=${2:?}; shift ;;
    --connections) connections=${2:?}; shift ;;
    --otlp) export_spans=yes ;;
    --out) out=${2:?}; shift ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'nic-path: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
  esac
  shift
done
slow_bytes=$(((slow_seconds + 4) * 24000000 + 64000000))
envoy_sampling=$([[ $export_spans == yes ]] && echo 100 || echo 0)

# shellcheck source=lib/run.sh
source "$here/lib/run.sh"
# shellcheck source=lib/processes.sh
source "$here/lib/processes.sh"
# shellcheck source=lib/cgroups.sh
source "$here/lib/cgroups.sh"
# shellcheck source=lib/servers.sh
source "$here/lib/servers.sh"
# shellcheck source=lib/sockhijack.sh
source "$here/lib/sockhijack.sh"
# shellcheck source=lib/routes.sh
source "$here/lib/routes.sh"
# shellcheck source=lib/nic-relays.sh
source "$here/lib/nic-relays.sh"
# shellcheck source=lib/nic-variants.sh
source "$here/lib/nic-variants.sh"
# shellcheck source=lib/nic-points.sh
source "$here/lib/nic-points.sh"
export PYTHONDONTWRITEBYTECODE=1 # lib/ stays as it is

# The relay has a CPU of its own; client and server share the other, or have one each where there are more.
relay_cpu=0 server_cpu=$(($(nproc) > 1 ? 1 : 0)) client_cpu=$(($(nproc) > 2 ? 2 : $(nproc) - 1))

# --- set up -----------------------------------------------------------------------------------------------------------
begin nginx wrk gcc python3 curl ip ss taskset nsenter findmnt
[[ -n $groups_root ]] || die "no cgroup v2 is mounted; CPU time is counted by it"
gcc -O2 -Wall -o "$work/keep-alive" "$here/lib/keep-alive.c" || die "bench/lib/keep-alive.c does not compile"
make_bodies
make_namespace one && loopback=$made
# Linux' own limits, so that what a slow reader leaves in the kernel's buffers is the same on every machine.
inside "$loopback" sysctl -qw net.ipv4.tcp_rmem='4096 131072 6291456' net.ipv4.tcp_wmem='4096 16384 4194304'
start_upstream || die "the server does not start"
[[ $export_spans == no ]] || start_receiver http http-a "$loopback"
redirecting=no
if wanted redirect; then
  if start_redirect; then redirecting=yes; else absent+=(redirect); fi
fi
asked=$relays relays=()
for relay in "${all_relays[@]}"; do
  [[ ,$asked, == *,$relay,* ]] || continue
  say "starting $relay"
  if ! can_have "$relay" || ! start_relay "$relay" plain; then
    absent+=("$relay")
    continue
  fi
  relays+=("$relay") available+=("$relay")
  if [[ $redirecting == yes ]]; then
    start_relay "$relay" redirect || absent+=("$relay-redirected")
    [[ ,$sizes, != *,65536,* ]] || start_relay "$relay" bulk || absent+=("$relay-redirected-64KiB")
  fi
  if [[ $relay == @(nginx|nicd) ]] && { wanted kill || wanted reload; }; then start_relay "$relay" workers || absent+=("$relay-workers"); fi
done
say_absent
((${#relays[@]} > 0)) || die "no relay to measure"
open_rate_of=$(has envoy && echo envoy || echo shared)

# --- measure ----------------------------------------------------------------------------------------------------------
plan_points
measure_plan 10

# --- report -----------------------------------------------------------------------------------------------------------
meta+=("relayCpu=$relay_cpu" "spans=$export_spans" "idleConnections=$idle_connections" "reloadRequests=$reload_requests")
report_run
