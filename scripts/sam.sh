#!/usr/bin/env bash
# Runs a Python tool that tools/requirements.txt pins: scripts/sam.sh sam|cfn-lint [ARGUMENT…]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
name=$1
shift
venv=$("$root/scripts/venv.sh" sam "$root/tools/requirements.txt")
export SAM_CLI_TELEMETRY=0
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1}
exec "$venv/bin/$name" "$@"
