# The sockhijack mode: servers and the load generator started by `sockhijack run`, nothing else changed. Sourced after lib/servers.sh.
# shellcheck shell=bash disable=SC2154,SC2034
program="$root/bin/sockhijack"
socket="$work/sockhijack.sock"

hijack_flags=() # more options of `run`

# hijacked SERVICE[:PORT] cmd...: prefix that runs a command as a service of this run's own daemon, the one at $socket.
hijacked() { printf '%s\0' "$program" run --socket "$socket" --service "$1" "${hijack_flags[@]}" -- "${@:2}"; }

declare -A hijack_daemons # control socket → pid; 0 until the daemon has answered

# stop_sockhijack: a daemon ends by itself with its last service, which has been stopped; it gets 10 s to remove its kernel state.
# One that broke at its start may have left some.
stop_sockhijack() {
  local at pid
  for at in "${!hijack_daemons[@]}"; do
    pid=${hijack_daemons[$at]}
    if ((pid > 0)); then
      for _ in {1..200}; do kill -0 "$pid" 2>/dev/null || continue 2; sleep 0.05; done
      say "$bench: the daemon (pid $pid) outlives its services; cleaning up and stopping it"
    fi
    timeout 20 "$program" cleanup --socket "$at" >&2 || say "$bench: !!! sockhijack cleanup failed; look into /sys/fs/bpf/mitsu"
    ((pid == 0)) || kill -TERM "$pid" 2>/dev/null
  done
}

# start_hijacked NAME NAMESPACE SERVICE:PORT cmd...
start_hijacked() {
  local command=()
  mapfile -d '' -t command < <(hijacked "$3" taskset -c "$server_cpu" "${@:4}")
  start "$1" "$2" "${command[@]}"
}

# daemon_pid: this run's daemon; empty when none answers.
daemon_pid() { "$program" status --json --socket "$socket" | sed -n 's/^ *"pid": *\([0-9]*\).*/\1/p'; }

start_sockhijack() {
  [[ -e $program ]] || { say "$bench: there is no $program"; return 1; }
  hijack_daemons[$socket]=0
  start_hijacked hijack-nginx "$loopback" web:8200,8203 nginx -c "$(nginx_conf 127.0.0.1 8200)"
  wait_for_port hijack-nginx "$loopback" 127.0.0.1 8200 || return 1
  start_hijacked hijack-redis "$loopback" kv:8201 redis-server --port 8201 --bind 127.0.0.1 --save '' --appendonly no
  start_hijacked hijack-iperf "$loopback" bulk:8202 iperf3 -s -B 127.0.0.1 -p 8202
  wait_for_port hijack-redis "$loopback" 127.0.0.1 8201 || return 1
  hijack_daemon=$(daemon_pid)
  [[ -n $hijack_daemon ]] || { say "$bench: no daemon answers on $socket"; return 1; }
  hijack_daemons[$socket]=$hijack_daemon
  watched[sockhijack]="server=$pid_hijack_nginx server=$pid_hijack_redis server=$pid_hijack_iperf daemon=$hijack_daemon"
}
