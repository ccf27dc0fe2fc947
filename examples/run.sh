#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds libvfs, its shell and its tools, and does real jobs with them. In this
# machine's /usr two users work (examples/vfsh/usr.sh), and one changes it in a
# sandbox (examples/vfsh/sandbox.sh); then programs are run in a root file system
# that the library serves (examples/run/container.sh). What they claim, they check;
# any difference ends it with a message and status 1.
#
#   sh examples/run.sh [BUILD-DIRECTORY]
set -eu
LC_ALL=C
TZ=UTC
export LC_ALL TZ

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build-release}

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

# ---- the jobs ----

sh "$top/examples/vfsh/usr.sh" "$vfsh"
echo
sh "$top/examples/vfsh/sandbox.sh" "$vfsh"
echo
sh "$top/examples/run/container.sh" "$build/examples/run/vfs-run" \
	"$build/container"
echo 'All is well.'
