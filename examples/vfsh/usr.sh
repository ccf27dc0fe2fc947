#!/bin/sh
# SPDX-License-Identifier: MIT
# This machine's /usr in a tree, in place and read-only, with a directory in
# memory over /usr/local, where two users work. What it claims, it checks; any
# difference ends it with a message and status 1.
#
#   sh examples/vfsh/usr.sh VFSH
set -eu
# For job.sh.
# shellcheck disable=SC2034
job=usr.sh vfsh=$1
source=/usr
# shellcheck source=examples/vfsh/job.sh
. "$(dirname "$0")/job.sh"

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
run_script -o size=75%,mode=755

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

# What find and du may not read is the host's to say.
denied=$(grep -v -e '^find: ' -e '^du: ' "$work/output" |
	grep -c -e 'Permission denied' -e 'Operation not permitted' \
		-e 'Read-only file system' -e 'No such file')
[ "$denied" -eq 17 ] || die "$denied calls were refused, not 17"
echo "$denied calls refused, as they have to be"
