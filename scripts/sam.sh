#!/usr/bin/env bash
# Runs a Python tool that tools/requirements.txt pins: scripts/sam.sh sam|cfn-lint [ARGUMENT…]
# The virtual environment is created once for each version and kept in
# $ROLLCALL_CACHE (~/.cache/rollcall).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
name=$1
shift

command -v python3 >/dev/null || {
	echo "$name needs python3 with venv: install it (Debian: python3-venv)" >&2
	exit 2
}
key=$( (cat "$root/tools/requirements.txt"; python3 --version) | cksum | cut -d' ' -f1)
venv=${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}/sam-$key
if [ ! -e "$venv/complete" ]; then
	echo "installing the SAM tools (once)" >&2
	rm -rf "$venv"
	mkdir -p "$(dirname "$venv")"
	python3 -m venv "$venv"
	# requirements.txt has all of them: pip resolves nothing, and checks afterwards.
	"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$root/tools/requirements.txt"
	"$venv/bin/pip" check --quiet --disable-pip-version-check
	touch "$venv/complete"
fi
export SAM_CLI_TELEMETRY=0
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1}
exec "$venv/bin/$name" "$@"
