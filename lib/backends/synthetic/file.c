/* SPDX-License-Identifier: MIT */
/* Files and symlinks whose content is a callback. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "synthetic.h"

/* The whole content; *text is fini'd by the caller, whatever comes. */
static int show(struct vfs_inode *inode, struct vfs_synthetic_text *text)
{
	struct vfs_synthetic_call call;
	int err;

	synthetic_text_init(text, inode->super->vfs);
	synthetic_call(inode, &call);
	err = synthetic_ops(inode)->show(&call, text);
	return err ? err : text->err;
}

/* -- open files -- */

static int keep_content(struct vfs_inode *inode, struct vfs_file *file)
{
	struct vfs *vfs = inode->super->vfs;
	struct vfs_synthetic_text *text = vfs_alloc(vfs, sizeof(*text));
	int err;

	if (!text)
		return -ENOMEM;
	err = show(inode, text);
	if (err) {
		synthetic_text_fini(text);
		vfs_free(vfs, text, sizeof(*text));
		return err;
	}
	vfs_file_set_private(file, text);
	return 0;
}

int synthetic_open(struct vfs_inode *inode, struct vfs_file *file)
{
	const struct vfs_synthetic_node *node = &synthetic_inode(inode)->node;
	uint32_t flags = vfs_file_flags(file);
	struct vfs_synthetic_call call;
	int err = 0;

	if (SYNTHETIC_HAS(node->ops, open)) {
		synthetic_call(inode, &call);
		err = node->ops->open(&call, flags);
	}
	if (!err && S_ISREG(node->mode) &&
	    (node->flags & VFS_SYNTHETIC_AT_OPEN) &&
	    SYNTHETIC_HAS(node->ops, show) && (flags & O_ACCMODE) != O_WRONLY)
		err = keep_content(inode, file);
	return err;
}

static void synthetic_release(struct vfs_inode *inode, struct vfs_file *file)
{
	struct vfs_synthetic_text *text = vfs_file_private(file);

	if (!text)
		return;
	synthetic_text_fini(text);
	vfs_free(inode->super->vfs, text, sizeof(*text));
}

static int64_t synthetic_read(struct vfs_inode *inode, struct vfs_file *file,
			      void *buffer, size_t count, int64_t offset)
{
	const struct vfs_synthetic_ops *ops = synthetic_ops(inode);
	struct vfs_synthetic_text text, *kept = vfs_file_private(file);
	struct vfs_synthetic_call call;
	int64_t n;

	if (kept)
		return synthetic_text_copy(kept, buffer, count, offset);
	if (SYNTHETIC_HAS(ops, show)) {
		n = show(inode, &text);
		if (!n)
			n = synthetic_text_copy(&text, buffer, count, offset);
		synthetic_text_fini(&text);
		return n;
	}
	if (!SYNTHETIC_HAS(ops, read))
		return -EINVAL;
	synthetic_call(inode, &call);
	return ops->read(&call, buffer, count, offset);
}

static int64_t synthetic_write(struct vfs_inode *inode, struct vfs_file *file,
			       const void *buffer, size_t count, int64_t offset)
{
	const struct vfs_synthetic_ops *ops = synthetic_ops(inode);
	struct vfs_synthetic_call call;

	(void)file;
	if (!SYNTHETIC_HAS(ops, store))
		return -EINVAL;
	synthetic_call(inode, &call);
	return ops->store(&call, buffer, count, offset);
}

/* As procfs: O_TRUNC is what a shell's redirection says, and means nothing. */
static int synthetic_truncate(struct vfs_inode *inode, int64_t size)
{
	(void)inode;
	(void)size;
	return 0;
}

/* -- links -- */

static int64_t synthetic_readlink(struct vfs_inode *inode, char *buffer,
				  size_t size)
{
	const struct vfs_synthetic_node *node = &synthetic_inode(inode)->node;
	struct vfs_synthetic_text text;
	struct vfs_synthetic_call call;
	int64_t n;

	synthetic_text_init(&text, inode->super->vfs);
	synthetic_call(inode, &call);
	n = -EINVAL;
	if (SYNTHETIC_HAS(node->ops, readlink)) {
		n = node->ops->readlink(&call, &text);
	} else if (node->target) {
		vfs_synthetic_write(&text, node->target, strlen(node->target));
		n = 0;
	}
	if (!n)
		n = text.err;
	if (!n)
		n = synthetic_text_copy(&text, buffer, size, 0);
	synthetic_text_fini(&text);
	return n;
}

static int synthetic_follow(struct vfs_inode *inode, struct vfs_jump *jump)
{
	struct vfs_synthetic_call call;

	synthetic_call(inode, &call);
	return synthetic_ops(inode)->follow(&call, jump);
}

const struct vfs_inode_ops synthetic_file_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.setattr = synthetic_setattr,
	.getattr = synthetic_getattr,
	.open = synthetic_open,
	.release = synthetic_release,
	.read = synthetic_read,
	.write = synthetic_write,
	.truncate = synthetic_truncate,
};

const struct vfs_inode_ops synthetic_link_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.setattr = synthetic_setattr,
	.getattr = synthetic_getattr,
	.readlink = synthetic_readlink,
};

const struct vfs_inode_ops synthetic_magic_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.setattr = synthetic_setattr,
	.getattr = synthetic_getattr,
	.readlink = synthetic_readlink,
	.follow = synthetic_follow,
};

/* Devices, FIFOs, sockets: what they do is the core's. */
const struct vfs_inode_ops synthetic_node_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.setattr = synthetic_setattr,
	.getattr = synthetic_getattr,
};
