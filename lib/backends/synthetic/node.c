/* SPDX-License-Identifier: MIT */
/* Nodes and their inodes; the mount. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "synthetic.h"

#define ROOT_INO 1

/* -- nodes -- */

const struct vfs_synthetic_node *
synthetic_next(const struct vfs_synthetic_node *node)
{
	return (const void *)((const char *)node + node->size);
}

const struct vfs_synthetic_node *
synthetic_in_table(const struct vfs_synthetic_node *dir, const char *name,
		   uint32_t len, uint32_t *index)
{
	const struct vfs_synthetic_node *node = dir->children;

	*index = 0;
	for (; node && node->name; node = synthetic_next(node), (*index)++)
		if (strlen(node->name) == len && !memcmp(node->name, name, len))
			return node;
	return NULL;
}

/* A number from the place, the same each time: what an FNV hash of the
 * directory's number and the name gives, above the numbers that people
 * choose. */
uint64_t synthetic_ino(const struct vfs_synthetic_node *node, uint64_t dir,
		       const char *name, uint32_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (node->ino)
		return node->ino;
	if (!dir)
		return ROOT_INO;
	for (int i = 0; i < 64; i += 8)
		hash = (hash ^ (dir >> i & 0xff)) * UINT64_C(0x100000001b3);
	for (uint32_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) *
		       UINT64_C(0x100000001b3);
	return (hash & INT64_MAX) | UINT64_C(0x100000000);
}

/* -- inodes -- */

void synthetic_call(const struct vfs_inode *inode,
		    struct vfs_synthetic_call *call)
{
	call->size = sizeof(*call);
	call->super = inode->super;
	call->task = vfs_current_task(inode->super->vfs);
	call->node = &synthetic_inode(inode)->node;
	call->ino = inode->ino;
}

static const struct vfs_inode_ops *
ops_for(const struct vfs_synthetic_node *node)
{
	switch (node->mode & S_IFMT) {
	case S_IFDIR:
		return node->flags & VFS_SYNTHETIC_CLOSED
			       ? &synthetic_closed_dir_ops
			       : &synthetic_dir_ops;
	case S_IFREG:
		return &synthetic_file_ops;
	case S_IFLNK:
		return SYNTHETIC_HAS(node->ops, follow) ? &synthetic_magic_ops
							: &synthetic_link_ops;
	default:
		return &synthetic_node_ops;
	}
}

static bool lists_itself(const struct vfs_synthetic_node *node)
{
	return SYNTHETIC_HAS(node->ops, lookup);
}

/* The table's nodes, and how many of them are directories. */
static uint32_t count_kids(const struct vfs_synthetic_node *node,
			   uint32_t *directories)
{
	const struct vfs_synthetic_node *kid = node->children;
	uint32_t count = 0;

	*directories = 0;
	for (; kid && kid->name; kid = synthetic_next(kid), count++)
		*directories += S_ISDIR(kid->mode) ? 1 : 0;
	return count;
}

static bool fill_directory(struct vfs_inode *inode,
			   const struct vfs_synthetic_node *node)
{
	struct synthetic_inode *own = synthetic_inode(inode);
	uint32_t directories;

	own->kid_count = count_kids(node, &directories);
	inode->nlink = 2 + directories;
	if (lists_itself(node)) {
		inode->flags |= VFS_INODE_VOLATILE;
		if (!(node->flags & VFS_SYNTHETIC_FLAT))
			inode->nlink = 1;
	}
	if (!own->kid_count)
		return true;
	own->kids = vfs_zalloc(inode->super->vfs,
			       own->kid_count * sizeof(*own->kids));
	return own->kids != NULL;
}

static void copy_node(struct vfs_synthetic_node *to,
		      const struct vfs_synthetic_node *from)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	to->size = sizeof(*to);
	to->name = NULL;
}

struct vfs_inode *synthetic_make(struct vfs_super *super,
				 const struct vfs_synthetic_node *node,
				 uint64_t dir, const char *name, uint32_t len,
				 bool dynamic)
{
	struct vfs_inode *inode = vfs_inode_create(
		super, ops_for(node), synthetic_ino(node, dir, name, len),
		node->mode);
	struct synthetic_inode *own;

	if (!inode)
		return NULL;
	own = synthetic_inode(inode);
	copy_node(&own->node, node);
	own->dynamic = dynamic;
	inode->uid = node->uid;
	inode->gid = node->gid;
	if (S_ISLNK(node->mode) && node->target &&
	    !SYNTHETIC_HAS(node->ops, follow)) {
		inode->link = node->target;
		inode->size = (int64_t)strlen(node->target);
	} else if (S_ISCHR(node->mode) || S_ISBLK(node->mode)) {
		inode->rdev = node->rdev;
	} else if (S_ISDIR(node->mode) && !fill_directory(inode, node)) {
		vfs_inode_discard(inode);
		return NULL;
	}
	return inode;
}

void synthetic_evict(struct vfs_inode *inode)
{
	struct synthetic_inode *own = synthetic_inode(inode);

	for (uint32_t i = 0; own->kids && i < own->kid_count; i++)
		vfs_inode_unref(own->kids[i]);
	vfs_free(inode->super->vfs, own->kids,
		 own->kid_count * sizeof(*own->kids));
	if (own->dynamic && SYNTHETIC_HAS(own->node.ops, drop))
		own->node.ops->drop(inode->super, &own->node);
}

int synthetic_getattr(struct vfs_inode *inode, struct vfs_stat *out)
{
	const struct vfs_synthetic_ops *ops = synthetic_ops(inode);
	struct vfs_synthetic_call call;
	int64_t length;

	if (!ops)
		return 0;
	synthetic_call(inode, &call);
	if (SYNTHETIC_HAS(ops, length)) {
		length = ops->length(&call);
		if (length < 0)
			return (int)length;
		out->size = length;
	}
	return SYNTHETIC_HAS(ops, getattr) ? ops->getattr(&call, out) : 0;
}

int synthetic_setattr(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	if ((attr->mask & VFS_ATTR_MODE) &&
	    (synthetic_inode(inode)->node.flags & VFS_SYNTHETIC_FIXED))
		return -EPERM;
	return 0;
}

/* -- the file system -- */

static int synthetic_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	out->type = super->magic;
	out->bsize = VFS_PAGE_SIZE;
	out->blocks = out->bfree = out->bavail = 0;
	out->files = out->ffree = 0;
	return 0;
}

static const struct vfs_super_ops super_ops = {
	.size = sizeof(super_ops),
	.statfs = synthetic_statfs,
	.evict = synthetic_evict,
};

int vfs_synthetic_mount(struct vfs_super *super,
			const struct vfs_mount_args *args,
			const struct vfs_synthetic_tree *tree,
			struct vfs_inode **root)
{
	struct synthetic_super *own = vfs_super_private(super);

	if (super->type->inode_size < VFS_SYNTHETIC_INODE_SIZE ||
	    super->type->super_size < VFS_SYNTHETIC_SUPER_SIZE)
		return -EINVAL;
	if (args->options && *args->options) {
		vfs_log(super->vfs, VFS_LOG_ERROR, "%s: no such option: %s",
			super->type->name, args->options);
		return -EINVAL;
	}
	own->tree = tree;
	super->ops = &super_ops;
	super->magic = tree->magic;
	*root = synthetic_make(super, tree->root, 0, "", 0, false);
	return *root ? 0 : -ENOMEM;
}

void vfs_synthetic_unmount(struct vfs_super *super)
{
	struct synthetic_super *own = vfs_super_private(super);

	own->tree = NULL;
}
