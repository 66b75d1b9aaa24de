#!/usr/bin/env bash
# Runs third-party suites and clients against `rollcall local`, on both engines:
# scim2-tester, scim2-cli, scim-sanity, scim-client and pydantic-scim (PyPI), the
# SCIM-SDK's and UnboundID's clients (Maven), the libraries of Standard Webhooks (npm and PyPI)
# on deliveries, the OAuth clients of Authlib, Nimbus and golang.org/x/oauth2, and the project's own recordings of identity providers' requests. It prints one line each, and fails if one of them finds
# anything. Downloads are kept in $ROLLCALL_CACHE (~/.cache/rollcall).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
here=$root/scripts/conformance
cache=${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}

die() {
	echo "conformance: $*" >&2
	exit 2
}
command -v python3 >/dev/null || die "python3 with venv is missing (Debian: python3-venv)"
command -v mvn >/dev/null || die "Maven is missing (Debian: maven)"
command -v javac >/dev/null || die "a JDK of version 17 or later is missing (Debian: openjdk-17-jdk-headless)"

venv=$cache/conformance-$( (cat "$here/requirements.txt"; python3 --version) | cksum | cut -d' ' -f1)
if [ ! -e "$venv/complete" ]; then
	echo "installing the suites (once)" >&2
	rm -rf "$venv"
	mkdir -p "$cache"
	python3 -m venv "$venv"
	# requirements.txt has all of them: pip resolves nothing, and checks afterwards.
	"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$here/requirements.txt"
	"$venv/bin/pip" check --quiet --disable-pip-version-check
	touch "$venv/complete"
fi
# jars NAME downloads the dependencies of scripts/conformance/NAME/pom.xml, once, compares
# them with NAME/jars.sha256, and prints their folder.
jars() {
	local home
	home=$cache/conformance-$1-$(cat "$here/$1/pom.xml" "$here/$1/jars.sha256" | cksum | cut -d' ' -f1)
	if [ ! -e "$home/complete" ]; then
		echo "fetching the client of $1 (once)" >&2
		rm -rf "$home"
		mkdir -p "$home"
		mvn -q -B --strict-checksums -f "$here/$1/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
			-DoutputDirectory="$home/lib" -DincludeScope=runtime >&2
		"$root/scripts/checksums.sh" "$home/lib" "$here/$1/jars.sha256"
		touch "$home/complete"
	fi
	echo "$home/lib"
}
sdk=$(jars sdk)
unboundid=$(jars unboundid)
nimbus=$(jars nimbus)
modules=$("$root/scripts/npm.sh" "$here/webhooks")

work=$(mktemp -d)
export XDG_STATE_HOME="$work/state" # other commands must not find the state file of a test
server=
stop() {
	[ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
	server=
}
trap 'stop; rm -rf "$work"' EXIT
(cd "$root" && go build -o "$work/" ./cmd/rollcall ./cmd/replay ./scripts/conformance/oauthgo)

passed=0 failed=0
# suite NAME COMMAND… runs a suite, whose last line counts its findings.
suite() {
	local name=$1 status=0
	shift
	"$@" >"$work/out" 2>&1 || status=$?
	local line
	line=$(grep -oE '[0-9]+ passed.*' "$work/out" | tail -n 1)
	if [ "$status" = 0 ] && [ -n "$line" ]; then
		passed=$((passed + 1))
		printf '%-10s %-16s %s\n' "$engine" "$name" "$line"
	else
		failed=$((failed + 1))
		printf '%-10s %-16s FAILED (exit %s) %s\n' "$engine" "$name" "$status" "$line"
		sed 's/^/    /' "$work/out" | tail -n 40
	fi
}

# scim-sanity's three skips are resource types of AI agents, which we do not have. Its
# warning is about count=0, for which RFC 7644 §3.4.2.4 requires only the total.
sanity() {
	"$venv/bin/scim-sanity" probe "$base" --token "$ROLLCALL_TOKEN" --i-accept-side-effects
}

# serve SEATS FLAG… starts a new server, until stop.
serve() {
	rm -f "$work/info"
	"$work/rollcall" local --listen 127.0.0.1:0 --info "$work/info" --seats "$@" >"$work/start" 2>"$work/log" &
	server=$!
	for _ in $(seq 100); do
		[ -e "$work/info" ] && break
		kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; die "rollcall local did not start"; }
		sleep 0.1
	done
}

run() {
	engine=$1
	shift
	serve 5000 --rate 0 "$@"
	base=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["baseUrl"])' "$work/info")
	ROLLCALL_TOKEN=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["token"])' "$work/info")
	export ROLLCALL_TOKEN
	suite scim2-tester "$venv/bin/python" "$here/tester.py" "$base"
	suite scim2-cli "$venv/bin/python" "$here/commands.py" "$venv/bin/scim2" "$base"
	suite scim-sanity sanity
	suite python-models "$venv/bin/python" "$here/models.py" "$base"
	suite scim-sdk java -cp "$sdk/*" "$here/sdk/Flows.java" "$base"
	suite unboundid java -cp "$unboundid/*" "$here/unboundid/Client.java" "$base"
	# The tenant's data must be valid afterwards.
	stop
	if [ "$#" -gt 0 ]; then
		suite verify verify "$@"
	fi
}

# recordings sends the recorded requests to a tenant, and takes its last seats.
recordings() {
	engine=embedded
	serve 60 --memory
	suite recordings "$work/replay" -info "$work/info"
	stop
}

# webhooks verifies what a server delivers.
webhooks() {
	engine=embedded
	serve 60 --memory
	mkdir "$work/webhooks"
	cp "$here/webhooks/verify.mjs" "$work/webhooks/"
	ln -s "$modules" "$work/webhooks/node_modules"
	suite standardwebhooks "$venv/bin/python" "$here/webhooks.py" "$work/info" node "$work/webhooks"
	stop
}

# oauth gets access tokens with the OAuth clients of three languages.
oauth() {
	engine=embedded
	local port
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	serve 60 --memory --jwks-host "127.0.0.1:$port"
	suite authlib "$venv/bin/python" "$here/oauth.py" "$work/info" "$port"
	suite nimbus "$venv/bin/python" "$here/oauth.py" "$work/info" "$port" java -cp "$nimbus/*" "$here/nimbus/Client.java"
	suite x/oauth2 "$venv/bin/python" "$here/oauth.py" "$work/info" "$port" "$work/oauthgo"
	stop
}

verify() { "$work/rollcall" verify --tenant acme "$@" && echo "1 passed"; }

run embedded --data "$work/data"
recordings
webhooks
oauth
if [ -n "${ROLLCALL_TEST_DYNAMODB:-}" ]; then
	run dynamodb --dynamodb "$ROLLCALL_TEST_DYNAMODB" --table "rollcall-conformance-$$"
elif [ -n "${CI:-}" ]; then
	die "ROLLCALL_TEST_DYNAMODB is not set: make conformance sets it"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
