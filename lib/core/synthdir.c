/* SPDX-License-Identifier: MIT */
/* Mount points in memory, in any file system. Contract: synthdir.h. */
#include "core/synthdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/dcache_find.h"
#include "core/mount_calls.h"
#include "core/walk.h"

/* Their numbers lie above what backends usually give. */
#define FIRST_INO (UINT64_C(1) << 62)

/* ---- operations ---- */

static int no_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		     struct vfs_inode **inode, uint64_t *cookie)
{
	(void)dir;
	(void)name;
	(void)inode;
	(void)cookie;
	return -ENOENT;
}

static int no_entries(struct vfs_inode *dir, struct vfs_file *file,
		      struct vfs_dir_context *context)
{
	(void)dir;
	(void)file;
	(void)context;
	return 0;
}

static int64_t no_bytes(struct vfs_inode *inode, struct vfs_file *file,
			void *buffer, size_t count, int64_t offset)
{
	(void)inode;
	(void)file;
	(void)buffer;
	(void)count;
	(void)offset;
	return 0;
}

/* No create: what is made in there is synthetic too. */
static const struct vfs_inode_ops directory_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.lookup = no_lookup,
	.iterate = no_entries,
};

static const struct vfs_inode_ops file_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.read = no_bytes,
};

/* ---- the list of a directory ---- */

static size_t entry_size(uint32_t len)
{
	return sizeof(struct vfs__synthetic) + len;
}

static struct vfs__synthetic *first_of(const struct vfs_inode *dir)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(dir);

	return ext ? ext->synthetic : NULL;
}

VFS_HOT
bool vfs__synthetic_within(const struct vfs_inode *dir)
{
	return (VFS_READ_ONCE(dir->flags) & VFS_INODE_MERGED) && first_of(dir);
}

/* A directory more or less in dir, unless dir's are not counted. excl. */
static void count_directory(struct vfs_inode *dir, int by)
{
	if (vfs__inode_is_remote(dir) || dir->nlink < 2 ||
	    (by < 0 && dir->nlink == 2))
		return;
	vfs__inode_change_begin(dir);
	VFS_WRITE_ONCE(dir->nlink, dir->nlink + (uint32_t)by);
	vfs__inode_change_end(dir);
}

static void entry_drop(struct vfs__thread *thread, struct vfs_inode *dir,
		       const struct vfs_name *name)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(dir);
	struct vfs__synthetic **link, *entry;

	if (!ext)
		return;
	for (link = &ext->synthetic; (entry = *link); link = &entry->next)
		if (entry->len == name->len &&
		    !memcmp(entry->name, name->str, name->len))
			break;
	if (!entry)
		return;
	*link = entry->next;
	if (entry->type == DT_DIR)
		count_directory(dir, -1);
	vfs__mem_free(thread, entry, entry_size(entry->len));
	if (!ext->synthetic)
		vfs_inode_set_flags(dir, 0, VFS_INODE_MERGED);
}

void vfs__synthetic_free(struct vfs__thread *thread, struct vfs__inode_ext *ext)
{
	struct vfs__synthetic *entry;

	while ((entry = ext->synthetic)) {
		ext->synthetic = entry->next;
		vfs__mem_free(thread, entry, entry_size(entry->len));
	}
}

/* ---- real entries win ---- */

int vfs__synthetic_valid(struct vfs__thread *thread, struct vfs_inode *dir,
			 const struct vfs_name *name)
{
	struct vfs_inode *real = NULL;
	uint64_t cookie = 0;
	int err;

	if ((dir->super->type->flags & VFS_FS_COMPLETE) ||
	    vfs__is_synthetic(dir))
		return 1;
	err = dir->ops->lookup(dir, name, &real, &cookie);
	if (err)
		return err == -ENOENT ? 1 : err;
	vfs__inode_unref(thread, real);
	return 0;
}

void vfs__forget_name(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_dentry *dir, const struct vfs_name *name,
		      struct vfs_dentry *d)
{
	struct vfs__component c;

	vfs__component_of(name, &c);
	/* another thread was here before, or moved it */
	if (!vfs__dentry_hashed(d) || !vfs__dentry_is(d, dir, &c))
		return;
	/* nobody comes to mount on it while dir is locked */
	if (vfs__dentry_flags(d) & VFS__DENTRY_MOUNTED)
		return;
	vfs__dcache_remove(thread, vfs, d);
	if (d->inode && vfs__is_synthetic(d->inode))
		entry_drop(thread, dir->inode, name);
}

/* ---- listing ---- */

int vfs__synthetic_iterate(struct vfs__thread *thread, struct vfs_inode *dir,
			   struct vfs_file *file,
			   struct vfs_dir_context *context)
{
	const struct vfs__synthetic *entry;
	int err = 0;

	if (context->position < VFS__SYNTHETIC_FIRST)
		err = dir->ops->iterate(dir, file, context);
	if (err || context->full)
		return err;
	for (entry = first_of(dir); entry; entry = entry->next) {
		struct vfs_name name = {entry->name, entry->len, 0};

		if (entry->position < context->position ||
		    vfs__synthetic_valid(thread, dir, &name) != 1)
			continue;
		if (!vfs_dir_emit(context, entry->name, entry->len, entry->ino,
				  entry->type, entry->position + 1))
			break;
	}
	return 0;
}

/* ---- making and removing ---- */

/* What is to be made, in memory that the making may need. */
struct making {
	struct vfs_inode *dir;
	struct vfs__inode_ext *ext; /* dir's */
	struct vfs__synthetic *entry;
	struct vfs_dentry *dentry;
	struct vfs_inode *inode;
};

static struct vfs_inode *make_inode(struct vfs__thread *thread,
				    struct vfs_task *task,
				    const struct vfs_cred *cred,
				    struct vfs_super *super, uint64_t ino,
				    uint32_t mode)
{
	uint32_t umask = vfs__task_umask(thread, task);
	struct vfs_inode *inode = vfs_inode_create(
		super, S_ISDIR(mode) ? &directory_ops : &file_ops, ino,
		mode & ~umask);

	if (!inode)
		return NULL;
	inode->uid = cred->fsuid;
	inode->gid = cred->fsgid;
	inode->flags = VFS_INODE_SYNTHETIC;
	return inode;
}

static void discard(struct vfs__thread *thread, struct making *m)
{
	if (m->entry)
		vfs__mem_free(thread, m->entry, entry_size(m->entry->len));
	vfs__dentry_unref(thread, m->dentry);
	vfs_inode_discard(m->inode);
}

/* Everything that may fail. parent is locked excl. */
static int prepare(struct vfs__thread *thread, struct vfs_task *task,
		   struct vfs_dentry *parent, const struct vfs_name *name,
		   uint32_t mode, struct making *m)
{
	struct vfs_cred *cred;
	uint64_t number;

	memset(m, 0, sizeof(*m));
	m->dir = parent->inode;
	number = __atomic_fetch_add(&task->vfs->next_synthetic, 1,
				    __ATOMIC_RELAXED);
	m->ext = vfs__inode_ext(thread, m->dir);
	m->entry = vfs__mem_alloc(thread, entry_size(name->len));
	if (m->entry) {
		m->entry->next = NULL;
		m->entry->ino = FIRST_INO + number;
		m->entry->position = VFS__SYNTHETIC_FIRST + (int64_t)number;
		m->entry->type = IFTODT(mode);
		m->entry->len = name->len;
		memcpy(m->entry->name, name->str, name->len);
	}
	m->dentry = vfs__dentry_alloc(thread, parent, name);
	cred = vfs__task_cred(thread, task);
	m->inode = make_inode(thread, task, cred, m->dir->super,
			      FIRST_INO + number, mode);
	vfs__task_cred_put(thread, cred);
	if (m->ext && m->entry && m->dentry && m->inode)
		return 0;
	discard(thread, m);
	return -ENOMEM;
}

/* Cannot fail. old: the absence that was known, which a new dentry replaces,
 * because what may be forgotten is counted. */
static void commit(struct vfs__thread *thread, struct vfs *vfs,
		   struct making *m, struct vfs_dentry *old)
{
	struct vfs__synthetic **link = &m->ext->synthetic;

	while (*link)
		link = &(*link)->next;
	*link = m->entry;
	if (m->entry->type == DT_DIR)
		count_directory(m->dir, 1);
	vfs_inode_set_flags(m->dir, VFS_INODE_MERGED, 0);
	vfs__dcache_remove(thread, vfs, old);
	vfs__dentry_instantiate(m->dentry, m->inode, 0);
	if (!(m->dir->super->type->flags & VFS_FS_COMPLETE))
		vfs__dentry_set(m->dentry, VFS__DENTRY_VOLATILE);
	vfs__dcache_insert(thread, vfs, m->dentry);
	vfs__dentry_unref(thread, m->dentry);
}

static int make_locked(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs_dentry *parent, const struct vfs__last *last,
		       uint32_t mode)
{
	struct vfs_dentry *old;
	struct making m;
	int err = vfs__lookup_one(thread, task->vfs, parent, &last->name, &old);

	if (err)
		return err;
	if (old->inode)
		err = -EEXIST;
	else if (last->slash && !S_ISDIR(mode))
		err = -ENOENT;
	else
		err = prepare(thread, task, parent, &last->name, mode, &m);
	if (!err)
		commit(thread, task->vfs, &m, old);
	vfs__dentry_unref(thread, old);
	return err;
}

int vfs__synthetic_make(struct vfs__thread *thread, struct vfs_task *task,
			int dirfd, const char *path, uint32_t mode)
{
	struct vfs__path parent;
	struct vfs__last last;
	int err =
		vfs__path_parent(thread, task, dirfd, path, 0, &parent, &last);

	if (err)
		return err;
	err = -EEXIST;
	if (last.type == VFS__LAST_NORM)
		err = vfs__may_mount(thread, task) ? 0 : -EPERM;
	if (!err) {
		vfs__inode_lock(parent.dentry->inode);
		err = make_locked(thread, task, parent.dentry, &last, mode);
		vfs__inode_unlock(parent.dentry->inode);
	}
	vfs__path_unref(thread, &parent);
	return err;
}

int vfs__synthetic_remove(struct vfs__thread *thread, struct vfs_inode *dir,
			  const struct vfs_name *name, struct vfs_inode *inode)
{
	if (vfs__synthetic_within(inode))
		return -ENOTEMPTY;
	entry_drop(thread, dir, name);
	VFS_WRITE_ONCE(inode->nlink, 0);
	return 0;
}

static int undo_locked(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs_inode *dir, struct vfs_dentry *d,
		       const struct vfs_name *name)
{
	struct vfs_inode *inode = d->inode;
	int err;

	if (!inode || !vfs__is_synthetic(inode))
		return -ENOENT;
	if (vfs__dentry_flags(d) & VFS__DENTRY_MOUNTED)
		return -EBUSY;
	vfs__inode_lock_nested(inode);
	err = vfs__synthetic_remove(thread, dir, name, inode);
	if (!err) {
		vfs_inode_set_flags(inode, VFS_INODE_DEAD, 0);
		vfs__dcache_remove(thread, vfs, d);
	}
	vfs__inode_unlock(inode);
	return err;
}

int vfs__synthetic_undo(struct vfs__thread *thread, struct vfs_task *task,
			const char *path)
{
	struct vfs_dentry *d = NULL;
	struct vfs__path parent;
	struct vfs__last last;
	struct vfs_inode *dir;
	int err = vfs__path_parent(thread, task, AT_FDCWD, path, 0, &parent,
				   &last);

	if (err)
		return err;
	dir = parent.dentry->inode;
	vfs__inode_lock(dir);
	err = vfs__lookup_one(thread, task->vfs, parent.dentry, &last.name, &d);
	if (!err)
		err = undo_locked(thread, task->vfs, dir, d, &last.name);
	vfs__inode_unlock(dir);
	vfs__dentry_unref(thread, d);
	vfs__path_unref(thread, &parent);
	return err;
}

VFS_HOT
int vfs__synthetic_rename(const struct vfs_rename_args *args)
{
	const struct vfs_inode *target = args->new_inode;

	if (vfs__is_synthetic(args->old_inode) ||
	    vfs__is_synthetic(args->old_dir) ||
	    vfs__is_synthetic(args->new_dir) ||
	    (target && vfs__is_synthetic(target)))
		return -EPERM;
	if (target && !(args->flags & VFS_RENAME_EXCHANGE) &&
	    vfs__synthetic_within(target))
		return -ENOTEMPTY;
	return 0;
}
