#!/usr/bin/env bash
# Runs DynamoDB Local, in memory, for tests and for `rollcall local`.
#
#   run.sh [--port N]               prints the endpoint and serves until stopped
#   run.sh [--port N] -- COMMAND…   runs COMMAND with ROLLCALL_TEST_DYNAMODB set to
#                                   the endpoint, stops the server, and exits as
#                                   COMMAND did. When the variable is already set,
#                                   COMMAND gets that endpoint and no server starts.
#   run.sh --fetch                  downloads DynamoDB Local and prints its folder
#
# DynamoDB Local comes from Maven Central on first use and is kept outside the
# checkout, in ${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}. It is
# Amazon's, under the DynamoDB Local licence: for an AWS customer's own development
# and testing, not to be redistributed. So each user of this script downloads it; it
# is never vendored, cached in an image we publish, or shipped.
#
# The server listens on all interfaces and requires no password.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
	echo "dynamodb-local: $*" >&2
	exit 1
}

port=
fetch_only=
command=()
while (($#)); do
	case $1 in
	--port)
		(($# > 1)) || die "--port needs a number"
		port=$2
		shift 2
		[[ $port =~ ^[0-9]{1,5}$ ]] || die "not a port: $port"
		;;
	--fetch) fetch_only=1 && shift ;;
	--)
		shift
		(($#)) || die "no command after --"
		command=("$@")
		break
		;;
	*) die "unknown argument $1 (use: run.sh [--port N] [-- COMMAND…])" ;;
	esac
done

# A given endpoint is used unchanged: any server that speaks DynamoDB.
if [[ -n ${ROLLCALL_TEST_DYNAMODB:-} && ${#command[@]} -gt 0 ]]; then
	exec "${command[@]}"
fi

property() { sed -n "s:.*<$1>\(.*\)</$1>.*:\1:p" "$here/pom.xml"; }

version=$(property dynamodb-local.version)
[[ -n $version ]] || die "no version in $here/pom.xml"
cache=${ROLLCALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rollcall}
# Another list of jars is another folder: what is in it was compared with the list.
home=$cache/dynamodb-local-$version-$(cat "$here/pom.xml" "$here/jars.sha256" | cksum | cut -d' ' -f1)

scratch=
server=
cleanup() {
	[[ -z $server ]] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
	[[ -z $scratch ]] || rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# fetch fills a temporary directory beside the target and renames it: an interrupted
# run leaves nothing that looks complete, and of two concurrent runs one wins.
fetch() {
	[[ -d $home ]] && return
	command -v mvn >/dev/null || die "mvn not found: install Maven, or set ROLLCALL_TEST_DYNAMODB to the endpoint of a running DynamoDB Local"
	echo "dynamodb-local: fetching version $version into $home (50 MB, once)" >&2
	mkdir -p "$cache"
	scratch=$(mktemp -d "$cache/fetch.XXXXXX")
	local made=$scratch/${home##*/}
	mkdir "$made"
	cp "$here/pom.xml" "$scratch/pom.xml"
	mvn -q -B --strict-checksums -f "$scratch/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
		-DoutputDirectory="$made/lib" -DincludeScope=runtime >&2 ||
		die "Maven could not fetch DynamoDB Local $version (see above)"
	"$here/../checksums.sh" "$made/lib" "$here/jars.sha256" ||
		die "DynamoDB Local $version is not the one that jars.sha256 lists (see above)"
	mv "$made" "$cache/" 2>/dev/null || [[ -d $home ]] || die "cannot write to $cache"
	rm -rf "$scratch"
	scratch=
}

command -v java >/dev/null || die "java not found: install Java 17 or later, or set ROLLCALL_TEST_DYNAMODB to the endpoint of a running DynamoDB Local"
if [[ $(uname -s) == Linux && $(uname -m) == aarch64 ]]; then
	die "DynamoDB Local has no native library for Linux on arm64: set ROLLCALL_TEST_DYNAMODB to the endpoint of another server"
fi
fetch
if [[ -n $fetch_only ]]; then
	echo "$home"
	exit
fi

# answers reports whether something speaks HTTP on the port.
answers() {
	local line=
	{ exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
	printf 'GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3 2>/dev/null || true
	IFS= read -r -t 2 line <&3 || true
	exec 3>&-
	[[ $line == HTTP/* ]]
}

# taken reports whether something listens on the port.
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

log=$(mktemp "${TMPDIR:-/tmp}/dynamodb-local.XXXXXX")

# start runs the server on a port and waits until it answers. The JVM uses only the
# quick compiler, the serial collector and a small heap: it is ready in 2 to 3
# seconds with 170 MB, where the defaults take up to 14 and 600.
start() {
	java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
		-Dsqlite4java.library.path="$home/lib" -cp "$home/lib/*" \
		software.amazon.dynamodb.services.local.main.ServerRunner \
		-inMemory -sharedDb -disableTelemetry -port "$1" >"$log" 2>&1 </dev/null &
	server=$!
	local end=$((SECONDS + 60))
	while ((SECONDS < end)); do
		kill -0 "$server" 2>/dev/null || return 1
		if answers "$1"; then
			# If our server fails because the port is in use, the answer is not from it.
			sleep 0.1
			kill -0 "$server" 2>/dev/null
			return
		fi
		sleep 0.1
	done
	return 1
}

fail_start() {
	sed 's/^/  /' "$log" | tail -n 20 >&2
	rm -f "$log"
	die "the server did not start $1 (see above)"
}

if [[ -n $port ]]; then
	! taken "$port" || die "port $port is in use"
	start "$port" || fail_start "on port $port"
else
	for try in 1 2 3 4 5; do
		port=$((RANDOM % 20000 + 20000))
		taken "$port" && continue
		start "$port" && break
		((try < 5)) || fail_start "on five ports"
	done
fi
# The server can still write to the open file, whose space is freed at its end.
rm -f "$log"

endpoint=http://127.0.0.1:$port
if ((${#command[@]} == 0)); then
	echo "$endpoint"
	wait "$server" || true
	die "the server ended"
fi

# The command runs in the background so that this script handles a signal at once. It
# reads our input and is interrupted as in the foreground.
export ROLLCALL_TEST_DYNAMODB=$endpoint
(
	trap - INT HUP TERM EXIT
	exec "${command[@]}"
) <&0 &
child=$!
trap 'kill -HUP "$child" 2>/dev/null || true' HUP
trap 'kill -INT "$child" 2>/dev/null || true' INT
trap 'kill -TERM "$child" 2>/dev/null || true' TERM
status=0
while :; do
	wait "$child" && status=0 || status=$?
	kill -0 "$child" 2>/dev/null || break
done
exit "$status"
