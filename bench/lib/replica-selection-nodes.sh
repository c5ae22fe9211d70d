# The network of replica-selection.sh, its certificates, what is written down for its measurements, and how all of it ends. Sourced after lib/processes.sh.
# shellcheck shell=bash disable=SC2154,SC2034

# run.sh's `finish` calls it; there is no sockhijack here.
stop_sockhijack() { :; }

# end_run: what measures ends its programs first, within 20 s, then run.sh's finish removes namespaces and folder.
end_run() {
  local status=$?
  if [[ -n $client_pid ]] && kill -TERM "$client_pid" 2>/dev/null; then
    for _ in {1..400}; do kill -0 "$client_pid" 2>/dev/null || break; sleep 0.05; done
    kill -KILL "$client_pid" 2>/dev/null # its programs are killed by the kernel with it
  fi
  client_pid=
  remove_cpu_groups
  (exit "$status")
  finish
}

# remove_cpu_groups: of hog, where lib/replica-selection-run.ts was killed before it could; programs in them die with it.
remove_cpu_groups() {
  local left tries
  for tries in {1..40}; do
    left=$(find "/sys/fs/cgroup" -mindepth 1 -maxdepth 2 -type d -name "$unique" 2>/dev/null)
    [[ -n $left ]] || return 0
    # shellcheck disable=SC2086
    find $left -depth -type d -exec rmdir {} + 2>/dev/null
    sleep 0.05
  done
  say "$bench: cgroups are left: $left"
}

# make_cluster_namespaces: $switch has a bridge, as a switch does; the broker and every node hang on it.
make_cluster_namespaces() {
  local at
  make_namespace switch
  switch=$made
  ip -n "$switch" link add bridge0 type bridge
  ip -n "$switch" address add 10.203.80.1/24 dev bridge0
  ip -n "$switch" link set bridge0 up
  join_switch broker 10.203.80.2
  for ((at = 1; at <= nodes; at++)); do join_switch "n$at" "10.203.80.$((at + 10))"; done
}

# join_switch NAME ADDRESS
join_switch() {
  make_namespace "$1"
  ip -n "$made" link add eth0 type veth peer name "to-$1" netns "$switch"
  ip -n "$made" address add "$2/24" dev eth0
  ip -n "$made" link set eth0 up
  ip -n "$switch" link set "to-$1" master bridge0 up
}

# make_certificates: an authority, and a folder for each node, of this run only.
make_certificates() {
  local at
  "$root/bin/nicd" ca init --authority "$work/ca" >"$work/made" || die "no authority could be made"
  for ((at = 1; at <= nodes; at++)); do
    "$root/bin/nicd" cert issue --authority "$work/ca" --certificates "$work/certificates/n$at" --node "n$at" >"$work/made" || die "no certificate could be issued"
  done
}

# list TEXT: a comma's list as JSON strings.
list() { [[ -z $1 ]] || printf '"%s"' "${1//,/\",\"}"; }

# write_plan: what lib/replica-selection-run.ts is told.
write_plan() {
  cat >"$work/plan.json" <<JSON
{"common":{"nodes":$nodes,"replicas":$replicas,"workMs":$work_ms,"dwellMs":$dwell_ms,"seconds":$seconds,"warmUp":$(((seconds + 4) / 5)),"security":"$links","broker":"$broker"},
 "paths":{"work":"$work","root":"$root","unique":"$unique","first":[$(chrt --fifo 10 true 2>/dev/null && list chrt,--fifo,10)]},
 "plan":{"scenarios":[$(list "$scenarios")],"policies":[$(list "$policies")],"loads":[$loads],"reps":$reps,"soakSeconds":$soak,"soakWarmUp":$soak_warm_up},
 "raw":"$raw","withReplicad":$([[ $replicad == on ]] && echo true || echo false)}
JSON
}
