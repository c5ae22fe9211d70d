#!/usr/bin/env bash
# Placement: which node should run what, by who talks to whom; why a replica is where it is, a picture, and the units that would be written.
# Usage: sudo examples/14-placement.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/bin:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Where everything runs now: each service spread over both nodes, as schedulers do that know no traffic.
cat >shop.yaml <<'YAML'
version: 1
name: shop
nodes: [{ name: n1, capacity: { cpu: 4, memory: 8GiB } }, { name: n2, capacity: { cpu: 4, memory: 8GiB } }]
services:
  - { name: web, application: shop, replicas: 2, requests: { cpu: 1, memory: 512MiB }, pinned: { web-0: n1 } }
  - { name: cart, application: shop, requests: { cpu: 1, memory: 1GiB } }
  - { name: redis, application: shop, requests: { cpu: 500m, memory: 1GiB } }
  - { name: search, requests: { cpu: 1, memory: 2GiB } }
  - { name: index, requests: { cpu: 1, memory: 3GiB } }
traffic:
  - { from: web, to: cart, messages: 2000/s, bytes: 1MB/s }
  - { from: cart, to: redis, messages: 6000/s, bytes: 2MB/s }
  - { from: web, to: search, messages: 100/s, bytes: 4MB/s }
  - { from: search, to: index, messages: 3000/s, bytes: 20MB/s }
assignment: { web-0: n1, web-1: n2, cart-0: n1, redis-0: n2, search-0: n2, index-0: n1 }
YAML
placer check shop.yaml
placer plan shop.yaml -o plan.json
placer explain redis-0 --plan plan.json
placer compare plan.json
placer draw plan.json -o plan.svg && echo "the picture has $(wc -c <plan.svg) bytes"
placer apply plan.json --to systemd --node n1 --dry-run

# A problem at random, and the best there is, with proof.
placer generate small --seed 7 --nodes 3 -o random.json
placer plan random.json --strategy exact --deadline 20 -o best.json
