# SPDX-License-Identifier: MIT
# For the tests of vfs-fuse, which source it: checks that are counted. $work is a
# directory of the test's own. checks_end says how many there were.
# shellcheck shell=sh

checks=0
failed=0
: >"$work/out"

# What a command prints is in $work/out; of the one before it, in $work/before.
run() {
	checks=$((checks + 1))
	mv "$work/out" "$work/before"
	"$@" >"$work/out" 2>&1
}

bad() {
	echo "FAILED: $*"
	failed=$((failed + 1))
}

# ok NAME COMMAND...: it succeeds; no NAME COMMAND...: it fails
ok() {
	what=$1
	shift
	run "$@" && return
	bad "$what: $*"
	cat "$work/out"
}

no() {
	what=$1
	shift
	run "$@" || return
	bad "$what: no failure: $*"
}

# says TEXT, as a command of ok: the check before it has printed that
says() {
	grep -q -e "$1" "$work/before"
}

checks_end() {
	echo "$checks checks, $failed failed"
	[ $failed -eq 0 ]
}
