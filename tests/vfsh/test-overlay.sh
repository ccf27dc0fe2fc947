#!/bin/sh
# SPDX-License-Identifier: MIT
# What an overlay changed, brought down and dropped: test-overlay.sh VFSH
set -u
vfsh=$1
. "$(dirname "$0")/check.sh"

# An overlay over /low at /m, changed in every way that there is a letter for.
layers='mkdir -p /low/dir/sub "/low/old dir" /up /work /m
write /low/file one; write /low/gone x; write /low/other x; write /low/dir/a a
write "/low/old dir/in" in; mkdir /low/kind; write /low/kind/x x'
mount='mount -t overlay -o lowerdir=/low,upperdir=/up,workdir=/work,redirect_dir=on o /m'
changes='write /m/file changed; rm /m/gone; chmod 600 /m/other
write "/m/dir/new file" text; mkdir /m/dir/made; ln -s x /m/dir/made/link
mv "/m/old dir" /m/moved; write /m/moved/in more; rm -r /m/kind
write /m/kind file'

check letters 0 "$layers; $mount; diff /m; $changes; diff /m; diff -s /m/dir" <<'EOT'
A d dir/made
A l dir/made/link
A f dir/new file
M f file
D - gone
X f kind
R d moved <- old dir
M f moved/in
D - old dir
T f other
A d          - made
A l          - made/link
A f          5 new file
EOT
check json 0 "$layers; $mount; $changes; write '/m/q\"\\' x; diff -js /m" <<'EOT'
{"change":"added","path":"dir/made","type":"directory","mode":"0755"}
{"change":"added","path":"dir/made/link","type":"symlink","mode":"0777"}
{"change":"added","path":"dir/new file","type":"file","mode":"0644","size":5}
{"change":"modified","path":"file","type":"file","mode":"0644","size":8}
{"change":"deleted","path":"gone"}
{"change":"replaced","path":"kind","type":"file","mode":"0644","size":5}
{"change":"renamed","path":"moved","type":"directory","mode":"0755","from":"old dir"}
{"change":"modified","path":"moved/in","type":"file","mode":"0644","size":5}
{"change":"deleted","path":"old dir"}
{"change":"metadata","path":"other","type":"file","mode":"0600","size":2}
{"change":"added","path":"q\"\\","type":"file","mode":"0644","size":2}
EOT

# Other than Latin, and no character at all; as parts of one line.
count=$((count + 1))
"$vfsh" -c "$layers; $mount; touch $(printf '/m/\303\244 /m/\377 /m/\355\240\200')
diff -j /m" >"$work/printed" 2>&1
printf '{"change":"added","path":"%s","type":"file","mode":"0644"}\n' \
	"$(printf '\303\244')" '\udced\udca0\udc80' '\udcff' >"$work/expected"
same names
"$vfsh" -c "$layers; $mount; $changes; diff -0 /m" |
	tr '\0' '|' >"$work/printed"
printf '%s' 'A d dir/made|A l dir/made/link|A f dir/new file|M f file|D - gone|' \
	'X f kind|R d moved|old dir|M f moved/in|D - old dir|T f other|' \
	>"$work/expected"
same nul

show='cd /low; find . -type f -print; cat file dir/new\ file moved/in kind; cd /'
shown='./dir/a
./dir/new file
./file
./kind
./moved/in
./other
changed
text
more
file'
check commit 0 "$layers; $mount; $changes; commit /m; diff /m; ls -A /up
$show; find /low -perm 600; cd /m; ls; mount" <<EOT
$shown
/low/other
dir
file
kind
moved
other
none / tmpfs rw,relatime 0 0
o /m overlay rw,relatime,lowerdir=/low,upperdir=/up,workdir=/work,redirect_dir=on 0 0
EOT
check discard 0 "$layers; $mount; $changes; discard /m/dir; diff /m; ls -A /up
ls -A /work/work; cd /m; find . -type f; cat file" <<'EOT'
./dir/a
./file
./gone
./kind/x
./old dir/in
./other
one
EOT
# The upper directory on another file system, and a colon in a path.
check apart 0 "$layers; mkdir /mem; mount -t tmpfs mem /mem; mv /low /a:b
mkdir /mem/up /mem/work
mount -t overlay -o 'nosuid,lowerdir=/a\\:b,upperdir=/mem/up,workdir=/mem/work,redirect_dir=on' o /m
$changes; commit /m; diff /m; ls -A /mem/up; mv /a:b /low; $show; mount" <<EOT
$shown
none / tmpfs rw,relatime 0 0
mem /mem tmpfs rw,relatime 0 0
o /m overlay rw,nosuid,relatime,lowerdir=/a\\:b,upperdir=/mem/up,workdir=/mem/work,redirect_dir=on 0 0
EOT
check refused 1 "$layers; commit /low; discard /low; diff /low; commit; diff -x
diff / m; commit /nothing; discard -f; $mount; cd /m; touch x; commit /m; cd /
mount -t overlay -o lowerdir=/low:/work o /m; commit /m; discard /m
umount /m; umount /m; mkdir /l2
mount -t overlay -o lowerdir=/low:/l2,upperdir=/up,workdir=/work o /m; commit /m
discard /m; ls -A /up" <<'EOT'
commit: /low: not in an overlay
discard: /low: not in an overlay
diff: /low: not in an overlay
usage: commit DIRECTORY
diff: invalid option -- 'x'
usage: diff [-0js] [DIRECTORY]
usage: diff [-0js] [DIRECTORY]
commit: /nothing: No such file or directory
usage: discard DIRECTORY
commit: /m: Device or resource busy
commit: /m: there is no upper directory
discard: /m: there is no upper directory
commit: /m: there are several lower directories
EOT
# What cannot be done is not done, and the overlay is there again.
check failure 1 "$layers; $mount; write /m/file newer; umount /m; bind /low /low
mount -o remount,ro,bind /low; $mount; commit /m; cat /m/file; diff /m" <<'EOT'
commit: /m: Read-only file system
newer
M f file
EOT

finish
