#!/usr/bin/env bash
# Writes bills of materials in CycloneDX's JSON: scripts/sbom.sh VERSION FILE BINARY for one
# binary; without arguments in bin/sbom for each function's binary and bin/rollcall, which
# make sbom has built. They are read from the binaries: the modules that were linked, with
# versions, hashes and licences. The same binary gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

# bill VERSION FILE BINARY
bill() {
	local log components
	log=$(scripts/tool.sh cyclonedx-gomod bin -json -licenses -std -noserial -notimestamp -version "$1" -output "$2" "$3" 2>&1) || {
		printf '%s\n' "$log" >&2
		exit 1
	}
	components=$(grep -c '"purl"' "$2" || true)
	((components > 3)) || { echo "$2 has only $components components" >&2; exit 1; }
	printf '%-40s %3d components\n' "$2" "$components"
}

if (($#)); then
	bill "$@"
	exit
fi
version=$(git describe --tags --always --dirty 2>/dev/null || echo unknown)
mkdir -p bin/sbom
for binary in bin/lambda/*/bootstrap bin/rollcall; do
	bill "$version" "bin/sbom/$(basename "${binary%/bootstrap}").cdx.json" "$binary"
done
