/* SPDX-License-Identifier: MIT */
/*
 * The interface of a backend: a file-system type, its instances (supers), its
 * inodes, and the table of operations behind them. The in-tree file systems
 * are written against this header and nothing else.
 *
 * Who owns what. The core owns names (dentries), mounts, descriptors,
 * permission checks, record locks and times of access. A backend owns inodes
 * and data: it finds a name in a directory, creates, links, removes, renames,
 * reads, writes, lists, and keeps attributes. Its private data lies behind
 * the core's object, in the same allocation.
 *
 * Errors. Every operation returns 0 or a count, or a negative errno that
 * reaches the caller as it is. A failed operation has changed nothing.
 *
 * Locks. Each inode has one reader-writer lock, which the core takes before it
 * calls: "excl" and "shared" below say how. Without any lock come getattr, read
 * and readlink. A backend takes no inode lock itself; locks of its own are
 * taken after the inode's and never held across a call back into the core,
 * except for memory, counters and retiring.
 *
 * Read sections. Where type->flags has VFS_FS_NONBLOCKING, read, getattr and
 * readlink may be called inside a read section: they must not block, sleep or
 * take a lock for long, and what they look at must be freed with vfs_retire().
 * No other operation is called inside a section.
 *
 * Threads. Operations come on the threads that make calls, several at once
 * where no lock says otherwise; what is declared here may be called by any
 * thread. All of it: since 0.1.
 */
#ifndef VFS_SYS_BACKEND_H
#define VFS_SYS_BACKEND_H

#include <vfs/base.h>
#include <vfs/instance.h>
#include <vfs/mount.h>
#include <vfs/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_inode;
struct vfs_super;
struct vfs_file;
struct vfs_task;
struct vfs__inode_ext;
struct vfs_jump;
struct vfs_layer_handle;

/*
 * Fields that are read without a lock are written under the inode's exclusive
 * lock with VFS_WRITE_ONCE and read with VFS_READ_ONCE (or under the lock).
 */
#define VFS_READ_ONCE(lvalue) __atomic_load_n(&(lvalue), __ATOMIC_RELAXED)
#define VFS_WRITE_ONCE(lvalue, value) \
	__atomic_store_n(&(lvalue), (value), __ATOMIC_RELAXED)
/* A pointer that readers follow inside a read section. */
#define VFS_LOAD_POINTER(lvalue) __atomic_load_n(&(lvalue), __ATOMIC_ACQUIRE)
#define VFS_STORE_POINTER(lvalue, value) \
	__atomic_store_n(&(lvalue), (value), __ATOMIC_RELEASE)

/* ------------------------------------------------------------------ */
/* Types and supers                                                    */
/* ------------------------------------------------------------------ */

/* vfs_filesystem_type.flags */
/* Every name of a directory is in the core's cache as long as it exists: a
 * name not cached does not exist, lookup is never called, names are never
 * dropped. The root is empty at first. What a file system in memory wants. */
#define VFS_FS_COMPLETE UINT64_C(0x1)
/* read, getattr and readlink never block: see above. */
#define VFS_FS_NONBLOCKING UINT64_C(0x2)
/* Regular files answer F_GET_SEALS, and those that memfd_create made can be
 * sealed; the core keeps the seals and enforces them. */
#define VFS_FS_SEALS UINT64_C(0x100)
/* File handles: an inode number is never given to another file of the super as
 * long as the super lives. The core keeps what a handle leads to; an inode that
 * was evicted is stale for them. */
#define VFS_FS_HANDLES UINT64_C(0x200)
/* Whoever may mount in his user namespace may mount it: what is mounted that
 * way harms nobody. Others are for the root's CAP_SYS_ADMIN. */
#define VFS_FS_USERNS UINT64_C(0x400)
/* Its mounts may be id-mapped: its inodes' ids are owners and nothing else. */
#define VFS_FS_IDMAP UINT64_C(0x800)
/* Attributes are somebody else's (a host's, a layer's): the backend alone
 * changes what its inodes say, with vfs_inode_set_stat(), and the core sets
 * neither times nor what setattr was given. Inodes are made without ACLs being
 * read: see VFS_INODE_ACL_UNKNOWN. Not with VFS_FS_NONBLOCKING. */
#define VFS_FS_OWN_ATTR UINT64_C(0x1000)
/* Inodes of sockets that were made stay as long as they have a name, so that
 * vfs_bind_socket can put something behind them. VFS_FS_COMPLETE implies it. */
#define VFS_FS_ENDPOINTS UINT64_C(0x2000)
/* getattr never blocks, though other operations may: it may be called inside a
 * read section. What adds a little to what the inode says has it. */
#define VFS_FS_FAST_GETATTR UINT64_C(0x4000)
/* revalidate may be called without the directory's lock, while the core makes,
 * moves and removes names in it: whoever waits for one of these holds up no
 * step to another. */
#define VFS_FS_FREE_REVALIDATE UINT64_C(0x8000)

struct vfs_mount_args {
	uint64_t size;		   /* sizeof, for growth */
	const char *source;	   /* may be NULL */
	const char *options;	   /* comma-separated; may be NULL */
	uint32_t uid, gid;	   /* of the mounter, for files' systems */
	struct vfs_userns *userns; /* whose it will be; NULL: the root's */
};

struct vfs_filesystem_type {
	uint64_t size; /* sizeof(struct vfs_filesystem_type) */
	const char *name;
	uint64_t flags;	     /* VFS_FS_* */
	uint64_t inode_size; /* bytes of private data behind each inode */
	uint64_t super_size; /* bytes of private data behind each super */
	/*
	 * Mandatory. Fills super (magic, block size, private data, ops) and
	 * sets *root to a directory inode whose one reference passes to the
	 * core. On failure the backend has freed what it made. Unknown or bad
	 * options: -EINVAL and a line by vfs_log() that names them.
	 */
	int (*mount)(struct vfs_super *super, const struct vfs_mount_args *args,
		     struct vfs_inode **root);
	/* Optional. Every inode has been evicted; frees the super's private
	 * data. */
	void (*unmount)(struct vfs_super *super);
	/*
	 * Optional. Whether options, as in vfs_mount_args, could be taken: for
	 * fsconfig(), which tells at once. 0 or -EINVAL and a line by
	 * vfs_log(). Missing: mount() tells.
	 */
	int (*check_options)(struct vfs *vfs,
			     const struct vfs_mount_args *args);
};

struct vfs_super_ops {
	uint64_t size;
	/* Mandatory. type, bsize, blocks, bfree, bavail, files, ffree; the
	 * rest is the core's. */
	int (*statfs)(struct vfs_super *super, struct vfs_statfs *out);
	/* Optional: write everything out. */
	int (*sync)(struct vfs_super *super);
	/*
	 * Optional. The core lets go of the inode: it has no name and no user
	 * left (nlink 0), or it fell out of the cache or the super goes away
	 * (nlink above 0: the file is still there). Accounts for what goes and
	 * hands what readers may still look at to vfs_retire(). The core frees
	 * the inode itself after a grace period. Cannot fail. Lock: excl.
	 */
	void (*evict)(struct vfs_inode *inode);
	/* Optional: the mount options as mountinfo shows them, with a leading
	 * comma each; returns the length, as snprintf. */
	int (*show_options)(struct vfs_super *super, char *out, size_t size);
	/* Optional: remount. args->options as in mount(), source NULL; *flags
	 * (VFS_SUPER_*) are what the super will have, and may be changed. All
	 * or nothing. No lock; one at a time. Missing: options are ignored. */
	int (*reconfigure)(struct vfs_super *super,
			   const struct vfs_mount_args *args, uint64_t *flags);
	/*
	 * Optional, both or neither: handles that are the file's as long as
	 * there is one, for file systems that store them (<vfs/sys/layer.h>).
	 * encode fills *out, which is all 0; -EOPNOTSUPP there is none, or
	 * another error. locate says where the file of a handle may be: names
	 * from the root on, each but the first behind a slash, and a NUL; none
	 * for the root. The core goes there as a walk does, and asks encode
	 * whether this is the file: a wrong answer does no harm. -ENODATA it is
	 * not known, or another error. No lock; any thread.
	 */
	int (*encode)(struct vfs_inode *inode, struct vfs_layer_handle *out);
	int (*locate)(struct vfs_super *super,
		      const struct vfs_layer_handle *handle, char *path,
		      size_t size);
};

/* vfs_super.flags */
#define VFS_SUPER_RDONLY UINT64_C(0x1)	 /* every change: -EROFS */
#define VFS_SUPER_POSIXACL UINT64_C(0x2) /* stores POSIX ACL xattrs */
/* asked for at mount, and shown: a backend that writes somewhere heeds them */
#define VFS_SUPER_SYNCHRONOUS UINT64_C(0x4) /* every write lasts at once */
#define VFS_SUPER_DIRSYNC UINT64_C(0x8)	    /* every name does */
#define VFS_SUPER_LAZYTIME UINT64_C(0x10)   /* times may come later */
/* Files, directories and symlinks may be immutable, append-only, without atime
 * and without dumps: setattr gets VFS_ATTR_FLAGS. */
#define VFS_SUPER_FLAGS UINT64_C(0x20)

struct vfs_super {
	/* set by the core before mount() */
	struct vfs *vfs;
	const struct vfs_filesystem_type *type;
	uint64_t dev;
	/* set by mount() */
	const struct vfs_super_ops *ops;
	uint64_t flags;
	uint64_t magic;
	uint32_t block_size;   /* st_blksize; 4096 unless set */
	uint32_t name_max;     /* 255 unless set */
	int64_t max_file_size; /* INT64_MAX unless set */
	/* Set by the core before mount(): the user namespace that owns it,
	 * NULL: the instance's root. Ids in inodes and arguments are always the
	 * root's. */
	struct vfs_userns *userns;
	/* Set by mount(): how many file systems it stands on. */
	uint32_t depth;
	uint32_t zero;
};

/* The type's private data behind the super. */
static inline void *vfs_super_private(const struct vfs_super *super)
{
	return (void *)(uintptr_t)(super + 1);
}

/* ------------------------------------------------------------------ */
/* Inodes                                                              */
/* ------------------------------------------------------------------ */

/* vfs_inode.flags (atomic; set with vfs_inode_set_flags) */
#define VFS_INODE_ACL 0x1u    /* has an access ACL: the mode does not say all */
#define VFS_INODE_DEFACL 0x2u /* has a default ACL */
#define VFS_INODE_DEAD 0x4u   /* evicted, or a removed directory */
#define VFS_INODE_XATTR 0x8u  /* may have xattrs (set by the backend) */
#define VFS_INODE_NOATIME 0x10u	 /* reading leaves no trace */
#define VFS_INODE_LINKABLE 0x20u /* made by O_TMPFILE: link from 0 allowed */
/* The core's: mapped, so that mmap_sync is asked before attributes are told;
 * has seals of its own; somebody was given a handle. */
#define VFS_INODE_MAPPED 0x100000u
#define VFS_INODE_SEALABLE 0x200000u
#define VFS_INODE_HANDLE 0x400000u
/* VFS_FS_OWN_ATTR: what the inode says may be wrong, and refresh is called
 * before it is told or used (set by the backend and, where reading leaves a
 * time, by the core; cleared by the backend). Owner and permissions are right
 * all the same. */
#define VFS_INODE_STALE 0x800000u
#define VFS_INODE_REMOTE 0x1000000u /* the core's: of such a type */
/* Whether there are ACLs is not known, or not any more: getxattr is asked when
 * somebody needs to know. Set by the core in new inodes of types with
 * VFS_FS_OWN_ATTR whose super has VFS_SUPER_POSIXACL, by the backend later. */
#define VFS_INODE_ACL_UNKNOWN 0x2000000u
/* Opening is -EACCES, for everybody (set by the backend). */
#define VFS_INODE_REFUSED 0x4000000u
#define VFS_INODE_FOREIGN 0x8000000u  /* the core's: an imported descriptor */
#define VFS_INODE_MISSED 0x10000000u  /* the core's: has kept absences */
#define VFS_INODE_CLAIMED 0x20000000u /* the core's: vfs_layer_claim */
/* It has no name any more, although nlink, which is another file's, is not 0
 * (set by the backend). */
#define VFS_INODE_UNNAMED 0x40000000u
/* FS_IOC_SETFLAGS, where VFS_SUPER_FLAGS allows it; as statx shows them, 8
 * bits further up */
#define VFS_INODE_IMMUTABLE 0x1000u
#define VFS_INODE_APPEND 0x2000u /* written at its end only, never removed */
#define VFS_INODE_NODUMP 0x4000u
/* A directory of a type without VFS_FS_COMPLETE whose names come and go
 * without the core's doing (set by the backend before the inode is returned):
 * every step to a name in it asks revalidate, and absences are not kept. Of any
 * type, with VFS_FS_OWN_ATTR: attributes change that way, too, and refresh is
 * asked once in each call that uses them, unless lookup or revalidate was. */
#define VFS_INODE_VOLATILE 0x10000u
#define VFS_INODE_SYNTHETIC 0x20000u /* the core's: a mount point in memory */
#define VFS_INODE_MERGED 0x40000u    /* the core's: some of those are in it */

struct vfs_inode {
	/* what walks look at, and in the order in which stat shows it */
	const struct vfs_inode_ops *ops; /* constant */
	struct vfs_super *super;	 /* constant */
	uint32_t mode;			 /* type and permissions: excl */
	uint32_t flags;			 /* atomic */
	uint64_t ino;			 /* constant; unique in the super */
	uint32_t nlink;			 /* excl */
	uint32_t uid;			 /* excl */
	uint32_t gid;			 /* excl */
	uint32_t core_ref;		 /* the core's */
	int64_t size;			 /* excl */
	union {
		int64_t blocks; /* of 512 bytes: excl */
		uint64_t rdev;	/* devices: constant */
	};
	/* the second cache line */
	int64_t atime_sec;    /* atomic, without the lock */
	int64_t mtime_sec;    /* excl */
	int64_t ctime_packed; /* excl; the core's form: see
			       * vfs_inode_touch */
	int64_t btime_packed; /* INT64_MIN: unknown */
	uint32_t atime_nsec;
	uint32_t mtime_nsec;
	uint32_t core_lock; /* the core's */
	uint32_t core_seq;  /* the core's: even when attributes are at rest */
	union {
		/* A symlink's target, NUL-terminated, size bytes long, valid
		 * while the inode is; NULL: readlink is called. Set by the
		 * backend before the inode is returned. */
		const char *link;
		/* The backend's, of regular files and directories: a pointer
		 * for which it needs no private data. */
		void *data;
		void *core_special; /* the core's, of other types */
	};
	struct vfs__inode_ext *core_ext; /* the core's */
};

/* The type's private data behind the inode. */
static inline void *vfs_inode_private(const struct vfs_inode *inode)
{
	return (void *)(uintptr_t)(inode + 1);
}

/*
 * A new inode of super with one reference, private data zeroed, times set to
 * now, nlink 1 (2 for a directory), size and blocks 0. NULL: out of memory.
 * Freed by the last vfs_inode_unref(); evict is called unless
 * vfs_inode_discard() is used, which is for one that was never returned.
 */
VFS_API struct vfs_inode *vfs_inode_create(struct vfs_super *super,
					   const struct vfs_inode_ops *ops,
					   uint64_t ino, uint32_t mode);
VFS_API void vfs_inode_discard(struct vfs_inode *inode);
VFS_API struct vfs_inode *vfs_inode_ref(struct vfs_inode *inode);
VFS_API void vfs_inode_unref(struct vfs_inode *inode);
/* A reference on an inode that the backend knows without having one, from a
 * table of its own that evict takes inodes out of: NULL when it is being
 * evicted. The lock of that table is held, so that evict waits. */
VFS_API struct vfs_inode *vfs_inode_tryref(struct vfs_inode *inode);
VFS_API void vfs_inode_set_flags(struct vfs_inode *inode, uint32_t set,
				 uint32_t clear);

/*
 * For VFS_FS_OWN_ATTR: what the inode says becomes what stat says, as far as
 * mask (STATX_MODE, _UID, _GID, _SIZE, _NLINK, _ATIME, _MTIME, _CTIME, _BLOCKS;
 * with STATX_MODE the flags in stat->attributes, too) has it. The type does not
 * change, nor a symlink's size where link is set; rdev is the backend's to set
 * before the inode is returned.
 * Any thread, any lock; calls for one inode are made one at a time.
 */
VFS_API void vfs_inode_set_stat(struct vfs_inode *inode,
				const struct vfs_stat *stat, uint32_t mask);
/* btime; the default is now. NULL: unknown. As vfs_inode_set_stat, but a stat
 * at the same time may see the old one beside what is new. */
VFS_API void vfs_inode_set_btime(struct vfs_inode *inode,
				 const struct vfs_timespec *btime);

/*
 * A pointer of the backend's for what few inodes have, which costs the others
 * nothing: NULL until it is set. What it points to is the backend's to free in
 * evict. vfs_inode_set_extra: 0, or -ENOMEM, which cannot happen any more once
 * it was set to anything. Lock: excl to set, shared to read.
 */
VFS_API void *vfs_inode_extra(const struct vfs_inode *inode);
VFS_API int vfs_inode_set_extra(struct vfs_inode *inode, void *extra);

/* vfs_inode_touch: which times to set to now. */
#define VFS_TOUCH_ATIME 0x1u
#define VFS_TOUCH_MTIME 0x2u
#define VFS_TOUCH_CTIME 0x4u
/* Sets times to the instance's clock. Lock: excl (atime: none). */
VFS_API void vfs_inode_touch(struct vfs_inode *inode, uint32_t which);

/* ------------------------------------------------------------------ */
/* Operations                                                          */
/* ------------------------------------------------------------------ */

/* A name in a directory: 1 to super->name_max bytes, never `.` or `..`, no
 * slash, not NUL-terminated. */
struct vfs_name {
	const char *str;
	uint32_t len;
	uint32_t hash; /* the core's, seeded */
};

struct vfs_xattr_init {
	const char *name; /* whole, with its prefix */
	const void *value;
	size_t size;
};

/* What a new inode is to be: the core has applied umask, setgid rules and
 * default ACLs. */
struct vfs_create_args {
	uint64_t size;
	uint32_t mode; /* type and permissions */
	uint32_t uid, gid;
	uint64_t rdev;	     /* devices */
	const char *target;  /* symlinks: NUL-terminated, not empty */
	uint64_t target_len; /* without the NUL, below 4096 */
	const struct vfs_xattr_init *xattrs; /* ACLs to be born with */
	uint64_t xattr_count;
};

#define VFS_RENAME_NOREPLACE 0x1u
#define VFS_RENAME_EXCHANGE 0x2u
#define VFS_RENAME_WHITEOUT 0x4u

struct vfs_rename_args {
	uint64_t size;
	struct vfs_inode *old_dir, *new_dir;
	struct vfs_name old_name, new_name;
	struct vfs_inode *old_inode;
	struct vfs_inode *new_inode; /* the victim or partner; NULL: none */
	uint64_t old_cookie, new_cookie;
	uint32_t flags; /* EXCHANGE and WHITEOUT; the core did NOREPLACE */
	uint32_t zero;
	/* for WHITEOUT: what the device left behind is to be */
	const struct vfs_create_args *whiteout_args;
	/* out: the cookies of the names as they are afterwards: of new_name
	 * (old_inode) and, for EXCHANGE and WHITEOUT, of old_name. */
	uint64_t new_name_cookie, old_name_cookie;
	/* out, for WHITEOUT: the 0:0 device left behind, one reference. NULL,
	 * without VFS_FS_COMPLETE: lookup will find it. */
	struct vfs_inode *whiteout;
};

/* Where a listing goes. Backends call vfs_dir_emit(). */
struct vfs_dir_context {
	int64_t position; /* in: where to begin; kept by vfs_dir_emit */
	char *cursor;
	char *end;
	char *last;   /* the record written last, or NULL */
	int32_t full; /* an entry did not fit */
	uint32_t zero;
};

/*
 * One entry: false when it does not fit (then the listing ends, and begins
 * with this entry the next time). next: the position behind this entry; above
 * 2, unique in the directory, and growing. The core emits `.` and `..`
 * (positions 1 and 2). type: DT_*.
 */
VFS_API int vfs_dir_emit(struct vfs_dir_context *context, const char *name,
			 uint32_t len, uint64_t ino, uint32_t type,
			 int64_t next);

/* vfs_inode_ops.setattr */
struct vfs_attr {
	uint64_t size_of; /* sizeof(struct vfs_attr) */
	uint32_t mask;	  /* VFS_ATTR_* */
	uint32_t mode;	  /* permissions only */
	uint32_t uid, gid;
	struct vfs_timespec atime, mtime, ctime;
	uint32_t flags; /* VFS_INODE_IMMUTABLE, APPEND, NODUMP, NOATIME: all
			 * that the inode is to have of these */
	uint32_t zero;
};
#define VFS_ATTR_MODE 0x1u
#define VFS_ATTR_UID 0x2u
#define VFS_ATTR_GID 0x4u
#define VFS_ATTR_ATIME 0x8u
#define VFS_ATTR_MTIME 0x10u
#define VFS_ATTR_CTIME 0x20u
#define VFS_ATTR_FLAGS 0x40u
/* beside ATIME and MTIME: the value is the instance's time, for now was asked
 * for: a backend whose files have a clock of their own takes that */
#define VFS_ATTR_ATIME_NOW 0x80u
#define VFS_ATTR_MTIME_NOW 0x100u

/* What vfs_ioctl's requests begin with that a backend has for calls of its own:
 * programs' are cut to 32 bits, as Linux does it. */
#define VFS_IOC_OWN UINT64_C(0x7666730000000000)

/*
 * cookie: 48 bits of the backend's that the core keeps with the name: set by
 * lookup, create, link and rename, given back to remove and rename. Where the
 * backend stored the entry, for instance.
 *
 * Which operations are mandatory depends on the inode's type; the core
 * answers a missing optional one as the comment says.
 */
struct vfs_inode_ops {
	uint64_t size; /* sizeof(struct vfs_inode_ops) */

	/* -- directories -- */

	/* Mandatory without VFS_FS_COMPLETE. *inode gets one reference.
	 * -ENOENT: no such name. dir: shared. */
	int (*lookup)(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode **inode, uint64_t *cookie);
	/* Makes any type of file, by args->mode. Missing: -EPERM. The backend
	 * counts the link (and ".."), and touches dir. dir: excl. */
	int (*create)(struct vfs_inode *dir, const struct vfs_name *name,
		      const struct vfs_create_args *args,
		      struct vfs_inode **inode, uint64_t *cookie);
	/* Another name for inode: nlink + 1, ctime, and dir touched. Missing:
	 * -EPERM. dir, inode: excl. */
	int (*link)(struct vfs_inode *dir, const struct vfs_name *name,
		    struct vfs_inode *inode, uint64_t *cookie);
	/* Takes a name away, of a directory too (-ENOTEMPTY when it has
	 * entries; nlink 0 afterwards). Missing: -EPERM. dir, inode: excl. */
	int (*remove)(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode *inode, uint64_t cookie);
	/* The core has checked types, loops and permissions, but not whether a
	 * directory that is replaced is empty (-ENOTEMPTY). Missing: -EPERM;
	 * an unknown flag: -EINVAL. Both directories and both inodes: excl. */
	int (*rename)(struct vfs_rename_args *args);
	/* An inode without a name, nlink 0. Missing: -EOPNOTSUPP. */
	int (*tmpfile)(struct vfs_inode *dir,
		       const struct vfs_create_args *args,
		       struct vfs_inode **inode);
	/* Mandatory. Emits from context->position on; 0 at the end and when
	 * the buffer is full. dir: shared. VFS_FS_OWN_ATTR: called even if it
	 * is full before anything was emitted, which is an access, too. */
	int (*iterate)(struct vfs_inode *dir, struct vfs_file *file,
		       struct vfs_dir_context *context);

	/* -- every type -- */

	/* Optional: stores the values where they last, or refuses. When it
	 * succeeds, or is missing, the core sets them in the inode. excl.
	 * VFS_FS_OWN_ATTR: VFS_ATTR_CTIME alone is a chown of nothing. */
	int (*setattr)(struct vfs_inode *inode, const struct vfs_attr *attr);
	/* Missing: the core fills *out from the inode. Called with *out filled
	 * that way. No lock. */
	int (*getattr)(struct vfs_inode *inode, struct vfs_stat *out);
	/* For a symlink whose link is NULL. No lock. Returns the length;
	 * buffer is not NUL-terminated. */
	int64_t (*readlink)(struct vfs_inode *inode, char *buffer, size_t size);
	/* Missing: -EOPNOTSUPP. Names are whole; policy is the core's. size 0
	 * asks for the length; too small: -ERANGE; none such: -ENODATA.
	 * flags: XATTR_CREATE, XATTR_REPLACE. getxattr, listxattr: shared;
	 * the others: excl. */
	int64_t (*getxattr)(struct vfs_inode *inode, const char *name,
			    void *value, size_t size);
	int (*setxattr)(struct vfs_inode *inode, const char *name,
			const void *value, size_t size, int flags);
	int64_t (*listxattr)(struct vfs_inode *inode, char *list, size_t size);
	int (*removexattr)(struct vfs_inode *inode, const char *name);

	/* -- open files -- */

	/* Optional: may set vfs_file_private. No lock. */
	int (*open)(struct vfs_inode *inode, struct vfs_file *file);
	void (*release)(struct vfs_inode *inode, struct vfs_file *file);
	/* Missing: -EINVAL. Bytes read, 0 at the end. offset >= 0. No lock.
	 * VFS_FS_OWN_ATTR: also with count 0, and with NULL (-EFAULT, or 0 at
	 * the end), which may leave a time; the same for write. */
	int64_t (*read)(struct vfs_inode *inode, struct vfs_file *file,
			void *buffer, size_t count, int64_t offset);
	/* Missing: -EINVAL. Bytes written; short before -ENOSPC. Extends
	 * size; the core touches times and clears setuid bits. excl. */
	int64_t (*write)(struct vfs_inode *inode, struct vfs_file *file,
			 const void *buffer, size_t count, int64_t offset);
	/* Missing: -EINVAL. Sets size; bytes beyond are gone. The core touches
	 * times. excl. VFS_FS_OWN_ATTR: the same size as before leaves the
	 * times as truncate(2) does; the core asks for more by setattr. */
	int (*truncate)(struct vfs_inode *inode, int64_t size);
	/* Missing: -EOPNOTSUPP. mode: FALLOC_FL_* that the core has checked
	 * for sense. The core touches times. excl. */
	int (*fallocate)(struct vfs_inode *inode, int mode, int64_t offset,
			 int64_t length);
	/* SEEK_DATA and SEEK_HOLE; missing: the file is all data. shared. */
	int64_t (*seek)(struct vfs_inode *inode, int64_t offset, int whence);
	/* Missing: success. No lock. */
	int (*fsync)(struct vfs_inode *inode, struct vfs_file *file,
		     int datasync);
	/* Missing: -ENOTTY. No lock. VFS_FS_OWN_ATTR with VFS_SUPER_FLAGS:
	 * FS_IOC_GETFLAGS and FS_IOC_FSGETXATTR ask for FS_IOC_GETFLAGS
	 * first, so that the inode has the flags that are not in statx.
	 * request has 32 bits, or begins with VFS_IOC_OWN. */
	int (*ioctl)(struct vfs_inode *inode, struct vfs_file *file,
		     uint64_t request, void *argument);
	/*
	 * Missing: -ENODEV. *host_fd: a descriptor of the host whose bytes are
	 * the file's from now on, at the same offsets, as long as file is
	 * open, which it is while it is mapped; the core never closes it. Open
	 * for reading and writing where file is; in between for reading will
	 * do. Checks and the address space are the core's. excl.
	 */
	int (*mmap)(struct vfs_inode *inode, struct vfs_file *file,
		    int *host_fd);
	/* Optional. The file is mapped, and what was written through a mapping
	 * did not come by here: bring blocks and times up to date. Called
	 * before attributes are told, at msync, and when a mapping goes.
	 * excl. */
	void (*mmap_sync)(struct vfs_inode *inode);

	/* -- a table whose size ends before here has none of these -- */

	/* Directories with VFS_INODE_VOLATILE: does name still mean inode? 1:
	 * yes; 0: no, the core forgets the name and calls lookup; else an
	 * error. Missing: yes. dir: shared or excl; with
	 * VFS_FS_FREE_REVALIDATE, or none. */
	int (*revalidate)(struct vfs_inode *dir, const struct vfs_name *name,
			  struct vfs_inode *inode);
	/* Magic links: a symlink (link NULL) that leads to a place and not to
	 * a path. Says where by vfs_jump_to() of <vfs/sys/task.h>, or returns
	 * an error. What readlink shows is not walked then. No lock. */
	int (*follow)(struct vfs_inode *link, struct vfs_jump *jump);

	/* -- nor one whose size ends before here these -- */

	/* VFS_FS_OWN_ATTR: brings what the inode says up to date with
	 * vfs_inode_set_stat, and clears VFS_INODE_STALE. Missing: nothing is
	 * done. Any lock, or none. */
	int (*refresh)(struct vfs_inode *inode);
	/*
	 * Optional: copies or shares length bytes, 1 or more, that are there.
	 * Both are files of one type of file system, though maybe of two
	 * supers. Bytes copied, or -EOPNOTSUPP: the core reads and writes.
	 * Extends size, as write does. The ranges do not overlap. out: excl;
	 * in: shared, unless it is out.
	 */
	int64_t (*copy_range)(struct vfs_inode *in, struct vfs_file *in_file,
			      int64_t in_offset, struct vfs_inode *out,
			      struct vfs_file *out_file, int64_t out_offset,
			      size_t length);
	/* VFS_FS_OWN_ATTR: it was read, and the mount wants that to leave a
	 * time. Missing: the inode is marked VFS_INODE_STALE, for whoever has
	 * the bytes has the times, too. Any lock, or none. */
	void (*accessed)(struct vfs_inode *inode);

	/* -- nor one whose size ends before here this -- */

	/*
	 * Character devices: what is opened is a terminal or another character
	 * device of the host, in the place of what the registry has for the
	 * number; on a mount of a user namespace, too. *host_fd: a descriptor
	 * that is open for what the file's flags say and has O_NONBLOCK, with a
	 * description of its own; it is the core's from then on, and closed
	 * after release. Reading, writing, waiting and ioctl are as for
	 * imported ones (<vfs/import.h>). Instead of open. No lock.
	 */
	int (*open_host)(struct vfs_inode *inode, struct vfs_file *file,
			 int *host_fd);
	/*
	 * Optional (FICLONERANGE): out has in's bytes as its own, without
	 * copies; length 0: all there are from in_offset on. Both are regular
	 * files of one super, or one and the same; where and how much was not
	 * looked at, and may be negative, or end behind in's end (-EINVAL, when
	 * there is nothing else against it: RLIMIT_FSIZE is heeded by asking
	 * so). 0, or a negative errno of ioctl_ficlonerange(2); -EOPNOTSUPP:
	 * the file system has no such thing. Extends size. out: excl; in:
	 * shared, unless it is out.
	 */
	int (*clone_range)(struct vfs_inode *in, struct vfs_file *in_file,
			   int64_t in_offset, struct vfs_inode *out,
			   struct vfs_file *out_file, int64_t out_offset,
			   int64_t length);
};

/* The open file's flags (O_*), and a word for the backend. */
VFS_API uint32_t vfs_file_flags(const struct vfs_file *file);
VFS_API void vfs_file_set_private(struct vfs_file *file, void *data);
VFS_API void *vfs_file_private(const struct vfs_file *file);

/* ------------------------------------------------------------------ */
/* Services                                                            */
/* ------------------------------------------------------------------ */

/* Memory of the instance, aligned to 16 bytes; NULL when there is none.
 * vfs_free takes the size that was asked for; NULL is accepted. */
VFS_API void *vfs_alloc(struct vfs *vfs, size_t size);
VFS_API void *vfs_zalloc(struct vfs *vfs, size_t size);
VFS_API void vfs_free(struct vfs *vfs, void *pointer, size_t size);

/*
 * Pages of 4096 bytes, aligned to that, not zeroed, with one reference;
 * neighbours in time are often neighbours in memory. The last vfs_page_unref
 * frees.
 */
#define VFS_PAGE_SIZE 4096u
VFS_API void *vfs_page_alloc(struct vfs *vfs);
VFS_API void *vfs_page_ref(void *page);
VFS_API void vfs_page_unref(struct vfs *vfs, void *page);
/* Whether somebody else holds a reference too. */
VFS_API int vfs_page_shared(const void *page);

/*
 * Calls free_fn(vfs, pointer, size) when every read section that is open now
 * has ended. size: bytes held, so that much waste is collected sooner. Never
 * fails; not inside a read section.
 */
VFS_API void vfs_retire(struct vfs *vfs,
			void (*free_fn)(struct vfs *vfs, void *pointer,
					size_t size),
			void *pointer, size_t size);

/*
 * A counter with a ceiling that threads take from without meeting: each
 * thread's share is kept apart. Exact at the ceiling: take fails only when
 * the whole of what is left does not suffice.
 */
struct vfs_counter;
#define VFS_COUNTER_UNLIMITED INT64_MAX
VFS_API int vfs_counter_create(struct vfs *vfs, int64_t limit,
			       struct vfs_counter **out);
VFS_API void vfs_counter_destroy(struct vfs *vfs, struct vfs_counter *counter);
/* 0 or -ENOSPC. */
VFS_API int vfs_counter_take(struct vfs *vfs, struct vfs_counter *counter,
			     int64_t amount);
/* A negative amount is a take that is not refused, for what has happened
 * already. */
VFS_API void vfs_counter_give(struct vfs *vfs, struct vfs_counter *counter,
			      int64_t amount);
/* Another ceiling, where there is one: 0, or -EINVAL when more is taken. */
VFS_API int vfs_counter_set_limit(struct vfs *vfs, struct vfs_counter *counter,
				  int64_t limit);
VFS_API int64_t vfs_counter_used(struct vfs_counter *counter);
VFS_API int64_t vfs_counter_limit(struct vfs_counter *counter);

/* A number never given before in this super, for inodes; from 2 on, in runs
 * a thread. */
VFS_API uint64_t vfs_super_next_ino(struct vfs_super *super);
/* A device number that no file system of the instance has, for a super whose
 * files are not all of one. */
VFS_API uint64_t vfs_anonymous_dev(struct vfs *vfs);

/*
 * The task whose call has led to the present operation; no reference. Only in
 * an operation that a task's call makes: not in unmount, evict and
 * release; in mount it is who mounts, or NULL for an instance's root. A call on
 * the same instance that the operation makes itself changes the answer to that
 * call's task.
 */
VFS_API struct vfs_task *vfs_current_task(struct vfs *vfs);

/*
 * By which of its names the present operation is made on inode, for a backend
 * that does not treat them all alike: *dir, with a reference, and name, which
 * has room for 256 bytes and is NUL-terminated. In open, link (of the inode
 * that is linked), setattr, setxattr, removexattr, truncate and fallocate, when
 * they are for a path or a descriptor; ask before making calls. The name stays
 * as it is while the inode is locked, which it is not in open. Returns 0, or
 * -ENOENT: the name is gone, or it is by no name.
 */
VFS_API int vfs_current_name(struct vfs *vfs, const struct vfs_inode *inode,
			     struct vfs_inode **dir, char *name);

/*
 * An operation that makes calls on its own instance, as one that has layers
 * does, makes them between these two: the calling task and its time are put
 * back, and events wait for the outer call. What it may call on: file systems
 * that do not, directly or not, lead back to the one the operation is for. The
 * locks it holds are the outer ones, so calls go one way: inwards. Not in a
 * read section. They nest.
 */
struct vfs_nesting {
	uint64_t state[6];
};
VFS_API void vfs_nest_begin(struct vfs *vfs, struct vfs_nesting *outer);
VFS_API void vfs_nest_end(struct vfs *vfs, const struct vfs_nesting *outer);

/*
 * A backend that depends on what may fail asks this before each call that it
 * makes (a system call, say): 0, or a negative errno to be taken for the call's
 * own; never more than 0. vfs_config.fault decides. call: the name of what is
 * called; constant.
 */
VFS_API int vfs_fault(struct vfs *vfs, const char *call);

/* What a number in a mount option means: the internal id of one in the user
 * namespace that the file system is for (vfs_mount_args, vfs_super); NULL is
 * the root's. UINT32_MAX: it has none there. */
VFS_API uint32_t vfs_userns_make_uid(const struct vfs_userns *userns,
				     uint32_t uid);
VFS_API uint32_t vfs_userns_make_gid(const struct vfs_userns *userns,
				     uint32_t gid);

/* The instance's time for timestamps. */
VFS_API void vfs_now(struct vfs *vfs, struct vfs_timespec *now);

/* One line to the instance's log; at most 511 bytes of it. */
VFS_API void vfs_log(struct vfs *vfs, int32_t level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A sanitizer-visible memcpy between a caller's buffer and pages that another
 * thread may be reading or writing at the same time, as files allow. */
VFS_API void vfs_copy_shared(void *to, const void *from, size_t size);

#ifdef __cplusplus
}
#endif

#endif
