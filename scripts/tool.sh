#!/usr/bin/env bash
# Runs a tool that tools/go.mod pins: scripts/tool.sh NAME [ARGUMENT…]
# It is built once for each version of the tools and of Go, and kept in
# $ROLLCALL_CACHE (~/.cache/rollcall). cyclonedx-gomod is in tools/sbom.mod and actionlint in
# tools/actionlint.mod, so that their modules do not choose the versions of the others'.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
name=$1
shift

mod=go.mod
case $name in
cyclonedx-gomod) mod=sbom.mod ;;
actionlint) mod=actionlint.mod ;;
esac
key=$( (cat "$root/tools/$mod"; go version) | cksum | cut -d' ' -f1)
bin=${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}/tools-$key
if [ ! -x "$bin/$name" ]; then
	case $name in
	gofumpt) package=mvdan.cc/gofumpt ;;
	golangci-lint) package=github.com/golangci/golangci-lint/v2/cmd/golangci-lint ;;
	govulncheck) package=golang.org/x/vuln/cmd/govulncheck ;;
	cyclonedx-gomod) package=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod ;;
	actionlint) package=github.com/rhysd/actionlint/cmd/actionlint ;;
	*)
		echo "$0: tools/$mod has no tool $name" >&2
		exit 2
		;;
	esac
	echo "building $name (once)" >&2
	mkdir -p "$bin"
	# Built in another folder and moved, so that concurrent runs do not conflict.
	new=$(mktemp -d "$bin/.build-XXXXXX")
	trap 'rm -rf "$new"' EXIT
	(cd "$root/tools" && CGO_ENABLED=0 GOFLAGS='' GOOS='' GOARCH='' go build -modfile="$mod" -trimpath -buildvcs=false -o "$new/$name" "$package")
	mv "$new/$name" "$bin/$name"
	rm -rf "$new"
	trap - EXIT
fi
exec "$bin/$name" "$@"
