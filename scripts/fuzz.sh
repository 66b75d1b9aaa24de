#!/usr/bin/env bash
# Runs every fuzz target for TIME, four at a time with one worker each:
#
#   scripts/fuzz.sh [TIME [TARGET…]]    scripts/fuzz.sh 1m FuzzRequest
#
# A package is compiled once, with the instrumentation that guides the fuzzer. A failure
# shows the input, the file in which the fuzzer has kept it, and how to make it a test.
# A target that had time for its seeds only runs again for twice as long. If it still has no
# new input, that is no failure; the last line counts these apart.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-20s}
shift || true

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=${time%%[!0-9]*}
longer=$((2 * number))${time#"$number"}
export work time longer
cache=$(go env GOCACHE)/fuzz
export cache
: >"$work/seeds" # the targets without a new input

git grep -E '^func Fuzz[A-Z]\w*\(' -- '*_test.go' | sed -E 's,^(.*)/[^/]+_test\.go:func (Fuzz[A-Za-z0-9_]+)\(.*,\1 \2,' >"$work/all"
if (($#)); then
	printf ' %s\n' "$@" | grep -F -f - "$work/all" >"$work/targets" || true
else
	cp "$work/all" "$work/targets"
fi
[ -s "$work/targets" ] || {
	echo "fuzz: no such target: $*" >&2
	exit 2
}

# binary FOLDER prints the name of a package's binary.
binary() { echo "$work/$(tr / _ <<<"$1").test"; }

# target FOLDER TARGET fuzzes a target, and prints one line, or what failed.
target() {
	local folder=$1 name=$2 status limit runs
	# By default an input is made smaller for up to a minute.
	local log=$work/$(tr / _ <<<"$folder").$name.log
	for limit in "$time" "$longer"; do
		status=0
		(
			cd "$folder"
			"$(binary "$folder")" -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "$limit" -test.parallel 1 \
				-test.fuzzminimizetime 1s -test.fuzzcachedir "$cache/$folder" </dev/null >"$log" 2>&1
		) || status=$?
		# Go 1.26 may report the end of the time as a failure (golang.org/issue/75804), with
		# no input and no other message. A failure of a target always has an input.
		if [ $status != 0 ] && ! grep -q 'Failing input written to' "$log" &&
			grep -A1 -E '^--- FAIL: Fuzz' "$log" | grep -qx '    context deadline exceeded'; then
			status=0
		fi
		runs=$(grep -oE 'execs: [0-9]+' "$log" | tail -n 1 | cut -d' ' -f2) || true
		[ $status = 0 ] && [ "${runs:-0}" = 0 ] || break
	done
	if [ $status = 0 ] && [ "${runs:-0}" = 0 ]; then
		printf 'SEEDS   %-24s %-28s the time was over before there was a new input\n' "$folder" "$name"
		echo "$folder $name" >>"$work/seeds"
		return
	fi
	if [ $status = 0 ]; then
		printf 'ok      %-24s %-28s %9d inputs\n' "$folder" "$name" "$runs"
		return
	fi
	# One write, so that two failures do not mix.
	printf '%s\n' "$(
		printf 'FAILED  %s %s\n' "$folder" "$name"
		grep -vE '^fuzz: (elapsed|minimizing)' "$log" | head -n 60 | sed 's/^/        /'
		input=$(sed -nE 's/.*Failing input written to ([^ ]+).*/\1/p' "$log" | head -n 1)
		if [ -n "$input" ]; then
			printf '        The input is %s/%s:\n' "$folder" "$input"
			head -c 2000 "$folder/$input" | sed 's/^/          /'
			printf '        Again:     go test -run %s/%s ./%s\n' "$name" "$(basename "$input")" "$folder"
			printf '        As a test: git add -f %s/%s, or better a case of its own beside %s\n' "$folder" "$input" "$name"
		fi
	)"
	return 1
}
export -f binary target

cut -d' ' -f1 "$work/targets" | sort -u | while read -r folder; do
	go test -c -fuzz=. -o "$(binary "$folder")" "./$folder"
done
status=0
xargs -P 4 -L 1 bash -euo pipefail -c 'target "$1" "$2"' target <"$work/targets" || status=1
if [ $status = 0 ]; then
	all=$(wc -l <"$work/targets") seeds=$(wc -l <"$work/seeds")
	echo "$((all - seeds)) fuzz targets, $time each: nothing found"
	((seeds == 0)) || echo "$seeds fuzz targets ran their seeds only: $longer was too short for new inputs"
fi
exit $status
