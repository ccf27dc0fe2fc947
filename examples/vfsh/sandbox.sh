#!/bin/sh
# SPDX-License-Identifier: MIT
# A sandbox: an overlay in memory over this machine's /usr, where somebody installs
# something, edits, removes and renames; what has changed is told, and is dropped.
# Then the same over a project of the host's, whose changes are kept. What it
# claims, it checks, above all that nothing of the host has changed that should not
# have; any difference ends it with a message and status 1.
#
#   sh examples/vfsh/sandbox.sh VFSH
set -eu
# For job.sh.
# shellcheck disable=SC2034
job=sandbox.sh vfsh=$1
source=/usr
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=examples/vfsh/job.sh
. "$(dirname "$0")/job.sh"

# ---- what the host has ----

# Everything but times of access; a change of anything leaves a time of change.
state() {
	find "$1" -xdev -printf '%p %i %n %M %U:%G %s %T@ %C@ %l\n' \
		2>/dev/null | sort
}

# What is in the files, of those that are played with.
sums() {
	find "$source/include" -xdev -type f -exec cksum {} + | sort -k 3
}

state "$source" >"$work/before"
sums >"$work/sums-before"
project=$work/project
mkdir -p "$project/src" "$project/old"
printf 'int main(void)\n{\n\treturn 1;\n}\n' >"$project/src/main.c"
printf 'all: main\n' >"$project/Makefile"
printf 'notes\n' >"$project/old/notes"
ln "$project/Makefile" "$project/old/Makefile"
chmod 640 "$project/src/main.c"

# ---- the job ----

say
say "== A sandbox over $source of this machine: what is written stays in memory"
quiet 'mkdir /host /usr /up /work'
allow "mount hostfs $source /host -o ro,cache=exclusive"
allow 'mount overlay box /usr -o lowerdir=/host,upperdir=/up,workdir=/work,redirect_dir=on'
allow 'diff /usr'

say
say '== Somebody works there'
allow 'mkdir -p /usr/lib/sandbox/bin'
allow "cp host:$vfsh /usr/lib/sandbox/bin/vfsh"
allow "cp -r host:$top/include/vfs /usr/lib/sandbox/include"
allow 'ln -s ../lib/sandbox/bin/vfsh /usr/bin/vfsh-in-the-sandbox'
allow 'append /usr/include/stdio.h "/* a line of the sandbox */"'
allow 'chmod 600 /usr/include/stdlib.h'
allow 'rm /usr/include/string.h'
allow 'mv /usr/include/asm-generic /usr/include/asm-renamed'
allow 'write /usr/include/asm-renamed/errno.h "/* another one */"'
allow 'time rm -r /usr/include/linux'
allow 'mkdir /usr/include/linux'
allow 'write /usr/include/linux/version.h "/* none */"'

say
say '== What has changed'
allow 'diff -s /usr/include'
allow 'diff /usr > /changes'
allow 'diff -j -s /usr/include > /changes.json'
quiet "cp /changes host:$work/changes"
quiet "cp /changes.json host:$work/changes.json"
quiet "cp /usr/include/stdio.h host:$work/stdio.h"
refuse 'ls /usr/include/string.h'
allow 'ls /usr/include/asm-renamed/errno.h'
allow 'df -h /up'

say
say '== None of it is wanted'
allow 'discard /usr'
allow 'diff /usr > /changes'
quiet "cp /changes host:$work/no-changes"
allow 'ls /usr/include/string.h /usr/include/asm-generic/errno.h'
try 'find /usr > /changes'
quiet "cp /changes host:$work/names"
quiet "cp -a /usr/include host:$work/include"
allow 'umount /usr'

say
say '== A sandbox over a project, whose changes are kept'
quiet 'mkdir /project /mine'
quiet "mount hostfs $project /project -o cache=exclusive"
allow 'mount overlay box /mine -o lowerdir=/project,upperdir=/up,workdir=/work,redirect_dir=on'
allow 'write /mine/src/main.c "int main(void) { return 0; }"'
allow 'mkdir /mine/src/lib'
allow 'write /mine/src/lib/lib.c "int lib;"'
allow 'mv /mine/old /mine/attic'
allow 'rm /mine/attic/notes'
allow 'diff /mine'
allow 'commit /mine'
allow 'diff /mine'
run_script -o size=75%,mode=755

# ---- is it true? ----

echo
echo '== Checks'
state "$source" >"$work/after"
sums >"$work/sums-after"
diff "$work/before" "$work/after" >"$work/log" || {
	head -n 20 "$work/log" >&2
	die "$source of the host has changed (< before, > after)"
}
cmp "$work/sums-before" "$work/sums-after" || die "$source/include has changed"
echo "the host's $source is as it was: $(wc -l <"$work/before") names with" \
	"owners, modes, sizes, times; $(wc -l <"$work/sums-before") checksums"

cat >"$work/expected" <<'EOT'
A l bin/vfsh-in-the-sandbox
D - include/asm-generic
R d include/asm-renamed <- include/asm-generic
M f include/asm-renamed/errno.h
X d include/linux
A f include/linux/version.h
M f include/stdio.h
T f include/stdlib.h
D - include/string.h
A d lib/sandbox
A d lib/sandbox/bin
A f lib/sandbox/bin/vfsh
A d lib/sandbox/include
EOT
grep -v '^A . lib/sandbox/include/' "$work/changes" >"$work/log"
diff "$work/expected" "$work/log" || die 'another diff (< expected, > shown)'
added=$(grep -c '^A . lib/sandbox/include/' "$work/changes")
files=$(find "$top/include/vfs" | tail -n +2 | wc -l)
[ "$added" -eq "$files" ] || die "$added names added, not $files"
echo "the diff tells it all: $(wc -l <"$work/changes") changes"
if command -v python3 >/dev/null; then
	python3 - "$work/changes.json" <<'EOT' || die 'that is no JSON'
import json, sys
changes = [json.loads(line) for line in open(sys.argv[1])]
assert {c["change"] for c in changes} == {
    "added", "deleted", "renamed", "replaced", "modified",
    "metadata"}, changes
EOT
	echo 'and as JSON'
fi
cat "$source/include/stdio.h" >"$work/log"
echo '/* a line of the sandbox */' >>"$work/log"
cmp "$work/stdio.h" "$work/log" || die 'the edited file is another one'
[ ! -s "$work/no-changes" ] || die 'something was left by discard'
diff -r --no-dereference "$source/include" "$work/include" >"$work/log" ||
	die 'after discard the tree is not the host'\''s'
names=$(wc -l <"$work/names")
count=$(wc -l <"$work/before")
[ "$names" -eq "$count" ] || die "$names names after discard, not $count"
echo "and after discard it is the host's again: $names names"

cat >"$work/expected" <<EOT
attic: Makefile
src: lib main.c
src/lib: lib.c
EOT
for dir in attic src src/lib; do
	echo "$dir: $(cd "$project/$dir" && echo *)"
done >"$work/log"
diff "$work/expected" "$work/log" || die 'another project (> shown)'
[ "$(ls -A "$project")" = "$(printf 'Makefile\nattic\nsrc')" ] ||
	die 'something else is in the project'
[ "$(cat "$project/src/main.c")" = 'int main(void) { return 0; }' ] ||
	die 'another main.c'
[ "$(stat -c '%a %h' "$project/src/main.c" "$project/Makefile")" = \
	"$(printf '640 1\n644 2')" ] || die 'other modes or links'
echo "the project on the host has what was committed"
