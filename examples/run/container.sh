#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs real programs in a real root file system that libvfs serves: /bin/true,
# then a script that builds something and runs it, then tells what has changed,
# and that the root file system itself has not. What it claims, it checks; any
# difference ends it with a message and status 1.
#
#   sh examples/run/container.sh VFS-RUN DIRECTORY
#
# The root file system is a Debian of this machine's release with a compiler, by
# debootstrap (made once, and kept in DIRECTORY); where that cannot be had (no
# root, no network) it is busybox, or this machine's own shell and tools. Root
# does it again as an ordinary user, with one of those.
set -eu
LC_ALL=C
TZ=UTC
export LC_ALL TZ

scripts=$(cd "$(dirname "$0")" && pwd)
vfs_run=$(readlink -f "$1")
kept=$(readlink -m "$2")

. "$scripts/user.sh"

die() {
	echo "container.sh: FAILED: $*" >&2
	exit 1
}

if [ ! -x "$vfs_run" ]; then
	echo "No programs in a bundle: vfs-run was not built (libfuse 3.14)"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
bundle=$work/bundle
mkdir "$bundle"

# ---- a root file system ----

# install PACKAGE: quietly; whether it works
install() {
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends "$1" >"$work/log" 2>&1
}

# The first place that this machine's packages of a release come from. What is
# in quotes is apt-get's.
# shellcheck disable=SC2016
mirror() {
	apt-get indextargets --format '$(REPO_URI) $(CODENAME)' \
		'Created-By: Packages' 2>/dev/null | sort -u |
		while read -r uri name; do
			[ "$name" = "$1" ] || continue
			echo "$uri"
			break
		done
}

# A Debian with a compiler. False: it cannot be had.
make_minbase() {
	root=$kept/minbase
	[ ! -f "$kept/minbase.made" ] || return 0
	[ "$(id -u)" = 0 ] && [ -r /etc/os-release ] || return 1
	command -v debootstrap >/dev/null || install debootstrap || return 1
	release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	uri=$(mirror "$release")
	[ -n "$release" ] && [ -n "$uri" ] || return 1
	echo "Making a Debian \"$release\" with debootstrap, once ..."
	rm -rf "$root"
	mkdir -p "$kept"
	debootstrap --variant=minbase --include=gcc,libc6-dev "$release" \
		"$root" "$uri" >"$work/log" 2>&1 || return 1
	touch "$kept/minbase.made"
}

# busybox, and a name for each of its programs
make_busybox() {
	command -v busybox >/dev/null || install busybox-static || return 1
	# one that needs nothing else
	! ldd "$(command -v busybox)" >/dev/null 2>&1 || return 1
	root=$work/busybox
	mkdir -p "$root/bin" || return 1
	cp "$(command -v busybox)" "$root/bin/busybox" || return 1
	for name in $("$root/bin/busybox" --list); do
		[ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
	done
}

# This machine's shell and tools, with their libraries
make_copy() {
	root=$work/copy
	mkdir -p "$root/bin"
	for name in sh true cat ls sort sed awk grep wc tar gzip cp mv rm mkdir \
		chmod touch id; do
		file=$(command -v "$name") || continue
		case $file in
		/*) ;;
		*) file=/bin/$name ;; # the shell has it, too
		esac
		cp -L "$file" "$root/bin/$name" || return 1
		ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true
	done | sort -u >"$work/libraries"
	while read -r file; do
		mkdir -p "$root$(dirname "$file")"
		cp -L "$file" "$root$file" || return 1
	done <"$work/libraries"
}

finish_small() {
	mkdir -p "$root/etc" "$root/root" "$root/srv" "$root/proc" \
		"$root/dev" "$root/sys" "$root/tmp"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'Welcome.' >"$root/etc/motd"
	echo 'nothing' >"$root/etc/issue"
}

if make_minbase; then
	kind=minbase
	echo "The root file system is a Debian: $(du -sh "$root" | cut -f1)"
elif make_busybox; then
	kind=small
	finish_small
	echo "The root file system is busybox: no Debian is to be had here" \
		"(that takes root, apt and its mirror)"
else
	make_copy || die "no root file system can be made"
	kind=small
	finish_small
	echo "The root file system is a copy of this machine's shell and tools:" \
		"neither a Debian nor a static busybox is to be had here"
fi

# ---- the bundle ----

cp "$scripts/job-$kind.sh" "$work/job.sh"
ln -s "$root" "$bundle/rootfs"
caps='"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
"CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_SYS_CHROOT", "CAP_MKNOD",
"CAP_SETFCAP"'
cat >"$bundle/config.json" <<END
{"ociVersion": "1.2.0",
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/",
  "args": ["/bin/true"],
  "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C"],
  "capabilities": {"bounding": [$caps], "effective": [$caps],
   "permitted": [$caps]}},
 "root": {"path": "rootfs"},
 "mounts": [
  {"destination": "/proc", "type": "proc", "source": "proc"},
  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
   "options": ["nosuid", "strictatime", "mode=755", "size=64m"]},
  {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options":
   ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
  {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
   "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=64m"]},
  {"destination": "/sys", "type": "sysfs", "source": "sysfs",
   "options": ["nosuid", "noexec", "nodev", "ro"]},
  {"destination": "/tmp", "type": "tmpfs", "source": "tmp",
   "options": ["nosuid", "nodev", "mode=1777", "size=256m"]}],
 "linux": {"maskedPaths": ["/proc/kcore", "/proc/keys", "/sys/firmware"],
  "readonlyPaths": ["/proc/sys", "/proc/sysrq-trigger"]}}
END

# Everything about every file, but when it was looked at
snapshot() {
	(cd "$root" && find . -xdev -exec stat -c '%n %f %u %g %s %y %h' {} + &&
		find . -xdev -type f -exec cksum {} +) 2>/dev/null | sort
}

# inside PROGRAM...: as it is said on the screen
inside() {
	echo "\$ vfs-run ${options:+$options }bundle -- $*"
	# $options is a list of words.
	# shellcheck disable=SC2086
	"$vfs_run" $options "$bundle" -- "$@"
}

job() {
	options=
	status=0
	inside /bin/true 2>"$work/refused" || status=$?
	cat "$work/refused"
	if [ "$status" = 125 ] && grep -q -e ': /dev/fuse: ' -e 'mounting the' \
		-e 'namespace.* can be made' "$work/refused"; then
		echo "This machine does not let a program be run so"
		return
	fi
	ran=yes
	[ "$status" = 0 ] || die "/bin/true ended with $status"
	status=0
	inside sh -c 'exit 7' || status=$?
	[ "$status" = 7 ] || die "the status was $status, not 7"

	options=--diff
	inside sh <"$work/job.sh" >"$work/output" 2>&1 ||
		die "$(tail -n 5 "$work/output")"
	sed -n '/^[ACDMOR] \//!p' "$work/output"
	echo 'It has changed:'
	sed -n 's/^[ACDMOR] \//  &/p' "$work/output"
	sed -n '/^[ACDMOR] \//p' "$work/output" | sort >"$work/changes"
	sed -n 's/^# changes: //p' "$work/job.sh" | sort |
		diff - "$work/changes" >"$work/log" || {
		cat "$work/log"
		die 'that is not what it was to change (<)'
	}
	if grep -q vfs-run /proc/self/mounts; then
		die 'there is a mount left'
	fi
}

echo "== Programs in a bundle, as user $(id -u)"
snapshot >"$work/before"
ran=no
job

if [ "$kind" = minbase ] && [ $ran = yes ]; then
	# what tar sees of a tree, in the order of names
	pack='exec tar -c --sort=name --numeric-owner --format=posix --acls
	--pax-option=delete=atime,delete=ctime --xattrs --exclude=./proc
	--exclude=./sys --exclude=./dev --exclude=./tmp -f - .'
	here=$(cd "$root" && sh -c "$(echo "$pack" | tr '\n' ' ')" | cksum)
	options=
	there=$("$vfs_run" "$bundle" -- sh -c "$(echo "$pack" | tr '\n' ' ')" |
		cksum)
	[ "$here" = "$there" ] || die "tar of the tree: $there, not $here"
	echo "tar of the whole tree is the same: ${here#* } bytes"
fi

snapshot >"$work/after"
cmp -s "$work/before" "$work/after" || die 'the root file system has changed'
echo "The root file system is as it was: $(wc -l <"$work/after") lines of facts"

# ---- and as an ordinary user ----

[ "$(id -u)" = 0 ] && [ $ran = yes ] || exit 0
command -v setpriv >/dev/null && command -v unshare >/dev/null || exit 0
# What a user can reach, and a /dev/fuse that he may open, to be seen there
# alone.
mkdir "$work/user" "$work/user/tmp"
cp "$scripts"/*.sh "$work/user/"
copy_program "$vfs_run" "$work/user"
chmod 1777 "$work/user/tmp"
make_fuse "$work/user/fuse"
export LD_LIBRARY_PATH="$work/user" TMPDIR="$work/user/tmp"
cd /
# shellcheck disable=SC2016
unshare -m sh -c 'mount --bind "$1/fuse" /dev/fuse &&
	exec setpriv --reuid=65534 --regid=65534 --clear-groups \
	sh "$1/container.sh" "$1/vfs-run" "$1/none"' sh "$work/user"
