#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs inside (container.sh): builds a library and a program, tests them,
# installs them, and tidies up.
#
# changes: A /usr/local/bin/count
# changes: A /usr/local/lib/libwords.a
# changes: A /etc/job
# changes: A /etc/job/owned
# changes: M /etc/issue
# changes: D /etc/issue.net
set -eu
# shellcheck disable=SC1091
. /etc/os-release
echo "Inside: $PRETTY_NAME, process $$ of" \
	"$(echo /proc/[0-9]* | wc -w), $(apt-get --version | head -n 1)"
mkdir /tmp/build
cd /tmp/build
cat >words.h <<'END'
#include <stddef.h>
size_t words(const char *text);
END
cat >words.c <<'END'
#include <ctype.h>
#include "words.h"
size_t words(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += !isspace((unsigned char)*text) &&
		     (!text[1] || isspace((unsigned char)text[1]));
	return n;
}
END
cat >count.c <<'END'
#include <stdio.h>
#include "words.h"
int main(void)
{
	char line[4096];
	size_t n = 0;
	while (fgets(line, sizeof(line), stdin))
		n += words(line);
	printf("%zu\n", n);
	return 0;
}
END
for file in words count; do
	gcc -O2 -g -Wall -Werror -c $file.c
done
ar rcs libwords.a words.o
gcc count.o -L. -lwords -o count
find /usr/share/doc -name copyright -print0 | xargs -0 cat |
	tr -cd ' -~\n' >text
mine=$(./count <text)
theirs=$(wc -w <text)
[ "$mine" = "$theirs" ] || { echo "$mine words, not $theirs"; exit 1; }
echo "A program that was built here has counted $mine words, as wc does"
perl -e 'open(F, "text"); while (<F>) { $n += () = /\S+/g } print "And perl: $n\n"'
cp count /usr/local/bin/
cp libwords.a /usr/local/lib/
mkdir /etc/job
echo mine >/etc/job/owned
chown 1:1 /etc/job/owned
chmod 600 /etc/job/owned
# not as root
as() {
	setpriv --reuid="$1" --regid="$1" --clear-groups cat /etc/job/owned
}
[ "$(as 1)" = mine ]
[ "$(as 2 2>/dev/null)" = "" ]
echo 'built here' >>/etc/issue
rm /etc/issue.net
cd /
rm -r /tmp/build
