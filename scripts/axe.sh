#!/usr/bin/env bash
# Prints the file of axe-core, whose rules the console's pages are tested with: scripts/axe.sh
# npm compares it with the SHA-512 in tools/axe/package-lock.json, and runs nothing of it.
# It is installed once for each content of that file, and kept in $ROLLCALL_CACHE
# (~/.cache/rollcall).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
key=$(cksum <"$root/tools/axe/package-lock.json" | cut -d' ' -f1)
folder=${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}/axe-$key
if [ ! -e "$folder/axe.min.js" ]; then
	command -v npm >/dev/null || {
		echo "axe-core needs npm: install it (Debian: npm)" >&2
		exit 2
	}
	echo "installing axe-core (once)" >&2
	mkdir -p "$folder"
	# Built in another folder and moved, so that concurrent runs do not conflict.
	new=$(mktemp -d "$folder/.build-XXXXXX")
	trap 'rm -rf "$new"' EXIT
	cp "$root/tools/axe/package.json" "$root/tools/axe/package-lock.json" "$new/"
	(cd "$new" && npm ci --ignore-scripts --no-audit --no-fund --silent >&2)
	mv "$new/node_modules/axe-core/axe.min.js" "$folder/axe.min.js"
fi
printf '%s\n' "$folder/axe.min.js"
