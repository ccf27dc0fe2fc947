/* SPDX-License-Identifier: MIT */
/* Making and removing the same few names from many threads. */
#include "stress/stress.h"

#define NAMES 6

static void prepare(struct stress *s)
{
	STRESS(s, vfs_mkdir(s->task, "/d", 0777) == 0);
}

static void pick(struct stress_thread *t, char path[32])
{
	snprintf(path, 32, "/d/n%u", stress_random(t, NAMES));
}

static void churn(struct stress_thread *t)
{
	struct stress *s = t->stress;
	char path[32], other[32];
	int64_t fd;

	while (stress_goes_on(t)) {
		pick(t, path);
		pick(t, other);
		switch (stress_random(t, 8)) {
		case 0:
			STRESS_CALL(s, vfs_mkdir(t->task, path, 0755), EEXIST);
			break;
		case 1:
			STRESS_CALL(s, vfs_rmdir(t->task, path), ENOENT,
				    ENOTDIR, ENOTEMPTY);
			break;
		case 2:
			STRESS_CALL(s, vfs_unlink(t->task, path), ENOENT,
				    EISDIR);
			break;
		case 3:
			STRESS_CALL(s, vfs_link(t->task, path, other), ENOENT,
				    EEXIST, EPERM);
			break;
		case 4:
			STRESS_CALL(s, vfs_symlink(t->task, "n1", path),
				    EEXIST);
			break;
		case 5:
			STRESS_CALL(s, vfs_rename(t->task, path, other), ENOENT,
				    EISDIR, ENOTDIR, ENOTEMPTY);
			break;
		default:
			fd = STRESS_CALL(
				s,
				vfs_open(t->task, path, O_RDWR | O_CREAT, 0644),
				EISDIR, ELOOP, ENOENT);
			if (fd < 0)
				break;
			STRESS_CALL(s, vfs_write(t->task, (int)fd, path, 5), 0);
			STRESS_CALL(s, vfs_close(t->task, (int)fd), 0);
			break;
		}
	}
}

/* What O_EXCL made is the maker's until it removes it. */
static void exclusive(struct stress_thread *t)
{
	struct stress *s = t->stress;
	struct vfs_stat mine, now;

	while (stress_goes_on(t)) {
		int64_t fd =
			STRESS_CALL(s,
				    vfs_open(t->task, "/lock",
					     O_CREAT | O_EXCL | O_RDWR, 0600),
				    EEXIST);

		if (fd < 0)
			continue;
		STRESS(s, vfs_fstat(t->task, (int)fd, &mine) == 0);
		STRESS(s, vfs_stat(t->task, "/lock", &now) == 0);
		STRESS(s, mine.ino == now.ino && now.nlink == 1);
		STRESS(s, vfs_unlink(t->task, "/lock") == 0);
		STRESS(s, vfs_close(t->task, (int)fd) == 0);
	}
}

/* Every file is counted as often as it has names. */
static void finish(struct stress *s)
{
	struct vfs_stat st, dir;
	uint64_t inos[NAMES];
	uint32_t links[NAMES], seen[NAMES], count = 0, directories = 0;
	char path[32];

	for (int i = 0; i < NAMES; i++) {
		uint32_t at = 0;

		snprintf(path, sizeof(path), "/d/n%d", i);
		if (vfs_lstat(s->task, path, &st) != 0)
			continue;
		if (S_ISDIR(st.mode)) {
			directories++;
			continue;
		}
		while (at < count && inos[at] != st.ino)
			at++;
		if (at == count) {
			inos[count] = st.ino;
			links[count] = st.nlink;
			seen[count++] = 0;
		}
		seen[at]++;
	}
	for (uint32_t i = 0; i < count; i++)
		STRESS(s, links[i] == seen[i]);
	STRESS(s, vfs_stat(s->task, "/d", &dir) == 0);
	STRESS(s, dir.nlink == 2 + directories);
	STRESS(s, stress_list(s, s->task, "/d") >= 2);
}

int main(void)
{
	stress_body *const bodies[] = {churn};
	stress_body *const lockers[] = {exclusive, churn};
	int failed = 0;

	failed |= stress_run("names-churn", prepare, bodies, 1, finish);
	failed |= stress_run("names-exclusive", prepare, lockers, 2, finish);
	return failed;
}
