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

/* One try: -EAGAIN when a rename interfered is the caller's to find out. */
static int build(struct vfs__path at, const struct vfs__path *root,
		 char *buffer, char **start, bool *unreachable)
{
	*unreachable = false;
	while (at.mnt != root->mnt || at.dentry != root->dentry) {
		uint64_t words[VFS__NAME_INLINE / 8];
		const char *name;
		uint32_t len;

		if (at.dentry == at.mnt->root) {
			if (at.mnt->parent == at.mnt) {
				*unreachable = true;
				return 0;
			}
			at.dentry = at.mnt->mountpoint;
			at.mnt = at.mnt->parent;
			continue;
		}
		name = vfs__dentry_name(at.dentry, &len);
		if (name == at.dentry->name.chars)
			name = copy_inline(at.dentry, words);
		if (!prepend(buffer, start, name, len) ||
		    !prepend(buffer, start, "/", 1))
			return -ERANGE;
		at.dentry = vfs__dentry_parent(at.dentry);
	}
	return 0;
}

/* A directory that is gone is DEAD; a file is unhashed. */
static bool is_removed(const struct vfs_dentry *d)
{
	uint32_t flags = vfs__dentry_flags(d);
	const struct vfs_inode *inode = vfs__dentry_inode(d);

	if (flags & VFS__DENTRY_ROOT)
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
	if (is_removed(path->dentry))
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
	bool removed = is_removed(path->dentry);
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
