#!/bin/sh
# SPDX-License-Identifier: MIT
# vfs-fuse under mixed load for a time: its memory stays what it is once it is
# warm, and no descriptor is left. soak.sh VFS-FUSE LOAD TIME
#
# TIME is in minutes, or, with an s, in seconds. Two servers work at once: an
# overlay of directories of the host's, and a tmpfs. A line a sample (30 in all)
# has of each: memory in use (KiB), and descriptors. What is freed stays with the
# threads and in arenas of 2 MiB, so that memory grows in steps to the most that
# was ever in use at once; it is warm in the second third of an hour, and in the
# second third of less time only nearly so.
set -u

if [ "$(id -u)" != 0 ]; then
	echo "SKIPPED: not root, so there are no two users"
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

fuse=$(readlink -f "$1")
load=$(readlink -f "$2")
case $3 in
*s) seconds=${3%s} ;;
*) seconds=$(($3 * 60)) ;;
esac
samples=30
# What is freed is to be seen at once, not kept to find mistakes.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1:malloc_context_size=1
export ASAN_OPTIONS
# Descriptors that are kept in case they are needed are few.
ulimit -n 1023

work=$(mktemp -d) || exit 1
mount -t tmpfs layers "$work" -o mode=755 || exit 1
cd "$work" || exit 1
mkdir low up work over memory
failed=0

clean() {
	cd /
	umount -l "$work/over" "$work/memory" 2>/dev/null
	umount -l "$work"
	rmdir "$work"
}
trap clean EXIT

bad() {
	echo "FAILED: $*"
	failed=$((failed + 1))
}

# serve PLACE OPTION...: $server is the process, and has mounted
serve() {
	place=$1
	shift
	"$fuse" -f "$@" "$place" &
	server=$!
	i=0
	until grep -q " $work/$place fuse.vfs-fuse" /proc/self/mounts; do
		i=$((i + 1))
		[ $i -lt 100 ] || exit 1
		sleep 0.1
	done
}

memory_of() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

descriptors_of() {
	# names of its own, none of them strange
	# shellcheck disable=SC2012
	ls "/proc/$1/fd" | wc -l
}

files=$((seconds * 20 < 6000 ? seconds * 20 : 6000))
"$load" make low $files || exit 1
serve over -o lowerdir=low,upperdir=up,workdir=work,dev,suid
over=$server
serve memory -o size=200m,dev,suid tmpfs
memory=$server
chmod 777 over memory

"$load" run over $files "$seconds" 1 >over.log 2>&1 &
on_over=$!
"$load" run memory 0 "$seconds" 2 >memory.log 2>&1 &
on_memory=$!

echo "sample overlay-KiB overlay-fds tmpfs-KiB tmpfs-fds"
n=0
while [ $n -lt $samples ]; do
	sleep "$(awk "BEGIN { print $seconds / ($samples + 1) }")"
	n=$((n + 1))
	echo "$n $(memory_of $over) $(descriptors_of $over)" \
		"$(memory_of $memory) $(descriptors_of $memory)" | tee -a table
done

for name in over memory; do
	eval "wait \$on_$name" || bad "the load on $name"
	sed "s/^/$name: /" $name.log
done

# The last third is not above the second.
awk -v samples=$samples -v "seconds=$seconds" '
function flat(column, what, spare,  limit) {
	limit = middle[column] * (seconds < 900 ? 1.25 : 1.05) + spare
	if (last[column] > limit) {
		printf "FAILED: %s: %d, after %d at most\n", what,
			last[column], middle[column]
		failed = 1
	}
}
{
	for (i = 2; i <= 5; i++) {
		if (NR * 3 > samples * 2 && $i > last[i])
			last[i] = $i
		else if (NR * 3 > samples && NR * 3 <= samples * 2 &&
			$i > middle[i])
			middle[i] = $i
	}
}
END {
	if (NR != samples)
		failed = 1
	flat(2, "memory of the overlay", 4096)
	flat(3, "descriptors of the overlay", 40)
	flat(4, "memory of the tmpfs", 4096)
	flat(5, "descriptors of the tmpfs", 4)
	exit failed
}' table || failed=$((failed + 1))

# Nothing is open now, and little is kept: the server's own, and of the host's
# directories those of the layers and what is known.
rest=$(descriptors_of $over)
own=$(descriptors_of $memory)
echo "at rest: overlay $rest descriptors, tmpfs $own"
[ "$rest" -le 100 ] || bad "descriptors of the overlay are left"
[ "$own" -le 12 ] || bad "descriptors of the tmpfs are left"
umount over memory || bad "unmounting"
wait $over || bad "the overlay's server ended with $?"
wait $memory || bad "the tmpfs's server ended with $?"
[ $failed -eq 0 ]
