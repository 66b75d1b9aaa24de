#!/usr/bin/env bash
# Searches for known vulnerabilities in the code that the module calls, with the
# standard library of the release in go.mod if that can be downloaded: a directive
# older than the latest fixes is then found too.
#
# Any failure fails, except one: if no connection to the vulnerability database can be
# made, nothing is known. The script then says NOT CHECKED and succeeds; with
# ROLLCALL_VULN=required, as for a release, that fails too.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
release=go$(sed -n 's/^go //p' go.mod)
if GOTOOLCHAIN=$release go version >/dev/null 2>&1; then
	export GOTOOLCHAIN=$release
fi
out=$(scripts/tool.sh govulncheck ./... 2>&1)
status=$?

# unreachable reports whether the only error is that no connection could be made: an
# answer of the database, a broken certificate or a fault in the code is another error.
unreachable() {
	local errors
	errors=$(grep -E '^govulncheck: ' <<<"$out")
	[ "$(grep -c '' <<<"$errors")" = 1 ] &&
		grep -qE '^govulncheck: fetching vulnerabilities: Get "[^"]+": (dial tcp|proxyconnect tcp: dial tcp|net/http: TLS handshake timeout)' <<<"$errors"
}

case $status in
0) echo "no known vulnerability is called ($(go version))" ;;
3) printf '%s\n' "$out" ;; # vulnerabilities found
*)
	if ! unreachable; then
		printf '%s\n' "$out"
		echo "FAILED: the search for vulnerabilities ended with an error"
	elif [ "${ROLLCALL_VULN:-}" = required ]; then
		echo "FAILED: NOT CHECKED: the vulnerability database cannot be reached from here, and ROLLCALL_VULN=required"
	else
		echo "NOT CHECKED: the vulnerability database cannot be reached from here"
		status=0
	fi
	;;
esac
exit "$status"
