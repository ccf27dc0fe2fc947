/* SPDX-License-Identifier: MIT */
/* mount_setattr(2). Contract: mount_fd.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>

#include "core/mount_fd.h"
#include "core/nsfs.h"
#include "core/propagate.h"
#include "core/walk.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#define IDMAP ((uint64_t)MOUNT_ATTR_IDMAP)
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
	struct vfs_userns *idmap; /* referenced; NULL: ids stay as they are */
	bool recursive;
};

/* The user namespace that ids are to go through: one that the task controls
 * and that is not the first. */
static int check_userns(struct vfs__thread *thread, struct vfs_task *task,
			const struct vfs_userns *userns)
{
	if (!userns)
		return -EINVAL;
	return userns->parent && vfs__may_administer(thread, task, userns)
		       ? 0
		       : -EPERM;
}

static int parse_idmap(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs_mount_attr *attr, struct change *c)
{
	struct vfs_userns *userns;
	struct vfs_file *file;
	int err;

	/* a mapping that somebody may have seen stays */
	if (attr->attr_clr & MOUNT_ATTR_IDMAP)
		return -EINVAL;
	if (!(attr->attr_set & MOUNT_ATTR_IDMAP))
		return 0;
	if (attr->userns_fd > INT32_MAX)
		return -EINVAL;
	file = vfs__fd_get_io(thread, task, (int)attr->userns_fd);
	if (!file)
		return -EBADF;
	userns = vfs__nsfs_userns(file->inode);
	err = check_userns(thread, task, userns);
	if (!err)
		c->idmap = vfs_userns_ref(userns);
	vfs__file_unref(thread, file);
	return err;
}

/* Whether m may be mapped: lock held. */
static int check_idmap(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs_mount *m, const struct change *c)
{
	const struct vfs_super *super = m->super;

	if (!c->idmap)
		return 0;
	if (c->idmap == super->userns)
		return -EINVAL;
	if (vfs__mount_idmap(m))
		return -EPERM;
	if (!(super->type->flags & VFS_FS_IDMAP))
		return -EINVAL;
	if (!vfs__may_administer(thread, task, super->userns))
		return -EPERM;
	/* nobody has seen it yet */
	return m->ns && m->ns->anonymous ? 0 : -EINVAL;
}

static int parse(const struct vfs_mount_attr *attr, struct change *c)
{
	const uint64_t atime = MOUNT_ATTR__ATIME;
	int err;

	if ((attr->propagation & ~PROPAGATION) ||
	    (attr->propagation & (attr->propagation - 1)))
		return -EINVAL;
	c->propagation = attr->propagation;
	err = parse_flags(attr->attr_set & ~IDMAP, &c->set);
	if (!err)
		err = parse_flags(attr->attr_clr & ~IDMAP, &c->clear);
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
	return (vfs__mount_flags(m) & ~c->clear) | c->set;
}

/* All of it may be done: writers are held where it becomes read-only, groups
 * are there where it becomes shared. The marks say which to take back. */
static int prepare(struct vfs__thread *thread, struct vfs_task *task,
		   struct vfs_mount *top, const struct change *c)
{
	int err = 0;

	for (struct vfs_mount *m = top; m && !err; m = next(m, top, c)) {
		uint32_t flags = outcome(m, c);

		m->mark = 0;
		err = vfs__may_change_flags(m, flags)
			      ? check_idmap(thread, task, m, c)
			      : -EPERM;
		if (!err && (c->idmap || ((flags & ~vfs__mount_flags(m)) &
					  VFS__MNT_RDONLY))) {
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
			vfs__writers_release(
				m, !undo && (outcome(m, c) & VFS__MNT_RDONLY));
		if (undo && (m->mark & VFS__MARK_SHARED) && m->group) {
			vfs__peers_leave(thread, m);
			vfs__peers_enslave(m, master);
		}
		if (!undo)
			vfs__mount_set_flags(m, c->clear | c->set, c->set);
		if (!undo && c->idmap)
			(void)vfs__mount_set_idmap(m, c->idmap);
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
		err = prepare(thread, task, mnt, c);
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
	if (!err)
		err = parse_idmap(thread, task, attr, &c);
	if (err)
		return err;
	if (!(flags & AT_SYMLINK_NOFOLLOW))
		how |= VFS__WALK_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		how |= VFS__WALK_EMPTY;
	err = vfs__path_lookup(thread, task, dirfd, path, how, &at);
	if (err)
		goto unref_idmap;
	/* without maps there is nothing to go through */
	if (c.idmap && !vfs__userns_has_maps(c.idmap))
		err = -EINVAL;
	if (!err)
		err = change(thread, task, &at, &c);
	vfs__path_unref(thread, &at);
unref_idmap:
	vfs_userns_unref(c.idmap);
	return err;
}
