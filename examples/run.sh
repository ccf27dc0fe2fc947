#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds libvfs and its shell and does a real job with them: puts this machine's
# /usr into a tree, in place and read-only, with a directory in memory over
# /usr/local, and works there as two users. What it claims, it checks; any
# difference ends it with a message and status 1. Then programs are run in a
# root file system that the library serves (examples/run/container.sh).
#
#   sh examples/run.sh [BUILD-DIRECTORY]
set -eu
LC_ALL=C
TZ=UTC
export LC_ALL TZ

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build-release}
source=/usr

die() {
	echo "run.sh: FAILED: $*" >&2
	exit 1
}

# ---- what is needed ----

packages='gcc meson ninja-build pkg-config libck-dev uthash-dev libxxhash-dev
libedit-dev libc6-dev libfuse3-dev libjansson-dev'

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
		libfuse3-dev) ls /usr/include/fuse3/fuse_lowlevel.h ;;
		libjansson-dev) ls /usr/include/jansson.h ;;
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

# A listing without what differs for other reasons: sizes of directories, and
# what is mounted or changes meanwhile.
listing() {
	awk '/^total / { next }
	     /^d/ { $5 = "-" }
	     { print }'
}

count=$(find "$source" -xdev -print 2>/dev/null | wc -l)
(cd "$source/include" && ls -lnAR .) | listing >"$work/host"
find "$source/local" -print0 | xargs -0 ls -ldn --time-style=full-iso \
	>"$work/local-before" 2>/dev/null || true
biggest=$(find "$source/lib" -xdev -type f -size +1M -printf '%s %p\n' |
	sort -n | tail -n 1 | cut -d' ' -f2)
[ -n "$biggest" ] || biggest=$(command -v cc)

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

say
say "== $source of this machine in place, and memory over $source/local"
quiet 'mkdir /usr /job'
allow "mount hostfs $source /usr -o ro,cache=exclusive"
try 'time find /usr > /job/names'
quiet "cp /job/names host:$work/names"
try 'time du -sh /usr'
try 'time find /usr -name "unistd*.h"'
allow 'mount tmpfs none /usr/local -o size=64m,mode=755'
allow 'mounts'
allow 'ls -l /usr'
quiet 'cd /usr/include'
quiet 'ls -lnAR . > /job/listing'
quiet "cp /job/listing host:$work/virtual"
quiet 'cd /'
allow "time cp -a --stats /usr/include host:$work/back"
quiet "cp $biggest host:$work/biggest"

say
say '== Nothing of it can be changed'
refuse 'write /usr/include/stdio.h gone'
refuse 'rm /usr/include/stdio.h'
refuse 'chmod 777 /usr/bin'
refuse 'mkdir /usr/mine'
refuse 'mv /usr/lib /usr/lib.old'

say
say '== And there is no way out of it'
refuse 'cat /usr/../etc/passwd'
allow 'ln -s /etc/passwd /usr/local/passwd'
refuse 'cat /usr/local/passwd'
refuse 'ls /usr/local/../../proc'

say
say '== Two users in the directory in memory'
allow 'mkdir -p /usr/local/bin /usr/local/share/ann /usr/local/share/bob'
allow 'cp /usr/include/stdio.h /usr/local/share/stdio.h'
allow 'chown 0:100 /usr/local/share/stdio.h /usr/local/bin'
allow 'chmod 660 /usr/local/share/stdio.h'
allow 'chmod 1775 /usr/local/bin'
allow 'chown 1000:1000 /usr/local/share/ann'
allow 'chown 1001:1001 /usr/local/share/bob'
allow 'chmod 700 /usr/local/share/ann /usr/local/share/bob'

say
say '== Ann, in the group 100'
as ann 1000:1000:100
allow 'id'
allow 'append /usr/local/share/stdio.h "/* a line by ann */"'
allow 'cp -r /usr/include/asm-generic /usr/local/share/ann/mine'
allow 'ln -s /usr/include/stdio.h /usr/local/bin/header'
allow 'write /usr/local/share/ann/note "for nobody else"'
refuse 'chown 1000 /usr/local/share/stdio.h'
refuse 'ls /usr/local/share/bob'
refuse 'mount tmpfs none /usr/local/bin'

say
say '== Bob, not in it'
as bob 1001:1001
allow 'id'
refuse 'cat /usr/local/share/stdio.h'
refuse 'cat /usr/local/share/ann/note'
refuse 'rm /usr/local/bin/header'
refuse 'mkdir /usr/local/mine'
refuse 'mknod /usr/local/share/bob/disk b 8 0'
allow 'write /usr/local/share/bob/note "mine too"'
allow 'xattr set /usr/local/share/bob/note user.colour blue'
allow 'xattr get /usr/local/share/bob/note user.colour'
allow 'stat /usr/local/bin/header'

say
say '== Root again'
as root 0:0
allow 'find /usr/local -user 1001'
allow 'du -sh /usr/local'
allow 'umount /usr/local'
refuse 'ls /usr/local/share/ann'
allow 'df -h /usr'
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
echo '== Checks'
seen=$(wc -l <"$work/names")
[ "$seen" -eq "$count" ] || die "$seen names in $source, not $count"
echo "$seen names in $source, as many as the host has"

listing <"$work/virtual" >"$work/listed"
diff "$work/host" "$work/listed" >"$work/log" || {
	head -n 20 "$work/log" >&2
	die 'the listings of both trees differ (< host, > libvfs)'
}
echo "modes, owners, sizes, times and links are the same:" \
	"$(wc -l <"$work/host") lines of ls -lnAR"

diff -r --no-dereference "$source/include" "$work/back" >"$work/log" || {
	head -n 20 "$work/log" >&2
	die 'the contents differ'
}
cmp "$biggest" "$work/biggest" || die "$biggest differs"
echo "every byte is the same: $(du -sh "$work/back" | cut -f1) of headers, and" \
	"$biggest"

find "$source/local" -print0 | xargs -0 ls -ldn --time-style=full-iso \
	>"$work/local-after" 2>/dev/null || true
cmp "$work/local-before" "$work/local-after" ||
	die "$source/local of the host has changed"
echo "the host's $source/local is as it was"

denied=$(grep -c -e 'Permission denied' -e 'Operation not permitted' \
	-e 'Read-only file system' -e 'No such file' "$work/output")
[ "$denied" -eq 17 ] || die "$denied calls were refused, not 17"
echo "$denied calls refused, as they have to be"

echo
sh "$top/examples/run/container.sh" "$build/examples/run/vfs-run" \
	"$build/container"
echo 'All is well.'
