#!/usr/bin/env bash
# Builds a Docker image in which sam local can run the functions if AWS's own cannot
# be fetched: build.sh NAME
#
# The functions are static binaries, which need only the folders of Lambda's runtime
# image. The few commands are for SAM, which adds its runtime interface emulator to
# the image with mv and chmod. The image has 2 MB, and nothing is downloaded.
set -euo pipefail
(($# == 1)) || {
	echo "use: $0 NAME" >&2
	exit 2
}
busybox=$(command -v busybox) || {
	echo "busybox not found: install a static one (Debian: busybox-static)" >&2
	exit 1
}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,etc/ssl/certs,tmp,var/task,var/runtime,var/rapid,opt}
chmod 1777 "$root/tmp"
cp "$(readlink -f "$busybox")" "$root/bin/busybox"
# A dynamically linked busybox would find no libraries in the image.
chroot "$root" /bin/busybox true 2>/dev/null || [[ $(id -u) != 0 ]] || {
	echo "$busybox is not a static one: install it (Debian: busybox-static)" >&2
	exit 1
}
for name in sh mv cp chmod mkdir rm cat ls env sleep; do
	ln -s busybox "$root/bin/$name"
done
echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
for certificates in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
	[[ ! -r $certificates ]] || {
		cp -L "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
		break
	}
done
tar -C "$root" --numeric-owner --owner=0 --group=0 -c . |
	docker import \
		-c 'ENV PATH=/bin LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime' \
		-c 'WORKDIR /var/task' - "$1"
