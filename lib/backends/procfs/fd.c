/* SPDX-License-Identifier: MIT */
/* procfs: a task's descriptors, fd/ and fdinfo/. */
#include <errno.h>
#include <sys/stat.h>

#include "procfs.h"

/* st_size of a link in fd/, whatever its length */
#define LINK_SIZE 64

/* -- both directories -- */

static bool is_open(const struct vfs_synthetic_call *call, int fd)
{
	return vfs_task_next_fd(call->super->vfs, procfs_task(call), fd - 1) ==
	       fd;
}

/* Permission is asked of who looks names up, too: what is open is nobody
 * else's business. */
static int find(const struct vfs_synthetic_call *call, const char *name,
		uint32_t len, struct vfs_synthetic_node *node)
{
	int fd = procfs_number(name, len);

	if (fd < 0 || !is_open(call, fd))
		return -ENOENT;
	node->flags = PROCFS_FLAGS;
	node->key = procfs_key(procfs_task(call), fd);
	return vfs_task_owner(call->super->vfs, procfs_task(call), &node->uid,
			      &node->gid)
		       ? -ENOENT
		       : 0;
}

static int list(const struct vfs_synthetic_call *call, int64_t from,
		uint32_t mode, struct vfs_synthetic_listing *listing)
{
	struct vfs *vfs = call->super->vfs;
	struct vfs_synthetic_node node = {.size = sizeof(node), .mode = mode};
	int32_t id = procfs_task(call);
	char name[16];
	int fd = from > INT32_MAX ? -EBADF
				  : vfs_task_next_fd(vfs, id, (int)from - 1);

	for (; fd >= 0; fd = vfs_task_next_fd(vfs, id, fd))
		if (!vfs_synthetic_emit(listing, name, procfs_name(fd, name),
					&node, fd))
			break;
	return fd == -ESRCH ? -ENOENT : 0;
}

/* The descriptor's facts; -ENOENT: it was closed. */
static int facts(const struct vfs_synthetic_call *call,
		 struct vfs_fd_info *info)
{
	int err;

	info->size = sizeof(*info);
	err = vfs_task_fd(call->super->vfs, procfs_task(call), procfs_fd(call),
			  info);
	return err == -ENOMEM ? err : err ? -ENOENT : 0;
}

/* -- fd/ -- */

static int link_readlink(const struct vfs_synthetic_call *call,
			 struct vfs_synthetic_text *text)
{
	return procfs_show_place(call, procfs_fd(call), text);
}

static int link_follow(const struct vfs_synthetic_call *call,
		       struct vfs_jump *jump)
{
	int err = vfs_task_inspect(call->super->vfs, procfs_task(call));

	if (err)
		return err == -ESRCH ? -ENOENT : err;
	return vfs_jump_to(jump, procfs_task(call), procfs_fd(call));
}

/* The mode tells how the file was opened. */
static int link_getattr(const struct vfs_synthetic_call *call,
			struct vfs_stat *st)
{
	struct vfs_fd_info info;
	int err = facts(call, &info);

	if (err)
		return err;
	st->mode = S_IFLNK;
	if (info.access & VFS_FD_READ)
		st->mode |= S_IRUSR | S_IXUSR;
	if (info.access & VFS_FD_WRITE)
		st->mode |= S_IWUSR | S_IXUSR;
	st->size = LINK_SIZE;
	return 0;
}

static const struct vfs_synthetic_ops link_ops = {
	.size = sizeof(link_ops),
	.readlink = link_readlink,
	.follow = link_follow,
	.getattr = link_getattr,
};

static int fd_lookup(const struct vfs_synthetic_call *call, const char *name,
		     uint32_t len, struct vfs_synthetic_node *node)
{
	node->mode = S_IFLNK | 0700;
	node->ops = &link_ops;
	return find(call, name, len, node);
}

static int fd_iterate(const struct vfs_synthetic_call *call, int64_t from,
		      struct vfs_synthetic_listing *listing)
{
	return list(call, from, S_IFLNK, listing);
}

/* As many as there are. */
static int64_t fd_length(const struct vfs_synthetic_call *call)
{
	int64_t count = 0;
	int fd = -1;

	while ((fd = vfs_task_next_fd(call->super->vfs, procfs_task(call),
				      fd)) >= 0)
		count++;
	return count;
}

const struct vfs_synthetic_ops procfs_fd_ops = {
	.size = sizeof(procfs_fd_ops),
	.lookup = fd_lookup,
	.iterate = fd_iterate,
	.length = fd_length,
};

/* -- fdinfo/ -- */

static int show_info(const struct vfs_synthetic_call *call,
		     struct vfs_synthetic_text *text)
{
	struct vfs_fd_info info;
	int err = facts(call, &info);

	if (err)
		return err;
	vfs_synthetic_printf(text, "pos:\t%lld\nflags:\t0%o\n",
			     (long long)info.position, info.flags);
	vfs_synthetic_printf(text, "mnt_id:\t%llu\nino:\t%llu\n",
			     (unsigned long long)info.mnt_id,
			     (unsigned long long)info.ino);
	return 0;
}

static int info_open(const struct vfs_synthetic_call *call, uint32_t flags)
{
	int err = vfs_task_inspect(call->super->vfs, procfs_task(call));

	(void)flags;
	return err == -ESRCH ? -ENOENT : err;
}

static const struct vfs_synthetic_ops info_ops = {
	.size = sizeof(info_ops),
	.show = show_info,
	.open = info_open,
};

static int fdinfo_lookup(const struct vfs_synthetic_call *call,
			 const char *name, uint32_t len,
			 struct vfs_synthetic_node *node)
{
	int err = vfs_task_inspect(call->super->vfs, procfs_task(call));

	if (err)
		return err == -ESRCH ? -ENOENT : err;
	node->mode = S_IFREG | 0444;
	node->ops = &info_ops;
	err = find(call, name, len, node);
	/* a read comes with a lock held, and looking at the descriptor may
	 * close it */
	node->flags |= VFS_SYNTHETIC_AT_OPEN;
	return err;
}

static int fdinfo_iterate(const struct vfs_synthetic_call *call, int64_t from,
			  struct vfs_synthetic_listing *listing)
{
	return list(call, from, S_IFREG, listing);
}

const struct vfs_synthetic_ops procfs_fdinfo_ops = {
	.size = sizeof(procfs_fdinfo_ops),
	.lookup = fdinfo_lookup,
	.iterate = fdinfo_iterate,
	.open = info_open,
};
