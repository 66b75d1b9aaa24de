#!/usr/bin/env bash
# Writes a bill of materials in CycloneDX's JSON for each function's binary and for
# bin/rollcall, which make sbom has built: bin/sbom/NAME.cdx.json. It is read from the
# binary itself: the modules that were linked, with versions, hashes and licences.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(git describe --tags --always --dirty 2>/dev/null || echo unknown)
mkdir -p bin/sbom
for binary in bin/lambda/*/bootstrap bin/rollcall; do
	name=$(basename "${binary%/bootstrap}")
	scripts/tool.sh cyclonedx-gomod bin -json -licenses -std -version "$version" -output "bin/sbom/$name.cdx.json" "$binary" 2>"bin/sbom/$name.log" || {
		cat "bin/sbom/$name.log" >&2
		exit 1
	}
	rm "bin/sbom/$name.log"
	components=$(grep -c '"purl"' "bin/sbom/$name.cdx.json" || true)
	((components > 3)) || { echo "bin/sbom/$name.cdx.json has only $components components" >&2; exit 1; }
	printf '%-40s %3d components\n' "bin/sbom/$name.cdx.json" "$components"
done
