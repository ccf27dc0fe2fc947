/* SPDX-License-Identifier: MIT */
/* Bodies of the kit: making, removing and moving names. */
#include <stdio.h>
#include <sys/sysmacros.h>

#include "backend/kit.h"

void kit_names(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	struct vfs_stat st;

	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	KIT(kit, vfs_mkdir(t, "/d/e", 0700), 0);
	kit_put(kit, "/d/f", "first");
	kit_put(kit, "/d/e/g", "second");
	KIT(kit, vfs_mkdir(t, "/d", 0755), -EEXIST);
	KIT(kit, vfs_open(t, "/d/f", O_CREAT | O_EXCL, 0), -EEXIST);
	KIT(kit, vfs_mkdir(t, "/d/f/x", 0755), -ENOTDIR);
	kit_see(kit, "/d/f", "first");
	kit_see(kit, "/d/e/../e/g", "second");
	st = kit_stat(kit, "/d");
	KIT_TRUE(kit, S_ISDIR(st.mode) && (st.mode & 07777) == 0755);
	st = kit_stat(kit, "/d/f");
	KIT_TRUE(kit, S_ISREG(st.mode) && st.size == 5 && st.nlink == 1);
	KIT(kit, vfs_rmdir(t, "/d"), -ENOTEMPTY);
	KIT(kit, vfs_rmdir(t, "/d/f"), -ENOTDIR);
	KIT(kit, vfs_unlink(t, "/d/e"), -EISDIR);
	KIT(kit, vfs_unlink(t, "/d/e/g"), 0);
	KIT(kit, vfs_rmdir(t, "/d/e"), 0);
	KIT(kit, vfs_unlink(t, "/d/f"), 0);
	KIT(kit, vfs_unlink(t, "/d/f"), -ENOENT);
	KIT_TRUE(kit, kit_stat(kit, "/d").nlink <= 2);
	KIT(kit, vfs_rmdir(t, "/d"), 0);
	KIT_TRUE(kit, !kit_exists(kit, "/d"));
}

void kit_links(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	struct vfs_stat a, b;

	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	kit_put(kit, "/f", "data");
	KIT(kit, vfs_link(t, "/f", "/d/g"), 0);
	KIT(kit, vfs_link(t, "/f", "/d/g"), -EEXIST);
	KIT(kit, vfs_link(t, "/d", "/d2"), -EPERM);
	a = kit_stat(kit, "/f");
	b = kit_stat(kit, "/d/g");
	KIT_TRUE(kit, a.ino == b.ino && a.nlink == 2 && b.nlink == 2);
	kit_put(kit, "/d/g", "changed");
	kit_see(kit, "/f", "changed");
	KIT(kit, vfs_unlink(t, "/f"), 0);
	KIT_TRUE(kit, kit_stat(kit, "/d/g").nlink == 1);
	kit_see(kit, "/d/g", "changed");
	KIT(kit, vfs_link(t, "/d/g", "/f"), 0);
	KIT(kit, vfs_rename(t, "/f", "/d/g"), 0);
	KIT_TRUE(kit, kit_exists(kit, "/f"));
}

void kit_rename_files(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	struct vfs_stat st = {0};
	int fd;

	KIT(kit, vfs_mkdir(t, "/a", 0755), 0);
	KIT(kit, vfs_mkdir(t, "/b", 0755), 0);
	kit_put(kit, "/a/f", "f");
	kit_put(kit, "/b/g", "g");
	KIT(kit, vfs_rename(t, "/a/f", "/a/f2"), 0);
	KIT_TRUE(kit, !kit_exists(kit, "/a/f"));
	kit_see(kit, "/a/f2", "f");
	KIT_GET(kit, fd, vfs_open(t, "/b/g", O_RDONLY, 0));
	KIT(kit, vfs_rename(t, "/a/f2", "/b/g"), 0);
	kit_see(kit, "/b/g", "f");
	KIT(kit, vfs_fstat(t, fd, &st), 0);
	KIT_TRUE(kit, st.nlink == 0);
	KIT(kit, vfs_close(t, fd), 0);
	KIT(kit, vfs_rename(t, "/b/g", "/a"), -EISDIR);
	KIT(kit, vfs_rename(t, "/b/g", "/b/none/x"), -ENOENT);
	KIT(kit, vfs_rename(t, "/b/g", "/b/g"), 0);
	KIT_TRUE(kit, kit_entries(kit, "/a", 512) == 0);
	KIT_TRUE(kit, kit_entries(kit, "/b", 512) == 1);
}

void kit_rename_directories(struct kit *kit)
{
	struct vfs_task *t = kit->task;

	KIT(kit, vfs_mkdir(t, "/a", 0755), 0);
	KIT(kit, vfs_mkdir(t, "/a/b", 0755), 0);
	kit_put(kit, "/a/b/f", "deep");
	KIT(kit, vfs_mkdir(t, "/c", 0755), 0);
	KIT(kit, vfs_mkdir(t, "/empty", 0755), 0);
	KIT(kit, vfs_rename(t, "/a", "/a/b/x"), -EINVAL);
	KIT(kit, vfs_rename(t, "/a/b", "/a"), -ENOTEMPTY);
	KIT(kit, vfs_rename(t, "/a/b", "/a/b/f"), -EINVAL);
	KIT(kit, vfs_rename(t, "/c", "/a/b/f"), -ENOTDIR);
	KIT(kit, vfs_rename(t, "/c", "/a"), -ENOTEMPTY);
	KIT(kit, vfs_rename(t, "/a/b", "/c/b"), 0);
	kit_see(kit, "/c/b/f", "deep");
	kit_see(kit, "/c/b/../b/f", "deep");
	KIT_TRUE(kit, !kit_exists(kit, "/a/b"));
	KIT(kit, vfs_rename(t, "/c", "/empty"), 0);
	kit_see(kit, "/empty/b/f", "deep");
	KIT(kit, vfs_chdir(t, "/empty/b"), 0);
	KIT(kit, vfs_rename(t, "/empty", "/a/inside"), 0);
	kit_see(kit, "../b/f", "deep");
	KIT(kit, vfs_chdir(t, "/"), 0);
	KIT_TRUE(kit, kit_entries(kit, "/", 512) == 1);
}

void kit_rename_flags(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	uint64_t f, d;

	kit_put(kit, "/f", "f");
	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	KIT(kit, vfs_mkdir(t, "/d/e", 0755), 0);
	f = kit_stat(kit, "/f").ino;
	d = kit_stat(kit, "/d/e").ino;
	KIT(kit,
	    vfs_renameat2(t, AT_FDCWD, "/f", AT_FDCWD, "/d", RENAME_NOREPLACE),
	    -EEXIST);
	KIT(kit,
	    vfs_renameat2(t, AT_FDCWD, "/f", AT_FDCWD, "/d/e", RENAME_EXCHANGE),
	    0);
	KIT_TRUE(kit, kit_stat(kit, "/d/e").ino == f);
	KIT_TRUE(kit, kit_stat(kit, "/f").ino == d);
	kit_see(kit, "/d/e", "f");
	KIT(kit,
	    vfs_renameat2(t, AT_FDCWD, "/f", AT_FDCWD, "/none",
			  RENAME_EXCHANGE),
	    -ENOENT);
	KIT(kit,
	    vfs_renameat2(t, AT_FDCWD, "/d/e", AT_FDCWD, "/new",
			  RENAME_NOREPLACE),
	    0);
	KIT(kit,
	    vfs_renameat2(t, AT_FDCWD, "/f", AT_FDCWD, "/d", RENAME_EXCHANGE),
	    0);
	KIT_TRUE(kit, kit_stat(kit, "/d").ino == d);
	KIT(kit, vfs_unlink(t, "/new"), 0);
	KIT(kit, vfs_rmdir(t, "/d"), 0);
	KIT(kit, vfs_rmdir(t, "/f"), 0);
}

void kit_whiteout(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	struct vfs_stat st;

	kit_put(kit, "/f", "f");
	kit_put(kit, "/g", "g");
	KIT(kit,
	    vfs_renameat2(t, AT_FDCWD, "/f", AT_FDCWD, "/g", RENAME_WHITEOUT),
	    0);
	st = kit_stat(kit, "/f");
	KIT_TRUE(kit, S_ISCHR(st.mode) && st.rdev == 0);
	kit_see(kit, "/g", "f");
	KIT(kit, vfs_unlink(t, "/f"), 0);
	KIT(kit, vfs_unlink(t, "/g"), 0);
}

void kit_symlinks(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	char text[64], target[300];
	struct vfs_stat st;

	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	kit_put(kit, "/d/f", "found");
	KIT(kit, vfs_symlink(t, "f", "/d/l"), 0);
	KIT(kit, vfs_symlink(t, "/d", "/abs"), 0);
	KIT(kit, vfs_symlink(t, "none", "/dangling"), 0);
	kit_see(kit, "/abs/l", "found");
	KIT(kit, vfs_readlink(t, "/d/l", text, sizeof(text)), 1);
	KIT(kit, vfs_open(t, "/dangling", O_RDONLY, 0), -ENOENT);
	st = kit_stat(kit, "/abs");
	KIT_TRUE(kit, S_ISLNK(st.mode) && st.size == 2);
	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = 0;
	KIT(kit, vfs_symlink(t, target, "/long"), 0);
	KIT(kit, vfs_readlink(t, "/long", text, sizeof(text)), sizeof(text));
	KIT_TRUE(kit, !memcmp(text, target, sizeof(text)));
	KIT(kit, vfs_stat(t, "/long", &st), -ENAMETOOLONG);
	kit_put(kit, "/dangling", "made");
	kit_see(kit, "/none", "made");
	KIT(kit, vfs_rename(t, "/abs", "/d/abs"), 0);
	KIT(kit, vfs_unlink(t, "/d/abs"), 0);
	KIT(kit, vfs_symlink(t, "loop", "/loop"), 0);
	KIT(kit, vfs_stat(t, "/loop", &st), -ELOOP);
}

void kit_special(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	struct vfs_stat st;

	KIT(kit, vfs_mknod(t, "/c", S_IFCHR | 0600, makedev(4, 65)), 0);
	KIT(kit, vfs_mknod(t, "/b", S_IFBLK | 0600, makedev(7, 1000)), 0);
	KIT(kit, vfs_mknod(t, "/s", S_IFSOCK | 0600, 0), 0);
	KIT(kit, vfs_mkfifo(t, "/p", 0600), 0);
	st = kit_stat(kit, "/c");
	KIT_TRUE(kit, S_ISCHR(st.mode) && st.rdev == makedev(4, 65));
	st = kit_stat(kit, "/b");
	KIT_TRUE(kit, S_ISBLK(st.mode) && st.rdev == makedev(7, 1000));
	KIT_TRUE(kit, S_ISSOCK(kit_stat(kit, "/s").mode));
	KIT_TRUE(kit, S_ISFIFO(kit_stat(kit, "/p").mode));
	KIT(kit, vfs_open(t, "/s", O_RDONLY, 0), -ENXIO);
	KIT(kit, vfs_truncate(t, "/p", 0), -EINVAL);
	KIT(kit, vfs_rename(t, "/p", "/s"), 0);
	KIT(kit, vfs_unlink(t, "/c"), 0);
	KIT_TRUE(kit, kit_entries(kit, "/", 256) == 2);
}

/* A name that was not there is there once it is made, and gone again. */
void kit_absences(struct kit *kit)
{
	struct vfs_task *t = kit->task;

	for (int i = 0; i < 3; i++) {
		KIT_TRUE(kit, !kit_exists(kit, "/x"));
		KIT_TRUE(kit, !kit_exists(kit, "/y"));
		kit_put(kit, "/x", "new");
		KIT_TRUE(kit, kit_exists(kit, "/x"));
		KIT(kit, vfs_rename(t, "/x", "/y"), 0);
		KIT_TRUE(kit, !kit_exists(kit, "/x"));
		KIT_TRUE(kit, kit_exists(kit, "/y"));
		KIT(kit, vfs_link(t, "/y", "/x"), 0);
		KIT_TRUE(kit, kit_exists(kit, "/x"));
		KIT(kit, vfs_unlink(t, "/x"), 0);
		KIT(kit, vfs_unlink(t, "/y"), 0);
	}
}

void kit_long_names(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	char name[260] = "/", other[260] = "/";

	memset(name + 1, 'n', 255);
	memset(other + 1, 'o', 200);
	kit_put(kit, name, "255");
	kit_see(kit, name, "255");
	KIT(kit, vfs_rename(t, name, other), 0);
	kit_see(kit, other, "255");
	KIT(kit, vfs_rename(t, other, "/short"), 0);
	KIT(kit, vfs_rename(t, "/short", name), 0);
	kit_put(kit, other, "200");
	KIT(kit,
	    vfs_renameat2(t, AT_FDCWD, name, AT_FDCWD, other, RENAME_EXCHANGE),
	    0);
	kit_see(kit, name, "200");
	kit_see(kit, other, "255");
	name[256] = 'n';
	KIT(kit, vfs_mkdir(t, name, 0755), -ENAMETOOLONG);
	KIT_TRUE(kit, kit_entries(kit, "/", 600) == 2);
}

void kit_permissions(struct kit *kit)
{
	struct vfs_task *t = kit->task, *u = kit->user;
	struct vfs_stat st;

	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	kit_put(kit, "/d/f", "f");
	KIT(kit, vfs_open(u, "/d/f", O_WRONLY, 0), -EACCES);
	KIT(kit, vfs_unlink(u, "/d/f"), -EACCES);
	KIT(kit, vfs_mkdir(u, "/d/x", 0755), -EACCES);
	KIT(kit, vfs_chmod(u, "/d/f", 0777), -EPERM);
	KIT(kit, vfs_chmod(t, "/d", 0777), 0);
	KIT(kit, vfs_mkdir(u, "/d/x", 0755), 0);
	st = kit_stat(kit, "/d/x");
	KIT_TRUE(kit, st.uid == 1000 && st.gid == 1000);
	KIT(kit, vfs_chmod(t, "/d", 01777), 0);
	KIT(kit, vfs_unlink(u, "/d/f"), -EPERM);
	KIT(kit, vfs_rmdir(u, "/d/x"), 0);
	KIT(kit, vfs_chmod(t, "/d", 0700), 0);
	KIT(kit, vfs_lstat(u, "/d/f", &st), -EACCES);
	KIT(kit, vfs_lstat(u, "/d/none", &st), -EACCES);
}

void kit_removed_directory(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	char buffer[128];
	int fd;

	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	KIT_GET(kit, fd, vfs_open(t, "/d", O_RDONLY | O_DIRECTORY, 0));
	KIT(kit, vfs_chdir(t, "/d"), 0);
	KIT(kit, vfs_rmdir(t, "/d"), 0);
	KIT(kit, vfs_mkdir(t, "x", 0755), -ENOENT);
	KIT(kit, vfs_openat(t, fd, "x", O_CREAT | O_RDWR, 0644), -ENOENT);
	KIT(kit, vfs_getdents(t, fd, buffer, sizeof(buffer)), -ENOENT);
	KIT(kit, vfs_getcwd(t, buffer, sizeof(buffer)), -ENOENT);
	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	KIT(kit, vfs_mkdir(t, "x", 0755), -ENOENT);
	KIT(kit, vfs_chdir(t, ".."), 0);
	KIT(kit, vfs_getcwd(t, buffer, sizeof(buffer)), 2);
	KIT(kit, vfs_close(t, fd), 0);
}

void kit_unlinked_open(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	struct vfs_stat st = {0};
	char text[8];
	int fd;

	KIT_GET(kit, fd, vfs_open(t, "/f", O_RDWR | O_CREAT, 0644));
	kit_write(kit, fd, "data", 4, 0);
	KIT(kit, vfs_unlink(t, "/f"), 0);
	kit_put(kit, "/f", "other");
	KIT(kit, vfs_fstat(t, fd, &st), 0);
	KIT_TRUE(kit, st.nlink == 0 && st.size == 4);
	kit_write(kit, fd, "more", 4, 4);
	KIT(kit, vfs_pread(t, fd, text, 8, 0), 8);
	KIT_TRUE(kit, !memcmp(text, "datamore", 8));
	KIT(kit, vfs_fchmod(t, fd, 0600), 0);
	KIT(kit, vfs_linkat(t, fd, "", AT_FDCWD, "/back", AT_EMPTY_PATH),
	    -ENOENT);
	KIT(kit, vfs_close(t, fd), 0);
	kit_see(kit, "/f", "other");
}

void kit_tmpfile(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	int fd, other;

	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	KIT_GET(kit, fd, vfs_open(t, "/d", O_TMPFILE | O_RDWR, 0644));
	KIT_GET(kit, other,
		vfs_open(t, "/d", O_TMPFILE | O_RDWR | O_EXCL, 0644));
	kit_write(kit, fd, "kept", 4, 0);
	KIT_TRUE(kit, kit_entries(kit, "/d", 128) == 0);
	KIT(kit, vfs_linkat(t, fd, "", AT_FDCWD, "/d/f", AT_EMPTY_PATH), 0);
	KIT(kit, vfs_linkat(t, other, "", AT_FDCWD, "/d/g", AT_EMPTY_PATH),
	    -ENOENT);
	KIT(kit, vfs_close(t, fd), 0);
	KIT(kit, vfs_close(t, other), 0);
	kit_see(kit, "/d/f", "kept");
	KIT_TRUE(kit, kit_stat(kit, "/d/f").nlink == 1);
}
