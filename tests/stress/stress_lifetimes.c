/* SPDX-License-Identifier: MIT */
/*
 * File systems that go while somebody is still busy with a piece of theirs
 * without holding a mount: a name that falls out of the cache, a watch that is
 * being removed; and while somebody asks where a name is. What was unmounted
 * successfully was used by nobody.
 */
#include <sys/mount.h>
#include <vfs/inotify.h>

#include "stress/stress.h"

static struct {
	int fd;		  /* of the common task */
	int wd;		  /* atomic: the last one */
	uint64_t gone;	  /* atomic: the mount that was unmounted last */
	const char *type; /* what is mounted */
} shared;

static void prepare(struct stress *s)
{
	int fd;

	shared.wd = 0;
	shared.gone = 0;
	STRESS(s, vfs_mkdir(s->task, "/m", 0755) == 0);
	STRESS(s, vfs_mkdir(s->task, "/w", 0755) == 0);
	fd = vfs_open(s->task, "/w/f", O_CREAT | O_RDWR, 0644);
	STRESS(s, fd >= 0);
	STRESS(s, vfs_close(s->task, fd) == 0);
	shared.fd = vfs_inotify_init1(s->task, O_NONBLOCK);
	STRESS(s, shared.fd >= 0);
	/* names fall out of the cache where the instance knows plainfs */
	shared.type = "plainfs";
	if (vfs_mount(s->task, "x", "/m", "plainfs", 0, NULL)) {
		shared.type = "tmpfs";
	} else {
		STRESS(s, vfs_umount2(s->task, "/m", 0) == 0);
	}
}

static void finish(struct stress *s)
{
	STRESS(s, vfs_close(s->task, shared.fd) == 0);
}

static void mount_it(struct stress_thread *t, const char *type)
{
	STRESS(t->stress, vfs_mount(t->task, "x", "/m", type, 0, NULL) == 0);
}

static void unmount_it(struct stress_thread *t)
{
	while (STRESS_CALL(t->stress, vfs_umount2(t->task, "/m", 0), EBUSY))
		;
}

/* ---- asking where a name is, while mounts go ---- */

static void prepare_watched(struct stress *s)
{
	prepare(s);
	STRESS(s, vfs_inotify_add_watch(s->task, shared.fd, "/w",
					VFS_IN_ALL_EVENTS) > 0);
}

static void come_and_go(struct stress_thread *t)
{
	if (t->number)
		return;
	while (stress_goes_on(t)) {
		mount_it(t, "tmpfs");
		unmount_it(t);
	}
}

static void use_watched(struct stress_thread *t)
{
	while (stress_goes_on(t)) {
		int fd = vfs_open(t->task, "/w/f", O_RDWR, 0);

		STRESS(t->stress, fd >= 0);
		STRESS(t->stress, vfs_close(t->task, fd) == 0);
	}
}

/* ---- names that fall out of the cache ---- */

static void fill_and_go(struct stress_thread *t)
{
	struct vfs_stat st;
	char path[32];

	if (t->number)
		return;
	while (stress_goes_on(t)) {
		mount_it(t, shared.type);
		for (int i = 0; i < 16; i++) {
			int fd;

			snprintf(path, sizeof(path), "/m/%d", i);
			fd = vfs_open(t->task, path, O_CREAT | O_RDWR, 0644);
			STRESS(t->stress, fd >= 0);
			STRESS(t->stress, vfs_close(t->task, fd) == 0);
			STRESS(t->stress, vfs_stat(t->task, path, &st) == 0);
		}
		unmount_it(t);
	}
}

static void push_out(struct stress_thread *t)
{
	struct vfs_stat st;
	char path[32];

	for (uint32_t i = 0; stress_goes_on(t); i++) {
		snprintf(path, sizeof(path), "/none%u-%u", t->number, i % 999);
		STRESS(t->stress, vfs_stat(t->task, path, &st) == -ENOENT);
	}
}

/* ---- watches ---- */

static void watch_and_go(struct stress_thread *t)
{
	struct stress *s = t->stress;

	if (t->number)
		return;
	while (stress_goes_on(t)) {
		int wd;

		mount_it(t, shared.type);
		STRESS(s, vfs_mkdir(t->task, "/m/d", 0755) == 0);
		wd = vfs_inotify_add_watch(s->task, shared.fd, "/m/d",
					   VFS_IN_ALL_EVENTS);
		STRESS(s, wd > 0);
		__atomic_store_n(&shared.wd, wd, __ATOMIC_RELEASE);
		unmount_it(t);
	}
}

static void unwatch(struct stress_thread *t)
{
	struct stress *s = t->stress;
	char buffer[4096];

	while (stress_goes_on(t)) {
		int wd = __atomic_load_n(&shared.wd, __ATOMIC_ACQUIRE);

		STRESS_CALL(s, vfs_inotify_rm_watch(s->task, shared.fd, wd),
			    EINVAL);
		STRESS_CALL(
			s, vfs_read(s->task, shared.fd, buffer, sizeof(buffer)),
			EAGAIN);
	}
}

/* ---- used by nobody ---- */

static void unmount_idle(struct stress_thread *t)
{
	struct stress *s = t->stress;
	struct vfs_stat st;

	if (t->number)
		return;
	while (stress_goes_on(t)) {
		mount_it(t, "tmpfs");
		STRESS(s, vfs_statx(t->task, AT_FDCWD, "/m", 0, 0, &st) == 0);
		unmount_it(t);
		__atomic_store_n(&shared.gone, st.mnt_id, __ATOMIC_RELEASE);
	}
}

static void hold(struct stress_thread *t)
{
	struct stress *s = t->stress;
	struct vfs_stat st;

	while (stress_goes_on(t)) {
		int fd = vfs_open(t->task, "/m", O_RDONLY | O_DIRECTORY, 0);

		STRESS(s, fd >= 0);
		STRESS(s, vfs_fstat(t->task, fd, &st) == 0);
		for (int i = 0; i < 100; i++)
			STRESS(s,
			       __atomic_load_n(&shared.gone,
					       __ATOMIC_ACQUIRE) != st.mnt_id);
		STRESS(s, vfs_close(t->task, fd) == 0);
	}
}

int main(void)
{
	stress_body *const watched[] = {come_and_go, use_watched};
	stress_body *const names[] = {fill_and_go, push_out};
	stress_body *const watches[] = {watch_and_go, unwatch};
	stress_body *const idle[] = {unmount_idle, hold};
	const char *only = getenv("STRESS_ONLY");
	int failed = 0;

	shared.type = "tmpfs";
	if (!only || *only == 'a')
		failed |= stress_run("places", prepare_watched, watched, 2,
				     finish);
	if (!only || *only == 'b')
		failed |= stress_run("idle", prepare, idle, 2, finish);
	if (!only || *only == 'c')
		failed |= stress_run("watches", prepare, watches, 2, finish);
	if (!only || *only == 'd')
		failed |= stress_run("names", prepare, names, 2, finish);
	return failed;
}
