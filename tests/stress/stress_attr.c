/* SPDX-License-Identifier: MIT */
/* Attributes that change while others look: nobody sees half a change. */
#include <sys/xattr.h>

#include "stress/stress.h"

#define ACCESS "system.posix_acl_access"
#define CLOCK_IS_PAST 1000000000

struct shared {
	struct vfs_task *user; /* 1000:1000, no capabilities */
	int fd;
};

/* User and group are always the same number; so are seconds and nanoseconds
 * of the times that were set by hand. */
static void prepare(struct stress *s)
{
	const struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = 1000,
		.gid = 1000,
		.fsuid = 1000,
		.fsgid = 1000,
	};
	struct shared *shared = calloc(1, sizeof(*shared));
	struct vfs_cred *cred;

	s->data = shared;
	STRESS(s, vfs_mkdir(s->task, "/d", 0700) == 0);
	shared->fd = vfs_open(s->task, "/d/f", O_CREAT | O_RDWR, 0644);
	STRESS(s, shared->fd >= 0);
	STRESS(s, vfs_pwrite(s->task, shared->fd, "x", 1, 0) == 1);
	STRESS(s, vfs_cred_create(s->vfs, &spec, &cred) == 0);
	STRESS(s, vfs_task_create(s->vfs, cred, &shared->user) == 0);
	vfs_cred_unref(cred);
}

static void finish(struct stress *s)
{
	struct shared *shared = s->data;

	vfs_task_unref(shared->user);
	free(shared);
}

static void change(struct stress_thread *t)
{
	const struct shared *shared = t->stress->data;
	struct stress *s = t->stress;
	char byte;

	while (stress_goes_on(t)) {
		uint32_t n = stress_random(t, 1000000);
		const struct vfs_timespec times[2] = {{n, n, 0}, {n, n, 0}};

		STRESS_CALL(s, vfs_chown(t->task, "/d/f", n, n), 0);
		STRESS_CALL(s,
			    vfs_utimensat(t->task, AT_FDCWD, "/d/f", times, 0),
			    0);
		STRESS_CALL(s, vfs_chmod(t->task, "/d/f", n & 0777), 0);
		/* its mtime is long ago: this sets atime to now, unlocked */
		STRESS_CALL(s, vfs_pread(s->task, shared->fd, &byte, 1, 0), 0);
	}
}

static bool is_whole(const struct vfs_timespec *time)
{
	return time->sec >= CLOCK_IS_PAST || time->sec == time->nsec;
}

static void look(struct stress_thread *t)
{
	const struct shared *shared = t->stress->data;
	struct stress *s = t->stress;
	struct vfs_stat st;

	while (stress_goes_on(t)) {
		if (stress_random(t, 2))
			STRESS(s, vfs_fstat(s->task, shared->fd, &st) == 0);
		else
			STRESS(s, vfs_stat(t->task, "/d/f", &st) == 0);
		STRESS(s, st.uid == st.gid);
		STRESS(s, is_whole(&st.atime));
		STRESS(s, is_whole(&st.mtime));
		STRESS(s, st.atime.nsec < 1000000000);
		STRESS(s, S_ISREG(st.mode) && st.size == 1);
	}
}

/* User 1000 gets in by the ACL alone. */
static void change_acl(struct stress_thread *t)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entries[5];
	} acl = {2,
		 {{1, 7, UINT32_MAX},
		  {2, 1, 1000},
		  {4, 0, UINT32_MAX},
		  {16, 7, UINT32_MAX},
		  {32, 0, UINT32_MAX}}};
	struct stress *s = t->stress;

	while (stress_goes_on(t)) {
		switch (stress_random(t, 3)) {
		case 0:
			STRESS_CALL(s,
				    vfs_setxattr(t->task, "/d", ACCESS, &acl,
						 sizeof(acl), 0),
				    0);
			break;
		case 1:
			STRESS_CALL(s, vfs_removexattr(t->task, "/d", ACCESS),
				    0);
			break;
		default:
			STRESS_CALL(
				s,
				vfs_chmod(t->task, "/d",
					  stress_random(t, 2) ? 0770 : 0700),
				0);
		}
	}
}

static void walk(struct stress_thread *t)
{
	const struct shared *shared = t->stress->data;
	struct stress *s = t->stress;
	struct vfs_stat st;
	char blob[64];
	int64_t size;

	while (stress_goes_on(t)) {
		STRESS_CALL(s, vfs_stat(shared->user, "/d/f", &st), EACCES);
		STRESS_CALL(s, vfs_access(shared->user, "/d", 1), EACCES);
		size = STRESS_CALL(
			s,
			vfs_getxattr(t->task, "/d", ACCESS, blob, sizeof(blob)),
			ENODATA);
		STRESS(s, size < 0 || size == 44);
	}
}

int main(void)
{
	static stress_body *const bodies[] = {change, look, look, change};
	static stress_body *const acl_bodies[] = {change_acl, walk, walk,
						  change_acl};

	return stress_run("attributes", prepare, bodies, 4, finish) ||
	       stress_run("acl", prepare, acl_bodies, 4, finish);
}
