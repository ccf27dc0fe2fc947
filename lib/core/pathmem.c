/* SPDX-License-Identifier: MIT */
/* Paths that are walked again and again. Contract: pathmem.h. */
#include "core/pathmem.h"

#include <sys/stat.h>

#include "core/inode.h"
#include "core/mount.h"

#define STEPS_MAX VFS__REMEMBERED_PATH /* no path has more names */

/* Whose names and attributes change by calls of this instance alone, and in
 * no other way than the core sees. */
static bool is_plain(const struct vfs_dentry *d)
{
	const struct vfs_inode *inode = vfs__dentry_inode(d);

	return inode &&
	       (inode->super->type->flags &
		(VFS_FS_COMPLETE | VFS_FS_OWN_ATTR)) &&
	       !(vfs__dentry_flags(d) & VFS__DENTRY_VOLATILE) &&
	       !(VFS_READ_ONCE(inode->flags) & VFS_INODE_VOLATILE);
}

/* The names of a path; SIZE_MAX if it goes up. */
static size_t count_names(const char *path, size_t len)
{
	size_t names = 0;

	for (size_t i = 0; i < len; i++) {
		if (path[i] == '/' || (i && path[i - 1] != '/'))
			continue;
		if (path[i] == '.' && i + 1 < len && path[i + 1] == '.' &&
		    (i + 2 == len || path[i + 2] == '/'))
			return SIZE_MAX;
		names += !(path[i] == '.' &&
			   (i + 1 == len || path[i + 1] == '/'));
	}
	return names;
}

/*
 * Whether `names` steps down lead from start to at, all where nothing changes
 * by itself. All that is passed is remembered: a directory can be forgotten
 * with what is in it.
 */
static bool leads_down(struct vfs *vfs, const struct vfs__path *start,
		       struct vfs__path at, size_t names)
{
	for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
		if (!is_plain(at.dentry))
			return false;
		if (at.mnt == start->mnt && at.dentry == start->dentry)
			return !names;
		if (!vfs__dcache_remember(vfs, at.dentry))
			return false;
		if (at.dentry == at.mnt->root) {
			at.dentry = VFS_LOAD_POINTER(at.mnt->mountpoint);
			at.mnt = VFS_LOAD_POINTER(at.mnt->parent);
			continue;
		}
		if (!names--)
			return false;
		at.dentry = vfs__dentry_parent(at.dentry);
	}
	return false;
}

/* The last name of a path that does not end in a slash. */
static void last_name(const struct vfs *vfs, const char *path, size_t len,
		      struct vfs_name *name)
{
	const char *slash = memrchr(path, '/', len);

	name->str = slash ? slash + 1 : path;
	name->len = vfs__component_scan(vfs->dcache.seed, name->str, path + len,
					&name->hash);
}

static bool can_remember(struct vfs *vfs, const char *path, size_t len,
			 const struct vfs__pathmem_start *s,
			 const struct vfs__path *at, bool absent)
{
	size_t names = count_names(path, len);
	struct vfs_name name;

	/* a slash asks for a directory, and a walk for permission to search
	 * what a dot follows */
	if (path[len - 1] == '/' || path[len - 1] == '.' || names == SIZE_MAX ||
	    names < 1 + (size_t)absent)
		return false;
	if (!leads_down(vfs, &s->at, *at, names - absent))
		return false;
	if (!absent)
		return !S_ISLNK(vfs__inode_mode(vfs__dentry_inode(at->dentry)));
	/* where absences are dentries, they may be gone without a change */
	if (!(at->dentry->inode->super->type->flags & VFS_FS_COMPLETE))
		return false;
	last_name(vfs, path, len, &name);
	return name.len <= VFS__NAME_MAX &&
	       vfs__dcache_remember_absence(vfs, at->dentry, &name);
}

/*
 * What was remembered in vain, because it changed before it was asked for, or
 * another path came for its place, is not remembered as soon the next time:
 * each time costs some shared stores.
 */
static bool is_due(struct vfs__remembered *e)
{
	if (e->wait) {
		e->wait--;
		return false;
	}
	if (e->len) {
		e->penalty = e->used ? 0 : (uint8_t)(2 * e->penalty + 1);
		e->wait = e->penalty & VFS__PATHMEM_PATIENCE;
		e->len = 0;
	}
	return !e->wait;
}

void vfs__pathmem_walked(struct vfs__remembered *e, struct vfs *vfs,
			 uint64_t tag, const char *path, size_t len,
			 const struct vfs__pathmem_start *s,
			 const struct vfs__path *at, bool absent)
{
	if (e->tag != tag) {
		e->tag = tag;
		e->len = 0;
		e->wait = e->penalty = 0;
		return;
	}
	if (!is_due(e))
		return;
	if (!can_remember(vfs, path, len, s, at, absent)) {
		e->wait = e->penalty = VFS__PATHMEM_PATIENCE;
		return;
	}
	e->renames = s->renames;
	e->changes = s->changes;
	e->start_mnt = s->at.mnt;
	e->start = s->at.dentry;
	e->cred = s->cred->id;
	e->mnt = at->mnt;
	e->dentry = at->dentry;
	e->absent = absent;
	e->used = false;
	e->len = (uint8_t)len;
	memcpy(e->path, path, len);
}
