/* SPDX-License-Identifier: MIT */
/* Directories: tables, and those that list themselves. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "synthetic.h"

/* The core's positions 0 and 1 are `.` and `..`; the table follows, then what
 * callbacks list. */
#define TABLE_FIRST 2
#define LISTED_FIRST (INT64_C(1) << 32)
#define COOKIE_MAX (INT64_C(1) << 61)

/* -- looking up -- */

/* A table's node as it is in this directory. */
static void inherit(const struct vfs_inode *dir,
		    const struct vfs_synthetic_node *kid,
		    struct vfs_synthetic_node *out)
{
	const struct vfs_synthetic_node *own = &synthetic_inode(dir)->node;

	memset(out, 0, sizeof(*out));
	memcpy(out, kid, kid->size < sizeof(*out) ? kid->size : sizeof(*out));
	out->size = sizeof(*out);
	if (!out->key && !out->context) {
		out->key = own->key;
		out->context = own->context;
	}
	if (out->flags & VFS_SYNTHETIC_OWNED) {
		out->uid = own->uid;
		out->gid = own->gid;
	}
}

/* The inode of the table's node number index, made when it is missing. Several
 * threads may be here. */
static int lookup_kid(struct vfs_inode *dir,
		      const struct vfs_synthetic_node *kid, uint32_t index,
		      const struct vfs_name *name, struct vfs_inode **out)
{
	struct vfs_inode **slot = &synthetic_inode(dir)->kids[index];
	struct vfs_inode *inode = VFS_LOAD_POINTER(*slot), *other = NULL;
	struct vfs_synthetic_node node;

	if (!inode) {
		inherit(dir, kid, &node);
		inode = synthetic_make(dir->super, &node, dir->ino, name->str,
				       name->len, false);
		if (!inode)
			return -ENOMEM;
		if (!__atomic_compare_exchange_n(slot, &other, inode, false,
						 __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
			vfs_inode_unref(inode);
			inode = other;
		}
	}
	*out = vfs_inode_ref(inode);
	return 0;
}

/* What the callback says of name; to be dropped when 0 was returned. */
static int ask(struct vfs_inode *dir, const struct vfs_name *name,
	       struct vfs_synthetic_node *node)
{
	const struct vfs_synthetic_ops *ops = synthetic_ops(dir);
	struct vfs_synthetic_call call;

	if (!SYNTHETIC_HAS(ops, lookup))
		return -ENOENT;
	memset(node, 0, sizeof(*node));
	node->size = sizeof(*node);
	synthetic_call(dir, &call);
	return ops->lookup(&call, name->str, name->len, node);
}

static void drop(struct vfs_inode *dir, const struct vfs_synthetic_node *node)
{
	if (SYNTHETIC_HAS(node->ops, drop))
		node->ops->drop(dir->super, node);
}

static int synthetic_lookup(struct vfs_inode *dir, const struct vfs_name *name,
			    struct vfs_inode **inode, uint64_t *cookie)
{
	const struct vfs_synthetic_node *kid;
	struct vfs_synthetic_node node;
	uint32_t index;
	int err;

	(void)cookie;
	kid = synthetic_in_table(&synthetic_inode(dir)->node, name->str,
				 name->len, &index);
	if (kid)
		return lookup_kid(dir, kid, index, name, inode);
	err = ask(dir, name, &node);
	if (err)
		return err;
	*inode = synthetic_make(dir->super, &node, dir->ino, name->str,
				name->len, true);
	if (*inode)
		return 0;
	drop(dir, &node);
	return -ENOMEM;
}

/* Whether the two are one file. */
static bool same(const struct vfs_synthetic_node *a,
		 const struct vfs_synthetic_node *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       a->flags == b->flags && a->ino == b->ino && a->rdev == b->rdev &&
	       a->key == b->key && a->context == b->context &&
	       a->children == b->children && a->target == b->target &&
	       a->ops == b->ops;
}

static int synthetic_revalidate(struct vfs_inode *dir,
				const struct vfs_name *name,
				struct vfs_inode *inode)
{
	struct vfs_synthetic_node node;
	uint32_t index;
	int err, valid;

	if (synthetic_in_table(&synthetic_inode(dir)->node, name->str,
			       name->len, &index))
		return 1;
	err = ask(dir, name, &node);
	if (err)
		return err == -ENOENT ? 0 : err;
	valid = same(&node, &synthetic_inode(inode)->node);
	drop(dir, &node);
	return valid;
}

/* -- listing -- */

int vfs_synthetic_emit(struct vfs_synthetic_listing *listing, const char *name,
		       uint32_t len, const struct vfs_synthetic_node *node,
		       int64_t cookie)
{
	uint32_t index;

	if (cookie < 0 || cookie > COOKIE_MAX)
		return 0;
	/* a name of the table hides a listed one */
	if (synthetic_in_table(&synthetic_inode(listing->dir)->node, name, len,
			       &index))
		return 1;
	return vfs_dir_emit(listing->context, name, len,
			    synthetic_ino(node, listing->dir->ino, name, len),
			    IFTODT(node->mode), LISTED_FIRST + cookie + 1);
}

static bool list_table(struct vfs_inode *dir, struct vfs_dir_context *context)
{
	const struct vfs_synthetic_node *kid =
		synthetic_inode(dir)->node.children;
	int64_t at = TABLE_FIRST;

	for (; kid && kid->name; kid = synthetic_next(kid), at++) {
		uint32_t len = (uint32_t)strlen(kid->name);

		if (at >= context->position &&
		    !vfs_dir_emit(context, kid->name, len,
				  synthetic_ino(kid, dir->ino, kid->name, len),
				  IFTODT(kid->mode), at + 1))
			return false;
	}
	return true;
}

static int synthetic_iterate(struct vfs_inode *dir, struct vfs_file *file,
			     struct vfs_dir_context *context)
{
	const struct vfs_synthetic_ops *ops = synthetic_ops(dir);
	struct vfs_synthetic_listing listing = {dir, context};
	struct vfs_synthetic_call call;
	int64_t from = 0;

	(void)file;
	if (context->position < LISTED_FIRST && !list_table(dir, context))
		return 0;
	if (!SYNTHETIC_HAS(ops, iterate))
		return 0;
	if (context->position > LISTED_FIRST)
		from = context->position - LISTED_FIRST;
	synthetic_call(dir, &call);
	return ops->iterate(&call, from, &listing);
}

/* -- names that cannot be made, as procfs says it -- */

static int closed_create(struct vfs_inode *dir, const struct vfs_name *name,
			 const struct vfs_create_args *args,
			 struct vfs_inode **inode, uint64_t *cookie)
{
	(void)dir;
	(void)name;
	(void)args;
	(void)inode;
	(void)cookie;
	return -ENOENT;
}

static int closed_link(struct vfs_inode *dir, const struct vfs_name *name,
		       struct vfs_inode *inode, uint64_t *cookie)
{
	(void)dir;
	(void)name;
	(void)inode;
	(void)cookie;
	return -ENOENT;
}

static int closed_rename(struct vfs_rename_args *args)
{
	return args->new_inode ? -EPERM : -ENOENT;
}

const struct vfs_inode_ops synthetic_dir_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.lookup = synthetic_lookup,
	.iterate = synthetic_iterate,
	.setattr = synthetic_setattr,
	.getattr = synthetic_getattr,
	.open = synthetic_open,
	.revalidate = synthetic_revalidate,
};

const struct vfs_inode_ops synthetic_closed_dir_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.lookup = synthetic_lookup,
	.create = closed_create,
	.link = closed_link,
	.rename = closed_rename,
	.iterate = synthetic_iterate,
	.setattr = synthetic_setattr,
	.getattr = synthetic_getattr,
	.open = synthetic_open,
	.revalidate = synthetic_revalidate,
};
