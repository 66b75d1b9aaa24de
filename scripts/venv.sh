#!/usr/bin/env bash
# Prints the folder of a virtual environment with the Python packages that a file pins:
# scripts/venv.sh NAME REQUIREMENTS [OPTION OF pip install…]
# It is created once for each content of the file and version of Python, and kept in
# $ROLLCALL_CACHE (~/.cache/rollcall).
set -euo pipefail
name=$1 requirements=$2
shift 2

command -v python3 >/dev/null || {
	echo "$name needs python3 with venv: install it (Debian: python3-venv)" >&2
	exit 2
}
key=$( (cat "$requirements"; python3 --version) | cksum | cut -d' ' -f1)
venv=${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}/$name-$key
if [ ! -e "$venv/complete" ]; then
	echo "installing the Python packages of $name (once)" >&2
	rm -rf "$venv"
	mkdir -p "$(dirname "$venv")"
	python3 -m venv "$venv" >&2
	# The file has all of them: pip resolves nothing, and checks afterwards.
	"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$requirements" "$@" >&2
	"$venv/bin/pip" check --quiet --disable-pip-version-check >&2
	touch "$venv/complete"
fi
printf '%s\n' "$venv"
