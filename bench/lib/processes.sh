# Programs and network namespaces that a benchmark starts: each is known by pid or name, and stopped in reverse on every exit.
# Sourced. Needs $bench (the script's name), $work (a private directory) and $unique (this run's name).
# shellcheck shell=bash disable=SC2154,SC2034

started=()    # "pid name", in the order of start
namespaces=() # names of the network namespaces made
client_pid=

say() { printf '%s\n' "$*" >&2; }
die() { say "$bench: $*"; exit 1; }

# make_namespace NAME: a network namespace with its loopback up; sets the name's full form in $made.
make_namespace() {
  made="$unique-$1"
  ip netns add "$made" || die "cannot make network namespace $made; run as root"
  namespaces+=("$made")
  ip -n "$made" link set lo up
  inside "$made" sysctl -qw net.ipv4.ip_local_port_range='1024 65000' net.ipv4.ip_unprivileged_port_start=0 net.core.somaxconn=4096
}

# inside NAMESPACE cmd...: only the network changes, the mounts stay, so that /sys/fs/cgroup and bpffs remain in sight.
inside() { nsenter --net="/run/netns/$1" "${@:2}"; }

# start NAME NAMESPACE cmd...: in the background, its own session (a Ctrl-C reaches only this script, which stops all in order).
start() {
  local name=$1 namespace=$2
  shift 2
  setsid nsenter --net="/run/netns/$namespace" "$@" >"$work/$name.log" 2>&1 </dev/null &
  started+=("$! $name")
  eval "pid_${name//-/_}=$!"
}

# pid_of NAME: of what `start` started.
pid_of() { local name=pid_${1//-/_}; echo "${!name}"; }

# wait_for_port NAME NAMESPACE ADDRESS PORT: until it accepts, 10 s at most; false with the program's log when it does not.
wait_for_port() {
  local pid tries=0
  eval "pid=\$pid_${1//-/_}"
  until inside "$2" bash -c "exec 3<>/dev/tcp/$3/$4" 2>/dev/null; do
    if ! kill -0 "$pid" 2>/dev/null || ((++tries > 200)); then
      say "$bench: $1 does not listen on $3:$4; its log:"
      tail -n 5 "$work/$1.log" >&2
      return 1
    fi
    sleep 0.05
  done
}

# client cmd...: waits in a way that lets a signal's trap run at once.
client() {
  "$@" &
  client_pid=$!
  local status=0
  wait "$client_pid" || status=$?
  client_pid=
  return "$status"
}

# stop_all: TERM in reverse order, 5 s of patience, then KILL; then the namespaces. Safe to call twice.
stop_all() {
  local i pid
  [[ -n $client_pid ]] && kill -TERM "$client_pid" 2>/dev/null
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    pid=${started[i]%% *}
    kill -TERM "$pid" 2>/dev/null || continue
    for _ in {1..100}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
    kill -KILL "$pid" 2>/dev/null && say "$bench: had to kill ${started[i]#* } (pid $pid)"
    wait "$pid" 2>/dev/null
  done
  started=()
  for i in "${namespaces[@]}"; do ip netns del "$i"; done
  namespaces=()
  return 0
}
