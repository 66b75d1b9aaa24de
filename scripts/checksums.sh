#!/usr/bin/env bash
# Compares the files of a folder with a list of SHA-256 sums: scripts/checksums.sh FOLDER LIST
# Another content, a missing file and a file that is not in the list are failures.
# Without LIST it prints the list of the folder.
set -euo pipefail
export LC_ALL=C # the shell sorts the names too
folder=$1
sums() {
	if command -v sha256sum >/dev/null; then
		(cd "$folder" && sha256sum -- *)
	else
		(cd "$folder" && shasum -a 256 -- *)
	fi
}
if (($# == 1)); then
	sums
	exit
fi
if ! differ=$(diff "$2" <(sums)); then
	echo "the files of $folder are not those of $2 (< is expected, > is there):" >&2
	printf '%s\n' "$differ" >&2
	exit 1
fi
