#!/usr/bin/env bash
# What a WebAssembly filter costs a request in nicd, beside Envoy running the very same modules in the same run, and what becomes of filters that misbehave.
# Method and how to read the output: bench/README.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
filters.sh: nicd and Envoy with the same filters, interleaved; filters that spin, grow, are replaced; rules

usage: bench/filters.sh [options]

  --reps N       repetitions; medians are over these (default 3)
  --seconds N    length of one measurement (default 3)
  --quick        three minutes: one repetition of one second, fewer reloads; indicative only
  --only LIST    of http,open,kernel,safety,reloads,examples,rules (default all; open wants http)
  --modes LIST   relays with filters, of nicd-none,nicd-c,nicd-as,nicd-rs and the same of envoy (default all)
  --control NS   in the phase kernel, what has rules spends so much more on each request: a known cost, to see that it is found; not judged
  --real-time    relay, server and client get the real-time class: for a machine that others use; they get next to nothing meanwhile
  --json         print the whole run as JSON instead of the table
  --out DIR      where filters-<date>.json and filters.svg go (default bench/out)
  --strict       exit 1 when a target is missed or could not be measured
  --help

phases:
  http      closed loop (wrk, 16 connections, 1 KiB): req/s, and CPU time of the relay by its cgroup; a filter's cost is the difference
  open      latency at half of the rate that Envoy has with the C filter
  kernel    sockhijack's fast path with ten thousand rules of meshfilters and without: CPU time of a request on kept connections and on new ones
  safety    a loop without end, 64 MiB of memory: how long it holds the worker up, what the exchange gets, and the next one
  reloads   the filter's configuration is changed two thousand times: whether memory is flat over the second thousand
  examples  the AssemblyScript filters of bench/filters/examples: how many do what they say
  rules     10 000 rules: how long they take to compile, what a request costs with ten and with ten thousand

examples:
  bench/filters.sh                                 everything, about ten minutes
  bench/filters.sh --quick                         a smoke run
  bench/filters.sh --only http --modes nicd-none,nicd-c --reps 40 --seconds 1
  bench/filters.sh --only safety,reloads

Needs root, cgroup v2, nginx, wrk, gcc, curl, iproute2, clang-14, lld-14, wasi-libc, libclang-rt-14-dev-wasm32; for Rust rustc and libstd-rust-dev-wasm32; for kernel bpftool.
HELP
}

reps=3 seconds=3 quick=no strict=no json=no
phases=http,open,kernel,safety,reloads,examples,rules
modes=nicd-none,envoy-none,nicd-c,envoy-c,nicd-as,envoy-as,nicd-rs,envoy-rs
reloads=2000 warm_up=8
kernel_rounds=10 kernel_pairs=60 kernel_seconds=6 # even, as the sides exchange their rules after each
control_ns=0
real_time=() # what goes before relay, server and client
bench=filters
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out"

while (($#)); do
  case $1 in
    --reps) reps=${2:?}; shift ;;
    --seconds) seconds=${2:?}; shift ;;
    --quick) quick=yes reps=1 seconds=1 reloads=100 warm_up=2 kernel_rounds=4 kernel_pairs=20 kernel_seconds=2 ;;
    --only) phases=${2:?}; shift ;;
    --modes) modes=${2:?}; shift ;;
    --control) control_ns=${2:?}; shift ;;
    --real-time) real_time=(chrt --rr 1) ;;
    --json) json=yes ;;
    --out) out=${2:?}; shift ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'filters: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
  esac
  shift
done

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
# shellcheck source=lib/filters-relays.sh
source "$here/lib/filters-relays.sh"
# shellcheck source=lib/filters-kernel.sh
source "$here/lib/filters-kernel.sh"
# shellcheck source=lib/filters-points.sh
source "$here/lib/filters-points.sh"
export PYTHONDONTWRITEBYTECODE=1

# As nic-path.sh: the relay has a CPU of its own.
relay_cpu=0 server_cpu=$(($(nproc) > 1 ? 1 : 0)) client_cpu=$(($(nproc) > 2 ? 2 : $(nproc) - 1))

[[ $control_ns =~ ^[0-9]+$ ]] || { printf 'filters: --control wants whole nanoseconds, not %s\n' "$control_ns" >&2; exit 64; }

# --- set up -----------------------------------------------------------------------------------------------------------
begin nginx wrk gcc python3 curl ip ss taskset nsenter findmnt
[[ -n $groups_root ]] || die "no cgroup v2 is mounted; CPU time is counted by it"
make_bodies
make_namespace one && loopback=$made
start_grouped upstream "$loopback" "${real_time[@]}" taskset -c "$server_cpu" nginx -c "$(nginx_conf 127.0.0.1 8100)"
wait_for_port upstream "$loopback" 127.0.0.1 8100 || die "the server does not start"
if wanted http; then
  say "building the filters"
  "$node" "$here/lib/filters-modules.ts" "$work/modules" "$here"/filters/tag.{c,as,rs} || say "$bench: not every filter is built"
  find_envoy || say "$bench: there is no Envoy"
  for mode in "${all_modes[@]}"; do
    [[ ,$modes, == *,$mode,* ]] || continue
    say "starting $mode"
    if [[ $mode == envoy-* && -z ${envoy:-} ]] || { [[ $mode != *-none ]] && [[ ! -e $work/modules/tag-${mode#*-}.wasm ]]; } || ! start_mode "$mode"; then
      absent+=("$mode")
      continue
    fi
    available+=("$mode")
  done
fi
if wanted kernel; then
  say "starting two sockhijacks"
  start_kernel || { absent+=(kernel); kernel_sides=(); }
fi
say_absent

# --- measure ----------------------------------------------------------------------------------------------------------
plan_points
measure_plan 10

# --- report -----------------------------------------------------------------------------------------------------------
meta+=("relayCpu=$relay_cpu" "reloads=$reloads" "realTime=${real_time[*]:+yes}")
if [[ $json == yes ]]; then
  report_run >"$work/table" || status=1
  cat "$(grep -m1 '\.json$' "$work/table")"
  exit "${status:-0}"
fi
report_run
