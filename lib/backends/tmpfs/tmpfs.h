/* SPDX-License-Identifier: MIT */
/*
 * What the files of tmpfs share: its private data behind the core's objects.
 *
 *	super.c    the type, statfs, eviction
 *	options.c  mount options
 *	dir.c      making, linking, removing and listing names
 *	rename.c   renaming
 *	log.c      the order of a directory's entries
 *	tree.c     pages of a file by index
 *	data.c     read and write
 *	alloc.c    truncate, fallocate, seek
 *	copy.c     sharing pages between files
 *	shared.c   all of these for files that were mapped once
 *	xattr.c    extended attributes
 *
 * Accounting. A page that a file has, written or only promised by fallocate,
 * is one of the super's blocks and eight of inode->blocks; so is a symlink's
 * target of LONG_SYMLINK bytes and more. Every inode, every further name of
 * one, and every xattr but ACLs takes from the inode space, which is nr_inodes
 * KiB: those are the kernel's rules, and statfs shows them.
 *
 * Locks: none of its own. Where readers come without the inode's lock
 * (tmpfs_read, a symlink's target), pointers are published with
 * VFS_STORE_POINTER and what they pointed to is retired.
 */
#ifndef TMPFS_TMPFS_H
#define TMPFS_TMPFS_H

#include <stdbool.h>

#include <vfs/sys/backend.h>

#define TMPFS_MAGIC UINT64_C(0x01021994)
#define TMPFS_PAGE_SHIFT 12
#define TMPFS_BLOCKS_PER_PAGE 8 /* of 512 bytes */
#define TMPFS_DIRENT_SIZE 20	/* what an entry adds to a directory's size */
#define TMPFS_INODE_SPACE 1024	/* bytes of inode space an inode takes */
#define TMPFS_LONG_SYMLINK 128	/* from this length on a target is a page */
/* inode->flags that a file gets from its directory */
#define TMPFS_INHERITED (VFS_INODE_NOATIME | VFS_INODE_NODUMP)

struct tmpfs_log;
struct tmpfs_shared;
struct tmpfs_xattr;

struct tmpfs_super {
	struct vfs_counter *blocks;	 /* pages; NULL: unlimited */
	struct vfs_counter *inode_space; /* bytes; NULL: unlimited */
	/* constant after mount */
	const struct vfs_userns *userns; /* of the super */
	uint64_t max_blocks;		 /* 0: unlimited */
	uint64_t max_inodes;		 /* 0: unlimited */
	uint64_t memory_pages;		 /* the machine's */
	uint32_t mode, uid, gid;	 /* the root's */
	uint32_t rdonly;
};

/* What lies in the inode's word for it, so that an inode is two cache lines. */
struct tmpfs_inode {
	union {
		/* Regular files: see tree.h. Written under excl, read without
		 * a lock. */
		void *root;
		/* Directories; NULL: no entry yet. The inode's lock. */
		struct tmpfs_log *log;
	};
};

extern const struct vfs_inode_ops tmpfs_dir_ops;
extern const struct vfs_inode_ops tmpfs_file_ops;
extern const struct vfs_inode_ops tmpfs_other_ops;

static inline struct tmpfs_super *tmpfs_super(const struct vfs_super *super)
{
	return vfs_super_private(super);
}

static inline struct tmpfs_inode *tmpfs_inode(const struct vfs_inode *inode)
{
	return (struct tmpfs_inode *)(uintptr_t)&inode->data;
}

/* -- accounting: super.c -- */

/* 0 or -ENOSPC. */
int tmpfs_take_pages(struct vfs_super *super, uint64_t pages);
void tmpfs_give_pages(struct vfs_super *super, uint64_t pages);
/* The same for what may be a debt: pages that came into being unasked. */
void tmpfs_settle_pages(struct vfs_super *super, int64_t pages);
int tmpfs_take_inode_space(struct vfs_super *super, uint64_t bytes);
void tmpfs_give_inode_space(struct vfs_super *super, uint64_t bytes);

/* inode->blocks changes by pages. excl. */
static inline void tmpfs_add_blocks(struct vfs_inode *inode, int64_t pages)
{
	VFS_WRITE_ONCE(inode->blocks,
		       inode->blocks + pages * TMPFS_BLOCKS_PER_PAGE);
}

/* -- options.c -- */

/* Fills what options say into data, which holds the defaults. 0 or -EINVAL,
 * logged. */
int tmpfs_parse_options(struct vfs *vfs, const char *options,
			struct tmpfs_super *data);
int tmpfs_show_options(struct vfs_super *super, char *out, size_t size);

/* -- dir.c -- */

/*
 * An inode as args say, with one reference; not in any directory yet. dir: the
 * one that it is made for, or NULL. 0, -ENOSPC, -ENOMEM. tmpfs_undo_inode takes
 * it back.
 */
int tmpfs_make_inode(struct vfs_super *super, const struct vfs_inode *dir,
		     uint64_t ino, const struct vfs_create_args *args,
		     struct vfs_inode **out);
void tmpfs_undo_inode(struct vfs_inode *inode);
/* One name less: the link, its space and ctime; a directory's are gone. excl.
 */
void tmpfs_drop_link(struct vfs_inode *inode);
/* A name comes to dir (or goes): its size and times. excl. */
void tmpfs_dir_changed(struct vfs_inode *dir, int32_t entries);

/* -- rename.c -- */

int tmpfs_rename(struct vfs_rename_args *args);

/* -- data.c -- */

int64_t tmpfs_read(struct vfs_inode *inode, struct vfs_file *file, void *buffer,
		   size_t count, int64_t offset);
int64_t tmpfs_write(struct vfs_inode *inode, struct vfs_file *file,
		    const void *buffer, size_t count, int64_t offset);
/* The file's small block or single page, if it has one, becomes a page in a
 * tree. 0, -ENOMEM. excl. */
int tmpfs_promote(struct vfs_inode *inode);
/* A page that other files have as well becomes the file's own, so that it can
 * be written in place. 0, -ENOMEM. excl. */
int tmpfs_own_page(struct vfs_inode *inode, uint64_t index);
/* The file's root becomes another (NULL: none); the old one is handed to be
 * freed. Accounting is the caller's. excl. */
void tmpfs_data_replace(struct vfs_inode *inode, void *root);
/* Zeroes bytes of a page or block that readers may be looking at. */
void tmpfs_zero_shared(void *to, size_t size);

/* -- copy.c -- */

/* vfs_inode_ops.copy_range */
int64_t tmpfs_copy_range(struct vfs_inode *in, struct vfs_file *in_file,
			 int64_t in_offset, struct vfs_inode *out,
			 struct vfs_file *out_file, int64_t out_offset,
			 size_t length);

/* -- alloc.c -- */

int tmpfs_truncate(struct vfs_inode *inode, int64_t size);
int tmpfs_fallocate(struct vfs_inode *inode, int mode, int64_t offset,
		    int64_t length);
int64_t tmpfs_seek(struct vfs_inode *inode, int64_t offset, int whence);
/* Whether fallocate may promise so many pages at all. */
bool tmpfs_could_reserve(const struct vfs_inode *inode, uint64_t pages);

/* -- shared.c: where the file's root is a shared object -- */

int64_t tmpfs_shared_read(const struct tmpfs_shared *shared, void *buffer,
			  size_t count, uint64_t offset);
int64_t tmpfs_shared_write(struct vfs_inode *inode, const void *buffer,
			   size_t count, uint64_t offset);
int tmpfs_shared_truncate(struct vfs_inode *inode, int64_t size);
int tmpfs_shared_fallocate(struct vfs_inode *inode, int mode, int64_t offset,
			   int64_t length);
int64_t tmpfs_shared_seek(const struct tmpfs_shared *shared, int64_t offset,
			  int whence);
void tmpfs_shared_retire(struct vfs *vfs, struct tmpfs_shared *shared,
			 uint64_t pages);
/* vfs_inode_ops.mmap: makes the root one. */
int tmpfs_mmap(struct vfs_inode *inode, struct vfs_file *file, int *host_fd);
void tmpfs_mmap_sync(struct vfs_inode *inode);

/* -- xattr.c -- */

int64_t tmpfs_getxattr(struct vfs_inode *inode, const char *name, void *value,
		       size_t size);
int tmpfs_setxattr(struct vfs_inode *inode, const char *name, const void *value,
		   size_t size, int flags);
int64_t tmpfs_listxattr(struct vfs_inode *inode, char *list, size_t size);
int tmpfs_removexattr(struct vfs_inode *inode, const char *name);
/* What an inode is born with: the space for it, and then, that space taken, the
 * attributes; what is not used of it on failure is given back. */
uint64_t tmpfs_xattrs_space(const struct vfs_create_args *args);
int tmpfs_xattrs_init(struct vfs_inode *inode,
		      const struct vfs_create_args *args);
/* Frees all and gives their space back. */
void tmpfs_xattrs_free(struct vfs_inode *inode);

#endif
