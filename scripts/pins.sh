#!/usr/bin/env bash
# Writes the pins of the tools that are not Go's: requirements.txt from requirements.in, with
# the SHA-256 of every package, jars.sha256 with those of the Maven artifacts of each
# pom.xml, and package-lock.json with the SHA-512 of npm's packages. Run it after a change of a version, and read the difference: the sums are those of
# the files as they are downloaded now.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/uv"
"$work/uv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r tools/uv.txt
for folder in tools tools/checkov scripts/conformance sdk examples/python; do
	(
		cd "$folder"
		"$work/uv/bin/uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate \
			--custom-compile-command scripts/pins.sh requirements.in -o requirements.txt
	)
done

for folder in scripts/dynamodb-local scripts/conformance/sdk scripts/conformance/unboundid scripts/conformance/nimbus; do
	mkdir "$work/jars"
	cp "$folder/pom.xml" "$work/"
	mvn -q -B --strict-checksums -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
		-DoutputDirectory="$work/jars" -DincludeScope=runtime
	scripts/checksums.sh "$work/jars" >"$folder/jars.sha256"
	rm -r "$work/jars"
done
for folder in tools/axe sdk/typescript examples/typescript scripts/conformance/webhooks; do
	(cd "$folder" && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --silent)
done
git diff --stat -- tools scripts sdk examples
