#!/usr/bin/env bash
# Runs checkov, which tools/checkov/requirements.txt pins: scripts/checkov.sh [ARGUMENT…]
# It runs without an account and without a network.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$("$root/scripts/venv.sh" checkov "$root/tools/checkov/requirements.txt" --no-compile)
exec "$venv/bin/checkov" "$@"
