# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by the tests of vfsh with $vfsh set: counts checks and failures.
TZ=UTC
LC_ALL=C
export TZ LC_ALL

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# check NAME STATUS COMMANDS [OPTION...] < what is printed, both streams
check() {
	name=$1
	status=$2
	commands=$3
	shift 3
	cat >"$work/expected"
	"$vfsh" "$@" -c "$commands" >"$work/printed" 2>&1 </dev/null
	found=$?
	count=$((count + 1))
	if [ "$found" != "$status" ]; then
		echo "FAILED $name: exit status $found, not $status" >&2
		cat "$work/printed" >&2
		failed=$((failed + 1))
	elif ! diff "$work/expected" "$work/printed" >&2; then
		echo "FAILED $name (< expected, > printed)" >&2
		failed=$((failed + 1))
	fi
}

# same NAME: whether $work/printed is what is expected
same() {
	count=$((count + 1))
	if ! diff "$work/expected" "$work/printed" >&2; then
		echo "FAILED $1 (< expected, > printed)" >&2
		failed=$((failed + 1))
	fi
}

finish() {
	echo "$count checks, $failed failed"
	[ "$failed" -eq 0 ]
}
