/* SPDX-License-Identifier: MIT */
/* mount_setattr(2), without id-mapped mounts. Contract: mount_fd.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>

#include "core/mount_fd.h"
#include "core/propagate.h"
#include "core/walk.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define MARK_HELD 0x10u /* its writers */
#define PROPAGATION \
	(UINT64_C(0) | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

static const struct {
	uint64_t attribute;
	uint32_t flag;
} table[] = {
	{MOUNT_ATTR_RDONLY, VFS__MNT_RDONLY},
	{MOUNT_ATTR_NOSUID, VFS__MNT_NOSUID},
	{MOUNT_ATTR_NODEV, VFS__MNT_NODEV},
	{MOUNT_ATTR_NOEXEC, VFS__MNT_NOEXEC},
	{MOUNT_ATTR_NODIRATIME, VFS__MNT_NODIRATIME},
	{MOUNT_ATTR_NOSYMFOLLOW, VFS__MNT_NOSYMFOLLOW},
};

static int parse_flags(uint64_t attributes, uint32_t *flags)
{
	*flags = 0;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (attributes & table[i].attribute)
			*flags |= table[i].flag;
		attributes &= ~table[i].attribute;
	}
	return attributes & ~(uint64_t)MOUNT_ATTR__ATIME ? -EINVAL : 0;
}

static int parse_atime(uint64_t attributes, uint32_t *flags)
{
	switch (attributes & MOUNT_ATTR__ATIME) {
	case MOUNT_ATTR_RELATIME:
		*flags |= VFS__MNT_RELATIME;
		return 0;
	case MOUNT_ATTR_NOATIME:
		*flags |= VFS__MNT_NOATIME;
		return 0;
	case MOUNT_ATTR_STRICTATIME:
		return 0;
	default:
		return -EINVAL;
	}
}

int vfs__attributes_parse(uint64_t attributes, uint32_t *flags)
{
	int err = parse_flags(attributes, flags);

	return err ? err : parse_atime(attributes, flags);
}

/* What changes: flags of clear go, those of set come. */
struct change {
	uint32_t clear, set;
	uint64_t propagation;
	bool recursive;
};

static int parse(const struct vfs_mount_attr *attr, struct change *c)
{
	const uint64_t atime = MOUNT_ATTR__ATIME;
	int err;

	if ((attr->propagation & ~PROPAGATION) ||
	    (attr->propagation & (attr->propagation - 1)))
		return -EINVAL;
	c->propagation = attr->propagation;
	err = parse_flags(attr->attr_set, &c->set);
	if (!err)
		err = parse_flags(attr->attr_clr, &c->clear);
	if (err)
		return err;
	if (!(attr->attr_clr & atime))
		return attr->attr_set & atime ? -EINVAL : 0;
	if ((attr->attr_clr & atime) != atime)
		return -EINVAL;
	c->clear |= VFS__MNT_RELATIME | VFS__MNT_NOATIME;
	return parse_atime(attr->attr_set, &c->set);
}

static struct vfs_mount *next(struct vfs_mount *m, struct vfs_mount *top,
			      const struct change *c)
{
	return c->recursive ? vfs__tree_next(m, top) : NULL;
}

static uint32_t outcome(const struct vfs_mount *m, const struct change *c)
{
	return (m->flags & ~c->clear) | c->set;
}

/* All of it may be done: writers are held where it becomes read-only, groups
 * are there where it becomes shared. The marks say which to take back. */
static int prepare(struct vfs__thread *thread, struct vfs_mount *top,
		   const struct change *c)
{
	int err = 0;

	for (struct vfs_mount *m = top; m && !err; m = next(m, top, c)) {
		uint32_t flags = outcome(m, c);

		m->mark = 0;
		if (!vfs__may_change_flags(m, flags)) {
			err = -EPERM;
		} else if ((flags & ~m->flags) & VFS__MNT_RDONLY) {
			m->mark |= MARK_HELD;
			err = vfs__writers_hold(m);
		}
		if (!err && c->propagation == MS_SHARED && !m->group) {
			m->mark |= VFS__MARK_SHARED;
			err = vfs__peers_share(thread, m);
		}
	}
	return err;
}

static void finish(struct vfs__thread *thread, struct vfs_mount *top,
		   const struct change *c, bool undo)
{
	for (struct vfs_mount *m = top; m; m = next(m, top, c)) {
		struct vfs__peers *master = m->master;

		if (m->mark & MARK_HELD)
			vfs__writers_release(m, !undo);
		if (undo && (m->mark & VFS__MARK_SHARED) && m->group) {
			vfs__peers_leave(thread, m);
			vfs__peers_enslave(m, master);
		}
		if (!undo)
			vfs__mount_set_flags(m, c->clear | c->set, c->set);
		if (!undo && c->propagation)
			vfs__propagation_change(thread, m, c->propagation);
		m->mark = 0;
	}
}

static int change(struct vfs__thread *thread, struct vfs_task *task,
		  const struct vfs__path *at, const struct change *c)
{
	struct vfs_mount *mnt = at->mnt;
	int err = -EINVAL;

	vfs__tree_lock(task->vfs);
	if (vfs__path_is_mount(at) &&
	    (vfs__in_own_namespace(task, mnt) ||
	     (mnt->ns && mnt->ns->anonymous && vfs__mount_is_root(mnt)))) {
		for (struct vfs_mount *m = mnt; m; m = next(m, mnt, c))
			m->mark = 0;
		err = prepare(thread, mnt, c);
		finish(thread, mnt, c, err);
	}
	vfs__tree_unlock(task->vfs);
	return err;
}

int vfs__mount_setattr(struct vfs__thread *thread, struct vfs_task *task,
		       int dirfd, const char *path, uint32_t flags,
		       const struct vfs_mount_attr *attr)
{
	struct change c = {.recursive = flags & AT_RECURSIVE};
	uint32_t how = 0;
	struct vfs__path at;
	int err;

	if (!attr->attr_set && !attr->attr_clr && !attr->propagation)
		return 0;
	err = parse(attr, &c);
	if (err)
		return err;
	if (!(flags & AT_SYMLINK_NOFOLLOW))
		how |= VFS__WALK_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		how |= VFS__WALK_EMPTY;
	err = vfs__path_lookup(thread, task, dirfd, path, how, &at);
	if (err)
		return err;
	err = change(thread, task, &at, &c);
	vfs__path_unref(thread, &at);
	return err;
}
