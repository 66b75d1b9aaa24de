#!/usr/bin/env bash
# Runs checkov, which tools/checkov/requirements.txt pins: scripts/checkov.sh [ARGUMENT…]
# The virtual environment is created once for each version and kept in
# $ROLLCALL_CACHE (~/.cache/rollcall). checkov runs without an account and without a network.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

command -v python3 >/dev/null || {
	echo "checkov needs python3 with venv: install it (Debian: python3-venv)" >&2
	exit 2
}
key=$( (cat "$root/tools/checkov/requirements.txt"; python3 --version) | cksum | cut -d' ' -f1)
venv=${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}/checkov-$key
if [ ! -e "$venv/complete" ]; then
	echo "installing checkov (once)" >&2
	rm -rf "$venv"
	mkdir -p "$(dirname "$venv")"
	python3 -m venv "$venv"
	# requirements.txt has all of them: pip resolves nothing, and checks afterwards.
	"$venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r "$root/tools/checkov/requirements.txt"
	"$venv/bin/pip" check --quiet --disable-pip-version-check
	touch "$venv/complete"
fi
exec "$venv/bin/checkov" "$@"
