#!/bin/sh
# SPDX-License-Identifier: MIT
# The language of the shell, credentials and the command line: test-language.sh VFSH
set -u
vfsh=$1
. "$(dirname "$0")/check.sh"

# ---- the language ----

check quotes 0 'echo "a  b" '"'c \"d\"'"' e\ f "g\"h\\" x"y"z "" # no' <<'EOT'
a  b c "d" e f g"h\ xyz 
EOT
check lists 1 'cat /no || echo or; echo a && cat /no && echo never; echo z' \
	<<'EOT'
cat: /no: No such file or directory
or
a
cat: /no: No such file or directory
z
EOT
check handled 0 'cat /no || echo handled' <<'EOT'
cat: /no: No such file or directory
handled
EOT
check redirect 0 'echo one > /f; echo two >> /f; cat /f; echo x > /f; cat /f' \
	<<'EOT'
one
two
x
EOT
check redirect_refused 1 'mkdir -m 700 /d; su 5:5 echo x > /d/f; su 5:5
echo x > /d/g' <<'EOT'
vfsh: /d/g: Permission denied
EOT
check redirect_full 1 'truncate -s 1m /f; cat /f > /g; stat -c %s /g' \
	-o size=64k <<'EOT'
vfsh: /g: No space left on device
65536
EOT
check glob 0 'touch a.c b.c .c.c d "x*y" xzy; echo *.c ? x\*y "*" none*
mkdir -p s/t s/u; touch s/t/1 s/u/2; echo s/*/[12] /s/?/1' <<'EOT'
a.c b.c d x*y * none*
s/t/1 s/u/2 /s/t/1
EOT
check syntax 2 'echo a; echo b | cat' <<'EOT'
vfsh: there are no pipelines here
EOT
check unfinished 2 'echo "a' <<'EOT'
vfsh: a quote or a command is not finished
EOT
check unknown 127 'frobnicate' <<'EOT'
vfsh: frobnicate: command not found
EOT
check exit_status 7 'exit 7; echo never' <<'EOT'
EOT
check stop 1 'cat /no; echo never' -e <<'EOT'
cat: /no: No such file or directory
EOT
check usage 2 'mkdir' <<'EOT'
usage: mkdir [-p] [-m MODE] DIRECTORY...
EOT
check continuation 0 'echo a \
b &&
echo c' <<'EOT'
a b
c
EOT

# ---- who ----

check ids 0 'id; touch /f; stat -c "%u %g" /f; su 7:8; id; su 0:0 id; id' \
	-u 1000:1001:5,6 <<'EOT'
uid=1000 gid=1001 groups=5,6
1000 1001
uid=7 gid=8
uid=0 gid=0
uid=7 gid=8
EOT
check names 0 'mkdir /etc; echo root:x:0:0:::/bin/sh > /etc/passwd
echo ann:x:1000:50::/: >> /etc/passwd; echo staff:x:50: > /etc/group
touch /f; chown ann:staff /f; stat -c "%u %g %U %G" /f; id; su 1000:50 id' \
	<<'EOT'
1000 50 ann staff
uid=0(root) gid=0
uid=1000(ann) gid=50(staff)
EOT
check refused 1 'mkdir -m 700 /d; write /d/f secret; touch /g; su 1000:1000
cat /d/f; ls /d; rm /g; chmod 777 /g; chown 1000 /g; append /g x; ls /' \
	<<'EOT'
cat: /d/f: Permission denied
ls: /d: Permission denied
rm: /g: Operation not permitted
chmod: /g: Operation not permitted
chown: /g: Operation not permitted
append: /g: Permission denied
d
g
EOT
check umask 0 'umask; umask 077; touch /f; mkdir /d; umask u=rwx,g=rx,o=
umask; stat -c %a /f /d' <<'EOT'
0022
0027
600
700
EOT

# ---- the command line ----

check mount 0 'df' -m tmpfs:/:size=64k <<'EOT'
    1K-blocks         Used    Available  Use% Path
           64            0           64    0% /
EOT
check mount_elsewhere 1 'write /mnt/a/f x; mounts' \
	-m tmpfs=small:/mnt/a:ro,size=64k -m proc:/proc -u 5:5 <<'EOT'
write: /mnt/a/f: Read-only file system
/ none tmpfs rw,relatime
/mnt/a small tmpfs ro,relatime
/proc proc proc rw,relatime
EOT
mkdir "$work/host"
echo outside >"$work/host/f"
check mount_host 0 'cat /h/f' -m "hostfs=$work/host:/h" <<'EOT'
outside
EOT
check root_of_host 0 'cat /f' -m "hostfs=$work/host:/:ro" <<'EOT'
outside
EOT
check mount_refused 2 'df' -m tmpfs:/mnt:colour=red <<'EOT'
vfsh: tmpfs: unknown option 'colour=red'
vfsh: /mnt: Invalid argument
EOT
for word in tmpfs :/ tmpfs: tmpfs:mnt; do
	check "mount_$word" 2 'df' -m "$word" <<EOT
vfsh: $word: not TYPE[=SOURCE]:TARGET[:OPTIONS]
EOT
done
check groups_and_no_root 2 'df' -u 1:1:5,6 -t nosuchfs <<'EOT'
vfsh: unknown file-system type: nosuchfs
vfsh: nosuchfs: No such device
EOT
check version 0 '' --version <<'EOT'
vfsh 0.1.0
EOT
# The library's own words come first, through the log.
"$vfsh" -t nosuchfs -c df 2>&1 | tail -n 1 >"$work/printed"
echo 'vfsh: nosuchfs: No such device' >"$work/expected"
same unknown_type
"$vfsh" -o size=1m,colour=red -c df >"$work/all" 2>&1
echo "status $?" >"$work/printed"
grep -c colour "$work/all" >>"$work/printed"
printf 'status 2\n1\n' >"$work/expected"
same unknown_option
check bad_ids 2 'id' -u 1000 <<'EOT'
vfsh: 1000: not UID:GID[:GROUP,GROUP...]
EOT

cat >"$work/script" <<'EOT'
# a script
write /f "two
lines"
cat /f
cat /no
exit
EOT
"$vfsh" "$work/script" >"$work/printed" 2>&1
echo "status $?" >>"$work/printed"
"$vfsh" <"$work/script" >>"$work/printed" 2>&1
echo "status $?" >>"$work/printed"
cat >"$work/expected" <<'EOT'
two
lines
cat: /no: No such file or directory
status 1
two
lines
cat: /no: No such file or directory
status 1
EOT
same script

# Every command answers --help and is in the list of help.
"$vfsh" -c help >"$work/help" || failed=$((failed + 1))
for name in ls stat df du find tree cat write append truncate touch cp mv rm \
	ln mkdir rmdir mkfifo mknod chmod chown xattr diff commit discard cd pwd \
	umask id su time help exit; do
	count=$((count + 1))
	if ! grep -q "^$name " "$work/help" ||
		! "$vfsh" -c "$name --help" | grep -q "^usage: $name"; then
		echo "FAILED help of $name" >&2
		failed=$((failed + 1))
	fi
done

finish
