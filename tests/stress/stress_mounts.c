/* SPDX-License-Identifier: MIT */
/*
 * Threads that mount, bind, move, unmount and copy namespaces, while others
 * walk the same paths. A mount that is used stays, whoever tries to take it
 * away; what is below it is always found; in the end nothing is left over.
 */
#include <sys/mount.h>

#include "stress/stress.h"

#define PLACES 4
#define STRESS_EXPECT(stress, call, value) STRESS(stress, (call) == (value))

struct shared {
	int busy; /* a descriptor in /busy, of the common task */
};

static void prepare(struct stress *s)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	char path[32];

	for (int i = 0; i < PLACES; i++) {
		snprintf(path, sizeof(path), "/m%d", i);
		STRESS_EXPECT(s, vfs_mkdir(s->task, path, 0755), 0);
		snprintf(path, sizeof(path), "/m%d/in", i);
		STRESS_EXPECT(s, vfs_mkdir(s->task, path, 0755), 0);
	}
	STRESS_EXPECT(s, vfs_mkdir(s->task, "/busy", 0755), 0);
	STRESS_EXPECT(s, vfs_mount(s->task, "b", "/busy", "tmpfs", 0, NULL), 0);
	STRESS_EXPECT(s, vfs_mkdir(s->task, "/busy/d", 0755), 0);
	shared->busy =
		vfs_open(s->task, "/busy/d/keep", O_CREAT | O_RDWR, 0644);
	s->data = shared;
}

static const char *random_place(struct stress_thread *t, char path[32])
{
	snprintf(path, 32, "/m%u%s", stress_random(t, PLACES),
		 stress_random(t, 3) ? "" : "/in");
	return path;
}

static void may_be(struct stress_thread *t, int64_t result, const char *what)
{
	static const int fine[] = {0,	   -EBUSY,  -EINVAL, -ENOENT,
				   -ELOOP, -EEXIST, -ENOSPC, -EROFS};

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (result == fine[i])
			return;
	if (result < 0)
		stress_problem(t->stress, what, __FILE__, __LINE__, result);
}

#define MAY(t, call) may_be(t, (int64_t)(call), #call)

static void change(struct stress_thread *t, struct vfs_task *task)
{
	static const uint64_t kinds[] = {MS_SHARED, MS_PRIVATE, MS_SLAVE};
	char a[32], b[32];

	random_place(t, a);
	random_place(t, b);
	switch (stress_random(t, 9)) {
	case 0:
	case 1:
		MAY(t, vfs_mount(task, "t", a, "tmpfs", 0, NULL));
		break;
	case 2:
		MAY(t, vfs_mount(task, a, b, NULL, MS_BIND, NULL));
		break;
	case 3:
		MAY(t, vfs_mount(task, a, b, NULL, MS_MOVE, NULL));
		break;
	case 4:
		MAY(t, vfs_mount(task, NULL, a, NULL,
				 kinds[stress_random(t, 3)], NULL));
		break;
	case 5:
		MAY(t, vfs_mount(task, NULL, a, NULL,
				 MS_REMOUNT | MS_BIND |
					 (stress_random(t, 2) ? MS_RDONLY : 0),
				 NULL));
		break;
	default:
		MAY(t,
		    vfs_umount2(task, a, stress_random(t, 2) ? MNT_DETACH : 0));
	}
}

/* So that storms do not pile up. */
static void take_all_away(struct vfs_task *task)
{
	static const char *const places[] = {"/m0",    "/m1",	 "/m2",
					     "/m3",    "/m0/in", "/m1/in",
					     "/m2/in", "/m3/in"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		while (!vfs_umount2(task, places[i], MNT_DETACH))
			;
}

static void mounter(struct stress_thread *t)
{
	struct stress *s = t->stress;

	for (uint32_t n = 1; stress_goes_on(t); n++) {
		struct vfs_task *other;

		change(t, t->task);
		if (n % 16 == 0)
			STRESS_EXPECT(s, vfs_umount2(t->task, "/busy", 0),
				      -EBUSY);
		if (n % 32 == 0)
			take_all_away(t->task);
		if (n % 8)
			continue;
		/* what is done in a copy is seen nowhere, and goes with it */
		if (vfs_task_clone(t->task, VFS_CLONE_NEWNS, &other))
			continue;
		change(t, other);
		change(t, other);
		STRESS_EXPECT(s, vfs_umount2(other, "/busy", MNT_DETACH), 0);
		vfs_task_unref(other);
	}
}

static void walker(struct stress_thread *t)
{
	struct stress *s = t->stress;
	struct vfs_stat st;
	char path[48], place[32], cwd[64];

	while (stress_goes_on(t)) {
		int fd;

		STRESS_EXPECT(s, vfs_stat(t->task, "/busy/d/keep", &st), 0);
		STRESS_EXPECT(s, vfs_stat(t->task, "/busy/d/../../busy", &st),
			      0);
		random_place(t, place);
		snprintf(path, sizeof(path), "%s/f", place);
		fd = vfs_open(t->task, path, O_CREAT | O_RDWR, 0644);
		MAY(t, fd);
		if (fd >= 0) {
			/* whatever happens to the mount, this is a file */
			if (!vfs_chdir(t->task, place)) {
				MAY(t, vfs_stat(t->task, "..", &st));
				MAY(t, vfs_getcwd(t->task, cwd, sizeof(cwd)));
			}
			STRESS_EXPECT(s, vfs_fstat(t->task, fd, &st), 0);
			MAY(t, vfs_write(t->task, fd, "x", 1));
			STRESS_EXPECT(s, vfs_close(t->task, fd), 0);
			STRESS_EXPECT(s, vfs_chdir(t->task, "/"), 0);
		}
		MAY(t, vfs_stat(t->task, path, &st));
		MAY(t, vfs_unlink(t->task, path));
	}
}

static void finish(struct stress *s)
{
	struct shared *shared = s->data;
	char text[4096];
	int64_t len;

	take_all_away(s->task);
	STRESS_EXPECT(s, vfs_close(s->task, shared->busy), 0);
	STRESS_EXPECT(s, vfs_umount2(s->task, "/busy", 0), 0);
	len = vfs_mountinfo(s->task, VFS_MOUNTINFO_FULL, text, sizeof(text));
	/* one line: the root */
	STRESS_EXPECT(s, len > 0 && strchr(text, '\n') == text + len - 1, 1);
	free(shared);
}

/* -- copies of a mount whose file system becomes read-only, and back -- */

static void prepare_remounts(struct stress *s)
{
	char path[32];

	STRESS_EXPECT(s, vfs_mkdir(s->task, "/a", 0755), 0);
	for (int i = 0; i < STRESS_THREADS; i++) {
		snprintf(path, sizeof(path), "/b%d", i);
		STRESS_EXPECT(s, vfs_mkdir(s->task, path, 0755), 0);
	}
	STRESS_EXPECT(s, vfs_mount(s->task, "a", "/a", "tmpfs", 0, NULL), 0);
}

static void remounter(struct stress_thread *t)
{
	while (stress_goes_on(t)) {
		MAY(t, vfs_mount(t->task, NULL, "/a", NULL,
				 MS_REMOUNT | MS_RDONLY, NULL));
		STRESS_EXPECT(
			t->stress,
			vfs_mount(t->task, NULL, "/a", NULL, MS_REMOUNT, NULL),
			0);
	}
}

/* Who writes there waits, if at all, for one that soon ends. */
static void binder(struct stress_thread *t)
{
	struct stress *s = t->stress;
	char path[32];

	snprintf(path, sizeof(path), "/b%u", t->number);
	while (stress_goes_on(t)) {
		STRESS_EXPECT(s,
			      vfs_mount(t->task, "/a", path, NULL,
					stress_random(t, 2) ? MS_BIND
							    : MS_BIND | MS_REC,
					NULL),
			      0);
		MAY(t, vfs_chmod(t->task, path, 0755));
		STRESS_EXPECT(s, vfs_umount2(t->task, path, MNT_DETACH), 0);
	}
}

static void finish_remounts(struct stress *s)
{
	STRESS_EXPECT(s, vfs_umount2(s->task, "/a", 0), 0);
}

int main(void)
{
	stress_body *const bodies[] = {mounter, walker};
	stress_body *const remounts[] = {remounter, binder};
	int failed = stress_run("mounts", prepare, bodies, 2, finish);

	return failed | stress_run("remounts", prepare_remounts, remounts, 2,
				   finish_remounts);
}
