# Where client and server are, for tracing.sh: `http` on one loopback, `namespaces` across a veth under one daemon, `nodes` across a
# veth with a daemon at each end, which are remote to each other. Sourced after lib/namespaces.sh and lib/sockhijack.sh.
# shellcheck shell=bash disable=SC2154,SC2034,SC2004
declare -A near far           # network namespace of the client and of the server
declare -A address            # the server's
declare -A near_socket far_socket # control sockets of the daemons there; the same one but for `nodes`
declare -A receivers          # control sockets of the receivers in these namespaces
declare -A receiver_pids      # "receiver=PID ..." of these
otlp=()                       # the daemon's option, when it has it

make_route() {
  local route=$1 subnet
  case $route in
    http) make_namespace one && near[http]=$made far[http]=$made address[http]=127.0.0.1 ;;
    *)
      subnet=10.203.$([[ $route == nodes ]] && echo 78 || echo 77)
      make_namespace "$route-a" && near[$route]=$made
      make_namespace "$route-b" && far[$route]=$made
      join_namespaces "${near[$route]}" "${far[$route]}" "$subnet"
      address[$route]=$subnet.2
      start_receiver "$route" "$route-b" "${far[$route]}"
      ;;
  esac
  start_receiver "$route" "$route-a" "${near[$route]}"
  # The daemon that both share exports where it lives.
  [[ $route == namespaces ]] && receivers[namespaces]+=${receivers[http]} receiver_pids[namespaces]+=${receiver_pids[http]}
  near_socket[$route]=$work/sockhijack.sock far_socket[$route]=$work/sockhijack.sock
  [[ $route == nodes ]] && near_socket[nodes]=$work/node-a.sock far_socket[nodes]=$work/node-b.sock
  return 0
}

# start_receiver ROUTE NAME NAMESPACE: exporters reach it at 127.0.0.1:4318 of that namespace.
start_receiver() {
  local pid
  start "receiver-$2" "$3" "$node" "$here/lib/receiver.ts" 4318 "$work/receiver-$2.sock"
  wait_for_port "receiver-$2" "$3" 127.0.0.1 4318 || die "the receiver does not start"
  eval "pid=\$pid_receiver_${2//-/_}"
  receivers[$1]+=" $work/receiver-$2.sock"
  receiver_pids[$1]+=" receiver=$pid"
}

# spans_at ROUTE: how many its receivers have counted.
spans_at() {
  local at count sum=0
  for at in ${receivers[$1]}; do
    count=$(curl -s --unix-socket "$at" http://receiver/ | sed -n 's/.*"spans":\([0-9]*\).*/\1/p')
    ((sum += ${count:-0}))
  done
  echo "$sum"
}

# find_otlp: whether this sockhijack exports; without it the traced modes make spans that go nowhere, and the report says so.
find_otlp() {
  local help
  help=$("$program" daemon --help 2>/dev/null)
  [[ $help == *--otlp* ]] || return 1
  otlp=(--otlp "${MITSU_BENCH_OTLP:-http://127.0.0.1:4318}")
  [[ -z $otlp_rate ]] || otlp+=(--otlp-rate "$otlp_rate")
}

# start_daemons ROUTE: the daemons of a route that do not run yet. The one of `http` and `namespaces` lives beside `http`'s programs.
start_daemons() {
  if [[ $1 != nodes ]]; then
    start_daemon "${far_socket[$1]}" "${far[http]}"
    return
  fi
  start_daemon "${far_socket[nodes]}" "${far[nodes]}" || return 1
  [[ -n ${hijack_daemons[${near_socket[nodes]}]:-} ]] && return
  start_daemon "${near_socket[nodes]}" "${near[nodes]}" || return 1
  # The load generator comes and goes; a daemon without any program ends.
  local socket=${near_socket[nodes]} hijack_flags=()
  start_hijacked resident "${near[nodes]}" resident sleep infinity
}

# start_daemon SOCKET NAMESPACE: it ends with its last service, see stop_sockhijack.
start_daemon() {
  local socket=$1 pid
  [[ -n ${hijack_daemons[$socket]:-} ]] && return
  hijack_daemons[$socket]=0
  setsid nsenter --net="/run/netns/$2" "$program" daemon --ephemeral --socket "$socket" "${otlp[@]}" >"${socket%.sock}.log" 2>&1 </dev/null &
  for _ in {1..40}; do
    pid=$(daemon_pid 2>/dev/null)
    [[ -n $pid ]] && hijack_daemons[$socket]=$pid && return
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  say "$bench: no daemon answers on $socket; its log:"
  tail -n 5 "${socket%.sock}.log" >&2
  return 1
}
