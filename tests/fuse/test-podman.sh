#!/bin/sh
# SPDX-License-Identifier: MIT
# podman with vfs-fuse as its mount_program: images made, run, changed, told and
# committed, all in a directory of the test's own. test-podman.sh VFS-FUSE
set -u

skip() {
	echo "SKIPPED: $*"
	exit 77
}

[ "$(id -u)" = 0 ] || skip "not root"
for program in podman busybox; do
	command -v $program >/dev/null || skip "there is no $program"
done
! ldd "$(command -v busybox)" >/dev/null 2>&1 || skip "busybox is not static"
if ! [ -c /dev/fuse ] || ! : <>/dev/fuse; then
	skip "/dev/fuse cannot be opened"
fi
if [ -z "${IN_NAMESPACE:-}" ]; then
	unshare -m true || skip "no mount namespace"
	export IN_NAMESPACE=1
	exec unshare -m sh "$0" "$@"
fi

here=$(dirname "$(readlink -f "$0")")
fuse=$(readlink -f "$1")
work=$(mktemp -d) || exit 1
# runtimes want version 2 alone
umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup || skip "no control groups"
mkdir "$work/root" "$work/run" "$work/base" "$work/base/bin" "$work/context"
cd "$work" || exit 1
. "$here/checks.sh"

podman() {
	command podman --root "$work/root" --runroot "$work/run" \
		--storage-driver overlay --cgroup-manager cgroupfs \
		--events-backend none \
		--storage-opt "overlay.mount_program=$fuse" "$@"
}

# What a process may have of these is not for everybody to raise.
inside() {
	podman run --rm --pull=never --network=none --cgroups=disabled \
		--ulimit nofile=1000:1000 --ulimit nproc=1000:1000 "$@"
}

clean() {
	podman rm -fa >/dev/null 2>&1
	podman system reset -f >/dev/null 2>&1
	cd /
	rm -rf "$work"
}
trap clean EXIT

cp "$(command -v busybox)" base/bin/busybox
for name in sh cat ls mv rm mkdir ln touch stat grep sleep id chown tr; do
	ln -s busybox base/bin/$name
done
mkdir base/data base/old
echo 1 >base/data/one
echo 2 >base/data/two
echo 3 >base/old/three
tar -C base -cf base.tar .
cat >context/Containerfile <<'END'
FROM localhost/base
RUN rm /data/one && mv /data/two /data/moved && mkdir -p /new/deep && \
	echo made >/new/deep/file && chown 7:8 /new/deep
RUN rm -r /old && mkdir /old && echo again >/old/again && mv /new /newer
USER 7
RUN touch /tmp/mine || mkdir /dev/shm/none
END
mkdir base/tmp && chmod 1777 base/tmp && tar -C base -cf base.tar .

ok import podman import -q base.tar localhost/base
inside localhost/base cat /data/one >out 2>&1
grep -q fuse /proc/filesystems && grep -qx 1 out ||
	skip "podman runs nothing here: $(tail -n 1 out)"
ok "it is ours" test -n "$(inside localhost/base grep \
	' / fuse.vfs-fuse' /proc/mounts)"
ok build podman build -q --isolation=chroot --network=host \
	-t localhost/built context
ok "what is there" test "$(inside --user 0 localhost/built sh -c \
	'ls -A /data /old /newer; stat -c %u:%g /newer/deep; cat /newer/deep/file
	 stat -c %u /tmp/mine' | tr '\n' ' ')" = \
	"/data: moved  /newer: deep  /old: again 7:8 made 7 "
no "what is not" inside localhost/built ls /new
ok create podman create -q --pull=never --network=none --cgroups=disabled \
	--ulimit nofile=1000:1000 --ulimit nproc=1000:1000 --user 0 \
	--name changing localhost/built sh -c \
	'echo x >/added && rm /newer/deep/file && echo y >>/data/moved'
ok start podman start -a changing
ok diff test "$(podman diff changing | grep -v -e /run -e /etc | sort |
	tr '\n' ' ')" = \
	"A /added C /data C /data/moved C /newer C /newer/deep D /newer/deep/file "
ok commit podman commit -q changing localhost/committed
ok rm podman rm changing
ok "committed" test "$(inside --user 0 localhost/committed sh -c \
	'cat /added /data/moved; ls -A /newer/deep' | tr '\n' ' ')" = "x 2 y "
ok "names of 255 bytes" inside --user 0 localhost/built sh -c \
	'n=$(echo 0123456789abcdefghijklmnopqrstuvwxyz0123456789abcde)
	 touch /$n$n$n$n$n && rm /$n$n$n$n$n'
no "no mount is left" grep "$work/root" /proc/self/mounts
checks_end
