#!/usr/bin/env bash
# Builds the container image of rollcall local: scripts/image.sh [NAME]. It fetches nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-rollcall:local}

arch=$(docker version --format '{{.Server.Arch}}') # the daemon's, which may be another machine
folder=bin/image
rm -rf "$folder"
mkdir -p "$folder/root/licenses" "$folder/data/rollcall" "$folder/data/state"
CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$folder/root/rollcall" ./cmd/rollcall
cp LICENSE NOTICE THIRD_PARTY_LICENSES.txt "$folder/root/licenses/"
chmod -R go+rX "$folder/root"
chmod 700 "$folder"/data/*
docker build --quiet --tag "$name" --label org.opencontainers.image.title=rollcall \
	--label org.opencontainers.image.licenses=Apache-2.0 . >/dev/null
docker image inspect --format "$name: {{.Size}} bytes, user {{.Config.User}}" "$name"
