#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs built outside the tree, against an installed copy:
# installed.sh BUILD SOURCE MESON PKG-CONFIG CC...
set -u
build=$1 source=$2 meson=$3 pkg_config=$4
shift 4

fail() {
	echo "installed.sh: $*" >&2
	exit 1
}

place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1

"$meson" install -C "$build" --no-rebuild --destdir "$place/root" >log 2>&1 ||
	{ cat log; fail "meson install"; }

headers=$(find "$place/root" -path '*/include/vfs')
[ -n "$headers" ] || fail "no headers"
for header in $(cd "$source/include/vfs" && find . -name '*.h'); do
	cmp "$source/include/vfs/$header" "$headers/$header" ||
		fail "$header is not installed"
done

pc=$(find "$place/root" -name vfs.pc)
[ -n "$pc" ] || fail "no vfs.pc"
PKG_CONFIG_PATH=${pc%/vfs.pc}
LD_LIBRARY_PATH=${pc%/pkgconfig/vfs.pc}
export PKG_CONFIG_PATH LD_LIBRARY_PATH

# As pkg-config says it, but for where it is.
flags() {
	"$pkg_config" --define-variable=prefix="${headers%/include/vfs}" \
		"$@" vfs || fail "pkg-config vfs"
}

# shellcheck disable=SC2086
for program in hello custom-backend synthetic broken-disk; do
	"$@" "$source/examples/$program.c" -o shared \
		$(flags --cflags --libs) ||
		fail "$program does not build"
	./shared >shared.out || fail "$program: $?"
	"$@" "$source/examples/$program.c" -o static -static \
		$(flags --static --cflags --libs) ||
		fail "$program does not build with the static library"
	./static >static.out || fail "static $program: $?"
	cmp shared.out static.out || fail "$program: static is different"
	echo "$program: $(wc -l <shared.out) lines"
done

for page in "$source"/docs/man/*.[1-9]; do
	[ -n "$(find root -name "$(basename "$page")*")" ] ||
		fail "$page is not installed"
done

# A function is a name of the page that it is on.
for page in vfs_open.3 vfs_readdir.3 vfs_bundle_env.3 vfs_overlay_commit.5; do
	found=$(find root -name "$page*")
	[ -n "$found" ] && grep -q "${page%.*}" "$found" ||
		fail "$page is not installed"
done

shell=$(find "$place/root" -name vfsh)
[ -z "$shell" ] || [ "$("$shell" -c 'echo here')" = here ] ||
	fail "the installed vfsh"
