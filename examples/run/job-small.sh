#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs inside (container.sh): builds a program that a shell can run, runs it,
# and tidies up.
#
# changes: A /bin/table
# changes: A /srv/squares
# changes: M /etc/motd
# changes: D /etc/issue
set -eu
echo "Inside: $(echo /bin/* | wc -w) programs, process $$, $(id)"
mkdir /tmp/build
cd /tmp/build
cat >table.in <<'END'
#!/bin/sh
awk 'BEGIN { for (i = 1; i <= @N@; i++) print i, i * i }'
END
sed 's/@N@/1000/' table.in >table
chmod 755 table
cp table /bin/
table >/srv/squares
[ "$(wc -l </srv/squares)" -eq 1000 ]
sum=$(awk '{ n += $2 } END { print n }' /srv/squares)
[ "$sum" = 333833500 ]
echo "A program that was built here has added squares: $sum"
# there and back
tar -cf - table table.in /srv/squares 2>/dev/null | gzip >a.tar.gz
mkdir out
gzip -dc a.tar.gz | tar -xf - -C out
[ "$(cat out/srv/squares)" = "$(cat /srv/squares)" ]
echo 'built here' >>/etc/motd
rm /etc/issue
cd /
rm -r /tmp/build
