# SPDX-License-Identifier: MIT
# For container.sh and the tests of vfs-run, which source it: what root makes so
# that an ordinary user can run vfs-run.
# shellcheck shell=sh

# copy_program VFS-RUN DIRECTORY: the program, and the library that it was built
# with (LD_LIBRARY_PATH=DIRECTORY), where everybody may go
copy_program() {
	libraries=$(dirname "$(readlink -f "$1")")/../../lib
	cp "$1" "$2/vfs-run" || return 1
	for file in "$libraries"/libvfs.so.*; do
		[ ! -f "$file" ] || cp -P "$file" "$2/" || return 1
	done
}

# make_fuse NODE: a /dev/fuse that everybody may open
make_fuse() {
	mknod "$1" c 10 229 && chmod 666 "$1"
}
