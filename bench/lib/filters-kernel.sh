# Rules on the kernel back end, for filters.sh: two sockhijacks in namespaces of their own, one of them with rules. Sourced after lib/sockhijack.sh.
# shellcheck shell=bash disable=SC2154,SC2034,SC2004
declare -A kernel_namespace # mode → network namespace
declare -A kernel_socket    # mode → control socket of its daemon

# start_kernel MODE [OPTION...]: a daemon with these options, and nginx as its service web.
start_kernel() {
  local mode=$1 pid socket="$work/$1.sock"
  [[ -e $program ]] || { say "$bench: there is no $program"; return 1; }
  make_namespace "$mode" && kernel_namespace[$mode]=$made
  kernel_socket[$mode]=$socket hijack_daemons[$socket]=0
  setsid nsenter --net="/run/netns/$made" "$program" daemon --ephemeral --socket "$socket" "${@:2}" >"$work/$mode-daemon.log" 2>&1 </dev/null &
  for _ in {1..100}; do
    pid=$(daemon_pid 2>/dev/null)
    [[ -n $pid ]] && break
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  [[ -n $pid ]] || { say "$bench: the daemon of $mode does not start: $(tail -n 1 "$work/$mode-daemon.log")"; return 1; }
  hijack_daemons[$socket]=$pid
  start_hijacked "$mode-nginx" "${kernel_namespace[$mode]}" web:8200 nginx -c "$(kernel_conf "$mode")"
  wait_for_port "$mode-nginx" "${kernel_namespace[$mode]}" 127.0.0.1 8200
}

# kernel_conf MODE: the same file in a folder of its own, as each nginx writes there.
kernel_conf() {
  local path
  path=$(nginx_conf 127.0.0.1 8200)
  sed "s#nginx-8200#nginx-$1#; s#tmp-8200#tmp-$1#" "$path" >"$work/nginx-$1.conf"
  mkdir -p "$work/tmp-$1"
  printf '%s' "$work/nginx-$1.conf"
}

# measure_kernel PHASE REP MODE SIZE CONNECTIONS: keep-alive connections, or one for each request.
measure_kernel() {
  local socket=${kernel_socket[$3]} point measure_flags
  local command=(wrk -t 1 -c "$5" -d "$seconds" --latency -s "$here/lib/wrk-json.lua")
  [[ $1 == kernel ]] || command+=(-H 'Connection: close')
  point="{\"phase\":\"$1\",\"rep\":$2,\"mode\":\"$3\",\"size\":\"$4\",\"connections\":$5}"
  measure_flags=(--watch "server=$(pid_of "$3-nginx")" --watch "daemon=${hijack_daemons[$socket]}" --status "$program status --json --socket $socket")
  generate load "${kernel_namespace[$3]}" "$point" "${real_time[@]}" "${command[@]}" "http://127.0.0.1:8200/$4"
}
