#!/bin/sh
# SPDX-License-Identifier: MIT
# What the library exports is what the map lists and what the headers declare:
# symbols.sh NM LIBRARY MAP INCLUDE
set -eu
LC_ALL=C
export LC_ALL
nm=$1
library=$2
map=$3
include=$4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$nm" -D --defined-only "$library" | awk '$2 != "A" { print $3 }' |
	sed 's/@.*//' | sort -u >"$work/exported"
awk '/^global:/ { on = 1; next } /^local:/ { on = 0 }
	on { gsub(/[;\t ]/, ""); if ($0 != "") print }' "$map" |
	sort -u >"$work/map"
# Declarations end with a semicolon; the name stands before the parenthesis,
# or last when it is a variable.
cat "$include"/vfs/*.h "$include"/vfs/sys/*.h |
	sed -e 's|/\*.*\*/||' -e '/\/\*/,/\*\//d' -e '/^#/d' |
	tr '\n\t' '  ' | tr ';{}' '\n\n\n' | grep 'VFS_API' |
	sed -e 's/__attribute__.*//' -e 's/(.*//' -e 's/ *$//' \
		-e 's/.*[ *]//' | sort -u >"$work/declared"

status=0
compare() { # NAME FILE NAME FILE
	if ! diff "$2" "$4" >"$work/diff"; then
		echo "$1 (<) and $3 (>) differ:"
		cat "$work/diff"
		status=1
	fi
}
compare map "$work/map" exported "$work/exported"
compare map "$work/map" headers "$work/declared"
echo "$(wc -l <"$work/exported") symbols"
[ -s "$work/exported" ] || status=1
exit "$status"
