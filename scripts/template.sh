#!/usr/bin/env bash
# Checks the deployment with cfn-lint, sam validate and checkov, and the exceptions from their
# checks: every one has a reason, and is needed. cfn-lint also sees what a deployment makes of it,
# with CodeDeploy and without.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scripts/sam.sh cfn-lint template.yaml
scripts/sam.sh sam validate --lint --template template.yaml
for type in Canary10Percent5Minutes AllAtOnce; do
	scripts/sam.sh python scripts/transform.py "$type" >"$work/$type.json"
	scripts/sam.sh cfn-lint "$work/$type.json"
done
go run ./scripts/exceptions strip >"$work/template.yaml"
scripts/sam.sh cfn-lint --format json "$work/template.yaml" >"$work/cfn-lint.json" || true # it finds something
go run ./scripts/exceptions cfn-lint <"$work/cfn-lint.json"
# It fails for findings that are accepted. Its own list of them cannot have reasons.
scripts/checkov.sh --framework cloudformation dockerfile --file template.yaml Dockerfile \
	--skip-download --quiet --compact --output json >"$work/checkov.json" || true
go run ./scripts/exceptions checkov <"$work/checkov.json"
