/* SPDX-License-Identifier: MIT */
/*
 * Id-mapped mounts, made by the core's own functions: a tmpfs whose ids 0 to
 * 1999 are 100000 to 101999 to those who come through the mount. And a tmpfs
 * that belongs to a user namespace, with that map. What is expected is what
 * Linux 6.18 answers to the same steps.
 */
#include <sys/xattr.h>

#include "core/instance.h"
#include "core/mount.h"
#include "core/task.h"
#include "support/check.h"

enum who {
	ROOT,	 /* of the machine */
	MAPPED,	 /* user 101000, group 101000 */
	PLAIN,	 /* user 1000, group 1000 */
	NSROOT,	 /* user 0 of the mount's user namespace */
	NSUSER,	 /* user 1000 of it */
	OUTSIDE, /* root, through the mount that is not mapped */
	WHOS
};

enum what {
	STAT,	/* a uid, b gid */
	CHOWN,	/* a uid, b gid */
	CHMOD,	/* a mode */
	CREATE, /* a mode */
	MKDIR,
	UNLINK,
	LINK,	/* to path + "2" */
	RENAME, /* the same */
	TOUCH,	/* explicit times */
	NOW,
	READ,
	WRITE,
	USERXATTR,
	ACL,	/* one entry for user a */
	GETACL, /* its user is a */
	CAP,	/* version 2, or 3 for root a */
	GETCAP, /* size a, root b */
	MKFIFO,
	TMPFILE /* a uid, b gid of what it makes */
};

struct step {
	enum who who;
	enum what what;
	const char *path; /* below the mount */
	uint32_t a, b;
	int result;
};

#define NONE 4294967295u

/* clang-format off */
static const struct step idmap_steps[] = {
#include "idmap_steps.inc"
};

static const struct step super_steps[] = {
#include "userns_super_steps.inc"
};
/* clang-format on */

#define V2 0x02000000u
#define V3 0x03000000u

struct acl_blob {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[5];
};

static const struct acl_blob acl_of = {
	2,
	{{1, 6, NONE}, {2, 6, 0}, {4, 4, NONE}, {16, 6, NONE}, {32, 0, NONE}}};

static int step_stat(struct vfs_task *task, const char *path,
		     const struct step *step)
{
	struct vfs_stat st;
	int err = vfs_lstat(task, path, &st);

	if (!err) {
		check_eq(st.uid, step->a);
		check_eq(st.gid, step->b);
	}
	return err;
}

static int step_open(struct vfs_task *task, const char *path, int flags,
		     uint32_t mode)
{
	int fd = vfs_open(task, path, flags, mode);

	return fd < 0 ? fd : vfs_close(task, fd);
}

static int step_tmpfile(struct vfs_task *task, const char *path,
			const struct step *step)
{
	int fd = vfs_open(task, path, O_TMPFILE | O_RDWR, 0600);
	struct vfs_stat st;

	if (fd < 0)
		return fd;
	check_ok(vfs_fstat(task, fd, &st));
	check_eq(st.uid, step->a);
	check_eq(st.gid, step->b);
	return vfs_close(task, fd);
}

static int step_acl(struct vfs_task *task, const char *path,
		    const struct step *step)
{
	struct acl_blob blob = acl_of;
	int64_t size;

	if (step->what == ACL) {
		blob.entries[1].id = step->a;
		return vfs_setxattr(task, path, "system.posix_acl_access",
				    &blob, sizeof(blob), 0);
	}
	size = vfs_getxattr(task, path, "system.posix_acl_access", &blob,
			    sizeof(blob));
	if (size < 0)
		return (int)size;
	check_eq(blob.entries[1].id, step->a);
	return 0;
}

static int step_capability(struct vfs_task *task, const char *path,
			   const struct step *step)
{
	uint32_t value[6] = {V2 | 1, 0x400, 0, 0, 0, step->a};
	int64_t size;

	if (step->what == CAP) {
		if (step->a)
			value[0] = V3 | 1;
		return vfs_setxattr(task, path, "security.capability", value,
				    step->a ? 24 : 20, 0);
	}
	size = vfs_getxattr(task, path, "security.capability", value,
			    sizeof(value));
	if (size < 0)
		return (int)size;
	check_eq(size, step->a);
	check_eq(value[0], (size == 24 ? V3 : V2) | 1);
	if (size == 24)
		check_eq(value[5], step->b);
	return 0;
}

static int make(struct vfs_task *task, const char *path,
		const struct step *step)
{
	const struct vfs_timespec times[2] = {{1, 0, 0}, {2, 0, 0}};
	char other[80];

	snprintf(other, sizeof(other), "%s2", path);
	switch (step->what) {
	case STAT:
		return step_stat(task, path, step);
	case CHOWN:
		return vfs_chown(task, path, step->a, step->b);
	case CHMOD:
		return vfs_chmod(task, path, step->a);
	case CREATE:
		return step_open(task, path, O_CREAT | O_EXCL | O_WRONLY,
				 step->a);
	case MKDIR:
		return vfs_mkdir(task, path, step->a);
	case UNLINK:
		return vfs_unlink(task, path);
	case LINK:
		return vfs_link(task, path, other);
	case RENAME:
		return vfs_rename(task, path, other);
	case TOUCH:
		return vfs_utimensat(task, AT_FDCWD, path, times, 0);
	case NOW:
		return vfs_utimensat(task, AT_FDCWD, path, NULL, 0);
	case READ:
		return step_open(task, path, O_RDONLY, 0);
	case WRITE:
		return step_open(task, path, O_WRONLY, 0);
	case USERXATTR:
		return vfs_setxattr(task, path, "user.a", "v", 1, 0);
	case ACL:
	case GETACL:
		return step_acl(task, path, step);
	case CAP:
	case GETCAP:
		return step_capability(task, path, step);
	case MKFIFO:
		return vfs_mkfifo(task, path, step->a);
	default:
		return step_tmpfile(task, path, step);
	}
}

static struct vfs_task *make_task(struct world *w, uint32_t uid, uint64_t caps,
				  struct vfs_userns *ns)
{
	const struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = uid,
		.gid = uid,
		.fsuid = uid,
		.fsgid = uid,
		.cap_effective = caps,
		.cap_permitted = caps,
		.userns = ns,
	};
	struct vfs_task *task;
	struct vfs_cred *cred;

	check_ok(vfs_cred_create(w->vfs, &spec, &cred));
	check_ok(vfs_task_create(w->vfs, cred, &task));
	vfs_umask(task, 0);
	vfs_cred_unref(cred);
	return task;
}

static void make_tasks(struct world *w, struct vfs_userns *ns,
		       struct vfs_task *tasks[WHOS])
{
	tasks[ROOT] = make_task(w, 0, VFS_CAP_ALL, NULL);
	tasks[MAPPED] = make_task(w, 101000, 0, NULL);
	tasks[PLAIN] = make_task(w, 1000, 0, NULL);
	tasks[NSROOT] = make_task(w, 0, VFS_CAP_ALL, ns);
	tasks[NSUSER] = make_task(w, 1000, 0, ns);
	tasks[OUTSIDE] = make_task(w, 0, VFS_CAP_ALL, NULL);
}

static struct vfs_userns *make_userns(struct world *w)
{
	const struct vfs_id_map map = {0, 100000, 2000};
	struct vfs_userns *root = vfs_userns_root(w->vfs), *ns;

	check_ok(vfs_userns_create(root, &map, 1, &map, 1, &ns));
	vfs_userns_unref(root);
	return ns;
}

static void run_step(struct vfs_task *task, const struct step *step,
		     size_t number)
{
	char path[64];

	snprintf(path, sizeof(path), "/d/%s", step->path);
	if (make(task, path, step) != step->result)
		fail_msg("step %zu, of %s: not %d", number, step->path,
			 step->result);
}

static void test_idmap__mount(void **state)
{
	struct world *w = *state;
	struct vfs_mount *mnt = w->task->fs->paths->root.mnt;
	struct vfs_userns *ns = make_userns(w);
	struct vfs_task *tasks[WHOS];

	check_ok(vfs_mkdir(w->task, "/d", 0777));
	make_tasks(w, ns, tasks);
	check_ok(vfs__mount_set_idmap(mnt, ns));
	check_eq(vfs__mount_set_idmap(mnt, ns), -EPERM);
	for (size_t i = 0; i < sizeof(idmap_steps) / sizeof(idmap_steps[0]);
	     i++) {
		const struct step *step = &idmap_steps[i];

		mnt->idmap = step->who == OUTSIDE ? NULL : ns;
		run_step(tasks[step->who], step, i + 1);
	}
	mnt->idmap = ns;
	for (int i = 0; i < WHOS; i++)
		vfs_task_unref(tasks[i]);
	vfs_userns_unref(ns);
}

static void test_idmap__super_of_a_userns(void **state)
{
	struct world *w = *state;
	struct vfs_super *super = w->task->fs->paths->root.mnt->super;
	struct vfs_userns *ns = make_userns(w);
	struct vfs_task *tasks[WHOS];

	make_tasks(w, ns, tasks);
	super->userns = vfs_userns_ref(ns);
	check_ok(vfs_mkdir(tasks[NSROOT], "/d", 0777));
	for (size_t i = 0; i < sizeof(super_steps) / sizeof(super_steps[0]);
	     i++)
		run_step(tasks[super_steps[i].who], &super_steps[i], i + 1);
	for (int i = 0; i < WHOS; i++)
		vfs_task_unref(tasks[i]);
	vfs_userns_unref(ns);
}

/* What a tmpfs of ns makes of these options: its root's ids. */
static int root_ids(struct world *w, struct vfs_userns *ns, const char *options,
		    uint32_t *uid, uint32_t *gid)
{
	const struct vfs_mount_args args = {
		.size = sizeof(args),
		.options = options,
		.uid = 100000,
		.gid = 100007,
		.userns = ns,
	};
	struct vfs__thread *self = vfs__self(w->vfs);
	struct vfs_super *super;
	struct vfs_dentry *root;
	int err =
		vfs__super_create(self, w->vfs, vfs__type_find(w->vfs, "tmpfs"),
				  &args, &super, &root);

	if (err)
		return err;
	*uid = root->inode->uid;
	*gid = root->inode->gid;
	vfs__dentry_unref(self, root);
	vfs__super_unref(self, super);
	return 0;
}

static void test_idmap__options_of_a_userns(void **state)
{
	struct world *w = *state;
	struct vfs_userns *ns = make_userns(w);
	uint32_t uid = 0, gid = 0;

	check_ok(root_ids(w, ns, "", &uid, &gid));
	check_eq(uid, 100000);
	check_eq(gid, 100007);
	check_ok(root_ids(w, ns, "uid=1999,gid=3", &uid, &gid));
	check_eq(uid, 101999);
	check_eq(gid, 100003);
	check_eq(root_ids(w, ns, "uid=2000", &uid, &gid), -EINVAL);
	check_eq(root_ids(w, ns, "gid=65534", &uid, &gid), -EINVAL);
	check_ok(root_ids(w, NULL, "uid=2000", &uid, &gid));
	check_eq(uid, 2000);
	vfs_userns_unref(ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_idmap__mount),
		world_test(test_idmap__super_of_a_userns),
		world_test(test_idmap__options_of_a_userns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
