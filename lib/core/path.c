/* SPDX-License-Identifier: MIT */
/*
 * Building a path from a place, backwards. Contract: path.h. Names are read
 * inside a section and believed if no rename took place meanwhile.
 */
#include "core/path.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "core/instance.h"
#include "util/epoch.h"

static bool prepend(char *buffer, char **at, const char *text, size_t len)
{
	if ((size_t)(*at - buffer) < len)
		return false;
	*at -= len;
	memcpy(*at, text, len);
	return true;
}

/* A short name may be changing under the reader: word by word. */
static const char *copy_inline(const struct vfs_dentry *d,
			       uint64_t words[VFS__NAME_INLINE / 8])
{
	for (size_t i = 0; i < VFS__NAME_INLINE / 8; i++)
		words[i] = VFS_READ_ONCE(d->name.words[i]);
	return (const char *)words;
}

/* "/name" of d. */
static bool prepend_name(char *buffer, char **start, const struct vfs_dentry *d)
{
	uint64_t words[VFS__NAME_INLINE / 8];
	uint32_t len;
	const char *name = vfs__dentry_name(d, &len);

	if (name == d->name.chars)
		name = copy_inline(d, words);
	return prepend(buffer, start, name, len) &&
	       prepend(buffer, start, "/", 1);
}

bool vfs__path_connected(const struct vfs__path *path)
{
	const struct vfs_dentry *d = path->dentry;

	while (d != path->mnt->root) {
		if (vfs__dentry_is_root(d))
			return false;
		d = vfs__dentry_parent(d);
	}
	return true;
}

/* One try: -EAGAIN when a rename interfered is the caller's to find out. */
static int build(struct vfs__path at, const struct vfs__path *root,
		 char *buffer, char **start, bool *unreachable)
{
	char *end = *start;

	*unreachable = false;
	while (at.mnt != root->mnt || at.dentry != root->dentry) {
		if (at.dentry == at.mnt->root) {
			struct vfs_mount *parent =
				VFS_LOAD_POINTER(at.mnt->parent);

			if (parent == at.mnt) {
				*unreachable = true;
				return 0;
			}
			at.dentry = VFS_LOAD_POINTER(at.mnt->mountpoint);
			at.mnt = parent;
			continue;
		}
		/* not under the mount's root: nothing of it can be said */
		if (vfs__dentry_is_root(at.dentry)) {
			*start = end;
			*unreachable = true;
			return 0;
		}
		if (!prepend_name(buffer, start, at.dentry))
			return -ERANGE;
		at.dentry = vfs__dentry_parent(at.dentry);
	}
	return 0;
}

/* A directory that is gone is DEAD; a file is unhashed. */
bool vfs__dentry_is_removed(const struct vfs_dentry *d)
{
	const struct vfs_inode *inode = vfs__dentry_inode(d);

	if (vfs__dentry_is_root(d))
		return false;
	if (inode && (VFS_READ_ONCE(inode->flags) & VFS_INODE_DEAD))
		return true;
	return !vfs__dentry_hashed(d);
}

static int64_t path_string(struct vfs__thread *thread, struct vfs *vfs,
			   const struct vfs__path *path,
			   const struct vfs__path *root, char *buffer,
			   size_t size, char **start, bool *unreachable)
{
	uint64_t renames;
	bool valid;
	int err;

	do {
		renames =
			__atomic_load_n(&vfs->dcache.renames, __ATOMIC_ACQUIRE);
		vfs__epoch_enter(thread);
		*start = buffer + size - 1;
		**start = '\0';
		err = build(*path, root, buffer, start, unreachable);
		valid = vfs__dcache_unchanged(&vfs->dcache, renames);
		vfs__epoch_leave(thread);
		if (!valid)
			sched_yield();
	} while (!valid);
	if (!err && !**start && !prepend(buffer, start, "/", 1))
		err = -ERANGE;
	return err ? err : buffer + size - *start;
}

int64_t vfs__path_string(struct vfs__thread *thread, struct vfs *vfs,
			 const struct vfs__path *path,
			 const struct vfs__path *root, char *buffer,
			 size_t size, char **start, bool *unreachable)
{
	if (!size)
		return -ERANGE;
	if (vfs__dentry_is_removed(path->dentry))
		return -ENOENT;
	return path_string(thread, vfs, path, root, buffer, size, start,
			   unreachable);
}

int64_t vfs__path_describe(struct vfs__thread *thread, struct vfs *vfs,
			   const struct vfs__path *path,
			   const struct vfs__path *root, char *buffer,
			   size_t size, char **start)
{
	static const char deleted[] = " (deleted)";
	bool removed = vfs__dentry_is_removed(path->dentry);
	size_t tail = removed ? sizeof(deleted) - 1 : 0;
	bool unreachable;
	int64_t len;

	if (size <= tail)
		return -ENAMETOOLONG;
	len = path_string(thread, vfs, path, root, buffer, size - tail, start,
			  &unreachable);
	if (len < 0)
		return -ENAMETOOLONG;
	memcpy(*start + len - 1, deleted, tail);
	return len - 1 + (int64_t)tail;
}

int64_t vfs__dentry_string(struct vfs__thread *thread, struct vfs *vfs,
			   const struct vfs_dentry *dentry, char *buffer,
			   size_t size, char **start)
{
	const struct vfs_dentry *d;
	uint64_t renames;
	bool valid, fits;

	do {
		renames =
			__atomic_load_n(&vfs->dcache.renames, __ATOMIC_ACQUIRE);
		vfs__epoch_enter(thread);
		*start = buffer + size - 1;
		**start = '\0';
		fits = true;
		for (d = dentry; fits && !vfs__dentry_is_root(d);
		     d = vfs__dentry_parent(d))
			fits = prepend_name(buffer, start, d);
		valid = vfs__dcache_unchanged(&vfs->dcache, renames);
		vfs__epoch_leave(thread);
		if (!valid)
			sched_yield();
	} while (!valid);
	if (fits && !**start)
		fits = prepend(buffer, start, "/", 1);
	return fits ? buffer + size - *start : -ERANGE;
}
