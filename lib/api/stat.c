/* SPDX-License-Identifier: MIT */
/* stat, statx, statfs and their forms. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <vfs/stat.h>

#include "api/call.h"
#include "core/hostfile.h"
#include "core/inode_stat.h"
#include "core/mapping.h"
#include "core/walk.h"
#include "util/atomic.h"
#include "util/epoch.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif
/* Always set in what statfs(2) returns. */
#define FLAGS_VALID 0x20u
#define SYNC_TYPE (AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC)
#define STAT_FLAGS \
	(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | SYNC_TYPE)

/* Or its mappings have to be asked first. */
static inline bool may_block(const struct vfs_inode *inode)
{
	return __builtin_expect(VFS_READ_ONCE(inode->flags) &
					(VFS_INODE_MAPPED | VFS__INODE_ASK),
				0) ||
	       (inode->ops->getattr &&
		!(inode->super->type->flags &
		  (VFS_FS_NONBLOCKING | VFS_FS_FAST_GETATTR)));
}

/* What the mount says, and the inode's flags. */
static inline void stat_mount(const struct vfs_mount *mnt,
			      const struct vfs_dentry *dentry, uint32_t flags,
			      struct vfs_stat *out)
{
	out->mnt_id = mnt->id;
	out->attributes = vfs__stat_attributes(flags);
	if (__builtin_expect(dentry == mnt->root, 0))
		out->attributes |= STATX_ATTR_MOUNT_ROOT;
}

/* Whether ids look different to task than they are in the inode. */
static inline bool maps_ids(const struct vfs_task *task,
			    const struct vfs__path *path)
{
	return VFS_READ_ONCE(task->mapped) || vfs__mount_idmap(path->mnt);
}

static uint32_t shown_id(const struct vfs_cred *cred,
			 const struct vfs_super *super,
			 const struct vfs_userns *idmap, enum vfs__id_kind kind,
			 uint32_t id)
{
	id = vfs__idmap_out(idmap, super, kind, id);
	if (id != VFS__NO_ID)
		id = vfs__id_show(cred->userns, kind, id);
	return id == VFS__NO_ID ? VFS_OVERFLOW_ID : id;
}

/* Puts the ids in *out as task sees them. path as for stat_place. */
static void __attribute__((noinline))
show_ids(struct vfs__thread *thread, struct vfs_task *task,
	 const struct vfs__path *path, struct vfs_stat *out)
{
	const struct vfs_userns *idmap = vfs__mount_idmap(path->mnt);
	const struct vfs_super *super = path->mnt->super;
	const struct vfs_cred *cred;

	vfs__epoch_enter(thread);
	cred = vfs__task_cred_peek(task);
	out->uid = shown_id(cred, super, idmap, VFS__UID, out->uid);
	out->gid = shown_id(cred, super, idmap, VFS__GID, out->gid);
	vfs__epoch_leave(thread);
}

/* path is referenced, or the thread in a section and nothing blocks. */
static inline int stat_place(struct vfs__thread *thread, struct vfs_task *task,
			     const struct vfs__path *path,
			     struct vfs_inode *inode, struct vfs_stat *out)
{
	int err = 0;

	if (__builtin_expect(!out, 0))
		return -EFAULT;
	if (__builtin_expect(!inode->ops->getattr, 1)) {
		stat_mount(path->mnt, path->dentry, VFS_READ_ONCE(inode->flags),
			   out);
		if (__builtin_expect(vfs__inode_copy(inode, out), 1))
			goto ids;
	}
	err = vfs__inode_stat(inode, path->mnt->id, out);
	if (!err && path->dentry == path->mnt->root)
		out->attributes |= STATX_ATTR_MOUNT_ROOT;
ids:
	if (__builtin_expect(!err && maps_ids(task, path), 0))
		show_ids(thread, task, path, out);
	return err;
}

/* The same, referenced. */
static int stat_referenced(struct vfs__thread *thread, struct vfs_task *task,
			   const struct vfs__path *path,
			   struct vfs_inode *inode, struct vfs_stat *out)
{
	int err;

	if (vfs__inode_mapped(inode))
		vfs__mapping_refresh(inode);
	err = vfs__inode_refresh(thread, inode);
	if (err)
		return err;
	return stat_place(thread, task, path, inode, out);
}

/* The twin of stat_at for backends that block. */
static int stat_at_referenced(struct vfs__thread *thread, struct vfs_task *task,
			      int dirfd, const char *path, uint32_t flags,
			      struct vfs_stat *out)
{
	struct vfs__path at;
	int err = vfs__path_lookup(thread, task, dirfd, path, flags, &at);

	if (err)
		return err;
	err = stat_referenced(thread, task, &at, vfs__dentry_inode(at.dentry),
			      out);
	vfs__path_unref(thread, &at);
	return err;
}

/* flags: VFS__WALK_*. */
static inline int stat_at(struct vfs_task *task, int dirfd, const char *path,
			  uint32_t flags, struct vfs_stat *out)
{
	struct vfs__thread *thread;
	struct vfs__lookup lookup;
	struct vfs_inode *inode;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	err = vfs__lookup_begin(thread, task, dirfd, path, flags, &lookup);
	if (err)
		return err;
	inode = vfs__dentry_inode(lookup.path.dentry);
	if (__builtin_expect(may_block(inode), 0)) {
		if (!lookup.referenced) {
			vfs__lookup_end(thread, &lookup);
			return stat_at_referenced(thread, task, dirfd, path,
						  flags, out);
		}
		err = stat_referenced(thread, task, &lookup.path, inode, out);
	} else {
		err = stat_place(thread, task, &lookup.path, inode, out);
	}
	vfs__lookup_end(thread, &lookup);
	return err;
}

/* fstat where something is in the way of the fast one. */
static int __attribute__((noinline))
fstat_slow(struct vfs_task *task, int fd, struct vfs_stat *out)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	file = vfs__fd_get(thread, task, fd);
	if (!file)
		return -EBADF;
	err = stat_referenced(thread, task, &file->path, file->inode, out);
	vfs__file_unref(thread, file);
	return err;
}

/* fstat of anything that does not block, without a reference. */
static int __attribute__((noinline))
fstat_any(struct vfs_task *task, int fd, struct vfs_stat *out)
{
	const struct vfs_inode *inode;
	struct vfs__thread *thread;
	struct vfs_file *file;
	bool done = false;
	uint32_t flags;

	if (!task || !out)
		return fstat_slow(task, fd, out);
	thread = vfs__thread_peek_id(task->domain_id);
	if (!thread)
		return fstat_slow(task, fd, out);
	vfs__epoch_enter(thread);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	if (file) {
		inode = file->inode;
		flags = VFS_READ_ONCE(inode->flags);
		if (!inode->ops->getattr &&
		    !(flags & (VFS_INODE_MAPPED | VFS__INODE_ASK)) &&
		    !maps_ids(task, &file->path)) {
			stat_mount(file->path.mnt, file->path.dentry, flags,
				   out);
			done = vfs__inode_copy(inode, out);
		}
	}
	vfs__epoch_leave(thread);
	return done ? 0 : fstat_slow(task, fd, out);
}

/*
 * Calls nothing on its way, so that it needs no registers saved: the stores of
 * the result are most of what it costs. What is not plain is another's.
 */
int vfs_fstat(struct vfs_task *task, int fd, struct vfs_stat *out)
{
	const struct vfs_inode *inode;
	const struct vfs_mount *mnt;
	struct vfs__thread *thread;
	struct vfs_file *file;
	/* then nobody frees what is looked at */
	const bool alone = vfs__alone();
	bool done = false;
	uint64_t flags;

	if (__builtin_expect(!task || !out, 0))
		return fstat_any(task, fd, out);
	thread = vfs__thread_peek_id(task->domain_id);
	if (__builtin_expect(
		    !thread || (!alone && !vfs__epoch_enter_brief(thread)), 0))
		return fstat_any(task, fd, out);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	if (__builtin_expect(
		    file && (VFS__SEQ_READ(file->mode) & VFS__FILE_PLAIN_STAT),
		    1)) {
		inode = file->inode;
		mnt = file->path.mnt;
		flags = VFS_READ_ONCE(inode->flags);
		if (__builtin_expect(!((uint32_t)flags &
				       (VFS_INODE_MAPPED | VFS__INODE_ASK)) &&
					     !VFS__SEQ_READ(task->mapped) &&
					     !VFS__SEQ_READ(mnt->idmap),
				     1)) {
			out->mnt_id = mnt->id;
			VFS__COMPILER_FENCE();
			out->attributes = vfs__stat_attributes(flags);
			done = vfs__inode_copy_as(inode, out, true);
		}
	}
	if (!alone)
		vfs__epoch_leave_brief(thread);
	return __builtin_expect(done, 1) ? 0 : fstat_any(task, fd, out);
}

int vfs_stat(struct vfs_task *task, const char *path, struct vfs_stat *out)
{
	return stat_at(task, AT_FDCWD, path, VFS__WALK_FOLLOW, out);
}

int vfs_lstat(struct vfs_task *task, const char *path, struct vfs_stat *out)
{
	return stat_at(task, AT_FDCWD, path, 0, out);
}

static int stat_flags(struct vfs_task *task, int dirfd, const char *path,
		      struct vfs_stat *out, int flags)
{
	uint32_t walk = 0;

	if ((flags & AT_EMPTY_PATH) && (!path || !*path)) {
		/* the descriptor itself; the kernel looks at no other flag */
		if (dirfd >= 0)
			return vfs_fstat(task, dirfd, out);
		path = "";
	}
	if (flags & ~STAT_FLAGS)
		return -EINVAL;
	if (!(flags & AT_SYMLINK_NOFOLLOW))
		walk |= VFS__WALK_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		walk |= VFS__WALK_EMPTY;
	return stat_at(task, dirfd, path, walk, out);
}

int vfs_fstatat(struct vfs_task *task, int dirfd, const char *path,
		struct vfs_stat *out, int flags)
{
	if (!task)
		return -EFAULT;
	return stat_flags(task, dirfd, path, out, flags);
}

int vfs_statx(struct vfs_task *task, int dirfd, const char *path, int flags,
	      uint32_t mask, struct vfs_stat *out)
{
	if (!task)
		return -EFAULT;
	if ((mask & STATX__RESERVED) || (flags & SYNC_TYPE) == SYNC_TYPE)
		return -EINVAL;
	return stat_flags(task, dirfd, path, out, flags);
}

int vfs_fidentity(struct vfs_task *task, int fd, uint64_t *out)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (!out)
		return -EFAULT;
	vfs__epoch_enter(thread);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	/* the open file holds the inode, whose address is nobody else's then */
	if (file)
		*out = (uint64_t)(uintptr_t)file->inode;
	vfs__epoch_leave(thread);
	return file ? 0 : -EBADF;
}

/* ---- file systems ---- */

static int statfs_place(struct vfs__thread *thread,
			const struct vfs__path *path, struct vfs_statfs *out)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	struct vfs_super *super = path->mnt->super;
	struct vfs_statfs full;
	int err;

	vfs__mappings_refresh(thread, super);
	memset(&full, 0, sizeof(full));
	full.type = super->magic;
	full.bsize = super->block_size;
	err = super->ops->statfs(super, &full);
	if (err)
		return err;
	full.fsid = super->dev;
	full.namelen = super->name_max;
	full.frsize = full.bsize;
	if (vfs__inode_is_foreign(inode))
		err = vfs__hostfile_statfs(inode, &full);
	if (err)
		return err;
	full.flags =
		(vfs__mount_flags(path->mnt) & VFS__MNT_SHOWN) | FLAGS_VALID;
	if (VFS_READ_ONCE(super->flags) & VFS_SUPER_RDONLY)
		full.flags |= VFS__MNT_RDONLY;
	if (VFS_READ_ONCE(super->flags) & VFS_SUPER_SYNCHRONOUS)
		full.flags |= ST_SYNCHRONOUS;
	if (!out)
		return -EFAULT;
	*out = full;
	return 0;
}

int vfs_statfs(struct vfs_task *task, const char *path, struct vfs_statfs *out)
{
	struct vfs__thread *thread;
	struct vfs__path at;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	err = vfs__path_lookup(thread, task, AT_FDCWD, path, VFS__WALK_FOLLOW,
			       &at);
	if (err)
		return err;
	err = statfs_place(thread, &at, out);
	vfs__path_unref(thread, &at);
	return err;
}

int vfs_fstatfs(struct vfs_task *task, int fd, struct vfs_statfs *out)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	file = vfs__fd_get(thread, task, fd);
	if (!file)
		return -EBADF;
	err = statfs_place(thread, &file->path, out);
	vfs__file_unref(thread, file);
	return err;
}
