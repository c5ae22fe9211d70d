# The sockhijack mode: servers and the load generator started by `sockhijack run`, nothing else changed. Sourced after lib/servers.sh.
# shellcheck shell=bash disable=SC2154,SC2034
program="$root/bin/sockhijack"
socket="$work/sockhijack.sock"

# hijacked SERVICE[:PORT] cmd...: prefix that runs a command as a service of this run's own daemon.
hijacked() { printf '%s\0' "$program" run --socket "$socket" --service "$1" -- "${@:2}"; }

hijack_daemon=
hijack_tried=no

# stop_sockhijack: the daemon ends by itself with its last service, which has been stopped; it gets 10 s to remove its kernel state.
# One that broke at its start may have left some.
stop_sockhijack() {
  [[ $hijack_tried == yes ]] || return 0
  if [[ -n $hijack_daemon ]]; then
    for _ in {1..200}; do kill -0 "$hijack_daemon" 2>/dev/null || return 0; sleep 0.05; done
    say "same-node: the daemon (pid $hijack_daemon) outlives its services; cleaning up and stopping it"
  fi
  timeout 20 "$program" cleanup --socket "$socket" >&2 || say "same-node: !!! sockhijack cleanup failed; look into /sys/fs/bpf/mitsu"
  [[ -z $hijack_daemon ]] || kill -TERM "$hijack_daemon" 2>/dev/null
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
  [[ -e $program ]] || { say "same-node: there is no $program"; return 1; }
  hijack_tried=yes
  start_hijacked hijack-nginx "$loopback" web:8200,8203 nginx -c "$(nginx_conf 127.0.0.1 8200)"
  wait_for_port hijack-nginx "$loopback" 127.0.0.1 8200 || return 1
  start_hijacked hijack-redis "$loopback" kv:8201 redis-server --port 8201 --bind 127.0.0.1 --save '' --appendonly no
  start_hijacked hijack-iperf "$loopback" bulk:8202 iperf3 -s -B 127.0.0.1 -p 8202
  wait_for_port hijack-redis "$loopback" 127.0.0.1 8201 || return 1
  hijack_daemon=$(daemon_pid)
  [[ -n $hijack_daemon ]] || { say "same-node: no daemon answers on $socket"; return 1; }
  watched[sockhijack]="server=$pid_hijack_nginx server=$pid_hijack_redis server=$pid_hijack_iperf daemon=$hijack_daemon"
}
