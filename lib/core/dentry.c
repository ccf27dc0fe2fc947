/* SPDX-License-Identifier: MIT */
/* Dentries: making, counting and freeing them. Contract: dentry.h. */
#include "core/dentry.h"

#include <assert.h>
#include <string.h>

#include "core/dcache.h"
#include "core/handle.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/notify.h"
#include "core/nsfs.h"
#include "core/pathname.h"
#include "util/atomic.h"
#include "util/domain.h"
#include "util/epoch.h"

struct vfs__longname *vfs__longname_alloc(struct vfs__thread *thread,
					  const struct vfs_name *name)
{
	struct vfs__longname *l =
		vfs__mem_alloc(thread, sizeof(*l) + name->len);

	if (l) {
		l->len = name->len;
		memcpy(l->str, name->str, name->len);
	}
	return l;
}

void vfs__longname_free(struct vfs__thread *thread, struct vfs__longname *l)
{
	if (l)
		vfs__mem_free(thread, l, sizeof(*l) + l->len);
}

void vfs__longname_retire(struct vfs__thread *thread, struct vfs__longname *l)
{
	if (l)
		vfs__epoch_free(thread, l, sizeof(*l) + l->len);
}

VFS_HOT
bool vfs__dentry_tryref(struct vfs_dentry *d)
{
	uint32_t ref = VFS_READ_ONCE(d->ref);

	do {
		if (!ref)
			return false;
	} while (!vfs__cas_u32(&d->ref, &ref, ref + 1));
	return true;
}

/* d's ref is 0: gives back what it holds. The parent,
 * whose reference the caller now has, is returned (NULL: a root's). */
VFS_HOT
static struct vfs_dentry *dentry_free(struct vfs__thread *thread,
				      struct vfs_dentry *d)
{
	struct vfs_dentry *parent = d->parent == d ? NULL : d->parent;
	struct vfs_inode *inode = d->inode;

	if (inode && (VFS_READ_ONCE(inode->flags) & VFS_INODE_HANDLE)) {
		vfs__handle_forget(d);
		vfs__nsfs_forget(d);
	}
	if (vfs__dentry_flags(d) & VFS__DENTRY_LONG)
		vfs__longname_retire(thread, d->name.longname);
	if (inode) {
		vfs__notify_gone(thread, inode);
		vfs__inode_unref(thread, inode);
	}
	/* last: who evicts the inode may know d, and retiring may free */
	vfs__epoch_free(thread, d, sizeof(*d));
	return parent;
}

VFS_HOT
void vfs__dentry_unref(struct vfs__thread *thread, struct vfs_dentry *d)
{
	while (d) {
		uint32_t left = vfs__fetch_add_u32(&d->ref, UINT32_MAX) - 1;

		assert(left != UINT32_MAX);
		/* still used or still cached: not ours to look at any more */
		if (left)
			return;
		d = dentry_free(thread, d);
	}
}

void vfs__dentry_discard(struct vfs__thread *thread, struct vfs_dentry *d)
{
	vfs__dentry_unref(thread, dentry_free(thread, d));
}

VFS_HOT
struct vfs_dentry *vfs__dentry_alloc(struct vfs__thread *thread,
				     struct vfs_dentry *parent,
				     const struct vfs_name *name)
{
	struct vfs_dentry *d = vfs__mem_alloc(thread, sizeof(*d));

	if (!d)
		return NULL;
	memset(d, 0, sizeof(*d));
	d->ref = 1;
	d->hash = name ? name->hash : 0;
	if (name && name->len > VFS__NAME_INLINE) {
		d->name.longname = vfs__longname_alloc(thread, name);
		if (!d->name.longname) {
			vfs__mem_free(thread, d, sizeof(*d));
			return NULL;
		}
		d->name.words[0] = d->name.words[2] = UINT64_MAX;
		d->flags = VFS__DENTRY_LONG;
	} else if (name) {
		d->name_len = (uint8_t)name->len;
		vfs__name_words(name->str, name->len, d->name.words);
	}
	d->parent = parent ? vfs__dentry_ref(parent) : d;
	return d;
}

VFS_HOT
void vfs__dentry_instantiate(struct vfs_dentry *d, struct vfs_inode *inode,
			     uint64_t cookie)
{
	assert(!d->inode);
	vfs__dentry_set_cookie(d, cookie);
	VFS_STORE_POINTER(d->inode, inode);
}
