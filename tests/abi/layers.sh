#!/bin/sh
# SPDX-License-Identifier: MIT
# Who may include whom, and whose file has a licence line: layers.sh TOP
set -u
cd "$1" || exit 1
status=0
count=0

# files PATTERN...: what a layer may include, as a regular expression of whole
# names; anything else between "" or <vfs/…> is a shortcut.
check() { # FOLDER ALLOWED
	for file in "$1"/*.c "$1"/*.h; do
		[ -f "$file" ] || continue
		count=$((count + 1))
		bad=$(sed -n 's/^# *include *\([<"][^>"]*[>"]\).*/\1/p' \
			"$file" | grep -E '^"|^<vfs' | grep -Ev "^($2)$")
		if [ -n "$bad" ]; then
			echo "$file includes:" $bad
			status=1
		fi
	done
}

public='<vfs/[a-z]+\.h>|<vfs/sys/[a-z]+\.h>'
check lib/util "$public|\"util/[a-z_]+\.h\"|\"[a-z_]+\.h\""
check lib/core "$public|\"(util|core)/[a-z_]+\.h\""
check lib/api "$public|\"(util|core|api)/[a-z_]+\.h\"|\"[a-z_]+\.h\""
for backend in lib/backends/*/; do
	check "${backend%/}" "$public|\"[a-z_]+\.h\""
done
check lib/bundle "$public|\"[a-z_]+\.h\""
check examples "<vfs/[a-z]+\.h>|<vfs/sys/[a-z]+\.h>"

# A header of a neighbour, named without its folder, would hide from the above.
for file in lib/util/*.[ch] lib/api/*.[ch] lib/backends/*/*.[ch] \
	lib/bundle/*.[ch]; do
	[ -f "$file" ] || continue
	for name in $(sed -n 's/^# *include *"\([^"/]*\)".*/\1/p' "$file"); do
		if [ ! -f "$(dirname "$file")/$name" ]; then
			echo "$file includes $name, which is not beside it"
			status=1
		fi
	done
done

# Libraries that one file alone may include.
only() { # HEADER FOLDER-OR-FILE-EXPRESSION
	bad=$(grep -rlE "^# *include *<$1" lib | grep -Ev "^($2)$")
	if [ -n "$bad" ]; then
		echo "<$1> is included by:" $bad
		status=1
	fi
}
only 'ck_' 'lib/util/epoch\.[ch]'
only 'uthash' 'lib/util/table\.[ch]'
only 'xxhash' 'lib/util/hash\.[ch]'
only 'jansson' 'lib/bundle/json\.h'

for file in $(find include lib examples tests docs .ci -type f \( \
	-name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.map' \
	-o -name meson.build \) ! -path '*/__pycache__/*') meson.build \
	meson_options.txt .ci/run; do
	count=$((count + 1))
	if ! head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT'; then
		echo "$file has no SPDX line"
		status=1
	fi
done
echo "$count files"
exit "$status"
