#!/usr/bin/env bash
# check-bodies.sh URL...: true when each answer is as many x as the last part of its URL says (".../262144-write" is 262144).
set -uo pipefail
for url in "$@"; do
  size=${url##*/}
  [[ $(curl -s --max-time 5 "$url" | tr -d x | wc -c) == 0 ]] || exit 1
  [[ $(curl -s --max-time 5 "$url" | wc -c) == "${size%-write}" ]] || exit 1
done
