/* SPDX-License-Identifier: MIT */
/* Contract: fuzz.h. */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void fuzz_open(struct vfs **vfs, struct vfs_task **task)
{
	struct vfs_config config = {.size = sizeof(config),
				    .hash_seed = {1, 2},
				    .root_options = "size=1m,nr_inodes=200"};
	struct vfs_task *t;
	int fd;

	FUZZ_CHECK(vfs_create(&config, vfs) == 0);
	FUZZ_CHECK(vfs_task_create(*vfs, NULL, task) == 0);
	t = *task;
	FUZZ_CHECK(vfs_mkdir(t, "/d", 0755) == 0);
	FUZZ_CHECK(vfs_mkdir(t, "/d/e", 0755) == 0);
	fd = vfs_open(t, "/d/e/f", O_CREAT | O_RDWR, 0644);
	FUZZ_CHECK(fd == 0);
	FUZZ_CHECK(vfs_write(t, fd, "contents", 8) == 8);
	FUZZ_CHECK(vfs_close(t, fd) == 0);
	FUZZ_CHECK(vfs_symlink(t, "e", "/d/l") == 0);
	FUZZ_CHECK(vfs_symlink(t, "..", "/up") == 0);
	FUZZ_CHECK(vfs_symlink(t, "loop", "/loop") == 0);
	FUZZ_CHECK(vfs_mkfifo(t, "/p", 0644) == 0);
	FUZZ_CHECK(vfs_link(t, "/d/e/f", "/s") == 0);
}

static void check_directory(struct vfs_task *t, const char *path, uint64_t ino,
			    uint64_t parent, int depth)
{
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	struct vfs_stat st;
	uint32_t directories = 0;
	char below[4096];
	int more, dots = 0;

	FUZZ_CHECK(depth < 200);
	FUZZ_CHECK(vfs_opendir(t, *path ? path : "/", &dir) == 0);
	while ((more = vfs_readdir(dir, &d)) == 1) {
		bool dot = !strcmp(d->name, "."), up = !strcmp(d->name, "..");

		FUZZ_CHECK(d->name[0] && !strchr(d->name, '/'));
		if (dot || up) {
			FUZZ_CHECK(d->ino == (dot ? ino : parent));
			dots++;
			continue;
		}
		if (snprintf(below, sizeof(below), "%s/%s", path, d->name) >=
		    (int)sizeof(below))
			continue;
		FUZZ_CHECK(vfs_lstat(t, below, &st) == 0);
		FUZZ_CHECK(st.ino == d->ino && st.nlink > 0);
		FUZZ_CHECK(((st.mode & S_IFMT) >> 12) == d->type);
		if (!S_ISDIR(st.mode))
			continue;
		directories++;
		check_directory(t, below, st.ino, ino, depth + 1);
	}
	FUZZ_CHECK(more == 0 && dots == 2);
	FUZZ_CHECK(vfs_fstat(t, vfs_dirfd(dir), &st) == 0);
	FUZZ_CHECK(st.nlink == 2 + directories);
	FUZZ_CHECK(vfs_closedir(dir) == 0);
}

void fuzz_check_tree(struct vfs_task *task)
{
	struct vfs_stat st;

	FUZZ_CHECK(vfs_stat(task, "/", &st) == 0);
	check_directory(task, "", st.ino, st.ino, 0);
}
