#!/bin/sh
# SPDX-License-Identifier: MIT
# Names, contents and attributes: test-files.sh VFSH
set -u
vfsh=$1
. "$(dirname "$0")/check.sh"

# ---- names ----

check mkdir 1 'mkdir -p /a/b/c; mkdir -p /a/b; mkdir /a; mkdir -m 1750 /m
mkdir -m g=w /n; mkdir /x/y; rmdir -p /a/b/c; rmdir /m /n; ls /' <<'EOT'
mkdir: /a: File exists
mkdir: /x/y: No such file or directory
EOT
check mv 1 'touch a b; mkdir d; mv a d; mv b d/c; mv d/a d/c; ls d
touch e; mv -n e d/c && ls; mv -T d e; mv d d/d; mv e f g; mv e f' <<'EOT'
c
d
e
mv: d -> e: Not a directory
mv: d -> d/d: Invalid argument
mv: g: Not a directory
EOT
check ln 1 'write a x; ln a b; ln -s a s; ln -s /no t; ln -sf b s; stat -c %N s
stat -c %h a; mkdir d; ln a d; ls d; ln d e; ln nix e; ln -f a b; cat s' \
	<<'EOT'
s -> b
2
a
ln: e: Operation not permitted
ln: nix: No such file or directory
ln: a and b are the same file
x
EOT
check rm 1 'mkdir -p a/b c; touch a/f a/b/g; ln -s /c a/s; touch c/keep
rm a; rm -r a; rm -f nix; rm nix; rm -r /; rm -r c/.; rm -d c; tree' <<'EOT'
rm: a: Is a directory
rm: nix: No such file or directory
rm: /: refusing to remove
rm: c/.: refusing to remove
rm: c: Directory not empty
.
`-- c
    `-- keep

1 directories, 1 files
EOT
check nodes 1 'mknod -m 666 null c 1 3; mknod p p; mkfifo -m 600 q
mknod s s; stat -c "%n %F %a %t,%T" null p q s; su 5:5 mknod b b 8 0' <<'EOT'
null character special file 666 1,3
p fifo 644 0,0
q fifo 600 0,0
s socket 644 0,0
mknod: b: Operation not permitted
EOT

# ---- contents and attributes ----

check data 0 'write f hello world; cat f; append -n f more; cat f; echo
truncate -s 5 f; cat f; echo; truncate -s +1k f; stat -c %s f
truncate -s -1024 f; stat -c %s f; truncate -c -s 0 none; ls' <<'EOT'
hello world
hello world
more
hello
1029
5
f
EOT
check touch 1 'touch -d @1000000000.5 f; stat -c "%Y %y" f
touch -m -d "2020-02-29 12:30:45" f; stat -c "%X %y" f; touch -r f g
stat -c %Y g; touch -c h; touch -d yesterday f; ls' <<'EOT'
1000000000 2001-09-09 01:46:40.500000000 +0000
1000000000 2020-02-29 12:30:45.000000000 +0000
1582979445
touch: yesterday: not a date
f
g
EOT
check chmod 1 'umask 022; touch f; mkdir -p d/e; touch d/f
chmod 640 f; chmod u+x,g-r,o=r f; stat -c %a f
chmod a=rX,u+w f d; chmod -x f; stat -c %a f d; chmod 4755 f
chmod g+s,o+t f; stat -c "%a %A" f; chmod u-s,g=u,o-rwx f; stat -c %a f
chmod -R 700 d; stat -c %a d d/e d/f; chmod 9 f; chmod u+q f; chmod 1 no' \
	<<'EOT'
704
644
755
7755 -rwsr-sr-t
1770
700
700
700
chmod: 9: not a mode
chmod: u+q: not a mode
chmod: no: No such file or directory
EOT
check chown 1 'mkdir d; touch d/f; ln -s f d/s; chown -R 5:6 d; chown -h 7 d/s
chown :9 d/f; stat -c "%n %u:%g" d d/f d/s; chown 1:x d; chown 4 no' <<'EOT'
d 5:6
d/f 5:9
d/s 7:6
chown: 1:x: no such owner
chown: no: No such file or directory
EOT
check xattr 1 'touch f; xattr set f user.a text; xattr list f
xattr set f user.b 0x000aff; xattr get f user.a; xattr get f user.b
xattr remove f user.a; xattr list f; xattr get f user.a; xattr set f bad.x 1
ln -s f s; xattr -h set s trusted.t 1; xattr -h list s; xattr list s' <<'EOT'
user.a
text
0x000aff
user.b
xattr: f: No data available
xattr: f: Operation not supported
trusted.t
user.b
EOT

# ---- looking ----

check ls 0 'mkdir -m 755 d; write f 12345; ln -s f s; ln f d/hard; touch .h
mknod null c 1 3; chown 1000:4 f; touch -h -d "2001-02-03" d f s null
ls; ls -A; ls -ln; ls -d d; ls -R; ls -l f s' <<'EOT'
d
f
null
s
.h
d
f
null
s
total 4
drwxr-xr-x 2    0 0   60 Feb  3  2001 d
-rw-r--r-- 2 1000 4    6 Feb  3  2001 f
crw-r--r-- 1    0 0 1, 3 Feb  3  2001 null
lrwxrwxrwx 1    0 0    1 Feb  3  2001 s -> f
d
.:
d
f
null
s

./d:
hard
-rw-r--r-- 2 1000 4 6 Feb  3  2001 f
lrwxrwxrwx 1    0 0 1 Feb  3  2001 s -> f
EOT
check ls_order 0 'truncate -s 1536 a; truncate -s 20k b; write c x
touch -d @100 b; touch -d @300 a; touch -d @200 c; ls -t; ls -S; ls -r
mkdir d; ls b d a; touch -d @400 b; ls -lh b' <<'EOT'
a
c
b
b
a
c
c
b
a
a
b

d:
-rw-r--r-- 1 0 0 20K Jan  1  1970 b
EOT
check ls_errors 1 'mkdir -m 700 d; mkdir -m 744 e; touch e/f; su 5:5
ls nix d; ls e; ls -l e' <<'EOT'
ls: nix: No such file or directory
ls: d: Permission denied
f
ls: e/f: Permission denied
total 0
?????????? ? ? ? ?            ? f
EOT
check stat 1 'write f 12345; chown 5:6 f; touch -d @1.000000002 f
stat -c "%n|%s|%h|%F|%U:%G|%Y|%%|%q" f; stat nix; ln -s f l
stat -c %F l; stat -L -c %F l; write -n e; stat -c %F e' <<'EOT'
f|6|1|regular file|5:6|1|%|%q
stat: nix: No such file or directory
symbolic link
regular file
regular empty file
EOT
check find 1 'mkdir -p a/b/c d; touch a/x.c a/b/y.c a/b/Z.C d/.h; ln -s x a/l
chmod 600 a/x.c; chown 7 a/b/y.c; find a; find . -name "*.c"
find -iname "*.c" -type f; find . -maxdepth 1 -type d; find a -mindepth 2
find . -type l; find / -perm 600 ! -name ".*"; find . -user 7; find d -empty
find nix' <<'EOT'
a
a/b
a/b/Z.C
a/b/c
a/b/y.c
a/l
a/x.c
./a/b/y.c
./a/x.c
./a/b/Z.C
./a/b/y.c
./a/x.c
.
./a
./d
a/b/Z.C
a/b/c
a/b/y.c
./a/l
/a/x.c
./a/b/y.c
d/.h
find: nix: No such file or directory
EOT
check find_usage 2 'find . -name' <<EOT
find: -name: bad argument
$("$vfsh" -c 'find --help' | head -n 1)
EOT
check du_df 0 'mkdir -p a/b; truncate -s 9000 z; cat z > a/f; ln a/f a/b/g
du a; du -s a; du -sh .; du -d 0 z; df -i /; df' -o size=1m,nr_inodes=100 \
	<<'EOT'
12	a/b
12	a
12	a
12K	.
0	z
       Inodes        IUsed        IFree IUse% Path
          100            6           94    6% /
    1K-blocks         Used    Available  Use% Path
         1024           12         1012    2% /
EOT
check tree 0 'mkdir -p a/b c; touch a/b/f a/g c/.h; ln -s g a/s; tree -a
tree -L 1; tree -d a' <<'EOT'
.
|-- a
|   |-- b
|   |   `-- f
|   |-- g
|   `-- s -> g
`-- c
    `-- .h

3 directories, 4 files
.
|-- a
`-- c

2 directories, 0 files
a
`-- b

1 directories, 0 files
EOT

# ---- events ----

check watch 1 'mkdir d; watch -e create,delete,moved_from,moved_to,isdir d
watch -e create,delete,moved_from,moved_to d
touch d/f; mkdir d/s; mv d/f d/g; rm d/g; watch; watch -d; rmdir d/s; watch
touch f; watch f nix; write f x; rm f; watch' <<'EOT'
watch: create,delete,moved_from,moved_to,isdir: unknown event
d: create f
d: create,isdir s
d: moved_from f #1
d: moved_to g #1
d: delete g
d
watch: nix: No such file or directory
f: open
f: modify
f: modify
f: close_write
f: attrib
f: delete_self
f: ignored
EOT

finish
