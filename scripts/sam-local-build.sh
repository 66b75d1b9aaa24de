#!/bin/sh
# Builds a function for sam local: sam-local-build.sh NAME PACKAGE COMMAND…
#
# Functions are deployed for arm64, unless they are built with another LAMBDA_ARCH,
# and an x86-64 machine cannot run those. So sam build fills, beside .aws-sam/build,
# which sam deploy uploads, .aws-sam/local: the functions for this machine's
# processor, and the template that sam local reads (samconfig.toml). A build into
# another folder (sam build --build-dir) is for LAMBDA_ARCH only.
set -eu
case ${ARTIFACTS_DIR:-} in
*/.aws-sam/build/"$1") ;;
*) exit 0 ;;
esac
name=$1 package=$2
shift 2
out=${ARTIFACTS_DIR%/build/*}/local
arch=$(go env GOHOSTARCH)
case $arch in
amd64) lambda=x86_64 ;;
arm64) lambda=arm64 ;;
*)
	echo "sam local does not run on $arch: Lambda has amd64 and arm64" >&2
	exit 0
	;;
esac
mkdir -p "$out/$name"
GOARCH=$arch "$@" -o "$out/$name/bootstrap" "$package"
# Functions are built in parallel, and each build writes the same template.
go run ./scripts/localtemplate "$lambda" <template.yaml >"$out/$name.yaml"
mv "$out/$name.yaml" "$out/template.yaml"
