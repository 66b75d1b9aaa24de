#!/usr/bin/env bash
# Prints the folder node_modules with the packages of FOLDER/package-lock.json: scripts/npm.sh FOLDER
# npm compares them with the SHA-512 in that file, and runs nothing of them. They are installed
# once for each content of the file, and kept in $ROLLCALL_CACHE (~/.cache/rollcall).
set -euo pipefail
folder=$1
command -v npm >/dev/null || {
	echo "the packages of $folder need npm: install it (Debian: npm)" >&2
	exit 2
}
home=${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}/npm-$( (cat "$folder/package.json" "$folder/package-lock.json"; node --version) | cksum | cut -d' ' -f1)
if [ ! -e "$home/complete" ]; then
	echo "installing the packages of $folder (once)" >&2
	rm -rf "$home"
	mkdir -p "$home"
	cp "$folder/package.json" "$folder/package-lock.json" "$home/"
	(cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --silent >&2)
	touch "$home/complete"
fi
printf '%s\n' "$home/node_modules"
