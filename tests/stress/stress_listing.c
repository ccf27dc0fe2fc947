/* SPDX-License-Identifier: MIT */
/* Listings while others make, remove and move: what stays comes exactly once,
 * nothing comes twice. */
#include "stress/stress.h"

#define STAYING 60
#define MOVING 40

static void prepare(struct stress *s)
{
	char path[32];

	STRESS(s, vfs_mkdir(s->task, "/d", 0755) == 0);
	for (int i = 0; i < STAYING; i++) {
		snprintf(path, sizeof(path), "/d/stay%d", i);
		STRESS(s, vfs_mknod(s->task, path, S_IFREG | 0644, 0) == 0);
	}
}

static void churn(struct stress_thread *t)
{
	struct stress *s = t->stress;
	char path[32], other[32];

	while (stress_goes_on(t)) {
		snprintf(path, sizeof(path), "/d/move%u",
			 stress_random(t, MOVING));
		snprintf(other, sizeof(other), "/d/gone%u",
			 stress_random(t, MOVING));
		STRESS_CALL(s, vfs_mknod(t->task, path, S_IFREG | 0644, 0),
			    EEXIST);
		if (stress_random(t, 2))
			STRESS_CALL(s, vfs_rename(t->task, path, other),
				    ENOENT);
		STRESS_CALL(s, vfs_unlink(t->task, other), ENOENT);
	}
}

static void list(struct stress_thread *t)
{
	struct stress *s = t->stress;
	const struct vfs_dirent *d;
	struct vfs_dir *dir;

	while (stress_goes_on(t)) {
		int seen[STAYING] = {0}, number;

		if (STRESS_CALL(s, vfs_opendir(t->task, "/d", &dir), 0) < 0)
			break;
		while (vfs_readdir(dir, &d) == 1)
			if (sscanf(d->name, "stay%d", &number) == 1 &&
			    number >= 0 && number < STAYING)
				seen[number]++;
		vfs_closedir(dir);
		for (int i = 0; i < STAYING; i++)
			STRESS(s, seen[i] == 1);
	}
}

static void finish(struct stress *s)
{
	STRESS(s, stress_list(s, s->task, "/d") >= STAYING + 2);
}

int main(void)
{
	stress_body *const bodies[] = {churn, list};

	return stress_run("listing", prepare, bodies, 2, finish);
}
