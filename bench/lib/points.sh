# The measurements: which there are (plan_points) and how one is made (measure_point). Sourced after the servers.
# shellcheck shell=bash disable=SC2154,SC2034
declare -A redis_port=([plain]=8101 [sockhijack]=8201 [haproxy1]=8301 [haproxy2]=8401 [envoy2]=8501)
declare -A iperf_port=([plain]=8102 [sockhijack]=8202 [haproxy1]=8302 [haproxy2]=8402 [envoy2]=8502)
declare -A far_port=([plain]=8150 [sockhijack]=8250)

# check_bodies MODE: every size comes back complete and unchanged.
check_bodies() {
  local size urls=()
  for size in 64 1024 4096 16384 262144 262144-write; do
    urls+=("http://127.0.0.1:$(port_for "$size" "${http_port[$1]}" "${bulk_port[$1]}")/$size")
  done
  inside "$loopback" "$here/lib/check-bodies.sh" "${urls[@]}"
}

# plan_points: fills $plan with lines "phase rep mode size connections"; within a repetition the modes follow each other at every point.
plan_points() {
  local rep mode size count pair=()
  for mode in plain sockhijack; do has "$mode" && pair+=("$mode"); done
  for ((rep = 1; rep <= reps; rep++)); do
    wanted http && for count in ${connections//,/ }; do for size in ${sizes//,/ }; do for mode in "${available[@]}"; do
      [[ $size == *-after-bulk && ($count != 16 || $mode != @(plain|sockhijack)) ]] && continue
      plan+=("http $rep $mode $size $count")
    done; done; done
    wanted namespaces && for size in ${sizes//,/ }; do for mode in "${pair[@]}"; do
      [[ $size == *-after-bulk ]] && continue
      [[ $mode == sockhijack && " ${absent[*]} " == *" far-sockhijack "* ]] || plan+=("namespaces $rep $mode $size 16")
    done; done
    wanted redis && for size in SET GET; do for mode in "${available[@]}"; do plan+=("redis $rep $mode $size 16"); done; done
    wanted iperf && for mode in "${available[@]}"; do plan+=("iperf $rep $mode stream 1"); done
    wanted connect && for mode in "${pair[@]}"; do plan+=("connect $rep $mode 64 16"); done
  done
  # Open loop: its rate comes from the medians of the closed loop above. "shared" is one rate that every mode can carry.
  for ((rep = 1; rep <= reps; rep++)); do
    if ! wanted open || ! wanted http || [[ ,$connections, != *,16,* ]]; then continue; fi
    for size in 64 1024 4096; do
      [[ ,$sizes, == *,$size,* ]] && for mode in "${pair[@]}"; do plan+=("open $rep $mode $size 16"); done
    done
    [[ ,$sizes, == *,1024,* ]] && for mode in "${available[@]}"; do plan+=("shared $rep $mode 1024 16"); done
  done
}

# record MODE NAMESPACE WATCHED POINT-JSON cmd...: one line of $raw. The generator runs as service "load" under sockhijack.
record() {
  local measure_flags=() service="" role
  for role in $3; do measure_flags+=(--watch "$role"); done
  [[ $1 == sockhijack ]] && service=load measure_flags+=(--status "$program status --json --socket $socket")
  generate "$service" "$2" "$4" "${@:5}"
}

# measure_point PHASE REP MODE SIZE CONNECTIONS
measure_point() {
  local phase=$1 rep=$2 mode=$3 size=$4 count=$5 point url rate
  point="\"phase\":\"$phase\",\"rep\":$rep,\"mode\":\"$mode\",\"size\":\"$size\",\"connections\":$count"
  url="http://127.0.0.1:$(port_for "$size" "${http_port[$mode]}" "${bulk_port[$mode]}")/${size%-after-bulk}"
  local wrk=(wrk -t 1 -c "$count" -d "$seconds" --latency -s "$here/lib/wrk-json.lua")
  case $phase in
    http) record "$mode" "$loopback" "${watched[$mode]}" "{$point}" "${wrk[@]}" "$url" ;;
    connect) record "$mode" "$loopback" "${watched[$mode]}" "{$point}" "${wrk[@]}" -H 'Connection: close' "$url" ;;
    namespaces)
      record "$mode" "$pod_a" "${watched[far-$mode]}" "{$point}" "${wrk[@]}" "http://$far_address:$(port_for "$size" "${far_port[$mode]}" $((far_port[$mode] + 3)))/$size"
      ;;
    iperf) record "$mode" "$loopback" "${watched[$mode]}" "{$point}" iperf3 -c 127.0.0.1 -p "${iperf_port[$mode]}" -t "$seconds" -J ;;
    redis)
      local redis=(redis-benchmark -h 127.0.0.1 -p "${redis_port[$mode]}" -c "$count" -t "${size,,}" -d 1024 --csv)
      # A short run fills the key and tells how many requests make --seconds.
      rate=$(inside "$loopback" taskset -c "$client_cpu" "${redis[@]}" -n 10000 2>/dev/null | tail -n 1 | cut -d'"' -f4)
      [[ -n $rate ]] || return 1
      rate=$((${rate%.*} * seconds))
      record "$mode" "$loopback" "${watched[$mode]}" "{$point,\"requests\":$rate}" "${redis[@]}" -n "$rate"
      ;;
    open | shared)
      rate=$("$node" "$here/report/rate.ts" "$raw" "$phase" "$size" "$count") || return 1
      record "$mode" "$loopback" "${watched[$mode]}" "{$point,\"rate\":$rate}" "$work/open-loop" 127.0.0.1 "${http_port[$mode]}" "/$size" "$count" "$rate" "$seconds" 0.4
      ;;
  esac
}
