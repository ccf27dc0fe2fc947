#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles every public header alone, twice in one file, as C and as C++:
# headers.sh INCLUDE LANGUAGE COMPILER...
set -u
include=$1
language=$2
shift 2

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0

check() { # HEADER STANDARD OPTIONS...
	header=$1
	standard=$2
	shift 2
	if ! "$@" "-std=$standard" -pedantic -Wall -Wextra -Werror \
		-I"$include" -fsyntax-only "$work/one.$language"; then
		echo "FAILED: $header as $standard" >&2
		status=1
	fi
}

count=0
for path in "$include"/vfs/*.h "$include"/vfs/sys/*.h; do
	header=${path#"$include"/}
	printf '#include <%s>\n#include <%s>\n' "$header" "$header" \
		>"$work/one.$language"
	case $language in
	c)
		check "$header" c11 "$@" -Wstrict-prototypes -Wshadow
		check "$header" gnu11 "$@"
		# No padding that the compiler chose, in what crosses an FFI.
		case $header in
		vfs/sys/*) ;;
		*) check "$header" c11 "$@" -Wpadded ;;
		esac
		;;
	*)
		check "$header" c++11 "$@"
		check "$header" c++17 "$@"
		;;
	esac
	count=$((count + 1))
done
echo "$count headers"
[ "$count" -ge 11 ] || status=1
exit "$status"
