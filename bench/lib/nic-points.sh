# The measurements of nic-path.sh: which there are (plan_points) and how one is made (measure_point). Sourced after lib/nic-variants.sh.
# shellcheck shell=bash disable=SC2154,SC2034

# plan_points: fills $plan with lines "phase rep mode size connections"; within a repetition the relays follow each other at every point.
plan_points() {
  local rep phase mode size count
  # Before any load: memory that a relay got for many connections and kept would hide what a body takes.
  for ((rep = 1; rep <= reps; rep++)); do
    for phase in body slow; do
      wanted "$phase" && for mode in "${relays[@]}"; do plan_one "$phase" "$rep" "$mode" - -; done
    done
  done
  for ((rep = 1; rep <= reps; rep++)); do
    for phase in http redirect; do for count in ${connections//,/ }; do for size in ${sizes//,/ }; do
      [[ $phase == redirect && $size == 65536 ]] && continue
      wanted "$phase" && for mode in direct "${relays[@]}"; do plan_one "$phase" "$rep" "$mode" "$size" "$count"; done
    done; done; done
  done
  # Open loop: half of what Envoy reached above; without Envoy half of the slowest. Each route has its own rate.
  for ((rep = 1; rep <= reps; rep++)); do
    for phase in http redirect; do for count in ${connections//,/ }; do
      [[ ,$sizes, == *,1024,* ]] && wanted "$phase" && wanted open &&
        for mode in "${relays[@]}"; do plan_one "$phase-open" "$rep" "$mode" 1024 "$count"; done
    done; done
  done
  # Last: a client that has read bulk is left on TCP by sockhijack for some time, with small answers too.
  for ((rep = 1; rep <= reps; rep++)); do
    for count in ${connections//,/ }; do
      [[ ,$sizes, == *,65536,* ]] && wanted redirect &&
        for mode in direct "${relays[@]}"; do plan_one redirect "$rep" "$mode" 65536 "$count"; done
    done
  done
  for ((rep = 1; rep <= reps; rep++)); do
    wanted idle && for mode in "${relays[@]}"; do plan_one idle "$rep" "$mode" - -; done
    # Only these two have workers that can be told a new configuration. All the requests of a reload are in one measurement.
    for phase in reload kill; do
      [[ $phase == reload && $rep != 1 ]] && continue
      wanted "$phase" && for mode in nginx nicd; do [[ " ${relays[*]} " == *" $mode "* ]] && plan_one "$phase" "$rep" "$mode" - -; done
    done
  done
}

# plan_one PHASE REP MODE SIZE CONNECTIONS: unless that relay is not there in that variant.
plan_one() { [[ $3 == direct || -n ${ready[$3-$(variant_of "$1" "$4")]:-} ]] && plan+=("$*"); }

# variant_of PHASE SIZE
variant_of() {
  case $1 in
    redirect*) if [[ $2 == 65536 ]]; then echo bulk; else echo redirect; fi ;;
    kill | reload) echo workers ;;
    *) echo plain ;;
  esac
}

# measure_point PHASE REP MODE SIZE CONNECTIONS
measure_point() {
  local phase=$1 variant port pid
  variant=$(variant_of "$1" "$4")
  port=$(port_of "$3" "$variant")
  [[ $3 == direct ]] || pid=$(pid_of "$3-$variant")
  case $phase in
    http | redirect | http-open | redirect-open) measure_load "$@" ;;
    idle) check "$phase" "$2" "$3" "$here/lib/nic-idle.py" --port "$port" --pid "$pid" --connections "$idle_connections" ;;
    body) check "$phase" "$2" "$3" "$here/lib/nic-bodies.py" --port "$port" --pid "$pid" --file "$work/www/large" --uploads "$work/www/up" ;;
    slow)
      check "$phase" "$2" "$3" "$here/lib/nic-slow.py" --port "$port" --upstream-port 8100 --pid "$pid" --path /slow --rate-mb 24 --seconds "$slow_seconds"
      ;;
    kill) check "$phase" "$2" "$3" "$here/lib/nic-kill.py" --port "$port" --client "$work/keep-alive" --seconds 4 ;;
    reload) measure_reload "$2" "$3" "$port" ;;
  esac
}

# measure_load PHASE REP MODE SIZE CONNECTIONS: req/s, latency and each role's CPU time, with `port` and `variant` of the caller.
measure_load() {
  local phase=$1 mode=$3 size=$4 count=$5 point rate command service="" measure_flags=() role
  point="\"phase\":\"$phase\",\"rep\":$2,\"mode\":\"$mode\",\"size\":\"$size\",\"connections\":$count"
  command=(wrk -t 1 -c "$count" -d "$seconds" --latency -s "$here/lib/wrk-json.lua" "http://127.0.0.1:$port/$size")
  if [[ $phase == *-open ]]; then
    rate=$("$node" "$here/report/rate.ts" "$raw" "$open_rate_of" "$size" "$count" "${phase%-open}") || return 1
    point+=",\"rate\":$rate"
    command=("$work/open-loop" 127.0.0.1 "$port" "/$size" "$count" "$rate" "$seconds" 0.4)
  fi
  measure_flags=(--watch-cgroup "server=$(pid_of "upstream-$([[ $variant == plain ]] && echo plain || echo redirect)")")
  [[ $mode == direct ]] || measure_flags+=(--watch-cgroup "relay=$(pid_of "$mode-$variant")")
  if [[ $variant != plain ]]; then
    service=load
    measure_flags+=(--watch "daemon=${hijack_daemons[$socket]}" --status "$program status --json --socket $socket")
  fi
  if [[ $export_spans == yes && $mode == @(envoy|nicd) ]]; then
    for role in ${receiver_pids[http]}; do measure_flags+=(--watch "$role"); done
    for role in ${receivers[http]}; do measure_flags+=(--receiver "$role"); done
  fi
  generate "$service" "$loopback" "{$point}" "${command[@]}"
}

# check PHASE REP MODE cmd...: a command that prints a JSON object becomes a line of $raw.
check() {
  client nsenter --net="/run/netns/$loopback" timeout -k 2 120 taskset -c "$client_cpu" "${@:4}" >"$work/check.json" || return 1
  add_check "$1" "$2" "$3" "$(<"$work/check.json")"
}

add_check() { printf '{"phase":"%s","rep":%d,"mode":"%s","check":%s}\n' "$@" >>"$raw"; }

# measure_reload REP MODE PORT: the relay is told a new configuration each second while the load runs; the last one must answer in the end.
measure_reload() {
  local tag=0 name="$2-workers" seen
  nsenter --net="/run/netns/$loopback" timeout -k 2 300 taskset -c "$client_cpu" \
    "$work/keep-alive" 127.0.0.1 "$3" /1024 64 "$reload_requests" 240 >"$work/check.json" &
  client_pid=$!
  while sleep "$reload_every" && kill -0 "$client_pid" 2>/dev/null; do
    reload_relay "$2" "$name" "$3" "${next_port[workers]}" $((++tag)) || return 1
  done
  wait "$client_pid" || return 1
  client_pid=
  seen=$(tag_of "$3")
  [[ $seen == "$tag" ]] || say "$bench: !!! $2 was told configuration $tag and answers with ${seen:-none}"
  add_check reload "$1" "$2" "$(sed "s/^{/{\"reloads\":$tag,\"seen\":\"$seen\",/" "$work/check.json")"
}
