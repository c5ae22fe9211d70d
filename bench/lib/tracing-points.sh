# The measurements of tracing.sh: which there are (plan_points) and how one is made (measure_point). Sourced after lib/tracing-modes.sh.
# shellcheck shell=bash disable=SC2154,SC2034
declare -A on_route # modes that work on a route, " plain header "

# plan_points: fills $plan with lines "phase rep mode size connections"; within a repetition the modes follow each other at every point.
plan_points() {
  local rep route mode size count
  for ((rep = 1; rep <= reps; rep++)); do
    for route in "${routes[@]}"; do for count in ${connections//,/ }; do for size in ${sizes//,/ }; do
      wanted "$route" && for mode in ${on_route[$route]}; do plan+=("$route $rep $mode $size $count"); done
    done; done; done
    wanted daemon && for mode in header side-band; do
      [[ ${on_route[http]} == *" $mode "* ]] && plan+=("spans $rep $mode 64 64")
    done
  done
  # Open loop: one rate for every mode, half of what the slowest reached in the closed loop above.
  wanted open || return 0
  for ((rep = 1; rep <= reps; rep++)); do
    for route in "${routes[@]}"; do for count in ${connections//,/ }; do for size in ${sizes//,/ }; do
      wanted "$route" && for mode in ${on_route[$route]}; do plan+=("$route-open $rep $mode $size $count"); done
    done; done; done
  done
}

# measure_point PHASE REP MODE SIZE CONNECTIONS
measure_point() {
  local phase=$1 rep=$2 mode=$3 size=$4 count=$5 route=${1%-open} point url rate role at
  local measure_flags=() service="" socket hijack_flags command
  [[ $phase == spans ]] && route=http
  url=$(url_of "$route" "$mode" "$size")
  point="\"phase\":\"$phase\",\"rep\":$rep,\"mode\":\"$mode\",\"size\":\"$size\",\"connections\":$count"
  command=(wrk -t 1 -c "$count" -d "$seconds" --latency -s "$here/lib/wrk-json.lua" "$url")
  if [[ $phase == *-open ]]; then
    rate=$("$node" "$here/report/rate.ts" "$raw" shared "$size" "$count" "$route") || return 1
    point+=",\"rate\":$rate"
    [[ $url =~ ^http://(.*):(.*)(/.*)$ ]]
    command=("$work/open-loop" "${BASH_REMATCH[@]:1}" "$count" "$rate" "$seconds" 0.4)
  fi
  for role in ${watched[$route-$mode]}; do measure_flags+=(--watch "$role"); done
  if exports_spans "$mode"; then
    for role in ${receiver_pids[$route]}; do measure_flags+=(--watch "$role"); done
    for at in ${receivers[$route]}; do measure_flags+=(--receiver "$at"); done
  fi
  if is_ours "$mode"; then
    use_ours "${near_socket[$route]}" "$mode"
    service=load-$mode
    for at in $(printf '%s\n' "${near_socket[$route]}" "${far_socket[$route]}" | sort -u); do
      measure_flags+=(--status "$program status --json --socket $at")
    done
  fi
  generate "$service" "${near[$route]}" "{$point}" "${command[@]}"
}
