/* SPDX-License-Identifier: MIT */
/* Bodies of the kit: mount points in memory, and what goes for file systems
 * whose names are given. */
#include <stdio.h>

#include "backend/kit.h"

/* Synthetic entries among the backend's own. */
void kit_mountpoints(struct kit *kit)
{
	KIT(kit, vfs_mkdir(kit->task, "/d", 0755), 0);
	kit_put(kit, "/d/real", "bytes");
	KIT(kit,
	    vfs_mkdirat2(kit->task, AT_FDCWD, "/d/m", 0755,
			 VFS_MKDIR_SYNTHETIC),
	    0);
	KIT(kit, vfs_make_mountpoint(kit->task, "/d/m/n/o", 0), 0);
	KIT(kit, vfs_make_mountpoint(kit->task, "/d/m/f", VFS_MOUNTPOINT_FILE),
	    0);
	KIT(kit, vfs_make_mountpoint(kit->task, "/d/p/q", 0), 0);
	KIT_TRUE(kit, kit_entries(kit, "/d", 4096) == 3);
	KIT_TRUE(kit, kit_entries(kit, "/d/m", 64) == 2);
	KIT_TRUE(kit, kit_entries(kit, "/d/m/n", 64) == 1);
	KIT(kit, vfs_mkdir(kit->task, "/d/m/real", 0755), -EPERM);
	KIT(kit, vfs_rename(kit->task, "/d/m", "/d/x"), -EPERM);
	KIT(kit, vfs_rmdir(kit->task, "/d/m"), -ENOTEMPTY);
	KIT(kit, vfs_rmdir(kit->task, "/d"), -ENOTEMPTY);
	kit_see(kit, "/d/m/f", "");
	KIT(kit, vfs_unlink(kit->task, "/d/m/f"), 0);
	KIT(kit, vfs_rmdir(kit->task, "/d/m/n/o"), 0);
	KIT(kit, vfs_rmdir(kit->task, "/d/m/n"), 0);
	KIT(kit, vfs_rmdir(kit->task, "/d/m"), 0);
	KIT_TRUE(kit, !kit_exists(kit, "/d/m"));
	KIT_TRUE(kit, kit_entries(kit, "/d", 64) == 2);
}

/* -- names that are there -- */

#define GIVEN_MAX 32

struct given {
	int count;
	char names[GIVEN_MAX][64];
	int64_t places[GIVEN_MAX]; /* before each */
	uint64_t inos[GIVEN_MAX];
};

static void collect(struct kit *kit, struct vfs_dir *dir, struct given *given)
{
	const struct vfs_dirent *d = NULL;
	int more;

	given->count = 0;
	while (given->count < GIVEN_MAX) {
		given->places[given->count] = vfs_telldir(dir);
		KIT_GET(kit, more, vfs_readdir(dir, &d));
		if (more != 1)
			break;
		snprintf(given->names[given->count], 64, "%.63s", d->name);
		given->inos[given->count++] = d->ino;
	}
}

/* Each name is what the listing said, comes back at its place, and cannot be
 * taken away. */
static void check_name(struct kit *kit, struct vfs_dir *dir,
		       const struct given *given, int i)
{
	const struct vfs_dirent *d = NULL;
	struct vfs_stat st = {0};
	char path[128];

	KIT(kit, vfs_seekdir(dir, given->places[i]), 0);
	KIT(kit, vfs_readdir(dir, &d), 1);
	KIT_TRUE(kit, d && !strcmp(d->name, given->names[i]));
	if (given->names[i][0] == '.')
		return;
	snprintf(path, sizeof(path), "/%s", given->names[i]);
	st = kit_stat(kit, path);
	kit__equal(kit, (int64_t)st.ino, (int64_t)given->inos[i], path,
		   __FILE__, __LINE__);
	KIT_TRUE(kit, st.nlink >= 1);
	if (S_ISDIR(st.mode))
		KIT(kit, vfs_rmdir(kit->task, path), -EPERM);
	else
		KIT(kit, vfs_unlink(kit->task, path), -EPERM);
	KIT(kit, vfs_mkdir(kit->task, path, 0755), -EEXIST);
	KIT(kit, vfs_lremovexattr(kit->task, path, "trusted.x"), -EOPNOTSUPP);
}

static void read_some(struct kit *kit, const char *path)
{
	char text[512];
	int64_t n;
	int fd;

	KIT_GET(kit, fd, vfs_open(kit->task, path, O_RDONLY, 0));
	KIT_GET(kit, n, vfs_read(kit->task, fd, text, sizeof(text)));
	KIT_TRUE(kit, n > 0);
	KIT(kit, vfs_close(kit->task, fd), 0);
}

/* What a procfs makes when it is asked. */
static void look_at_task(struct kit *kit)
{
	char text[512];
	int64_t n;
	int fd;

	read_some(kit, "/filesystems");
	read_some(kit, "/mounts");
	read_some(kit, "/self/mountinfo");
	KIT_GET(kit, n, vfs_readlink(kit->task, "/self", text, 512));
	KIT(kit, vfs_readlink(kit->task, "/self/cwd", text, 512), 1);
	KIT_GET(kit, fd, vfs_open(kit->task, "/self/fd", O_RDONLY, 0));
	read_some(kit, "/self/fdinfo/0");
	KIT(kit, vfs_close(kit->task, fd), 0);
	KIT_GET(kit, fd, vfs_open(kit->task, "/self/root/self/cwd", O_PATH, 0));
	KIT_GET(kit, n, vfs_readlink(kit->task, "/self/fd/0", text, 512));
	KIT(kit, vfs_close(kit->task, fd), 0);
	KIT_TRUE(kit, kit_entries(kit, "/self", 128) == 6);
}

void kit_given(struct kit *kit)
{
	struct vfs_dir *dir = NULL;
	struct vfs_statfs fs;
	struct given given;
	struct vfs_stat st;
	char name[300];
	int64_t made;

	KIT(kit, vfs_statfs(kit->task, "/", &fs), 0);
	KIT_TRUE(kit, fs.bsize == 4096 && fs.namelen == 255 && !fs.blocks);
	KIT(kit, vfs_opendir(kit->task, "/", &dir), 0);
	if (!dir)
		return;
	collect(kit, dir, &given);
	KIT_TRUE(kit, given.count > 4 && given.count < GIVEN_MAX);
	for (int i = given.count - 1; i >= 0; i--)
		check_name(kit, dir, &given, i);
	KIT(kit, vfs_closedir(dir), 0);
	for (size_t buffer = 64; buffer <= 4096; buffer *= 4)
		KIT_TRUE(kit, kit_entries(kit, "/", buffer) == given.count - 2);
	KIT(kit, vfs_stat(kit->task, "/none", &st), -ENOENT);
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[256] = '\0';
	KIT(kit, vfs_stat(kit->task, name, &st), -ENOENT);
	name[256] = 'n';
	name[257] = '\0';
	KIT(kit, vfs_stat(kit->task, name, &st), -ENAMETOOLONG);
	made = vfs_mkdir(kit->task, "/none", 0755);
	KIT_TRUE(kit, made == -EPERM || made == -ENOENT || made == -ENOMEM);
	KIT(kit, vfs_make_mountpoint(kit->task, "/filesystems/x", 0),
	    kit->backend->features & KIT_MOVING ? -ENOTDIR : 0);
	if (kit->backend->features & KIT_MOVING)
		look_at_task(kit);
	KIT(kit, vfs_statfs(kit->task, "/", &fs), 0);
}
