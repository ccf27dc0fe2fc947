/* SPDX-License-Identifier: MIT */
/*
 * hostfs: a directory of the host in the tree, with no way out of it.
 *
 * Everything is reached from one descriptor, the root's, which mount() opens or
 * is given. A step is a call with a descriptor of a directory and one name, or
 * with several names and RESOLVE_BENEATH, NO_SYMLINKS and NO_MAGICLINKS; the
 * host never follows a symlink for us, sees `..` or, without "xdev", leaves the
 * mount that the root is on. What a name led to is compared with what it led
 * to before (struct hostfs_id); nothing but regular files and directories is
 * ever opened. What the host says of a handle is a path to be walked, no more
 * (handle.c).
 *
 * A host descriptor is a struct hostfs_fd, counted: whoever uses its number has
 * a reference, so that the number cannot be given to another file meanwhile.
 * An inode caches one (O_PATH) while there are not too many (fd.c), and opens
 * it anew through its place, a parent and a name, when it is needed again.
 *
 * Locks, leaves all: super.table_lock (the table of inodes), super.fd_lock
 * (handles, places, the list of cached ones), super.attr_locks (a slice of the
 * inodes each: what is published in them). No call of the host is made under
 * one.
 */
#ifndef HOSTFS_H
#define HOSTFS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <vfs/sys/backend.h>
#include <vfs/sys/layer.h>

#define HOSTFS_ATTR_LOCKS 16u
#define HOSTFS_WAYS 64u

enum hostfs_owner {
	HOSTFS_OWNER_HOST,  /* ids, modes and types are the host's */
	HOSTFS_OWNER_XATTR, /* they are kept in an xattr */
	HOSTFS_OWNER_SQUASH /* everything is uid's and gid's */
};

/* As uid or gid of _SQUASH: that one is the host's. Also chown's no change. */
#define HOSTFS_ID_HOST UINT32_MAX

/* Which file of the host's: never the same for two, dead ones included, where
 * the host knows when files were made. */
struct hostfs_id {
	uint64_t dev, ino;
	int64_t btime_sec;
	uint32_t btime_nsec;
	uint32_t type; /* S_IF*, as the host has it */
};

/* An open descriptor of the host. */
struct hostfs_fd {
	struct vfs *vfs;
	int fd;	      /* constant */
	int access;   /* O_ACCMODE of a real one, O_PATH of the others */
	uint32_t ref; /* atomic */
	bool made;    /* a file was made with it: fd_lock, or being made */
	/* real ones of open files: the next of the same inode: fd_lock */
	struct hostfs_fd *next;
	/* directories, while listed: the file's position lock */
	struct hostfs_scan *scan;
	/* whose copy this is, referenced: its status is both's; or NULL */
	struct hostfs_fd *lender;
	uint32_t status; /* O_APPEND, O_DIRECT as the host has them: atomic */
};

/* Where a file can be found. */
struct hostfs_place {
	struct hostfs_place *next; /* fd_lock */
	struct vfs_inode *parent;  /* referenced; constant, and so the rest */
	uint32_t len;
	char name[];
};

/* A thread that gives back places: what that gives back in turn waits in it,
 * so that a tree of any depth goes without as deep a stack. */
struct hostfs_release {
	struct hostfs_release *next;
	pthread_t thread;
	struct hostfs_place *waiting;
};

/* A thread's to its own descriptors in proc. */
struct hostfs_way {
	uint64_t identity; /* whose: link.c; fd_lock; atomic */
	int32_t thread;	   /* its number: fd_lock */
	/* the thread's; atomic, for another comes after it */
	int dir;      /* "/proc/thread-self/fd", O_PATH: its own */
	int stand_in; /* see link.c; or negative */
};

/* Of so many threads; there are none in a forked child. */
struct hostfs_ways {
	uint32_t count; /* fd_lock; atomic */
	uint32_t asked; /* by how many there was no room for: atomic */
	struct hostfs_way way[HOSTFS_WAYS];
};

struct hostfs_options {
	bool exclusive, rdonly, xdev, devices, owner_given, has_uid, has_gid;
	enum hostfs_owner owner;
	uint32_t uid, gid;
	int rootfd; /* -1: source is a path */
	uint32_t maxfds;
};

struct hostfs_super {
	struct vfs *vfs;
	struct hostfs_options options; /* rdonly: options_lock of the core */
	struct hostfs_id root;
	uint64_t mnt_id; /* of the host's mount that root is on; unless xdev */
	bool has_acl;
	bool local;   /* attributes are here, nobody is asked for them: constant
		       */
	bool limited; /* by RLIMIT_FSIZE: constant */
	bool knows_size;	   /* max_file_size was asked for: atomic */
	struct hostfs_fd *root_fd; /* constant */
	int proc;		   /* "/proc", O_PATH: constant */
	uint64_t proc_dev, proc_ino;
	struct hostfs_ways *ways; /* a page of its own: constant; or NULL */

	pthread_mutex_t table_lock;
	struct vfs_inode **buckets;
	uint32_t bucket_count, inode_count;

	pthread_mutex_t fd_lock;
	struct hostfs_inode *newest, *oldest; /* cached handles, by use */
	uint32_t cached;
	struct hostfs_inode *kept; /* FIFOs and sockets made here */
	uint32_t kept_count, kept_limit;
	struct hostfs_release *releases;

	uint64_t turns; /* looks at the host: atomic */

	uint32_t uuid_state; /* handle.c: fd_lock; read without */
	uint8_t uuid[16];    /* constant once it is known */

	pthread_mutex_t attr_locks[HOSTFS_ATTR_LOCKS];
};

struct hostfs_inode {
	struct hostfs_id id;	 /* constant */
	struct vfs_inode *chain; /* table_lock */
	bool in_table;		 /* table_lock */
	bool gone;		 /* no name is left: fd_lock */
	bool nameless;		 /* O_TMPFILE's: constant once returned */
	bool is_root;		 /* constant */
	bool pinned;		 /* handle is not to be dropped: fd_lock */
	bool is_kept;		 /* fd_lock */
	bool open_found;	 /* of a directory: what is found in it is going
				    to be opened: atomic */
	uint32_t cleared;	 /* places, so far: fd_lock; read without */
	uint32_t dirty;		 /* changes that were made: atomic */
	int64_t ctime_sec;	 /* as published: attr lock */
	uint32_t ctime_nsec;	 /* the same */
	uint64_t turn;		 /* whose look was published: attr lock */
	/* where it was found, the latest first; a directory has one */
	struct hostfs_place *places; /* fd_lock */
	struct hostfs_fd *handle;    /* fd_lock; NULL: not open */
	struct hostfs_fd *opened;    /* of open files: fd_lock; read without */
	struct hostfs_inode *newer, *older; /* fd_lock: handle is cached */
	struct hostfs_inode *next_kept;	    /* fd_lock */
	char *link;			    /* a symlink's target; constant */
	size_t link_size;		    /* bytes of that allocation */
};

/* What the host says of a file, as callers are to see it. */
struct hostfs_facts {
	struct hostfs_id id;
	uint64_t mnt_id;
	struct vfs_stat stat; /* mode with the type that is shown */
};

static inline struct hostfs_super *hostfs_super(const struct vfs_super *super)
{
	return vfs_super_private(super);
}

static inline struct hostfs_super *hostfs_of(const struct vfs_inode *inode)
{
	return vfs_super_private(inode->super);
}

static inline struct hostfs_inode *hostfs_inode(const struct vfs_inode *inode)
{
	return vfs_inode_private(inode);
}

static inline struct vfs_inode *hostfs_vnode(const struct hostfs_inode *h)
{
	return (struct vfs_inode *)(uintptr_t)h - 1;
}

/* Others may be publishing it. */
static inline uint32_t hostfs_mode(const struct vfs_inode *inode)
{
	return VFS_READ_ONCE(inode->mode);
}

/* Names of the core's, NUL-terminated for the host. */
#define HOSTFS_NAME_MAX 256
struct hostfs_name {
	char str[HOSTFS_NAME_MAX];
};
/* - 0 or -ENAMETOOLONG. */
int hostfs_name(const struct vfs_name *name, struct hostfs_name *out);

/* ---- sys.c: calls of the host ---- */

/*
 * - Each asks vfs_fault first. Result: as the call's, -errno on failure.
 * - EINTR is tried again. EMFILE and ENFILE drop a cached descriptor and try
 *   again, while there is one.
 */
/* - Below dir, a path of names: never outside, never through a symlink. */
int hostfs_openat2(struct hostfs_super *s, int dir, const char *path,
		   uint64_t flags, uint32_t mode);
/* - O_PATH of what was just made there, on no mount that is there by now. */
int hostfs_open_made(struct hostfs_super *s, int dir, const char *name);
/* - The file behind a descriptor again, with other flags. */
int hostfs_reopen(struct hostfs_super *s, int fd, int flags);
/* - A path of the embedder's, at mount. */
int hostfs_open_path(struct hostfs_super *s, const char *path, int flags);
int hostfs_dup(struct hostfs_super *s, int fd);
void hostfs_close(struct vfs *vfs, int fd);
struct statx;
int hostfs_statx(struct hostfs_super *s, int dir, const char *name,
		 struct statx *out);
/* - name "": dir is a symlink's own. */
int64_t hostfs_readlinkat(struct hostfs_super *s, int dir, const char *name,
			  char *buffer, size_t size);
int hostfs_mkdirat(struct hostfs_super *s, int dir, const char *name,
		   uint32_t mode);
int hostfs_mknodat(struct hostfs_super *s, int dir, const char *name,
		   uint32_t mode, uint64_t rdev);
int hostfs_symlinkat(struct hostfs_super *s, const char *target, int dir,
		     const char *name);
/* - The file behind fd gets the name. */
int hostfs_linkfd(struct hostfs_super *s, int fd, int dir, const char *name);
int hostfs_unlinkat(struct hostfs_super *s, int dir, const char *name,
		    bool directory);
int hostfs_renameat2(struct hostfs_super *s, int old_dir, const char *old_name,
		     int new_dir, const char *new_name, uint32_t flags);
int hostfs_chown(struct hostfs_super *s, int fd, uint32_t uid, uint32_t gid);
int hostfs_chmod(struct hostfs_super *s, int fd, uint32_t mode);
int hostfs_utimens(struct hostfs_super *s, int fd,
		   const struct timespec times[2]);
int hostfs_truncate_fd(struct hostfs_super *s, int fd, int64_t size);
/* - pwrite where RLIMIT_FSIZE is one (call.h). */
int64_t hostfs_pwrite_limited(struct hostfs_super *s, int fd,
			      const void *buffer, size_t size, int64_t offset);
/* - By name, which is no change where nothing changes. -ENOENT: there are no
 *   names, for the process has another root than at mount. */
int hostfs_truncate_name(struct hostfs_super *s, int fd, int64_t size);
int hostfs_fallocate_fd(struct hostfs_super *s, int fd, int mode,
			int64_t offset, int64_t length);
int hostfs_fsync_fd(struct hostfs_super *s, int fd, bool datasync);
int hostfs_syncfs(struct hostfs_super *s, int fd);
int hostfs_sync_all(struct hostfs_super *s);
int64_t hostfs_lseek(struct hostfs_super *s, int fd, int64_t offset,
		     int whence);
int64_t hostfs_getdents(struct hostfs_super *s, int fd, void *buffer,
			size_t size);
int64_t hostfs_copy(struct hostfs_super *s, int in, int64_t in_offset, int out,
		    int64_t out_offset, size_t length);
int hostfs_clone(struct hostfs_super *s, int in, int64_t in_offset, int out,
		 int64_t out_offset, int64_t length);
struct statfs;
int hostfs_fstatfs(struct hostfs_super *s, int fd, struct statfs *out);
int hostfs_set_status(struct hostfs_super *s, int fd, int flags);
int hostfs_flags(struct hostfs_super *s, int fd, bool set, int *flags);
/* - Attributes of the file behind fd, O_PATH or not. */
int64_t hostfs_fgetxattr(struct hostfs_super *s, int fd, const char *name,
			 void *value, size_t size);
/* - The same, of a file that is known to be O_PATH. */
int64_t hostfs_place_getxattr(struct hostfs_super *s, int fd, bool directory,
			      const char *name, void *value, size_t size);
int64_t hostfs_flistxattr(struct hostfs_super *s, int fd, char *list,
			  size_t size);
int hostfs_fsetxattr(struct hostfs_super *s, int fd, const char *name,
		     const void *value, size_t size, int flags);
int hostfs_fremovexattr(struct hostfs_super *s, int fd, const char *name);
/* - The UUID of the file system that a directory is on, which can be read. */
int hostfs_read_uuid(struct hostfs_super *s, int fd, uint8_t uuid[16]);
/* - Its bytes, their number and its type, of the file behind fd. */
int hostfs_name_to_handle(struct hostfs_super *s, int fd,
			  struct vfs_layer_handle *out);
/* - A place (O_PATH), wherever on the file system of directory dir it is. */
int hostfs_open_handle(struct hostfs_super *s, int dir,
		       const struct vfs_layer_handle *handle);
/* - What the host calls the file behind fd, NUL-terminated. */
int hostfs_read_path(struct hostfs_super *s, int fd, char *path, size_t size);

/* ---- link.c: descriptors in proc ---- */

/* Where to find a descriptor of this thread's. */
struct hostfs_link {
	int dir;
	char path[40];
	struct hostfs_way *way; /* that dir is of; or NULL */
	int stand_in;		/* what is the same file meanwhile; or -1 */
};
void hostfs_link_begin(struct hostfs_super *s, int fd,
		       struct hostfs_link *link);
/* - By its whole name below proc. */
void hostfs_link_slow(struct hostfs_super *s, int fd, struct hostfs_link *link);
/* - Whether a call that failed with err is to be made again, by *link anew; if
 *   not, the link ends. */
bool hostfs_link_again(struct hostfs_super *s, int fd, int64_t err,
		       struct hostfs_link *link);
/* - Room for ways, where there can be any. */
void hostfs_ways_open(struct hostfs_super *s);
void hostfs_ways_close(struct hostfs_super *s);

/* ---- handle.c ---- */

int hostfs_encode(struct vfs_inode *inode, struct vfs_layer_handle *out);
int hostfs_locate(struct vfs_super *super,
		  const struct vfs_layer_handle *handle, char *path,
		  size_t size);

/* ---- fd.c: descriptors ---- */

/* - A copy of a descriptor, for what cannot be opened again. */
int hostfs_fd_copy(struct hostfs_super *s, struct hostfs_fd *fd, int access,
		   struct hostfs_fd **out);
/* - A counted descriptor; NULL: out of memory, and fd is closed. */
struct hostfs_fd *hostfs_fd_wrap(struct hostfs_super *s, int fd, int access);
struct hostfs_fd *hostfs_fd_ref(struct hostfs_fd *fd);
/* - NULL is accepted. The last one closes. */
void hostfs_fd_unref(struct hostfs_fd *fd);
/* - A descriptor of the inode, O_PATH or better: cached, or opened through its
 *   place and compared. -ESTALE: it is not there any more; the host's. */
int hostfs_handle(struct vfs_inode *inode, struct hostfs_fd **out);
/* - One that can be read from (write: written to): an open file's, or opened
 *   for the occasion. */
int hostfs_real(struct vfs_inode *inode, bool write, struct hostfs_fd **out);
/* - Gives inode a descriptor (a reference passes), cached, or pinned while it
 *   has no place. */
void hostfs_keep_handle(struct vfs_inode *inode, struct hostfs_fd *fd);
/* - The same, unless it has one. */
void hostfs_offer_handle(struct vfs_inode *inode, struct hostfs_fd *fd);
/* - The descriptor that a file was made with, for the open that follows: a
 *   reference; NULL: there is none. */
struct hostfs_fd *hostfs_take_made(struct vfs_inode *inode);
/* - An open file's, while it is open. remove takes the file's reference. */
void hostfs_add_opened(struct vfs_inode *inode, struct hostfs_fd *fd);
void hostfs_remove_opened(struct vfs_inode *inode, struct hostfs_fd *fd);
bool hostfs_is_opened(struct vfs_inode *inode);
/* - A file's name was removed. Its cached descriptor may have been opened by
 *   that one, and then keeps the directory, too; where others are known and
 *   can be relied on, it is opened anew when it is needed. */
void hostfs_name_gone(struct vfs_inode *inode);
/* - Drops the cached descriptor that was used longest ago. False: none. */
bool hostfs_drop_oldest(struct hostfs_super *s);
/* - The inode's own go. */
void hostfs_drop_handles(struct vfs_inode *inode);

/* ---- place.c: places ---- */

/* - NULL: out of memory. */
struct hostfs_place *hostfs_place_new(struct vfs_inode *parent,
				      const struct vfs_name *name);
/* - Gives back a list of them; NULL is accepted. */
void hostfs_places_free(struct hostfs_super *s, struct hostfs_place *list);
/* - inode can be found there; place passes. */
void hostfs_add_place(struct vfs_inode *inode, struct hostfs_place *place);
/* - The same, for a place that may be known: 0 or -ENOMEM. */
int hostfs_offer_place(struct vfs_inode *inode, struct vfs_inode *parent,
		       const struct vfs_name *name);
/* - The same, for one that was seen at a time when so many of the inode's had
 *   been cleared (hostfs_cleared). parent need not be locked. -EAGAIN: another
 *   one was since, which may have been this one. */
uint32_t hostfs_cleared(const struct vfs_inode *inode);
int hostfs_confirm_place(struct vfs_inode *inode, struct vfs_inode *parent,
			 const struct vfs_name *name, uint32_t cleared);
/* - It cannot any more. gone: nor by another name. */
void hostfs_clear_place(struct vfs_inode *inode, struct vfs_inode *parent,
			const struct vfs_name *name, bool gone);
/* - fd_lock is held: the handle stays as long as nothing else leads there. */
void hostfs_update_pin(struct hostfs_super *s, struct hostfs_inode *h);

/* ---- node.c: inodes ---- */

int hostfs_table_init(struct hostfs_super *s);
void hostfs_table_fini(struct hostfs_super *s);
bool hostfs_same(const struct hostfs_id *a, const struct hostfs_id *b);
/* - What name in dir is, as the host has it, without a record: 0, -ENOENT,
 *   -EXDEV for another mount's, the host's. */
int hostfs_look_at(struct hostfs_super *s, int dir, const char *name,
		   struct hostfs_facts *out);
/* - The record, if there may be one, of the file behind fd, in *facts. */
int hostfs_look_record(struct hostfs_super *s, int fd,
		       struct hostfs_facts *facts);
/* - The permissions of mode that a file of that type gets on the host:
 *   set-id bits of files that are not whose they seem would be this process's.
 */
uint32_t hostfs_kept_mode(const struct hostfs_super *s, uint32_t type,
			  uint32_t mode);
/* - What fd is. */
int hostfs_look_fd(struct hostfs_super *s, int fd, struct hostfs_facts *out);
/* - The inode for facts, referenced: one that is known, or a new one. link: a
 *   symlink's target, or NULL. */
int hostfs_inode_get(struct vfs_super *super, const struct hostfs_facts *facts,
		     const char *link, size_t link_len, struct vfs_inode **out);
/* - The number of an entry of dir's that the host calls ino. */
uint64_t hostfs_number(const struct vfs_inode *dir, uint64_t ino);
void hostfs_evict(struct vfs_inode *inode);
int hostfs_refresh(struct vfs_inode *inode);
/* A look at the host, from before it on. */
struct hostfs_look {
	uint64_t turn;	/* later looks have later ones */
	uint32_t dirty; /* changes of ours to the inode so far */
};
/* - inode NULL: one that is not known yet, and was never changed. */
struct hostfs_look hostfs_look_begin(struct hostfs_super *s,
				     struct vfs_inode *inode);
/* - What the host said, unless a later look said something else. False: we
 *   changed it since the look began. */
bool hostfs_publish(struct vfs_inode *inode, const struct hostfs_facts *facts,
		    const struct hostfs_look *look);
/* - A symlink that is to be read again, for it may have been changed. */
bool hostfs_may_lead_elsewhere(struct vfs_inode *inode,
			       const struct hostfs_facts *facts);
/* - The host's file was changed by us: it is to be asked. */
void hostfs_changed(struct vfs_inode *inode);
/* - That, and these are known to be so. */
void hostfs_changed_to(struct vfs_inode *inode, const struct vfs_stat *stat,
		       uint32_t mask);
/* - FIFOs and sockets that were made here stay as long as they have a name. */
void hostfs_keep(struct vfs_inode *inode);
void hostfs_unkeep(struct vfs_inode *inode);
void hostfs_unkeep_all(struct hostfs_super *s);

/* ---- owner.c: owner=xattr ---- */

#define HOSTFS_OWNER_ATTRIBUTE "user.vfs.owner"

/* - The record of the file behind fd changes *stat; without one it stays. */
int hostfs_owner_load(struct hostfs_super *s, int fd, struct vfs_stat *stat);
int hostfs_owner_store(struct hostfs_super *s, int fd, uint32_t mode,
		       uint32_t uid, uint32_t gid, uint64_t rdev);
/* - The mode that the host's file has for mode to be recorded. */
uint32_t hostfs_owner_mode(uint32_t mode);
/* - DT_* of name in dir, which the host calls a regular file. */
uint32_t hostfs_owner_type(struct hostfs_super *s, int dir, const char *name);

/* ---- operations ---- */

extern const struct vfs_inode_ops hostfs_dir_ops, hostfs_file_ops,
	hostfs_other_ops;

int hostfs_parse_options(struct vfs *vfs, const char *text,
			 struct hostfs_options *out);

int hostfs_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		  struct vfs_inode **inode, uint64_t *cookie);
int hostfs_revalidate(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode *inode);
int hostfs_create(struct vfs_inode *dir, const struct vfs_name *name,
		  const struct vfs_create_args *args, struct vfs_inode **inode,
		  uint64_t *cookie);
int hostfs_tmpfile(struct vfs_inode *dir, const struct vfs_create_args *args,
		   struct vfs_inode **inode);
int hostfs_link(struct vfs_inode *dir, const struct vfs_name *name,
		struct vfs_inode *inode, uint64_t *cookie);
int hostfs_remove(struct vfs_inode *dir, const struct vfs_name *name,
		  struct vfs_inode *inode, uint64_t cookie);
int hostfs_rename(struct vfs_rename_args *args);
int hostfs_iterate(struct vfs_inode *dir, struct vfs_file *file,
		   struct vfs_dir_context *context);
/* - F_SETFL may have changed what the host has to know. */
int hostfs_sync_status(struct hostfs_super *s, struct hostfs_fd *fd,
		       const struct vfs_file *file);
void hostfs_scan_free(struct vfs *vfs, struct hostfs_scan *scan);

int hostfs_setattr(struct vfs_inode *inode, const struct vfs_attr *attr);
int64_t hostfs_getxattr(struct vfs_inode *inode, const char *name, void *value,
			size_t size);
int hostfs_setxattr(struct vfs_inode *inode, const char *name,
		    const void *value, size_t size, int flags);
int64_t hostfs_listxattr(struct vfs_inode *inode, char *list, size_t size);
int hostfs_removexattr(struct vfs_inode *inode, const char *name);

#endif
