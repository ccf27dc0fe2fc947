/* SPDX-License-Identifier: MIT */
/*
 * memfd_create: a regular file that has no name and is in no tree. It lives on
 * a tmpfs without limits, which is mounted nowhere and made when it is needed
 * for the first time. Contract: seal.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/stat.h>

#include "core/inode.h"
#include "core/rw.h"
#include "core/seal.h"
#include "util/epoch.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define PREFIX "memfd:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define NAME_MAX_LEN (255 - PREFIX_LEN)
#define KNOWN_FLAGS                                                        \
	(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | \
	 MFD_EXEC)
#define HUGE_SIZES ((uint32_t)MFD_HUGE_MASK << MFD_HUGE_SHIFT)

/* ---- where they live ---- */

static int mount_create(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_mount **out)
{
	const struct vfs_filesystem_type *type = vfs__type_find(vfs, "tmpfs");
	struct vfs_mount_args args = {
		.size = sizeof(args),
		.options = "size=0,nr_inodes=0",
	};
	struct vfs_super *super;
	struct vfs_dentry *root;
	int err;

	if (!type)
		return -ENOSYS;
	err = vfs__super_create(thread, vfs, type, &args, &super, &root);
	if (err)
		return err;
	err = vfs__mount_create(thread, vfs, super, root, VFS__MNT_INTERNAL,
				"tmpfs", out);
	if (err) {
		vfs__dentry_unref(thread, root);
		vfs__super_unref(thread, super);
	}
	return err;
}

/* The instance's, which lasts as long as it. */
static int mount_get(struct vfs__thread *thread, struct vfs *vfs,
		     struct vfs_mount **out)
{
	struct vfs_mount *mnt = VFS_LOAD_POINTER(vfs->memfd_mount);
	struct vfs_mount *first = NULL;
	int err;

	if (!mnt) {
		err = mount_create(thread, vfs, &mnt);
		if (err)
			return err;
		if (!__atomic_compare_exchange_n(&vfs->memfd_mount, &first, mnt,
						 false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
			/* another thread was faster */
			vfs__mount_destroy(thread, mnt);
			mnt = first;
		}
	}
	*out = mnt;
	return 0;
}

/* ---- making one ---- */

static int make_inode(struct vfs__thread *thread, struct vfs_inode *root,
		      const struct vfs_cred *cred, uint32_t flags,
		      struct vfs_inode **out)
{
	struct vfs_create_args args = {
		.size = sizeof(args),
		.mode = S_IFREG | (flags & MFD_NOEXEC_SEAL ? 0666 : 0777),
		.uid = cred->fsuid,
		.gid = cred->fsgid,
	};
	struct vfs__inode_ext *ext;
	struct vfs_inode *inode;
	int err;

	vfs__inode_lock(root);
	err = root->ops->tmpfile(root, &args, &inode);
	vfs__inode_unlock(root);
	if (err)
		return err;
	if (flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL)) {
		ext = vfs__inode_ext(thread, inode);
		if (!ext) {
			vfs__inode_unref(thread, inode);
			return -ENOMEM;
		}
		ext->seals = flags & MFD_NOEXEC_SEAL ? VFS__SEAL_EXEC : 0;
		vfs_inode_set_flags(inode, VFS_INODE_SEALABLE, 0);
	}
	*out = inode;
	return 0;
}

/* The name that /proc shows, in no directory. */
static int make_dentry(struct vfs__thread *thread, struct vfs_mount *mnt,
		       const struct vfs_cred *cred, const char *name,
		       size_t len, uint32_t flags, struct vfs_dentry **out)
{
	char full[PREFIX_LEN + NAME_MAX_LEN];
	struct vfs_name shown = {.str = full};
	struct vfs_inode *inode;
	struct vfs_dentry *d;
	int err;

	memcpy(full, PREFIX, PREFIX_LEN);
	memcpy(full + PREFIX_LEN, name, len);
	shown.len = (uint32_t)(PREFIX_LEN + len);
	d = vfs__dentry_alloc(thread, mnt->root, &shown);
	if (!d)
		return -ENOMEM;
	err = make_inode(thread, mnt->root->inode, cred, flags, &inode);
	if (err) {
		vfs__dentry_unref(thread, d);
		return err;
	}
	vfs__dentry_instantiate(d, inode, 0);
	*out = d;
	return 0;
}

static int make_file(struct vfs__thread *thread, struct vfs_task *task,
		     const char *name, size_t len, uint32_t flags,
		     struct vfs_file **out)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	struct vfs_file *file = vfs__file_reserve(thread);
	struct vfs__path path;
	int err = file ? 0 : -ENOMEM;

	if (!err)
		err = mount_get(thread, task->vfs, &path.mnt);
	if (!err)
		err = make_dentry(thread, path.mnt, cred, name, len, flags,
				  &path.dentry);
	if (!err) {
		vfs__mount_ref(thread, path.mnt);
		vfs__file_init(
			file, task->vfs, &path, cred, O_RDWR | VFS__O_LARGEFILE,
			VFS__FILE_READ | VFS__FILE_WRITE | VFS__FILE_SEEKABLE);
		*out = file;
	} else {
		vfs__file_discard(thread, file);
	}
	vfs__task_cred_put(thread, cred);
	return err;
}

static int check_flags(uint32_t flags)
{
	uint32_t known = KNOWN_FLAGS;

	if (flags & MFD_HUGETLB)
		known |= HUGE_SIZES;
	if (flags & ~known)
		return -EINVAL;
	if ((flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL))
		return -EINVAL;
	return 0;
}

int vfs__memfd_create(struct vfs__thread *thread, struct vfs_task *task,
		      const char *name, uint32_t flags)
{
	struct vfs__fdtable *table;
	struct vfs_file *file;
	size_t len;
	int fd, err = check_flags(flags);

	if (err)
		return err;
	if (!name)
		return -EFAULT;
	len = strnlen(name, NAME_MAX_LEN + 1);
	if (len > NAME_MAX_LEN)
		return -EINVAL;
	fd = vfs__fd_reserve(thread, task, 0, &table);
	if (fd < 0)
		return fd;
	/* as on a machine that has no pages of that size */
	err = flags & MFD_HUGETLB
		      ? -ENODEV
		      : make_file(thread, task, name, len, flags, &file);
	if (err) {
		vfs__fd_release(thread, table, fd);
		return err;
	}
	vfs__fd_fill(thread, table, fd, file, flags & MFD_CLOEXEC);
	return fd;
}
