#!/bin/sh
# SPDX-License-Identifier: MIT
# Copies within the tree, and from and to the host: test-copy.sh VFSH
set -u
vfsh=$1
. "$(dirname "$0")/check.sh"

# ---- copies ----

check cp 1 'write f 1; chmod 640 f; cp f g; cat g; stat -c %a g; cp f nix/x
mkdir d; cp f g d; ls d; cp d e; cp -r d e; ls e; cp -r d e; ls e
cp f f; cp f g f; cp -n e/f f; cp -r d d/in; find d; cp nix x
mkdir -p m/n; touch m/f; cp -r m m/n/o; find m' <<'EOT'
1
640
cp: nix/x: No such file or directory
f
g
cp: d: is a directory (-r copies it)
f
g
d
f
g
cp: f and f are the same file
cp: f: Not a directory
d
d/f
d/g
d/in
d/in/f
d/in/g
cp: nix: No such file or directory
cp: m/n/o: not copied into itself
m
m/f
m/n
m/n/o
m/n/o/f
m/n/o/n
EOT
check cp_all 0 'mkdir -p a/b; write a/f text; ln a/f a/b/g; ln -s ../f a/b/s
mkfifo a/p; chown -R 5:6 a; chmod 4711 a/f; xattr set a/f user.x y
touch -d @5 a/f a/b a; umask 077; cp -a a c; cp -r a r; cp -p a/f p
stat -c "%n %A %u %g %h %Y" c c/f c/b c/b/g p; stat -c %A c/p c/b/s
xattr get c/f user.x; cat c/b/s; stat -c "%n %A %u %g %h" r r/f r/b/g
stat -c "%A" r/b/s' <<'EOT'
c drwxr-xr-x 5 6 3 5
c/f -rws--x--x 5 6 2 5
c/b drwxr-xr-x 5 6 2 5
c/b/g -rws--x--x 5 6 2 5
p -rws--x--x 5 6 1 5
prw-r--r--
lrwxrwxrwx
y
text
r drwx------ 0 0 3
r/f -rwx------ 0 0 1
r/b/g -rwx------ 0 0 1
lrwxrwxrwx
EOT
check cp_sparse 0 'truncate -s 1g f; append f end; cp f g; stat -c %s f g
du f g' -o size=1m <<'EOT'
1073741828
1073741828
4	f
4	g
EOT

# ---- the host ----

host=$work/host
mkdir -p "$host/dir/deep"
echo 'from the host' >"$host/dir/file"
ln "$host/dir/file" "$host/dir/deep/link"
ln -s ../file "$host/dir/deep/symlink"
chmod 4750 "$host/dir/file"
chmod 711 "$host/dir/deep"
touch -d @1000000000 "$host/dir/file" "$host/dir/deep" "$host/dir"
truncate -s 10m "$host/hole"

check import 1 "cp -r host:$host/dir /in; stat -c '%n %A %h %Y' /in/file
stat -c '%n %A %Y' /in/deep; stat -c %N /in/deep/symlink; cat /in/deep/symlink
cp host:$host/no /no; cp -a host:$host/dir /all; stat -c %a /all/file
cp host:$host/dir/* .; ls; cp host:$host/hole .; stat -c %s hole; du hole
cp host:$host/dir host:$host/x" <<EOT
/in/file -rwxr-x--- 2 1000000000
/in/deep drwx--x--x 1000000000
/in/deep/symlink -> ../file
from the host
cp: host:$host/no: No such file or directory
4750
cp: $host/dir/deep: is a directory (-r copies it)
all
file
in
10485760
0	hole
cp: host:$host/dir: one side has to be virtual
EOT
check export 0 "mkdir -p /o/d; write /o/f out; chmod 604 /o/f; ln /o/f /o/d/g
ln -s nowhere /o/s; touch -d @7 /o/f; cp -r /o host:$host/out" <<'EOT'
EOT
stat -c '%a %h %Y' "$host/out/f" >"$work/printed"
readlink "$host/out/s" >>"$work/printed"
cat "$host/out/d/g" >>"$work/printed"
printf '604 2 7\nnowhere\nout\n' >"$work/expected"
same export_host

finish
