#!/bin/sh
# SPDX-License-Identifier: MIT
# vfs-run: programs in bundles, and what it says of those that are none.
# test-run.sh VFS-RUN INSIDE root|user
set -u
LC_ALL=C
export LC_ALL

vfs_run=$(readlink -f "$1")
inside=$(readlink -f "$2")
who=$3
# nobody needs it to be somebody
number=54321

. "$(dirname "$0")/../../examples/run/user.sh"

skip() {
	echo "SKIPPED: $*"
	exit 77
}

# ---- a place to be in ----

# As root for a user: a mount namespace, where /dev/fuse is everybody's.
if [ -z "${IN_NAMESPACE:-}" ]; then
	[ -c /dev/fuse ] || skip "there is no /dev/fuse"
	export IN_NAMESPACE=1
	if [ "$(id -u)" = 0 ]; then
		unshare -m true 2>/dev/null || skip "no mount namespace"
		exec unshare -m sh "$0" "$@"
	fi
	[ "$who" = user ] || skip "not root"
fi
if ! work=$(mktemp -d); then
	exit 1
fi
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
if [ "$(id -u)" = 0 ] && [ "$who" = user ]; then
	if ! make_fuse "$work/fuse" ||
		! mount --bind "$work/fuse" /dev/fuse; then
		skip "/dev/fuse cannot be everybody's"
	fi
	command -v setpriv >/dev/null || skip "setpriv is missing"
	copy_program "$vfs_run" "$work" && vfs_run=$work/vfs-run
	as() {
		LD_LIBRARY_PATH=$work setpriv --reuid=$number --regid=$number \
			--clear-groups "$@"
	}
else
	as() {
		"$@"
	}
fi
(: <>/dev/fuse) 2>/dev/null || skip "/dev/fuse cannot be opened"
[ "$who" = root ] || as unshare -Urm true 2>/dev/null ||
	skip "no user namespace"

# ---- a bundle ----

b=$work/bundle
mkdir -p "$b/rootfs/bin" "$b/rootfs/etc/replaced"
# places of mounts, which stay when there is no overlay
mkdir "$b/rootfs/proc" "$b/rootfs/dev" "$b/rootfs/sys" "$b/rootfs/tmp"
cp "$inside" "$b/rootfs/bin/inside"
ln -s inside "$b/rootfs/bin/link"
mkdir "$b/rootfs/place" && ln -s place "$b/rootfs/name"
ln -s ../proc/version "$b/rootfs/etc/version"
ln -s /proc/sys "$b/rootfs/etc/sysctl"
ln -s ../run/none/conf "$b/rootfs/etc/conf"
printf '#!/bin/inside read\nof a script\n' >"$b/rootfs/bin/script"
printf '#!/bin/none\n' >"$b/rootfs/bin/broken"
printf '#!\n' >"$b/rootfs/bin/empty"
printf 'what is this\n' >"$b/rootfs/bin/text"
chmod 755 "$b/rootfs/bin/"*
cp "$inside" "$b/rootfs/bin/closed"
chmod 644 "$b/rootfs/bin/closed"
for file in changed mode removed replaced/file; do
	echo "$file" >"$b/rootfs/etc/$file"
done
echo 'root:x:0:0:root:/the/home:/bin/sh' >"$b/rootfs/etc/passwd"
mkdir "$work/outside" "$work/changes"
echo outside >"$work/outside/file"

caps='"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETUID",
"CAP_SETGID", "CAP_KILL"'
usual='{"destination": "/proc", "type": "proc", "source": "proc",
 "options": ["nosuid", "rprivate"]},
{"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
 "options": ["nosuid", "strictatime", "mode=755", "size=64m"]},
{"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options":
 ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
{"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
 "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=64m"]},
{"destination": "/sys", "type": "sysfs", "source": "sysfs",
 "options": ["nosuid", "noexec", "nodev", "ro"]},
{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
 "options": ["ro"]}'

# What the next config says; a test changes some, and then calls config.
plain() {
	args='"inside"'
	env='"PATH=/bin", "VALUE=a b"'
	cwd=/
	user='"uid": 0, "gid": 0'
	process=
	kept=
	root='"path": "rootfs"'
	mounts=$usual
	linux='"maskedPaths": ["/proc/keys", "/etc/replaced", "/none"],
	"readonlyPaths": ["/proc/sys", "/none"]'
	more=
}

config() {
	cat >"$b/config.json" <<-END
	{"ociVersion": "1.2.0", $more
	 "process": {"user": {$user}, "args": [$args], "env": [$env], $process
	  "cwd": "$cwd", "capabilities": {"bounding": [$caps],
	   "effective": [$caps], "permitted": [$caps],
	   "inheritable": [$kept], "ambient": [$kept]}},
	 "root": {$root},
	 "mounts": [$mounts],
	 "linux": {$linux}}
	END
}

checks=0
failed=0

bad() {
	echo "FAILED: $*"
	sed 's/^/  | /' "$work/out" "$work/err"
	failed=$((failed + 1))
}

run() {
	checks=$((checks + 1))
	status=0
	as timeout 20 "$vfs_run" "$@" >"$work/out" 2>"$work/err" </dev/null ||
		status=$?
	# whatever happens, it is not left behind
	if grep -q vfs-run /proc/self/mounts; then
		bad "$*: a mount is left"
	fi
}

# is STATUS OUTPUT ARGUMENT...: that is all that is printed
is() {
	want=$1
	text=$2
	shift 2
	run "$@"
	[ "$status" = "$want" ] || bad "$*: status $status, not $want"
	printf '%s' "${text:+$text
}" | cmp -s - "$work/out" || bad "$*: not: $text"
	[ ! -s "$work/err" ] || bad "$*: something on stderr"
}

# ok ARGUMENT...: its own checks succeed
ok() {
	run "$@"
	[ "$status" = 0 ] || bad "$*: status $status"
}

# fails STATUS LINE ARGUMENT...: one line on stderr, which has this in it
fails() {
	want=$1
	text=$2
	shift 2
	run "$@"
	[ "$status" = "$want" ] || bad "$text: status $status, not $want"
	if [ "$(wc -l <"$work/err")" != 1 ] || [ -s "$work/out" ]; then
		bad "$text: not one line"
	fi
	case $(cat "$work/err") in
	"vfs-run: "*"$text"*) ;;
	*) bad "not said: $text" ;;
	esac
}

# has LINE: the program has printed it
has() {
	checks=$((checks + 1))
	grep -qFx -e "$1" "$work/out" || bad "no line: $1"
}

snapshot() {
	(cd "$b/rootfs" && find . -exec stat -c '%n %f %u %g %s %y %h' {} + |
		sort && find . -type f -exec cksum {} + | sort)
}

[ "$(id -u)" != 0 ] || [ "$who" = root ] || chown -hR $number:$number "$b" \
	"$work/changes"
snapshot >"$work/before"

# ---- programs ----

plain
config
is 0 'hello, world' "$b"
is 0 'hello, world' "$b" -- /bin/link
is 0 '' "$b" -- inside exit
is 7 '' "$b" -- inside exit 7
is 137 '' "$b" -- inside kill 9
is 139 '' "$b" -- inside kill 11
ok "$b" -- script
has 'of a script'
for act in devices shm proc orphan busy; do
	ok "$b" -- inside $act
done
ok --cache=none "$b" -- inside busy
ok --overlay=none "$b" -- inside busy

args='"/bin/inside", "who", "three words here", ""'
user='"uid": 0, "gid": 0, "umask": 63'
process='"rlimits": [
 {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
 {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}], "noNewPrivileges": true,'
cwd=/etc
config
ok "$b"
for line in 'arg /bin/inside' 'arg three words here' 'arg ' 'ids 0 0 0 0' \
	'cwd /etc' 'umask 077' 'home /the/home' 'value a b' \
	'nofile 100 200' 'core 0' 'new 1'; do
	has "$line"
done
for set in Prm Eff Bnd; do
	has "Cap$set:	00000000000000eb"
done
has "CapInh:	0000000000000000"

if [ "$who" = root ]; then
	user='"uid": 1000, "gid": 1001, "additionalGids": [1002, 1003]'
	process=
	config
	ok "$b"
	has 'ids 1000 1000 1001 1001'
	has 'groups 1002 1003'
	has 'umask 022'
	has "CapEff:	0000000000000000"
	has "CapBnd:	00000000000000eb"
	# a pipe that others made it can open by its name
	checks=$((checks + 1))
	"$vfs_run" "$b" -- inside write /dev/stdout text 2>&1 </dev/null |
		cat >"$work/out"
	[ "$(cat "$work/out")" = text ] || bad "/dev/stdout cannot be opened"
	kept='"CAP_CHOWN", "CAP_SETUID"'
	config
	ok "$b"
	for set in Inh Prm Eff Amb; do
		has "Cap$set:	0000000000000081"
	done
	# the container's are not the host's
	plain
	linux='"uidMappings": [{"containerID": 0, "hostID": 54321, "size": 9}],
	"gidMappings": [{"containerID": 0, "hostID": 54321, "size": 9}]'
	user='"uid": 5, "gid": 6, "additionalGids": [7]'
	config
	ok "$b" -- inside who
	has 'ids 5 5 6 6'
	has 'groups 7'
	ok "$b" -- inside devices
	ok "$b" -- inside read /proc/self/uid_map
	has '         0      54321          9'
	# what it may not reach, vfs-run may
	mkdir -m 700 "$work/closed" && mkdir "$work/closed/in"
	echo reached >"$work/closed/in/file"
	user='"uid": 0, "gid": 0'
	mounts="$usual, {\"destination\": \"/bound\", \"options\": [\"bind\"],
	\"source\": \"$work/closed/in\"}"
	config
	is 0 reached "$b" -- inside read /bound/file
	mounts="$usual, {\"destination\": \"/bound\", \"options\": [\"bind\"],
	\"source\": \"$work/closed/none\"}"
	config
	fails 125 '/mounts/6 (/bound, bind): source ' "$b"
	mounts=$usual
	user='"uid": 9, "gid": 0'
	config
	fails 125 '/process/user/uid: ' "$b"
else
	user='"uid": 0, "gid": 0, "additionalGids": [5]'
	config
	fails 125 '/process/user/additionalGids: ' "$b"
fi

# ---- mounts ----

plain
mounts="$usual, {\"destination\": \"/bound\", \"source\": \"$work/outside\",
\"options\": [\"rbind\", \"ro\", \"noexec\"]}, {\"destination\": \"/a/b/../c\",
\"type\": \"tmpfs\", \"options\": [\"noexec\", \"mode=777\"]},
{\"destination\": \"/name\", \"type\": \"tmpfs\",
\"options\": [\"nosuid\", \"mode=777\"]},
{\"destination\": \"/proc/fs\", \"type\": \"tmpfs\", \"options\": [\"mode=777\"]}"
config
is 0 outside "$b" -- inside read /bound/file
is 1 'Read-only file system' "$b" -- inside write /bound/new text
is 0 '' "$b" -- inside write /a/c/new text
is 0 '' "$b" -- inside write /place/new text
# below what the kernel has mounted
is 0 '' "$b" -- inside write /proc/fs/new text
is 1 'Permission denied' "$b" -- inside run /proc/keys
is 1 'No such file or directory' "$b" -- inside read /etc/replaced/file
# a directory of the container's that it can write, but not run from
cp "$inside" "$work/outside/inside"
fails 126 '/process/args/0: "/bound/inside": Permission denied' "$b" -- \
	/bound/inside
is 1 'Permission denied' "$b" -- inside run /bound/inside
# symlinks are followed by the kernel, here as there
ln -s file "$work/outside/link"
is 0 outside "$b" -- inside read /bound/link
plain
mounts="$usual, {\"destination\": \"/bound\", \"source\": \"$work/outside\",
\"options\": [\"bind\", \"ro\", \"nosymfollow\"]}"
config
is 0 outside "$b" -- inside read /bound/file
is 1 'Too many levels of symbolic links' "$b" -- inside read /bound/link
mounts="$usual, {\"destination\": \"/bound\", \"source\": \"$work/outside\",
\"options\": [\"rbind\", \"ro\"]}, {\"destination\": \"/a/b/../c\",
\"type\": \"tmpfs\", \"options\": [\"mode=777\"]}"
root='"path": "rootfs", "readonly": true'
config
is 1 'Read-only file system' "$b" -- inside write /new text
is 0 '/ ro
/a/c
/tmp' "$b" -- inside flags / /a/c /tmp
is 0 '' "$b" -- inside write /tmp/new text
is 0 '' "$b" -- inside write /a/c/new text
is 0 outside "$b" -- inside read /bound/file

# other flags for what is there, the tree's and the kernel's
plain
mounts="$usual, {\"destination\": \"/bound\", \"source\": \"$work/outside\",
\"options\": [\"rbind\", \"noexec\", \"nosuid\"]},
{\"destination\": \"/bound\", \"options\": [\"remount\", \"bind\", \"ro\"]},
{\"destination\": \"/t\", \"type\": \"tmpfs\"},
{\"destination\": \"/t\", \"type\": \"tmpfs\",
 \"options\": [\"remount\", \"noexec\", \"nodev\", \"size=1m\"]},
{\"destination\": \"/proc\", \"type\": \"proc\",
 \"options\": [\"remount\", \"bind\", \"nosuid\", \"ro\"]}"
config
is 0 '' "$b" -- /bound/inside exit
is 1 'Read-only file system' "$b" -- inside write /bound/new text
is 1 'Read-only file system' "$b" -- inside write /proc/self/comm x
is 0 '' "$b" -- inside write /t/new text
ok "$b" -- inside flags /bound /t /proc
has '/bound ro'
has '/t noexec nodev'
has '/proc ro nosuid'

# whose files they are
plain
maps='[{"containerID": 0, "hostID": 5000, "size": 60000}]'
mapped="{\"destination\": \"/bound\", \"source\": \"$work/outside\", \"options\":
[\"bind\"], \"uidMappings\": $maps, \"gidMappings\": $maps}"
mounts="$usual, $mapped"
config
if [ "$who" = root ]; then
	is 0 '5000 5000' "$b" -- inside owner /bound/file
	linux='"uidMappings": [{"containerID": 0, "hostID": 54321, "size": 9}],
	"gidMappings": [{"containerID": 0, "hostID": 54321, "size": 9}]'
	config
fi
fails 125 '/mounts/6 (/bound): ids cannot be mapped' "$b"

# on a symlink that leads nowhere
plain
mounts="$usual, {\"destination\": \"/etc/conf\", \"type\": \"bind\",
\"source\": \"$work/outside/file\", \"options\": [\"ro\"]}"
config
is 0 outside "$b" -- inside read /etc/conf
is 0 '/run/none/conf ro' "$b" -- inside flags /run/none/conf

# how they propagate
plain
mounts='{"destination": "/proc", "type": "proc", "options": ["rprivate"]},
{"destination": "/s", "type": "tmpfs", "options": ["noexec", "rshared"]},
{"destination": "/u", "type": "tmpfs", "options": ["unbindable"]},
{"destination": "/p", "type": "tmpfs", "options": ["shared", "private"]},
{"destination": "/sys", "type": "sysfs", "options": ["rprivate"]}'
config
is 0 '/
/proc
/s noexec shared
/u unbindable
/p' "$b" -- inside flags / /proc /s /u /p
linux='"rootfsPropagation": "shared"'
config
is 0 '/ shared
/proc' "$b" -- inside flags / /proc
linux='"rootfsPropagation": "rshared"'
config
is 0 '/ shared
/proc shared' "$b" -- inside flags / /proc

# hidden and read-only: what the kernel has mounted, as a whole and by a symlink
plain
linux='"maskedPaths": ["/etc/version", "/dev//pts/"],
"readonlyPaths": ["/etc/sysctl", "/proc/"]'
config
is 0 '' "$b" -- inside read /proc/version
is 1 'No such file or directory' "$b" -- inside read /dev/pts/ptmx
is 1 'Read-only file system' "$b" -- inside write /proc/self/comm x

# begins ACT: in the background, and has got ready
begins() {
	checks=$((checks + 1))
	: >"$work/out"
	: >"$work/pid"
	as sh -c 'echo $$ >&3; exec "$@" 3>&-' sh "$vfs_run" "$b" -- \
		inside "$1" $$ >"$work/out" 2>"$work/err" 3>"$work/pid" </dev/null &
	job=$!
	await ready
}

# await WORD: until the program has said it
await() {
	i=0
	until grep -q "$1" "$work/out" || [ $i -gt 100 ]; do
		i=$((i + 1))
		sleep 0.1
	done
}

# Others change what is bound, which is seen at once; the rest the kernel keeps.
plain
mounts="$usual, {\"destination\": \"/bound\", \"source\": \"$work/outside\",
\"options\": [\"rbind\"]}"
config
# how often the server has read something; each request is
reads() {
	sed -n 's/^syscr: //p' "/proc/$(cat "$work/pid")/io"
}
echo first >"$work/outside/gone"
echo first >"$work/outside/new"
[ "$(id -u)" != 0 ] || [ "$who" = root ] ||
	chown -R $number:$number "$work/outside"
begins outside
echo changed outside >"$work/outside/file"
echo another file >"$work/outside/new2"
mv "$work/outside/new2" "$work/outside/new"
rm "$work/outside/gone"
: >"$work/outside/later"
: >"$work/outside/changed"
await seen
before=$(reads)
: >"$work/outside/count"
await kept
kept=$(($(reads) - before))
before=$(reads)
: >"$work/outside/go"
await asked
asked=$(($(reads) - before))
: >"$work/outside/end"
status=0
wait $job || status=$?
[ "$status" = 0 ] || bad "outside: status $status"
if [ $kept -gt 2000 ] || [ $asked -lt 5000 ]; then
	bad "outside: $kept requests for what is kept, $asked for what is not"
fi
echo outside >"$work/outside/file"

# ---- signals ----

plain
config
# sends NAME STATUS ACT
sends() {
	begins "$3"
	kill -s "$1" "$(cat "$work/pid")"
	status=0
	wait $job || status=$?
	[ "$status" = "$2" ] || bad "signal $1: status $status, not $2"
}
sends TERM 15 wait
sends HUP 1 wait
sends USR2 12 wait
sends USR1 138 sleep
# whoever is killed leaves nobody behind
sends KILL 137 sleep
sleeps() {
	for file in /proc/[0-9]*/cmdline; do
		cat "$file" 2>/dev/null | tr '\0' ' ' |
			grep -qx "inside sleep $$ " && return
	done
	return 1
}
i=0
while sleeps; do
	i=$((i + 1))
	if [ $i = 100 ]; then
		bad "the program outlives its server"
		break
	fi
	sleep 0.1
done

# ended children are ignored by whoever starts it
checks=$((checks + 1))
status=0
as timeout -s KILL 20 "$b/rootfs/bin/inside" ignore "$vfs_run" "$b" -- \
	inside exit 7 >"$work/out" 2>"$work/err" </dev/null || status=$?
[ "$status" = 7 ] || bad "SIGCHLD ignored: status $status"

# ---- the terminal ----

process='"terminal": true,'
config
checks=$((checks + 1))
printf 'words\n' | as timeout 20 "$vfs_run" "$b" -- inside terminal \
	>"$work/out" 2>"$work/err"
status=$?
tr -d '\r' <"$work/out" >"$work/lines" && mv "$work/lines" "$work/out"
[ $status = 0 ] || bad "terminal: status $status"
has '/dev/pts/0 0 0'
has 'said words'
checks=$((checks + 1))
as timeout -s KILL 20 "$vfs_run" "$b" -- inside late >"$work/lines" \
	2>"$work/err" </dev/null
status=$?
tr -d '\r' <"$work/lines" >"$work/out"
[ $status = 5 ] || bad "a terminal that is opened again: status $status"
has 'late'
# the config's size, where nobody has another
process='"terminal": true, "consoleSize": {"height": 31, "width": 97},'
config
checks=$((checks + 1))
printf 'words\n' | as timeout 20 "$vfs_run" "$b" -- inside terminal \
	>"$work/lines" 2>"$work/err"
tr -d '\r' <"$work/lines" >"$work/out"
has '/dev/pts/0 31 97'
mounts='{"destination": "/proc", "type": "proc", "source": "proc"}'
config
fails 125 '/process/terminal: /dev/pts' "$b"

# ---- what was changed ----

plain
linux=
config
cmd='A /etc/directory
A /etc/directory/a\012b
M /etc/changed
T /etc/mode
A /etc/new
D /etc/removed
X /etc/replaced'
for overlay in memory "$work/changes"; do
	checks=$((checks + 1))
	run --diff --overlay="$overlay" "$b" -- inside change
	[ "$status" = 0 ] || bad "change: status $status"
	sort "$work/out" >"$work/sorted"
	printf '%s\n' "$cmd" | sort | cmp -s - "$work/sorted" ||
		bad "the diff is another one"
done
is 0 new --overlay="$work/changes" "$b" -- inside read /etc/new
checks=$((checks + 1))
[ "$(cat "$work/changes/upper/etc/new")" = new ] || bad "no file in upper"
snapshot >"$work/after"
checks=$((checks + 1))
diff "$work/before" "$work/after" >"$work/out" || bad "the rootfs has changed"
is 0 '' --overlay=none "$b" -- inside write /etc/changed now
checks=$((checks + 1))
[ "$(cat "$b/rootfs/etc/changed")" = now ] || bad "without an overlay"

# ---- what is wrong ----

fails 125 'say which bundle'
fails 125 'the program'\''s words come behind --' "$b" inside
fails 125 'there is no program behind --' "$b" --
fails 125 '--cache=all' --cache=all "$b"
fails 125 '--diff: ' --diff --overlay=none "$b"
fails 125 '/overlay: "/none": No such file' --overlay=/none "$b"
fails 125 "$work/config.json: No such file" "$work"

broken() { # TEXT LINE
	echo "$1" >"$b/config.json"
	fails 125 "$2" "$b"
}
broken '{"root": {"path": "rootfs"}
 "mounts": []}' 'config.json:2:9: '
broken '[]' 'config.json: /: '
broken '{"root": 5}' '/root: '
broken '{"root": {"path": "rootfs", "readonly": "yes"}}' '/root/readonly: '
broken '{}' '/root: missing'
broken '{"root": {"path": "rootfs"}}' '/process/args: missing'
broken '{"root": {"path": ""}}' '/root/path: empty'
broken '{"root": {"path": "rootfs"}, "hostname": 5}' '/hostname: an integer'
broken '{"root": {"path": "rootfs"}, "hooks": []}' '/hooks: an array'

# wrong STATUS LINE: what plain was changed into
wrong() {
	config
	fails "$1" "$2" "$b"
	plain
}
plain
more='"rootz": 1,'
config
fails 125 '/rootz: unknown field' --strict "$b"
run "$b"
checks=$((checks + 1))
if [ "$status" != 0 ] || ! grep -q '/rootz: unknown field' "$work/err"; then
	bad "an unknown field is not told of"
fi
plain
mounts="$usual"', {"destination": "/x", "type": "foofs"}'
config
run "$b"
checks=$((checks + 1))
if [ "$status" != 0 ] || ! grep -q '/mounts/6 (/x, foofs): not mounted' \
	"$work/err"; then
	bad "a mount that is left out is not told of"
fi
plain
linux='"uidMappings": [{"containerID": 0, "hostID": 54321, "size": 1}]'
wrong 125 '/linux/gidMappings: missing'
linux='"gidMappings": [{"containerID": 0, "hostID": 54321, "size": 1}]'
wrong 125 '/linux/uidMappings: missing'
if [ "$who" = user ]; then
	# one line, whatever else is said
	mkdir "$work/tools"
	printf '#!/bin/sh\necho no >&2\nexit 1\n' >"$work/tools/newuidmap"
	chmod 755 "$work/tools/newuidmap"
	linux='"uidMappings": [{"containerID": 0, "hostID": 5, "size": 9}],
	"gidMappings": [{"containerID": 0, "hostID": 5, "size": 9}]'
	PATH=$work/tools:$PATH
	wrong 125 '/linux/uidMappings, /linux/gidMappings: they are not allowed'
fi
root='"path": "none"'
wrong 125 '/root/path: '
cwd=etc
wrong 125 '/process/cwd: "etc" is not absolute'
cwd=/none
wrong 125 '/process/cwd: "/none": No such file or directory'
user='"uid": "root", "gid": 0'
wrong 125 '/process/user/uid: '
process='"rlimits": [{"type": "RLIMIT_FUN", "soft": 1, "hard": 1}],'
wrong 125 '/process/rlimits/0/type: '
mounts='{"destination": "data", "type": "tmpfs"}'
wrong 125 '/mounts/0/destination: "data" is not absolute'
mounts='{"destination": "/data", "type": "bind", "source": "/none/here",
"options": ["bind"]}'
wrong 125 '/mounts/0 (/data, bind): '
mounts='{"destination": "/x", "type": "tmpfs", "options": ["size=some"]}'
wrong 125 '/mounts/0 (/x, tmpfs): '
mounts='{"destination": "/proc", "type": "proc", "options": ["nonsense=1"]}'
wrong 125 '/mounts/0 (/proc, proc): '
mounts="$usual"', {"destination": "/proc/none", "type": "tmpfs"}'
wrong 125 '/mounts/6 (/proc/none, tmpfs): No such file or directory'
if [ "$who" = root ]; then
	mounts='{"destination": "/sys", "type": "sysfs", "options": ["x=1"]}'
	wrong 125 '/mounts/0 (/sys, sysfs): Invalid argument'
fi
args='"none"'
wrong 127 '/process/args/0: "none": No such file or directory'
args='"/bin/none"'
wrong 127 '/process/args/0: "/bin/none": No such file or directory'
args='"/etc"'
wrong 126 '/process/args/0: "/etc": Permission denied'
args='"/bin/closed"'
wrong 126 '/process/args/0: "/bin/closed": Permission denied'
args='"closed"'
wrong 126 '/process/args/0: "closed": Permission denied'
args='"/bin/broken"'
wrong 127 '/process/args/0: "/bin/broken", its interpreter: No such file'
args='"/bin/empty"'
wrong 126 '/process/args/0: "/bin/empty", its interpreter: Exec format error'
args='"/bin/text"'
wrong 126 '/bin/text: Exec format error'

echo "$checks checks, $failed failed"
[ "$failed" = 0 ]
