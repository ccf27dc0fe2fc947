#!/bin/sh
# SPDX-License-Identifier: MIT
# vfs-fuse: overlays of the host's directories, as fuse-overlayfs's command line
# and mount(8) make them; by users; and after the server was killed.
# test-overlay.sh VFS-FUSE
set -u

if ! [ -c /dev/fuse ] || ! : <>/dev/fuse; then
	echo "SKIPPED: /dev/fuse cannot be opened"
	exit 77
fi
if [ -z "${IN_NAMESPACE:-}" ]; then
	as_root=
	[ "$(id -u)" = 0 ] || as_root=-Ur
	if ! unshare $as_root -m true; then
		echo "SKIPPED: no mount namespace"
		exit 77
	fi
	export IN_NAMESPACE=${as_root:-root}
	exec unshare $as_root -m sh "$0" "$@"
fi

fuse=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
real=$fuse
PATH=$(dirname "$real"):$PATH
export PATH
work=$(mktemp -d) || exit 1
chmod 755 "$work"
cd "$work" || exit 1
mount -t tmpfs layers "$work" -o mode=755 && cd "$work" || exit 1
mkdir low low2 up work mnt
echo lower >low/file
mkdir low/dir low2/dir
echo one >low/dir/one
echo two >low2/dir/two

clean() {
	cd /
	umount -l "$work/mnt" 2>/dev/null
	umount -l "$work"
	rmdir "$work"
}
trap clean EXIT

. "$here/checks.sh"

# refused OPTION: by name, in one line, and nothing is mounted
refused() {
	no "$1" "$fuse" -o "lowerdir=low,upperdir=up,workdir=work,$1" mnt
	ok "$1: one line" test "$(wc -l <out)" = 1
	cp before line
	ok "$1 is named" grep -q -e "${1%%=*}" line
}

type_of() {
	grep " $work/mnt " /proc/self/mounts | tail -n 1 | cut -d ' ' -f 3
}

# fuse-overlayfs's command line: no word for the type, paths as they are
ok mount "$fuse" -o lowerdir=low:low2,upperdir=up,workdir=work mnt
ok type test "$(type_of)" = fuse.vfs-fuse
ok merged test "$(cat mnt/dir/one mnt/dir/two | tr '\n' ' ')" = "one two "
ok write sh -c 'echo upper >mnt/dir/new'
ok "to the layer" grep -q upper up/dir/new
no "not the lower one" test -e low/dir/new
ok remove rm mnt/dir/one
ok "which stays" grep -q one low/dir/one
ok rename mv mnt/dir mnt/moved
ok "all of it" test "$(ls mnt/moved | tr '\n' ' ')" = "new two "
ok umount umount mnt
# who may have trusted attributes has them
own=
if command -v setfattr >/dev/null; then
	setfattr -n trusted.test -v x work 2>/dev/null || own=,userxattr
elif [ "$IN_NAMESPACE" != root ]; then
	own=,userxattr
fi
ok "kernel's own" mount -t overlay over mnt -o \
	"lowerdir=low:low2,upperdir=up,workdir=work$own"
ok "sees the same" test "$(ls mnt mnt/moved | tr '\n' ' ')" = \
	"mnt: file moved  mnt/moved: new two "
ok umount umount mnt
rm -rf up work
mkdir up work

# as a type, and by mount(8)'s helper
ok "by name" "$fuse" overlay mnt -o lowerdir=low,upperdir=up,workdir=work
ok umount umount mnt
if PATH=$PATH:/sbin:/usr/sbin command -v mount.fuse >/dev/null; then
	helper=$(PATH=$PATH:/sbin:/usr/sbin command -v mount.fuse)
	ok "mount -t" "$helper" overlay "$work/mnt" -t fuse.vfs-fuse -o \
		"rw,lowerdir=$work/low,upperdir=$work/up,workdir=$work/work"
	ok "read-only" "$helper" overlay "$work/mnt" -t fuse.vfs-fuse \
		-o remount,ro
	no "is so" touch mnt/new
	ok umount umount mnt
fi

# names with what separates options; one layer, and none that is written to
mkdir "a:b,c" "a:b,c/x"
ok "a hard name" "$fuse" -o 'lowerdir=a\:b\,c' mnt
ok "is there" test -d mnt/x
no "nothing is written" mkdir mnt/y
ok umount umount mnt

# every option that podman or fuse-overlayfs has
for option in squash_to_root squash_to_uid=0,squash_to_gid=0 \
	uidmapping=0:0:1,gidmapping=0:0:1 xattr_permissions=0 \
	static_nlink noxattrs noacl fsync=0 fsync=1 timeout=1.5 timeout=0 \
	threaded=0 threaded=1 clone_fd max_write=65536 max_threads=4 \
	max_idle_threads=-1 max_idle_threads=2 redirect_dir=nofollow \
	xino=off lazytime userxattr nodev,nosuid noatime fast_ino=1 \
	kernel_cache,splice_read,splice_write,splice_move \
	',context="system_u:object_r:container_file_t:s0:c214,c1021"'; do
	ok "$option" "$fuse" \
		-o "lowerdir=low,upperdir=up,workdir=work,$option" mnt
	ok "$option: works" sh -c "
		echo text >mnt/new && test \"\$(cat mnt/new)\" = text &&
			mv mnt/new mnt/newer && rm mnt/newer"
	ok umount umount mnt
done
ok volatile "$fuse" -o lowerdir=low,upperdir=up,workdir=work,volatile mnt
ok umount umount mnt
refused volatile
rm -rf work
mkdir work
for option in plugins=x xattr_permissions=2 uidmapping=0:1 \
	uidmapping=0:0:10:5:5:10 \
	server=x ino32_t timeout=soon max_write=1 lowerdir=//plugin//x \
	nonsense=1 fsync=2 owner=nobody; do
	refused "$option"
done
no "no workdir" "$fuse" -o lowerdir=low,upperdir=up mnt
ok "is said" says workdir
no "no lowerdir" "$fuse" overlay mnt -o upperdir=up,workdir=work
ok "is said" says lowerdir
no "no such layer" "$fuse" -o lowerdir=low:none mnt
ok "is said" says none

# layers as image tools unpack them where a mount program is used: names are
# whiteouts
rm -rf up work
mkdir up work image image/dir
: >image/.wh.file
: >image/dir/.wh..wh..opq
echo three >image/dir/three
ok "an image's layers" "$fuse" \
	-o lowerdir=image:low:low2,upperdir=up,workdir=work mnt
ok "what it hides" test "$(ls -A mnt mnt/dir | tr '\n' ' ')" = \
	"mnt: dir  mnt/dir: three "
no "a name that would hide" touch mnt/.wh.three
ok "a directory there" mkdir mnt/file
ok "is empty" test -z "$(ls -A mnt/file)"
ok umount umount mnt
ok "devices alone" "$fuse" -o lowerdir=image:low:low2,whiteouts=devices mnt
ok "so names are names" test "$(ls -A mnt/dir | tr '\n' ' ')" = \
	".wh..wh..opq one three two "
ok umount umount mnt
rm -rf up work
mkdir up work

# a layer whose owners are recorded by somebody else's rules
mkdir recorded
if setfattr -n user.containers.override_stat -v 0:0:0755 recorded 2>/dev/null; then
	no "others' records" "$fuse" -o lowerdir=low:recorded mnt
	ok "are named" says user.containers.override_stat
fi

# what some of them mean
ok suid "$fuse" -o lowerdir=low,upperdir=up,workdir=work mnt
no "set-id bits work" sh -c "grep ' $work/mnt ' /proc/self/mounts |
	grep nosuid"
ok umount umount mnt
ok nosuid "$fuse" -o lowerdir=low,upperdir=up,workdir=work,nosuid mnt
ok "they do not" sh -c "grep ' $work/mnt ' /proc/self/mounts | grep nosuid"
ok umount umount mnt
ok "static_nlink" "$fuse" -o lowerdir=low,upperdir=up,workdir=work \
	-o static_nlink mnt
ok "one link" test "$(stat -c %h mnt/dir)" = 1
ok umount umount mnt
ok noxattrs "$fuse" -o lowerdir=low,upperdir=up,workdir=work,noxattrs mnt
no "no attribute" setfattr -n user.a -v b mnt/file
ok umount umount mnt
if [ "$(cut -c 1-20 /proc/self/uid_map | tr -d ' ')" = 00 ]; then
	chown 5:6 low/file
	ok squash "$fuse" -o \
		lowerdir=low,upperdir=up,workdir=work,squash_to_root mnt
	ok "root's" test "$(stat -c %u:%g mnt/file)" = 0:0
	ok "to nobody" chown 7:7 mnt/file
	ok "still" test "$(stat -c %u:%g mnt/file)" = 0:0
	ok umount umount mnt
	# who is not the owner is asked for by what the owner is not: there are
	# no ACLs, which the kernel would look for
	ok "squash to somebody" "$fuse" -o lowerdir=low,upperdir=up,workdir=work \
		-o squash_to_uid=5,squash_to_gid=6 mnt
	ok "theirs" test "$(stat -c %u:%g mnt/file)" = 5:6
	ok "written to by root" sh -c 'echo x >mnt/by-root && ls mnt/dir'
	ok "is theirs" test "$(stat -c %u:%g mnt/by-root)" = 5:6
	ok "and goes" rm mnt/by-root
	ok umount umount mnt
	ok "a user alone" "$fuse" -o lowerdir=low,upperdir=up,workdir=work \
		-o squash_to_uid=5,gidmapping=0:2000:100 mnt
	ok "and the group's own" test "$(stat -c %u:%g mnt/file)" = 5:2006
	ok "a file of a group's" setpriv --regid 2007 --clear-groups \
		touch mnt/by-group
	ok "is the group's" test "$(stat -c %u:%g mnt/by-group)" = 5:2007
	ok umount umount mnt
	ok "also there" test "$(stat -c %u:%g up/by-group)" = 0:7
	rm up/by-group
	ok "a group alone" "$fuse" -o lowerdir=low,upperdir=up,workdir=work \
		-o squash_to_gid=5 mnt
	ok "and the user's own" test "$(stat -c %u:%g mnt/file)" = 5:5
	ok umount umount mnt
	ok mapping "$fuse" -o lowerdir=low,upperdir=up,workdir=work mnt \
		-o uidmapping=0:1000:100,gidmapping=0:2000:100
	ok "others' numbers" test "$(stat -c %u:%g mnt/dir)" = 1000:2000
	ok umount umount mnt
	# who mounts has no number there, and makes files all the same
	for map in 0:1000:100/65534 0:100000:65536/65536; do
		ok "$map" "$fuse" -o lowerdir=low,upperdir=up,workdir=work mnt \
			-o "uidmapping=${map%/*},gidmapping=${map%/*}"
		ok "a file" touch mnt/unnumbered
		ok "is ours" test "$(stat -c %u:%g mnt/unnumbered)" = 0:0
		ok "and nobody's" test "$(stat -c %u:%g up/unnumbered)" = \
			"${map#*/}:${map#*/}"
		ok "goes" rm mnt/unnumbered
		ok umount umount mnt
	done
	ok "of users alone" "$fuse" -o lowerdir=low,upperdir=up,workdir=work \
		-o uidmapping=0:1000:100 mnt
	ok "the groups are theirs" \
		test "$(stat -c %u:%g mnt/file)" = 1005:6
	ok umount umount mnt
	ok "as podman says it" "$fuse" -o lowerdir=low,upperdir=up,workdir=work \
		-o ,,uidmapping=:0:1000:5:5:7:1,gidmapping=:0:2000:100 mnt
	ok "others' numbers" test "$(stat -c %u:%g mnt/dir mnt/file | \
		tr '\n' ' ')" = "1000:2000 7:2006 "
	ok umount umount mnt
	# somebody in a namespace of their own
	mkdir theirs theirs/low theirs/up theirs/work theirs/mnt theirs/low/d
	echo x >theirs/low/d/x
	mknod -m 666 dev c 10 229
	chown -R 1000:1000 theirs
	cat >theirs/script <<-'EOF'
		set -e
		cd theirs
		"$1" -o lowerdir=low,upperdir=up,workdir=work mnt
		echo y >mnt/d/y
		rm mnt/d/x
		mv mnt/d mnt/e
		mkdir mnt/d
		test "$(ls mnt/e)" = y
		umount mnt
		mount -t overlay o mnt -o \
			lowerdir=low,upperdir=up,workdir=work,userxattr
		test "$(ls mnt/e)" = y
		test -z "$(ls mnt/d)"
	EOF
	if unshare -m sh -c "mount --bind dev /dev/fuse &&
		setpriv --reuid 1000 --regid 1000 --clear-groups \
			unshare -Urm true" 2>/dev/null; then
		ok "without privilege" unshare -m sh -c "
			mount --bind dev /dev/fuse && exec setpriv --reuid 1000 \
			--regid 1000 --clear-groups unshare -Urm \
			sh theirs/script '$real'"
	fi
fi

# killed at work: what was synced is there, and everybody accepts the layers;
# KILLS times
rm -rf up work
mkdir up work
i=0
while [ $i -lt "${KILLS:-8}" ]; do
	i=$((i + 1))
	"$fuse" -f -o lowerdir=low:low2,upperdir=up,workdir=work mnt &
	server=$!
	n=0
	until [ "$(type_of)" = fuse.vfs-fuse ] || [ $n -gt 100 ]; do
		n=$((n + 1))
		sleep 0.05
	done
	# without it the work below would go on for ever, in the directory
	ok "mounted" test "$(type_of)" = fuse.vfs-fuse
	[ "$(type_of)" = fuse.vfs-fuse ] || exit 1
	(
		k=0
		while echo "$i $k" >mnt/synced-$i-$k && sync mnt/synced-$i-$k &&
			echo "$k" >last.new && mv last.new last-$i; do
			mv mnt/synced-$i-$k mnt/kept-$i-$k
			k=$((k + 1))
		done
	) 2>/dev/null &
	one=$!
	(while cp -r mnt/dir mnt/copy-$i && mv mnt/copy-$i mnt/c-$i &&
		echo more >>mnt/file && rm -r mnt/c-$i; do :; done) 2>/dev/null &
	two=$!
	sleep 0.$((i * 7 % 10 + 2))
	kill -KILL $server
	wait $server $one $two 2>/dev/null
	umount -l mnt
	ok "after a kill" "$fuse" -o lowerdir=low:low2,upperdir=up,workdir=work \
		mnt
	last=$(cat last-$i 2>/dev/null || echo -1)
	while [ "$last" -ge 0 ]; do
		ok "synced file $i $last" sh -c \
			"cat mnt/kept-$i-$last mnt/synced-$i-$last 2>/dev/null |
				grep -q '^$i $last\$'"
		last=$((last - 1))
	done
	ok "what was copied" grep -q lower mnt/file
	ok "all can be read" find mnt -type f -exec cat {} +
	ok umount umount mnt
	ls -A work/work >left
	ok "nothing is left over" test ! -s left
done
ok "kernel's own" mount -t overlay over mnt -o \
	"lowerdir=low:low2,upperdir=up,workdir=work$own"
ok "can read all" find mnt -type f -exec cat {} +
ok umount umount mnt

checks_end
