# One cgroup for each program that a benchmark starts, so that the kernel itself keeps its account of CPU time. Sourced after lib/processes.sh.
# Every cgroup of version 2 has cpu.stat, whether or not its cpu controller is on.
# shellcheck shell=bash disable=SC2154,SC2034
groups_root=$(findmnt -nt cgroup2 -o TARGET | head -n 1)
groups=() # folders, in the order they were made

# start_grouped NAME NAMESPACE cmd...: as `start`, in a cgroup of its own.
start_grouped() {
  local folder="$groups_root/$unique/$1"
  mkdir -p "$folder" || die "cannot make cgroup $folder; this needs root and cgroup v2"
  groups+=("$folder")
  # shellcheck disable=SC2016
  start "$1" "$2" bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$folder" "${@:3}"
}

# remove_groups: after every program in them has ended.
remove_groups() {
  local folder
  for folder in "${groups[@]}"; do rmdir "$folder"; done
  ((${#groups[@]} == 0)) || rmdir "$groups_root/$unique"
  groups=()
}
