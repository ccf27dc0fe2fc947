#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds libvfs and its shell and does a real job with them: takes this
# machine's /usr/include into a tree in memory, with owners, modes, times and
# links, and works in it as two users. What it claims, it checks; any
# difference ends it with a message and status 1.
#
#   sh examples/run.sh [BUILD-DIRECTORY]
set -eu
LC_ALL=C
TZ=UTC
export LC_ALL TZ

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build-release}
source=/usr/include

die() {
	echo "run.sh: FAILED: $*" >&2
	exit 1
}

# ---- what is needed ----

packages='gcc meson ninja-build pkg-config libck-dev uthash-dev libxxhash-dev
libedit-dev libc6-dev'

# The packages that are not there, by what they bring.
missing() {
	for package in $packages; do
		case $package in
		gcc) command -v cc ;;
		meson) command -v meson ;;
		ninja-build) command -v ninja || command -v ninja-build ;;
		pkg-config) command -v pkg-config || command -v pkgconf ;;
		libck-dev) ls /usr/include/ck_epoch.h ;;
		uthash-dev) ls /usr/include/uthash.h ;;
		libxxhash-dev) ls /usr/include/xxhash.h ;;
		libedit-dev) ls /usr/include/editline/readline.h ;;
		libc6-dev) ls /usr/include/stdio.h ;;
		esac >/dev/null 2>&1 || printf ' %s' "$package"
	done
}

wanted=$(missing)
if [ -n "$wanted" ]; then
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		echo "run.sh: please install first:$wanted" >&2
		exit 1
	fi
	echo "Installing:$wanted"
	log=$(mktemp)
	# $wanted is a list of words.
	# shellcheck disable=SC2086
	if ! { apt-get update && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends $wanted; } \
		>"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "apt-get could not install:$wanted"
	fi
	rm -f "$log"
	wanted=$(missing)
	[ -z "$wanted" ] || die "still missing:$wanted"
fi

# ---- building ----

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# step COMMAND...: quiet unless it fails
step() {
	"$@" >"$work/log" 2>&1 && return
	cat "$work/log" >&2
	die "$*"
}

echo "Building in $build ..."
if [ ! -f "$build/build.ninja" ]; then
	step meson setup "$build" "$top" --buildtype=release -Dtests=false
fi
step meson compile -C "$build"
vfsh=$build/examples/vfsh/vfsh
[ -x "$vfsh" ] || die "$vfsh was not built"

# ---- the host's side of the story ----

# A listing without what belongs to the host's file system: link counts,
# blocks and the sizes of directories.
listing() {
	awk '/^total / { next }
	     /^d/ { $5 = "-" }
	     /^[-dlcbps]/ { $2 = "-" }
	     { print }'
}

kind() { # [TEST...]: how many entries pass
	find "$source" "$@" -print | wc -l
}

files=$(kind -type f)
directories=$(kind -type d)
others=$(kind ! -type f ! -type d)
bytes=$(find "$source" -type f -printf '%D:%i %s\n' | sort -u |
	awk '{ sum += $2 } END { printf "%d", sum }')
(cd "$source" && ls -lnAR .) | listing >"$work/host"

# ---- the job, as one script for vfsh ----

script=$work/script
who=root
ids=0:0

as() { # NAME IDS
	who=$1
	ids=$2
	echo "su $ids" >>"$script"
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

# quiet COMMAND: works, and is not shown
quiet() {
	printf '%s || exit 91\n' "$1" >>"$script"
}

say
say "== The whole of $source, into memory"
allow "cp -a --stats host:$source /inc"
allow "df -h /"
allow "df -i /"
allow "time du -sh /inc"
allow "time find /inc -name "unistd*.h""
quiet 'cd /inc'
quiet 'ls -lnAR . > /listing'
quiet "cp /listing host:$work/virtual"
quiet "time cp -a --stats /inc host:$work/back"
quiet 'tree -L 1 /inc > /tree'
quiet "cp /tree host:$work/tree"
quiet 'cd /'
quiet 'rm /listing /tree'

say
say '== Two users, one of them in the group 100 that owns the headers'
allow 'mkdir -p /home/ann /home/bob'
allow 'chown 1000:1000 /home/ann'
allow 'chown 1001:1001 /home/bob'
allow 'chmod 700 /home/ann /home/bob'
allow 'chown -R :100 /inc'
allow 'chmod -R g+w,o-w /inc'
allow 'chmod 660 /inc/stdio.h'
allow 'ls -l /inc/stdio.h /inc/stdlib.h'

say
say '== Ann, in the group'
as ann 1000:1000:100
allow 'id'
allow 'cp -r /inc/asm-generic /home/ann/mine'
allow 'append /inc/stdio.h "/* a line by ann */"'
allow 'ln -s /inc/stdio.h /home/ann/std'
allow 'write /home/ann/note "for nobody else"'
allow 'mkdir -m 1777 /inc/drop'
allow 'write /inc/drop/ann "mine"'
allow 'mv /inc/stdlib.h /inc/stdlib.h.old'
refuse 'chown 1000 /inc/stdio.h'
refuse 'ls /home/bob'

say
say '== Bob, not in it'
as bob 1001:1001
allow 'id'
refuse 'cat /inc/stdio.h'
refuse 'cat /home/ann/note'
refuse 'rm /inc/stdlib.h.old'
refuse 'mkdir /inc/mine'
refuse 'mv /inc/drop/ann /inc/drop/bob'
refuse 'chmod 666 /inc/stdlib.h.old'
refuse 'mknod /home/bob/disk b 8 0'
allow 'write /inc/drop/bob "mine too"'
allow 'ls -ln /inc/drop'
allow 'find /inc -maxdepth 1 -name "stdlib*" -type f'
allow 'xattr set /inc/drop/bob user.colour blue'
allow 'xattr get /inc/drop/bob user.colour'

say
say '== Root again'
as root 0:0
allow 'cat /home/ann/note'
allow 'time rm -r /inc'
refuse 'ls /inc'
allow 'df -i /'
echo 'exit 0' >>"$script"

status=0
"$vfsh" -o size=75%,mode=755 "$script" >"$work/output" 2>&1 || status=$?
cat "$work/output"
case $status in
0) ;;
91) die 'the last command above was refused, but ought to work' ;;
92) die 'the last command above worked, but ought to be refused' ;;
*) die "vfsh ended with status $status" ;;
esac

# ---- is it true? ----

echo
echo '== The top of the tree'
head -n 12 "$work/tree"
echo '...'
tail -n 1 "$work/tree"

expected="$files files, $directories directories, $others others, $bytes bytes"
echo
echo '== Checks'
[ "$(grep -c "^$expected in " "$work/output")" -eq 2 ] ||
	die "not copied in and out: $expected"
echo "copied in and out again: $expected"

listing <"$work/virtual" >"$work/listed"
diff "$work/host" "$work/listed" >"$work/log" || {
	head -n 20 "$work/log" >&2
	die 'the listings of both trees differ (< host, > libvfs)'
}
echo "modes, owners, sizes, times and links are the same:" \
	"$(wc -l <"$work/host") lines of ls -lnAR"

diff -r --no-dereference "$source" "$work/back" >"$work/log" || {
	head -n 20 "$work/log" >&2
	die 'the contents differ after the way in and out'
}
echo 'every byte is the same after the way in and out'

denied=$(grep -c -e 'Permission denied' -e 'Operation not permitted' \
	"$work/output")
[ "$denied" -eq 9 ] || die "$denied calls were refused for want of rights, not 9"
echo "$denied calls refused for want of rights, as they have to be"
echo 'All is well.'
