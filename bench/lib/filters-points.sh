# The measurements of filters.sh: which there are (plan_points) and how one is made (measure_point). Sourced after lib/filters-relays.sh.
# shellcheck shell=bash disable=SC2154,SC2034

# plan_points: fills $plan with lines "phase rep mode size connections"; within a repetition the modes follow each other, every other time in reverse.
plan_points() {
  local rep mode phase order relays=("${available[@]}")
  for ((rep = 1; rep <= reps; rep++)); do
    order=("${relays[@]}")
    ((rep % 2 || ${#relays[@]} == 0)) || mapfile -t order < <(printf '%s\n' "${relays[@]}" | tac)
    wanted http && for mode in "${order[@]}"; do plan+=("http $rep $mode 1024 16"); done
  done
  for ((rep = 1; rep <= reps; rep++)); do
    wanted open && wanted http && for mode in "${relays[@]}"; do plan+=("http-open $rep $mode 1024 16"); done
  done
  ((${#kernel_sides[@]} == 0)) || plan+=("kernel 1 sockhijack - -")
  for phase in safety reloads examples rules; do wanted "$phase" && plan+=("$phase 1 nicd - -"); done
}

# measure_point PHASE REP MODE SIZE CONNECTIONS
measure_point() {
  case $1 in
    http | http-open) measure_load "$@" ;;
    kernel) measure_kernel "$@" ;;
    safety | examples) check "$1" "$2" "$3" "$node" "$here/lib/filters-$1.ts" --scratch "$work/$1" ;;
    reloads) check "$1" "$2" "$3" "$node" "$here/lib/filters-reload.ts" --scratch "$work/$1" --reloads "$reloads" ;;
    rules) check "$1" "$2" "$3" "$node" "$here/lib/filters-rules.ts" ;;
  esac
}

# measure_load PHASE REP MODE SIZE CONNECTIONS
measure_load() {
  local phase=$1 mode=$3 port=${filter_port[$3]} point rate command measure_flags
  point="\"phase\":\"$phase\",\"rep\":$2,\"mode\":\"$mode\",\"size\":\"$4\",\"connections\":$5"
  command=(wrk -t 1 -c "$5" -d "$seconds" --latency -s "$here/lib/wrk-json.lua" "http://127.0.0.1:$port/$4")
  if [[ $phase == http-open ]]; then
    rate=$("$node" "$here/report/rate.ts" "$raw" "$(has envoy-c && echo envoy-c || echo shared)" "$4" "$5" http) || return 1
    point+=",\"rate\":$rate"
    command=("$work/open-loop" 127.0.0.1 "$port" "/$4" "$5" "$rate" "$seconds" 0.4)
  fi
  measure_flags=(--watch-cgroup "server=$(pid_of upstream)" --watch-cgroup "relay=$(pid_of "$mode")")
  # V8 compiles what is hot in the first moments, and once more what is hottest.
  [[ $2 != 1 || $phase != http ]] || inside "$loopback" "${real_time[@]}" taskset -c "$client_cpu" wrk -t 1 -c 16 -d "$warm_up" "http://127.0.0.1:$port/$4" >/dev/null
  generate "" "$loopback" "{$point}" "${real_time[@]}" "${command[@]}"
}

# check PHASE REP MODE cmd...: a command that prints a JSON object becomes a line of $raw.
check() {
  mkdir -p "$work/$1"
  client nsenter --net="/run/netns/$loopback" timeout -k 5 300 "${@:4}" >"$work/check.json" || return 1
  printf '{"phase":"%s","rep":%d,"mode":"%s","check":%s}\n' "$1" "$2" "$3" "$(<"$work/check.json")" >>"$raw"
}
