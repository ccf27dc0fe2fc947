/* SPDX-License-Identifier: MIT */
/* Where magic links lead. Contract: jump.h. */
#include "core/jump.h"

#include <errno.h>
#include <linux/openat2.h>

/* The backend decides whether the caller may; then comes what openat2 says, as
 * in Linux. */
static int check(const struct vfs_jump *jump, uint32_t resolve,
		 const struct vfs_mount *from)
{
	if (!jump->set)
		return -ENOENT;
	if (resolve & RESOLVE_NO_MAGICLINKS)
		return -ELOOP;
	if ((resolve & RESOLVE_NO_XDEV) && jump->to.mnt != from)
		return -EXDEV;
	if (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return -EXDEV;
	return 0;
}

int vfs__jump(struct vfs__thread *thread, struct vfs_task *task,
	      struct vfs_inode *link, uint32_t resolve,
	      const struct vfs_mount *from, struct vfs__path *to)
{
	struct vfs_jump jump = {.thread = thread, .vfs = task->vfs};
	int err = link->ops->follow(link, &jump);

	if (!err)
		err = check(&jump, resolve, from);
	if (err) {
		if (jump.set)
			vfs__path_unref(thread, &jump.to);
		return err;
	}
	*to = jump.to;
	return 0;
}
