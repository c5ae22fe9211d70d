# Rules on the kernel back end, for filters.sh: two sockhijacks in namespaces of their own, each with an nginx. Sourced after lib/sockhijack.sh.
# shellcheck shell=bash disable=SC2154,SC2034,SC2004
declare -A kernel_socket # side → control socket of its daemon
kernel_sides=()          # each side as lib/filters-kernel.ts wants it
kernel_rows=0            # rows of the kernel's table that the rules make

# start_kernel: both sides, both without rules. Load generator and server share a CPU, the daemons have the other. The former are of SCHED_BATCH: neither
# takes the CPU from the other as it wakes, so that each does all there is for it to do before the other runs, the same way every time.
start_kernel() {
  [[ -e $program ]] || { say "$bench: there is no $program"; return 1; }
  command -v bpftool >/dev/null || { say "$bench: bpftool is missing; apt-get install bpftool"; return 1; }
  gcc -O2 -Wall -o "$work/kernel-load" "$here/lib/filters-kernel-load.c" || return 1
  kernel_rows=$("$node" "$here/lib/filters-kernel-rules.ts" "$work/kernel") || return 1
  start_kernel_side kernel-a && start_kernel_side kernel-b
}

# start_kernel_side SIDE: a daemon, and nginx as its service web.
start_kernel_side() {
  local side=$1 pid socket="$work/$1.sock" rules="$work/$1.policies.yaml"
  make_namespace "$side"
  kernel_socket[$side]=$socket hijack_daemons[$socket]=0
  cp "$work/kernel/none.policies.yaml" "$rules"
  setsid nsenter --net="/run/netns/$made" taskset -c "$relay_cpu" "$program" daemon --ephemeral --socket "$socket" \
    --config "$work/kernel/mesh.yaml" --rules "$rules" >"$work/$side-daemon.log" 2>&1 </dev/null &
  for _ in {1..100}; do
    pid=$(daemon_pid 2>/dev/null)
    [[ -n $pid ]] && break
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  [[ -n $pid ]] || { say "$bench: the daemon of $side does not start: $(tail -n 1 "$work/$side-daemon.log")"; return 1; }
  hijack_daemons[$socket]=$pid
  start_hijacked "$side-nginx" "$made" web:8200 chrt --batch 0 nginx -c "$(kernel_conf "$side")"
  wait_for_port "$side-nginx" "$made" 127.0.0.1 8200 || return 1
  kernel_sides+=(--side "{\"namespace\":\"$made\",\"socket\":\"$socket\",\"daemon\":$pid,\"server\":$(pid_of "$side-nginx"),\"rules\":\"$rules\"}")
}

# kernel_conf SIDE: the same file in a folder of its own, as each nginx writes there.
kernel_conf() {
  local path
  path=$(nginx_conf 127.0.0.1 8200)
  sed "s#nginx-8200#nginx-$1#; s#tmp-8200#tmp-$1#" "$path" >"$work/nginx-$1.conf"
  mkdir -p "$work/tmp-$1"
  printf '%s' "$work/nginx-$1.conf"
}

# measure_kernel PHASE REP MODE: a line of $raw.
measure_kernel() {
  local load=(chrt --batch 0 taskset -c "$server_cpu" "$work/kernel-load" 127.0.0.1 8200 /1024 16)
  : >>"$raw" # also for a report of its failure alone
  check "$1" "$2" "$3" "$node" "$here/lib/filters-kernel.ts" --rules "$work/kernel" --rows "$kernel_rows" --rounds "$kernel_rounds" --pairs "$kernel_pairs" --seconds "$kernel_seconds" --control "$control_ns" \
    "${load[@]/#/--load=}" "${kernel_sides[@]}"
}
