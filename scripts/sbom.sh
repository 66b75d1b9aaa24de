#!/usr/bin/env bash
# Writes a bill of materials in CycloneDX's JSON for each function, as it is deployed, and
# for the command rollcall: bin/sbom/NAME.cdx.json. It lists the modules whose packages are
# linked, with their hashes and licences.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bin/sbom
for main in functions/*/ cmd/rollcall/; do
	name=$(basename "$main")
	CGO_ENABLED=0 GOOS=linux GOARCH=${LAMBDA_ARCH:-arm64} GOFLAGS=-tags=lambda.norpc \
		scripts/tool.sh cyclonedx-gomod app -json -licenses -std -main "$main" -output "bin/sbom/$name.cdx.json" . 2>"bin/sbom/$name.log" || {
		cat "bin/sbom/$name.log" >&2
		exit 1
	}
	rm "bin/sbom/$name.log"
	printf '%-28s %s components\n' "bin/sbom/$name.cdx.json" "$(grep -c '"purl"' "bin/sbom/$name.cdx.json")"
done
