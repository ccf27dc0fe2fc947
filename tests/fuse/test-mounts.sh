#!/bin/sh
# SPDX-License-Identifier: MIT
# vfs-fuse: how mounts come, change and go. test-mounts.sh VFS-FUSE
set -u

if [ "$(id -u)" != 0 ]; then
	echo "SKIPPED: not root, and mount(8) is for root"
	exit 77
fi
if ! [ -c /dev/fuse ] || ! : <>/dev/fuse; then
	echo "SKIPPED: /dev/fuse cannot be opened"
	exit 77
fi
if [ -z "${IN_NAMESPACE:-}" ]; then
	if ! unshare -m true; then
		echo "SKIPPED: no mount namespace"
		exit 77
	fi
	export IN_NAMESPACE=1
	exec unshare -m sh "$0" "$@"
fi

fuse=$1
real=$(readlink -f "$fuse")
# mount(8)'s helper looks for it there
PATH=$(dirname "$real"):$PATH
export PATH
work=$(mktemp -d) || exit 1
chmod 711 "$work"
mkdir "$work/a" "$work/b" || exit 1
name=test-$$

clean() {
	umount -l "$work/a" "$work/b" 2>/dev/null
	rmdir "$work/a" "$work/b"
	rm -rf "$work"
}
trap clean EXIT

here=$(dirname "$0")
. "$here/checks.sh"

mounted() {
	grep -q " $1 fuse.vfs-fuse $2" /proc/self/mounts
}

# Processes of ours that are neither gone nor waited for
running() {
	for dir in /proc/[0-9]*; do
		[ "$(readlink "$dir/exe" 2>/dev/null)" = "$real" ] &&
			grep -q "$work" "$dir/cmdline" 2>/dev/null &&
			echo "${dir#/proc/}"
	done
}

none_left() {
	i=0
	while [ -n "$(running)" ]; do
		i=$((i + 1))
		[ $i -lt 100 ] || return 1
		sleep 0.1
	done
}

# the command line
ok help "$fuse" --help
ok "help says" says "-o OPTION"
ok version "$fuse" -V
no "no place" "$fuse" tmpfs
no "no directory" "$fuse" tmpfs /dev/null
ok "is said" says "Not a directory"
no "no such type" "$fuse" nonesuch "$work/a"
ok "the type is named" says nonesuch
no "an option of nobody" "$fuse" tmpfs "$work/a" -o sizze=3
ok "the option is named" says sizze
no "refused by name" "$fuse" tmpfs "$work/a" -o blkdev
ok "and why" says blkdev
no "what must know of each change" "$fuse" tmpfs "$work/a" \
	-o writeback,cache=none
ok "and why" says "option writeback: not with cache=none"
no "for several mounts" "$fuse" tmpfs "$work/a" -o writeback_cache,server=x
ok "and why" says "option writeback"
no "of a file system that makes things up" "$fuse" proc "$work/a" -o writeback=1
ok "and why" says "tmpfs or an overlay"
no "how much" "$fuse" tmpfs "$work/a" -o writeback=2
no "of a list" "$fuse" -F /dev/null "$work/a" -o writeback
ok "and why" says "tmpfs or an overlay"
no "a name that is none" "$fuse" tmpfs "$work/a" -o fsname=
ok "is named" says fsname
no "a size that is none" "$fuse" tmpfs "$work/a" -o max_read=1
ok "is named" says max_read
ok "nothing was mounted" none_left

# in the background, and unmounted by whoever
ok mount "$fuse" tmpfs "$work/a" -o size=1m,fsname=some:thing
ok "it is there" mounted "$work/a" rw,nosuid,nodev
ok "its name" grep -q "^some:thing $work/a " /proc/self/mounts
ok "a file" sh -c "echo text >$work/a/file"
ok "its size" sh -c "df -k $work/a | grep -q ' 1024 '"
ok umount umount "$work/a"
ok "nobody left" none_left

# sizes of requests
ok sizes "$fuse" tmpfs "$work/a" -o max_read=65536,max_write=65536,size=9m
ok "are kept to" sh -c "
	head -c 3000001 /dev/urandom >$work/data && cp $work/data $work/a/data &&
	cmp $work/data $work/a/data"
ok umount umount "$work/a"
ok "nobody left" none_left

# by whoever has closed what programs are started with
ok "without streams" sh -c "exec $fuse tmpfs $work/a -o size=1m <&- >&- 2>&-"
ok "it stays" sh -c "sleep 0.2; touch $work/a/file"
ok umount umount "$work/a"
ok "nobody left" none_left

# a file system of the kernel's on top of it asks as who has mounted that
as_user() {
	setpriv --reuid 1000 --regid 1000 --clear-groups "$@"
}
ok mount "$fuse" tmpfs "$work/a"
mkdir "$work/low"
ok "somebody's" sh -c "echo secret >$work/a/mine && chmod 600 $work/a/mine &&
	chown 1000:1000 $work/a/mine"
if mount -t overlay on-top "$work/b" -o "lowerdir=$work/a:$work/low"; then
	ok "on top" as_user grep -q secret "$work/b/mine"
	ok umount umount "$work/b"
fi
ok umount umount "$work/a"
ok "nobody left" none_left

# where /proc has other numbers for who asks
cat >"$work/script" <<'END'
set -e
"$1" tmpfs a -o size=1m
mkdir -m 770 a/dir
chgrp 2000 a/dir
setpriv --reuid 1000 --regid 1000 --groups 2000 touch a/dir/file
test "$(stat -c %u:%g a/dir/file)" = 1000:1000
umount a
END
ok "other numbers" unshare -pf sh -c "cd $work && sh script $real"
ok "nobody left" none_left

# a user's own mount, for root as well
mkdir "$work/theirs" "$work/again" "$work/run" "$work/dev"
chown 1000:1000 "$work/theirs" "$work/again" "$work/run"
mount -t tmpfs dev "$work/dev" && mknod -m 666 "$work/dev/fuse" c 10 229
echo user_allow_other >"$work/fuse.conf"
cat >"$work/script" <<'END'
set -e
mount --bind dev/fuse /dev/fuse
touch /etc/fuse.conf
mount --bind fuse.conf /etc/fuse.conf
user="setpriv --reuid 1000 --regid 1000 --clear-groups"
$user "$1" tmpfs theirs -o allow_root
$user sh -c 'umask 77; mkdir theirs/dir; echo private >theirs/dir/file'
grep -q private theirs/dir/file
echo by-root >>theirs/dir/file
umount theirs
# and two of one tree, one of them in use when that ends
export XDG_RUNTIME_DIR=$PWD/run
$user "$1" tmpfs theirs -o server=test
$user "$1" tmpfs again -o server=test
$user sh -c 'cd again && exec sleep 60' &
busy=$!
until test "$(readlink /proc/$busy/cwd)" = "$PWD/again"; do sleep 0.1; done
$user "$1" --stop test
kill $busy
if grep " $PWD/again " /proc/self/mounts; then exit 1; fi
if grep " $PWD/theirs " /proc/self/mounts; then exit 1; fi
END
if command -v fusermount3 >/dev/null; then
	ok "a user's" unshare -m sh -c "cd $work && sh -x script $real"
fi
umount "$work/dev"
ok "nobody left" none_left

# whoever asks again and again is followed, and nobody is left where it was
#
# Of a thread, by nothing but the shell: moments are short on a busy machine.
policy_of() {
	read -r line <"$1/stat" || return
	# shellcheck disable=SC2086
	set -- $line
	policy=${41}
}
some_thread_is_idle() {
	i=0
	while [ $i -lt 50000 ]; do
		for task in "/proc/$server/task"/*; do
			policy_of "$task" && [ "$policy" = 5 ] && return
		done
		i=$((i + 1))
	done
	return 1
}
# their policies and processors, each once
threads() {
	for task in "/proc/$server/task"/*; do
		policy_of "$task" && echo "$policy" \
			"$(awk '/^Cpus_allowed_list/ { print $2 }' "$task/status")"
	done | sort -u
}
as_before() {
	i=0
	until [ "$before" = "$(threads)" ]; do
		i=$((i + 1))
		[ $i -lt 500 ] || return 1
	done
}
ok mount "$fuse" tmpfs "$work/a" -o cache=none
server=$(running)
before=$(threads)
if [ "$(nproc)" -gt 1 ] && [ -r /proc/self/schedstat ]; then
	sh -c "while :; do test -e $work/a/file; done" &
	client=$!
	ok "is followed" some_thread_is_idle
	kill $client
	wait $client 2>/dev/null
	ok "and all is as it was" as_before
fi
ok umount umount "$work/a"
ok "nobody left" none_left

# a signal unmounts, a busy mount too
ok mount "$fuse" -f tmpfs "$work/a" -o size=1m & server=$!
i=0
until mounted "$work/a" "" || [ $i -gt 100 ]; do i=$((i + 1)); sleep 0.1; done
ok "in the foreground" mounted "$work/a" ""
(cd "$work/a" && exec sleep 60) &
busy=$!
kill -TERM "$(running)"
wait $server
ok "its status" test $? = 0
kill $busy
ok "a signal ends it" none_left
no "and the mount" mounted "$work/a" ""

# nor what somebody has mounted over it
ok mount "$fuse" tmpfs "$work/a" -o size=1m
ok "another one" mount -t tmpfs cover "$work/a"
ok "a file" touch "$work/a/mine"
kill -TERM "$(running)"
ok "a signal ends it" none_left
ok "the other is there" test -e "$work/a/mine"
ok umount umount "$work/a"
umount "$work/a"

# as mount -t fuse.vfs-fuse runs it; mount(8) itself would look in /usr alone
if PATH=$PATH:/sbin:/usr/sbin command -v mount.fuse >"$work/helper"; then
	helper=$(cat "$work/helper")
	ok "mount -t" "$helper" tmpfs "$work/a" -t fuse.vfs-fuse \
		-o rw,noexec,size=2m
	ok "devices and set-id" mounted "$work/a" "rw,noexec,relatime"
	ok "a node" mknod "$work/a/null" c 1 3
	ok "that works" sh -c "echo x >$work/a/null"
	ok "keep" sh -c "echo kept >$work/a/file"
	# with what mount(8) adds of its own
	ok remount "$helper" tmpfs "$work/a" -t fuse.vfs-fuse \
		-o ro,remount,size=4m,user_id=0,group_id=0,allow_other
	ok "read-only" mounted "$work/a" ro
	no "so nothing is written" touch "$work/a/new"
	ok "the new size" sh -c "df -k $work/a | grep -q ' 4096 '"
	no "a size that is none" "$helper" tmpfs "$work/a" -t fuse.vfs-fuse \
		-o rw,remount,size=banana
	ok "read-only still" mounted "$work/a" ro
	no "root without the power to" setpriv --bounding-set=-sys_admin \
		"$fuse" tmpfs "$work/a" -o ro,remount,size=8m
	ok "the old size" sh -c "df -k $work/a | grep -q ' 4096 '"
	ok "writable again" "$helper" tmpfs "$work/a" -t fuse.vfs-fuse \
		-o rw,remount
	ok "written" touch "$work/a/new"
	ok "still there" grep -q kept "$work/a/file"
	ok "umount" umount "$work/a"
	ok "nobody left" none_left
fi

# a list of mounts
cat >"$work/fstab" <<'END'
# what        where      type   options
root          /          tmpfs  size=1m,mode=0755
below         /a\040b    tmpfs  size=2m,ro 0 0
proc          /proc      proc   defaults
/a\040b       /again     none   bind
END
ok "a list" "$fuse" -F "$work/fstab" "$work/a"
ok "its root" sh -c "touch $work/a/file"
no "what is read-only" touch "$work/a/a b/file"
ok "a bind" test -d "$work/a/again"
ok "files without a size" grep -q "tmpfs.*size=2048k" "$work/a/proc/mounts"
ok "numbers of their own" test "$(stat -c %i "$work/a")" != \
	"$(stat -c %i "$work/a/a b")"
ok umount umount "$work/a"
no "no caches" "$fuse" -F "$work/fstab" "$work/a" -o cache=kernel
ok "is said" says "cache=kernel.*bind"
echo "not a line" >>"$work/fstab"
no "a bad list" "$fuse" -F "$work/fstab" "$work/a"
ok "says where" says "fstab:6"
no "none at all" "$fuse" -F "$work" "$work/a"
ok "says which" says "$work: Is a directory"
ok "an empty one" "$fuse" -F /dev/null "$work/a"
ok "is a tmpfs" touch "$work/a/file"
ok umount umount "$work/a"

# the same at other places, where less may be done
cat >"$work/fstab" <<'END'
data   /data  tmpfs  size=1m
/data  /ro    none   bind,ro
/      /root  none   bind
END
for first in data ro root/data; do
	ok "binds" "$fuse" -F "$work/fstab" "$work/a"
	ok "$first first" ls "$work/a/$first" "$work/a"
	ok "written" sh -c "echo one >$work/a/data/file"
	ok "seen" grep -q one "$work/a/ro/file"
	no "read-only" touch "$work/a/ro/new"
	no "its files, too" sh -c "echo two >>$work/a/ro/file"
	no "they stay" rm "$work/a/ro/file"
	ok "written again" sh -c "echo two >>$work/a/data/file"
	ok "seen" grep -q two "$work/a/ro/file"
	ok "itself in itself" test -d "$work/a/root/ro"
	no "that alone" test -e "$work/a/root/data/file"
	ok umount umount "$work/a"
done

# a tree that outlives its mounts
ok "a server" "$fuse" tmpfs "$work/a" -o server=$name,size=1m
ok "a file" sh -c "echo one >$work/a/file"
ok "a second mount" "$fuse" tmpfs "$work/b" -o server=$name
ok "has the file" grep -q one "$work/b/file"
ok "sees a change" sh -c "echo two >>$work/a/file; grep -q two $work/b/file"
ok "and one of a name" mv "$work/b/file" "$work/b/moved"
no "the old name" test -e "$work/a/file"
ok "the new one" test -e "$work/a/moved"
ok "appends are at the end" sh -c \
	"exec 3>>$work/a/moved 4>>$work/b/moved; echo 3 >&3; echo 4 >&4
	 echo 5 >&3; test \"\$(tail -n 3 $work/a/moved | tr '\n' ' ')\" = '3 4 5 '"
no "from among other processes" unshare -pf "$fuse" tmpfs "$work/a" \
	-o server=$name
ok "is said" says namespaces
ok "locks are for both" flock -n "$work/a/moved" \
	sh -c "! flock -n $work/b/moved true"
ok "umount" umount "$work/a"
ok "and the other" umount "$work/b"
ok "comes back" "$fuse" tmpfs "$work/a" -o server=$name
ok "with its files" grep -q two "$work/a/moved"
no "no caches" "$fuse" tmpfs "$work/b" -o server=$name,cache=kernel
ok "stop" "$fuse" --stop $name
no "it is unmounted" mounted "$work/a" ""
ok "nobody left" none_left
no "nothing to stop" "$fuse" --stop $name
# several that come at the same time: one makes it
for _ in 1 2 3 4 5; do
	for i in 1 2 3 4; do
		mkdir -p "$work/at-once/$i"
		"$fuse" tmpfs "$work/at-once/$i" -o server=$name &
	done
	wait
	ok "a file" touch "$work/at-once/1/file"
	ok "at once" test -e "$work/at-once/2/file" -a \
		-e "$work/at-once/3/file" -a -e "$work/at-once/4/file"
	ok "stop" "$fuse" --stop $name
	ok "nobody left" none_left
done

checks_end
