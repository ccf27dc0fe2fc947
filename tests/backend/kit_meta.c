/* SPDX-License-Identifier: MIT */
/* Bodies of the kit: attributes, locks, FIFOs, tasks. */
#include <stdlib.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <time.h>

#include "backend/kit.h"

#define SECOND INT64_C(1000000000)

void kit_attributes(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	struct vfs_stat st;

	kit_put(kit, "/f", "x");
	KIT(kit, vfs_chmod(t, "/f", 04711), 0);
	KIT_TRUE(kit, (kit_stat(kit, "/f").mode & 07777) == 04711);
	KIT(kit, vfs_chown(t, "/f", 5, 6), 0);
	st = kit_stat(kit, "/f");
	KIT_TRUE(kit, st.uid == 5 && st.gid == 6 && (st.mode & 07777) == 0711);
	KIT(kit, vfs_chown(t, "/f", UINT32_MAX, 7), 0);
	st = kit_stat(kit, "/f");
	KIT_TRUE(kit, st.uid == 5 && st.gid == 7);
	KIT(kit, vfs_symlink(t, "f", "/l"), 0);
	KIT(kit, vfs_lchown(t, "/l", 8, 9), 0);
	KIT_TRUE(kit, kit_stat(kit, "/l").uid == 8);
	KIT_TRUE(kit, kit_stat(kit, "/f").uid == 5);
	KIT(kit, vfs_chmod(kit->user, "/f", 0777), -EPERM);
	KIT(kit, vfs_chown(kit->user, "/f", 1000, 1000), -EPERM);
}

/* Another moment for what keeps the time, be it the host. */
static void tick(struct kit *kit)
{
	const struct timespec pause = {0, 20000000};

	if (kit->backend->features & KIT_CLOCK)
		test_clock_advance(&kit->clock, SECOND);
	else
		nanosleep(&pause, NULL);
}

/* now is `ticks` after before. */
static bool is_later(const struct kit *kit, struct vfs_timespec now,
		     struct vfs_timespec before, int ticks)
{
	if (kit->backend->features & KIT_CLOCK)
		return now.sec == before.sec + ticks;
	return now.sec > before.sec ||
	       (now.sec == before.sec && now.nsec > before.nsec);
}

/* What changes a file's own times, and which. */
static void change_file(struct kit *kit)
{
	struct vfs_timespec times[2] = {{5, 6, 0}, {7, 8, 0}};
	struct vfs_task *t = kit->task;
	struct vfs_timespec now;
	struct vfs_stat st;

	KIT(kit, vfs_utimensat(t, AT_FDCWD, "/f", times, 0), 0);
	st = kit_stat(kit, "/f");
	KIT_TRUE(kit, st.atime.sec == 5 && st.atime.nsec == 6);
	KIT_TRUE(kit, st.mtime.sec == 7 && st.mtime.nsec == 8);
	now = st.ctime;
	tick(kit);
	KIT(kit, vfs_chmod(t, "/f", 0600), 0);
	st = kit_stat(kit, "/f");
	KIT_TRUE(kit, is_later(kit, st.ctime, now, 1) && st.mtime.sec == 7);
	now = st.ctime;
	tick(kit);
	kit_put(kit, "/f", "y");
	KIT_TRUE(kit, is_later(kit, kit_stat(kit, "/f").mtime, now, 1));
}

void kit_times(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	struct vfs_timespec now;
	struct vfs_stat st;

	kit_put(kit, "/f", "x");
	change_file(kit);
	now = kit_stat(kit, "/f").mtime;
	tick(kit);
	KIT(kit, vfs_mkdir(t, "/d", 0755), 0);
	KIT_TRUE(kit, is_later(kit, kit_stat(kit, "/").mtime, now, 1));
	tick(kit);
	KIT(kit, vfs_link(t, "/f", "/d/f"), 0);
	st = kit_stat(kit, "/f");
	KIT_TRUE(kit, is_later(kit, st.ctime, now, 2));
	KIT_TRUE(kit, st.mtime.sec == now.sec && st.mtime.nsec == now.nsec);
	KIT_TRUE(kit, is_later(kit, kit_stat(kit, "/d").mtime, now, 2));
	KIT(kit, vfs_utimensat(t, AT_FDCWD, "/f", NULL, 0), 0);
	KIT_TRUE(kit, is_later(kit, kit_stat(kit, "/f").mtime, now, 2));
}

void kit_xattrs(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	char value[300], names[64];

	kit_put(kit, "/f", "x");
	KIT(kit, vfs_getxattr(t, "/f", "user.a", value, 8), -ENODATA);
	KIT(kit, vfs_setxattr(t, "/f", "user.a", "one", 3, 0), 0);
	KIT(kit, vfs_setxattr(t, "/f", "user.a", "x", 1, XATTR_CREATE),
	    -EEXIST);
	KIT(kit, vfs_setxattr(t, "/f", "user.b", "x", 1, XATTR_REPLACE),
	    -ENODATA);
	KIT(kit, vfs_getxattr(t, "/f", "user.a", value, 0), 3);
	KIT(kit, vfs_getxattr(t, "/f", "user.a", value, 2), -ERANGE);
	KIT(kit, vfs_getxattr(t, "/f", "user.a", value, 8), 3);
	KIT_TRUE(kit, !memcmp(value, "one", 3));
	memset(value, 'v', sizeof(value));
	KIT(kit, vfs_setxattr(t, "/f", "user.b", value, 300, 0), 0);
	KIT(kit, vfs_setxattr(t, "/f", "user.a", "two!", 4, 0), 0);
	KIT(kit, vfs_getxattr(t, "/f", "user.a", value, 8), 4);
	KIT(kit, vfs_listxattr(t, "/f", names, sizeof(names)), 14);
	KIT(kit, vfs_listxattr(t, "/f", names, 10), -ERANGE);
	KIT(kit, vfs_removexattr(t, "/f", "user.b"), 0);
	KIT(kit, vfs_removexattr(t, "/f", "user.b"), -ENODATA);
	KIT(kit, vfs_listxattr(t, "/f", names, sizeof(names)), 7);
	KIT(kit, vfs_setxattr(t, "/f", "trusted.c", "c", 1, 0), 0);
	KIT(kit, vfs_setxattr(t, "/f", "nonsense.c", "c", 1, 0), -EOPNOTSUPP);
}

/* user::rwx user:1000:rwx group::r-x mask::rwx other::--- */
static const unsigned char acl[] = {
	2,  0, 0, 0,			     /* version */
	1,  0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* owner */
	2,  0, 7, 0, 0xe8, 0x03, 0,    0,    /* user 1000 */
	4,  0, 5, 0, 0xff, 0xff, 0xff, 0xff, /* group */
	16, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* mask */
	32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* others */
};

void kit_acls(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	char value[128];

	KIT(kit, vfs_mkdir(t, "/d", 0700), 0);
	KIT(kit, vfs_mkdir(kit->user, "/d/x", 0755), -EACCES);
	KIT(kit,
	    vfs_setxattr(t, "/d", "system.posix_acl_access", acl, sizeof(acl),
			 0),
	    0);
	KIT_TRUE(kit, (kit_stat(kit, "/d").mode & 0777) == 0770);
	KIT(kit, vfs_mkdir(kit->user, "/d/x", 0755), 0);
	KIT(kit,
	    vfs_setxattr(t, "/d", "system.posix_acl_default", acl, sizeof(acl),
			 0),
	    0);
	KIT(kit, vfs_mkdir(t, "/d/y", 0777), 0);
	KIT(kit,
	    vfs_getxattr(t, "/d/y", "system.posix_acl_default", value,
			 sizeof(value)),
	    sizeof(acl));
	KIT(kit,
	    vfs_getxattr(t, "/d/y", "system.posix_acl_access", value,
			 sizeof(value)),
	    sizeof(acl));
	KIT(kit, vfs_mkdir(kit->user, "/d/y/z", 0700), 0);
	KIT(kit, vfs_removexattr(t, "/d", "system.posix_acl_access"), 0);
	KIT(kit, vfs_mkdir(kit->user, "/d/w", 0755), -EACCES);
}

void kit_statfs(struct kit *kit)
{
	struct vfs_statfs fs = {0}, again = {0};
	int fd;

	KIT(kit, vfs_statfs(kit->task, "/", &fs), 0);
	KIT_TRUE(kit, fs.type != 0 && fs.bsize > 0 && fs.namelen == 255);
	KIT_TRUE(kit, fs.bfree <= fs.blocks && fs.bavail <= fs.bfree);
	KIT_TRUE(kit, fs.ffree <= fs.files);
	kit_put(kit, "/f", "data");
	KIT_GET(kit, fd, vfs_open(kit->task, "/f", O_RDONLY, 0));
	KIT(kit, vfs_fstatfs(kit->task, fd, &again), 0);
	KIT_TRUE(kit, again.type == fs.type && again.files == fs.files);
	KIT(kit, vfs_close(kit->task, fd), 0);
	KIT(kit, vfs_unlink(kit->task, "/f"), 0);
	KIT(kit, vfs_statfs(kit->task, "/", &again), 0);
	if (kit->backend->features & KIT_COUNTED)
		KIT_TRUE(kit,
			 again.ffree == fs.ffree && again.bfree == fs.bfree);
}

void kit_locks(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	struct vfs_flock lock = {.type = F_WRLCK, .start = 10, .len = 10};
	struct vfs_flock probe = {.type = F_RDLCK, .start = 15, .len = 1};
	int fd, other, mine;

	KIT_GET(kit, fd, vfs_open(t, "/f", O_RDWR | O_CREAT, 0666));
	KIT_GET(kit, other, vfs_open(kit->user, "/f", O_RDWR, 0));
	KIT(kit, vfs_fcntl_lock(t, fd, F_SETLK, &lock), 0);
	KIT(kit, vfs_fcntl_lock(kit->user, other, F_SETLK, &probe), -EAGAIN);
	KIT(kit, vfs_fcntl_lock(kit->user, other, F_GETLK, &probe), 0);
	KIT_TRUE(kit, probe.type == F_WRLCK && probe.start == 10);
	lock = (struct vfs_flock){.type = F_UNLCK, .start = 14, .len = 2};
	KIT(kit, vfs_fcntl_lock(t, fd, F_SETLK, &lock), 0);
	probe = (struct vfs_flock){.type = F_RDLCK, .start = 15, .len = 1};
	KIT(kit, vfs_fcntl_lock(kit->user, other, F_SETLK, &probe), 0);
	KIT_GET(kit, mine, vfs_open(t, "/f", O_RDWR, 0));
	KIT(kit, vfs_flock(t, fd, LOCK_EX), 0);
	KIT(kit, vfs_flock(t, mine, LOCK_SH | LOCK_NB), -EAGAIN);
	KIT(kit, vfs_close(t, fd), 0);
	KIT(kit, vfs_flock(t, mine, LOCK_SH | LOCK_NB), 0);
	probe = (struct vfs_flock){.type = F_WRLCK, .start = 10, .len = 4};
	KIT(kit, vfs_fcntl_lock(kit->user, other, F_SETLK, &probe), 0);
	KIT(kit, vfs_close(kit->user, other), 0);
	KIT(kit, vfs_close(t, mine), 0);
}

void kit_fifo(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	char text[8];
	int in, out;

	KIT(kit, vfs_mkfifo(t, "/p", 0644), 0);
	KIT(kit, vfs_open(t, "/p", O_WRONLY | O_NONBLOCK, 0), -ENXIO);
	KIT_GET(kit, in, vfs_open(t, "/p", O_RDONLY | O_NONBLOCK, 0));
	KIT_GET(kit, out, vfs_open(t, "/p", O_WRONLY | O_NONBLOCK, 0));
	KIT(kit, vfs_read(t, in, text, 8), -EAGAIN);
	KIT(kit, vfs_write(t, out, "through", 7), 7);
	KIT(kit, vfs_read(t, in, text, 8), 7);
	KIT_TRUE(kit, !memcmp(text, "through", 7));
	KIT(kit, vfs_rename(t, "/p", "/q"), 0);
	KIT(kit, vfs_write(t, out, "x", 1), 1);
	KIT(kit, vfs_close(t, out), 0);
	KIT(kit, vfs_read(t, in, text, 8), 1);
	KIT(kit, vfs_read(t, in, text, 8), 0);
	KIT(kit, vfs_close(t, in), 0);
	KIT(kit, vfs_unlink(t, "/q"), 0);
}

void kit_tasks(struct kit *kit)
{
	struct vfs_task *twin = NULL;
	char path[64];
	int fd;

	KIT(kit, vfs_mkdir(kit->task, "/d", 0755), 0);
	kit_put(kit, "/d/f", "data");
	KIT_GET(kit, fd, vfs_open(kit->task, "/d/f", O_RDONLY, 0));
	KIT(kit, vfs_task_clone(kit->task, 0, &twin), 0);
	if (!twin)
		return;
	KIT(kit, vfs_chdir(twin, "/d"), 0);
	KIT(kit, vfs_getcwd(twin, path, sizeof(path)), 3);
	KIT(kit, vfs_dup2(twin, fd, 70), 70);
	KIT(kit, vfs_close(kit->task, fd), 0);
	KIT(kit, vfs_unlink(kit->task, "/d/f"), 0);
	KIT(kit, vfs_read(twin, 70, path, sizeof(path)), 4);
	KIT(kit, vfs_rmdir(kit->task, "/d"), 0);
	KIT(kit, vfs_getcwd(twin, path, sizeof(path)), -ENOENT);
	vfs_task_unref(twin);
	KIT_TRUE(kit, kit_entries(kit, "/", 128) == 0);
}
