#!/usr/bin/env bash
# Prepares the machine for make sam-test, which needs Docker's programs and a static
# busybox. On Debian, as root, it installs missing ones; elsewhere it says what to
# install. It starts no daemon: if none runs, samlocal starts one for its run.
set -euo pipefail

missing=()
command -v docker >/dev/null || missing+=(docker.io)
# A running daemon may be anywhere; without one, root can start its own.
docker version >/dev/null 2>&1 || {
	command -v dockerd >/dev/null || missing+=(docker.io)
	command -v ip >/dev/null || missing+=(iproute2)
}
command -v busybox >/dev/null || missing+=(busybox-static)
((${#missing[@]})) || exit 0

if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
	echo "docker.sh: missing, and not root on Debian to install it: $(printf '%s\n' "${missing[@]}" | sort -u | tr '\n' ' ')" >&2
	echo "docker.sh: install Docker (on a Mac: Docker Desktop) and start it; a busybox is needed only where images cannot be fetched" >&2
	exit 1
fi
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
echo "docker.sh: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
