/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: a list at the inode, in the order in which listxattr
 * gives them (ACLs first, then by descending name, as the kernel's tmpfs).
 * What a name means, who may see it and how long it may be is the core's.
 *
 * Few inodes have any, so the list is the inode's extra. It is only looked at
 * under the inode's lock, so it is freed directly.
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "tmpfs.h"

/* What the kernel counts for an attribute besides its name and value. */
#define XATTR_SPACE 40

struct tmpfs_xattr {
	struct tmpfs_xattr *next;
	uint32_t value_size;
	uint32_t name_size; /* with its NUL */
	char name[];	    /* then the value */
};

static size_t xattr_size(const struct tmpfs_xattr *xattr)
{
	return sizeof(*xattr) + xattr->name_size + xattr->value_size;
}

static char *xattr_value(const struct tmpfs_xattr *xattr)
{
	return (char *)(uintptr_t)xattr->name + xattr->name_size;
}

static int is_acl(const char *name)
{
	return !strncmp(name, "system.", 7);
}

/* Inode space that such an attribute takes. */
static uint64_t xattr_space(const char *name, size_t value_size)
{
	return is_acl(name) ? 0 : XATTR_SPACE + strlen(name) + value_size;
}

/* Below 0: a comes before b. */
static int xattr_order(const char *a, const char *b)
{
	if (is_acl(a) || is_acl(b)) {
		if (is_acl(a) && is_acl(b))
			return strcmp(a, b);
		return is_acl(a) ? -1 : 1;
	}
	return strcmp(b, a);
}

/* Where the attribute of this name is linked in the list that begins with
 * *first, or is to be. *found: whether. */
static struct tmpfs_xattr **xattr_find(struct tmpfs_xattr **first,
				       const char *name, int *found)
{
	struct tmpfs_xattr **at = first;
	int order = 1;

	for (; *at; at = &(*at)->next) {
		order = xattr_order(name, (*at)->name);
		if (order <= 0)
			break;
	}
	*found = *at && !order;
	return at;
}

static void xattr_free(struct vfs_inode *inode, struct tmpfs_xattr *xattr)
{
	uint64_t space = xattr_space(xattr->name, xattr->value_size);

	tmpfs_give_inode_space(inode->super, space);
	vfs_free(inode->super->vfs, xattr, xattr_size(xattr));
}

static struct tmpfs_xattr *xattr_create(struct vfs *vfs, const char *name,
					const void *value, size_t size)
{
	size_t name_size = strlen(name) + 1;
	struct tmpfs_xattr *xattr;

	xattr = vfs_alloc(vfs, sizeof(*xattr) + name_size + size);
	if (!xattr)
		return NULL;
	xattr->next = NULL;
	xattr->name_size = (uint32_t)name_size;
	xattr->value_size = (uint32_t)size;
	memcpy(xattr->name, name, name_size);
	if (size)
		memcpy(xattr_value(xattr), value, size);
	return xattr;
}

/* With the space for it taken; all but the inode's flag. */
static int xattr_put(struct vfs_inode *inode, const char *name,
		     const void *value, size_t size, int flags)
{
	struct tmpfs_xattr *first = vfs_inode_extra(inode);
	struct tmpfs_xattr **at, *xattr, *old;
	int found, error;

	at = xattr_find(&first, name, &found);
	error = found && (flags & XATTR_CREATE)	    ? -EEXIST
		: !found && (flags & XATTR_REPLACE) ? -ENODATA
						    : 0;
	if (error)
		return error;
	xattr = xattr_create(inode->super->vfs, name, value, size);
	if (!xattr)
		return -ENOMEM;
	old = found ? *at : NULL;
	xattr->next = old ? old->next : *at;
	*at = xattr;
	/* can fail for the very first one only */
	error = vfs_inode_set_extra(inode, first);
	if (error) {
		vfs_free(inode->super->vfs, xattr, xattr_size(xattr));
		return error;
	}
	if (old)
		xattr_free(inode, old);
	return 0;
}

int tmpfs_setxattr(struct vfs_inode *inode, const char *name, const void *value,
		   size_t size, int flags)
{
	uint64_t space = xattr_space(name, size);
	/* In the kernel's order: room for the new one first, before the old one
	 * gives its room back, and before the flags are looked at. */
	int error = tmpfs_take_inode_space(inode->super, space);

	if (error)
		return error;
	error = xattr_put(inode, name, value, size, flags);
	if (error) {
		tmpfs_give_inode_space(inode->super, space);
	} else {
		vfs_inode_set_flags(inode, VFS_INODE_XATTR, 0);
		vfs_inode_touch(inode, VFS_TOUCH_CTIME);
	}
	return error;
}

uint64_t tmpfs_xattrs_space(const struct vfs_create_args *args)
{
	uint64_t space = 0;

	for (uint64_t i = 0; i < args->xattr_count; i++)
		space +=
			xattr_space(args->xattrs[i].name, args->xattrs[i].size);
	return space;
}

int tmpfs_xattrs_init(struct vfs_inode *inode,
		      const struct vfs_create_args *args)
{
	const struct vfs_xattr_init *init = args->xattrs, *end;
	int error = 0;

	for (end = init + args->xattr_count; !error && init < end; init++) {
		/* nobody has seen it */
		inode->flags |= VFS_INODE_XATTR;
		error = xattr_put(inode, init->name, init->value, init->size,
				  0);
	}
	if (!error)
		return 0;
	/* what has its space gives it back with the inode */
	for (init--; init < end; init++)
		tmpfs_give_inode_space(inode->super,
				       xattr_space(init->name, init->size));
	return error;
}

int64_t tmpfs_getxattr(struct vfs_inode *inode, const char *name, void *value,
		       size_t size)
{
	struct tmpfs_xattr *first = vfs_inode_extra(inode);
	const struct tmpfs_xattr *xattr;
	int found;

	xattr = *xattr_find(&first, name, &found);
	if (!found)
		return -ENODATA;
	if (!size)
		return xattr->value_size;
	if (size < xattr->value_size)
		return -ERANGE;
	if (xattr->value_size)
		memcpy(value, xattr_value(xattr), xattr->value_size);
	return xattr->value_size;
}

int64_t tmpfs_listxattr(struct vfs_inode *inode, char *list, size_t size)
{
	const struct tmpfs_xattr *xattr = vfs_inode_extra(inode);
	size_t used = 0;

	for (; xattr; xattr = xattr->next) {
		if (size && xattr->name_size > size - used)
			return -ERANGE;
		if (size)
			memcpy(list + used, xattr->name, xattr->name_size);
		used += xattr->name_size;
	}
	return (int64_t)used;
}

int tmpfs_removexattr(struct vfs_inode *inode, const char *name)
{
	struct tmpfs_xattr *first = vfs_inode_extra(inode);
	struct tmpfs_xattr **at, *old;
	int found;

	at = xattr_find(&first, name, &found);
	if (!found)
		return -ENODATA;
	old = *at;
	*at = old->next;
	vfs_inode_set_extra(inode, first);
	xattr_free(inode, old);
	vfs_inode_touch(inode, VFS_TOUCH_CTIME);
	return 0;
}

void tmpfs_xattrs_free(struct vfs_inode *inode)
{
	struct tmpfs_xattr *xattr = vfs_inode_extra(inode), *next;

	vfs_inode_set_extra(inode, NULL);
	for (; xattr; xattr = next) {
		next = xattr->next;
		xattr_free(inode, xattr);
	}
}
