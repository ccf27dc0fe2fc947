# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by the jobs, with $job, what it is called, set, and $vfsh: a script for
# vfsh is put together, and run. Every command in it is shown.
LC_ALL=C
TZ=UTC
export LC_ALL TZ

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
script=$work/script
who=root

die() {
	echo "$job: FAILED: $*" >&2
	exit 1
}

as() { # NAME IDS
	who=$1
	echo "su $2" >>"$script"
}

say() {
	printf "echo '%s'\n" "$*" >>"$script"
}

# allow COMMAND: it has to work
allow() {
	say "  $who> $1"
	printf '%s || exit 91\n' "$1" >>"$script"
}

# refuse COMMAND: it has to fail; its message is shown
refuse() {
	say "  $who> $1"
	printf '%s && exit 92\n' "$1" >>"$script"
}

# try COMMAND: works, but for directories that this process may not read
try() {
	say "  $who> $1"
	printf "%s || echo '  (not everything is open to this user)'\n" "$1" \
		>>"$script"
}

# quiet COMMAND: works, and is not shown
quiet() {
	printf '%s || exit 91\n' "$1" >>"$script"
}

# run_script [OPTION...]: what it prints is in $work/output, and shown
run_script() {
	status=0
	echo 'exit 0' >>"$script"
	"$vfsh" "$@" "$script" >"$work/output" 2>&1 || status=$?
	cat "$work/output"
	case $status in
	0) ;;
	91) die 'the last command above was refused, but ought to work' ;;
	92) die 'the last command above worked, but ought to be refused' ;;
	*) die "vfsh ended with status $status" ;;
	esac
}
