#!/usr/bin/env bash
# Runs the benchmarks, one after another, and prints one list with the machine as its
# heading: scripts/bench.sh [PATTERN] [TIME]
set -euo pipefail
cd "$(dirname "$0")/.."
pattern=${1:-.}
time=${2:-1s}
packages=$(go list -f '{{$p := .}}{{range .TestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}' ./... |
	while read -r package file; do
		if [ -n "$file" ] && grep -q '^func Benchmark' "$file"; then echo "$package"; fi
	done | sort -u)
echo "$(go env GOOS)/$(go env GOARCH), $(getconf _NPROCESSORS_ONLN) processors, $(go env GOVERSION)"
for package in $packages; do
	go test -run '^$' -bench "$pattern" -benchmem -benchtime "$time" -p 1 "$package"
done | awk '
	/^pkg:/ { package = $2; sub(".*/rollcall/internal/", "", package) }
	/^cpu:/ && !told { print; told = 1 }
	/^Benchmark/ { sub(/^Benchmark/, package "."); print }
	/^(---|FAIL|panic|[ \t]+[a-z_]+_test.go)/ { print }'
