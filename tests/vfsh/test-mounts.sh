#!/bin/sh
# SPDX-License-Identifier: MIT
# Mounts and namespaces: test-mounts.sh VFSH
set -u
vfsh=$1
. "$(dirname "$0")/check.sh"

check mount 1 'mkdir /a /b; mount -t tmpfs -o size=1m,nosuid,ro src /a; mount
mkdir /a/x; mount -o remount,rw,nosuid /a; mkdir /a/x; umount /b; umount /a
mount; mount -t nosuch s /a; mount a; mount -t tmpfs -o bogus s /a' <<'EOT'
none / tmpfs rw,relatime 0 0
src /a tmpfs ro,nosuid,relatime,size=1024k 0 0
mkdir: /a/x: Read-only file system
umount: /b: Invalid argument
none / tmpfs rw,relatime 0 0
mount: /a: No such device
usage: mount [-BMR] [-o OPTION,...] [[-t] TYPE] [SOURCE] [TARGET]
vfsh: tmpfs: unknown option 'bogus'
mount: /a: Invalid argument
EOT
check tree 0 'mkdir -p /a /b; mount -t tmpfs one /a; mkdir /a/in
mount -t tmpfs two /a/in; mount -o shared /a; bind -r /a /b; mounts -t
umount -l /b; mounts' <<'EOT'
/ none tmpfs rw,relatime
  /a one tmpfs rw,relatime shared:1
    /a/in two tmpfs rw,relatime
  /b one tmpfs rw,relatime shared:1
    /b/in two tmpfs rw,relatime
/ none tmpfs rw,relatime
/a one tmpfs rw,relatime shared:1
EOT
check bind 1 'mkdir -p /a/d /b; touch /a/d/f; bind /a/d /b; ls /b; mounts
mount -B -o ro /a /b; touch /b/x; mount -M /b /a/d; bind /a; rmdir /a/d' <<'EOT'
f
/ none tmpfs rw,relatime
/b none[/a/d] tmpfs rw,relatime
touch: /b/x: Read-only file system
usage: bind [-r] SOURCE TARGET
rmdir: /a/d: Device or resource busy
EOT
check namespace 0 'unshare; mkdir /new; mount -t tmpfs n /new; mkdir /new/old
cd /new; pivot_root . old; cd /; ls; umount -l /old; mounts; pwd' <<'EOT'
old
/ n tmpfs rw,relatime
/
EOT
check long-options 2 'mkdir /a /b; mount --bind /a /a; mount --make-rshared /a
unshare -m; mount --rbind /a /b; mounts; mount --make-private /a
mount --move /b /a; mount --bond /a; unshare -U; mounts -t' <<'EOT'
/ none tmpfs rw,relatime
/a none[/a] tmpfs rw,relatime shared:1
/b none[/a] tmpfs rw,relatime shared:1
mount: unrecognized option '--bond'
usage: mount [-BMR] [-o OPTION,...] [[-t] TYPE] [SOURCE] [TARGET]
/ none tmpfs rw,relatime
  /a none[/a] tmpfs rw,relatime
    /a none[/a] tmpfs rw,relatime master:1
EOT

finish
