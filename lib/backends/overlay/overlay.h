/* SPDX-License-Identifier: MIT */
/*
 * What the files of overlay share.
 *
 *	super.c     the type, mounting, statfs, eviction
 *	options.c   mount options
 *	layers.c    opening and checking layers, the work directory
 *	real.c      small calls on layers
 *	find.c      a name through the layers
 *	handle.c    handles of lower files, as the format stores them
 *	index.c     what keeps hard links together
 *	inode.c     overlay's inodes, and what stat says of them
 *	table.c     the inodes by their files
 *	lookup.c    the lookup operation
 *	copyup.c    bringing files to the upper layer
 *	dir.c       making and linking names
 *	remove.c    removing them
 *	rename.c    renaming
 *	readdir.c   listing
 *	file.c      open files and their data
 *	flags.c     inode flags
 *	attr.c      attributes and xattrs
 *	native.c    mounting with descriptors
 *	diff.c      what changed in a directory
 *	walk.c      and below one
 *	commit.c    bringing upper into lower, with apply.c
 *
 * Layers are reached through the public calls alone, with a task that has the
 * mounter's credentials (<vfs/sys/layer.h>): layer 0 is the upper one, if
 * there is one, the others are lower, topmost first. Where something is on a
 * layer is a descriptor (O_PATH) of that task, which follows the file wherever
 * it goes.
 *
 * Locks, behind the core's inode locks and in this order: overlay_inode.lock
 * (the file is copied up by one thread; its name and whether it has one; its
 * listing), overlay_super.names_lock (homes), table_lock, stat_lock of an
 * inode (what is published, one at a time). Calls on layers are made under the
 * first and the last, and their locks are another level's: docs/locking.md.
 */
#ifndef OVERLAY_OVERLAY_H
#define OVERLAY_OVERLAY_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>

#include <vfs/sys/backend.h>
#include <vfs/sys/layer.h>

#define OVERLAY_MAGIC UINT64_C(0x794c7630)
#define OVERLAY_LAYERS_MAX 500u
#define OVERLAY_NAME_MAX 255u
#define OVERLAY_REDIRECT_MAX 256u
#define OVERLAY_DEPTH_MAX 16u
#define OVERLAY_UPPER 0u /* the layer's number */

/* Where something is on a layer. */
struct overlay_place {
	int fd; /* O_PATH, of the layers' task */
	uint32_t layer;
};

struct overlay_layer {
	int fd;	     /* of its root; -1: no such layer */
	int open_fd; /* upper's: the same, open for reading; -1 */
	uint32_t fs; /* layers of one file system have one number, 0: upper's */
	uint64_t dev;	 /* as vfs_layer_info has it */
	bool handles;	 /* its files have handles that lead to them */
	bool numbers;	 /* which say the number, too */
	bool xwhiteouts; /* atomic: files with an xattr may be whiteouts */
	uint32_t name_max;
	uint8_t handle_fs[16]; /* as handles have it */
	uint64_t handle_dev;
};

enum overlay_redirect {
	OVERLAY_REDIRECT_OFF, /* none is made; they are followed */
	OVERLAY_REDIRECT_ON,
	OVERLAY_REDIRECT_FOLLOW, /* as off */
	OVERLAY_REDIRECT_NOFOLLOW,
	OVERLAY_REDIRECT_COPY /* our own: the whole tree is copied up */
};

enum overlay_xino {
	OVERLAY_XINO_OFF,
	OVERLAY_XINO_AUTO,
	OVERLAY_XINO_ON
};

/* What the options say. Strings: one allocation each, with its NUL. */
struct overlay_config {
	char *lower[OVERLAY_LAYERS_MAX]; /* paths; NULL: lower_fd has it */
	int lower_fd[OVERLAY_LAYERS_MAX];
	uint32_t lower_count;
	char *upper, *work;
	int upper_fd, work_fd; /* -1: none */
	enum overlay_redirect redirect;
	enum overlay_xino xino;
	bool metacopy, index, userxattr, is_volatile, no_uuid, marks;
	bool has_metacopy, has_index, has_redirect; /* were given */
};

#define OVERLAY_NOBODY UINT64_MAX

struct overlay_super {
	struct vfs *vfs; /* constant after mount, as all of this */
	struct vfs_super *super;
	struct vfs_task *task;	      /* the layers' */
	struct vfs_task *mounter;     /* no reference; while it is mounted */
	struct overlay_layer *layers; /* [0]: upper */
	uint32_t layer_count; /* upper included, whether there is one or not */
	uint32_t fs_count;    /* different file systems; upper's included */
	uint64_t *fs_dev;     /* device numbers of files on them */
	bool has_upper;
	bool read_only;	     /* no upper, or no work directory */
	bool same_fs;	     /* all layers are one file system */
	uint32_t xino_shift; /* numbers are below this bit; 0: no xino */
	int work_base_fd, work_fd, index_fd; /* -1: none */
	uint64_t maker; /* whose files are that are made: uid, gid; or
			   OVERLAY_NOBODY: not known yet; atomic */
	uint64_t upper_ino, work_base_ino; /* of upper's root and workdir */
	enum overlay_redirect redirect;
	bool metacopy, index, userxattr, is_volatile, xino_asked, xino_on, uuid;
	bool marks; /* names may be whiteouts, too: overlay_is_mark */
	bool claimed_upper, claimed_work;
	uint64_t temp; /* atomic: names in work */
	char *shown;   /* the options, as mountinfo shows them */
	uint32_t shown_size;
	struct vfs_inode *root; /* no reference */

	pthread_mutex_t whiteout_lock;
	int whiteout_fd; /* what whiteouts are links to; whiteout_lock; -1 */
	pthread_mutex_t names_lock;   /* parents and names of inodes */
	pthread_mutex_t table_lock;   /* inodes by their files */
	struct overlay_inode **table; /* chains; table_lock */
	uint32_t table_size, table_count;
};

/* overlay_inode.state (atomic) */
#define OVERLAY_OPAQUE 0x1u   /* the upper directory hides all below */
#define OVERLAY_IMPURE 0x2u   /* it is marked as having copied-up files in it */
#define OVERLAY_METACOPY 0x4u /* upper has all but the data */
#define OVERLAY_INDEXED 0x8u  /* upper is in the index */
#define OVERLAY_ORIGIN 0x10u  /* its number is that of lower[0] */
#define OVERLAY_HASHED 0x20u  /* in the table: table_lock */
#define OVERLAY_ONE_NAME                                                    \
	0x100u		       /* found there by its home alone: table_lock \
				*/
#define OVERLAY_UNLINKED 0x40u /* has no name any more: lock */
#define OVERLAY_OWN_NUMBER 0x1000u /* not that of the lower file it copies */
#define OVERLAY_MAPPED 0x80u	   /* was mapped: map_fd */

struct overlay_inode {
	struct overlay_super *fs;
	struct vfs_inode *inode;
	int upper;     /* atomic: descriptor; -1: not copied up */
	int old_upper; /* the one before it, for who looks at it still; -1 */
	uint32_t state;
	/* Where it is on lower layers: all that a directory is merged of; for
	 * others the origin, and behind it where a metacopy's data is.
	 * Constant. */
	/* An origin that nobody knows the place of has no descriptor (-1). */
	struct overlay_place *lower;
	uint32_t lower_count, lower_room;
	uint32_t redirect_size; /* names_lock */
	uint64_t upper_ino;	/* of the upper file; atomic, before upper */
	/* Home: under what it was found first, or lies now. names_lock; parent
	 * is referenced; NULL: the root, or no name. */
	struct vfs_inode *parent;
	char *name;
	char *redirect; /* directories: names_lock; NULL: none */
	uint32_t flags; /* VFS_INODE_IMMUTABLE, APPEND: atomic */
	uint32_t nlink; /* of one in the index: all its names; atomic */
	uint64_t dev;	/* what stat says; atomic */
	uint64_t ino;	/* atomic, as it is in vfs_inode unless split */
	/* Listing: lock; version is atomic. */
	void *ready; /* atomic: what the first open of a new file has */
	uint64_t version;
	struct overlay_cache *cache;
	int map_fd, old_map_fd; /* lock: open files that mappings show; -1 */
	bool map_upper;		/* lock: map_fd is upper's */
	/* the table: table_lock */
	uint64_t key_dev, key_ino;
	struct overlay_inode *next;
	pthread_mutex_t lock;
	pthread_mutex_t stat_lock;
};

extern const struct vfs_inode_ops overlay_dir_ops;
extern const struct vfs_inode_ops overlay_file_ops, overlay_file_split_ops;
extern const struct vfs_inode_ops overlay_other_ops, overlay_other_split_ops;

static inline struct overlay_super *overlay_super(const struct vfs_super *super)
{
	return vfs_super_private(super);
}

static inline struct overlay_inode *overlay_inode(const struct vfs_inode *inode)
{
	return vfs_inode_private(inode);
}

static inline int overlay_upper(const struct overlay_inode *oi)
{
	return __atomic_load_n(&oi->upper, __ATOMIC_ACQUIRE);
}

static inline uint32_t overlay_state(const struct overlay_inode *oi)
{
	return __atomic_load_n(&oi->state, __ATOMIC_ACQUIRE);
}

static inline void overlay_set_state(struct overlay_inode *oi, uint32_t set)
{
	__atomic_fetch_or(&oi->state, set, __ATOMIC_ACQ_REL);
}

static inline void overlay_clear_state(struct overlay_inode *oi, uint32_t clear)
{
	__atomic_fetch_and(&oi->state, ~clear, __ATOMIC_ACQ_REL);
}

/* Made of more than one directory, or of one that is not upper alone. */
static inline bool overlay_has_lower(const struct overlay_inode *oi)
{
	return oi->lower_count && !(overlay_state(oi) & OVERLAY_OPAQUE);
}

/* Where the file is: its upper, or the topmost lower place. */
static inline int overlay_real(const struct overlay_inode *oi)
{
	int upper = overlay_upper(oi);

	return upper >= 0 ? upper : oi->lower[0].fd;
}

/* -- options.c -- */

/* Fills *config, which is zeroed; all: they are complete, and have to go
 * together. 0, -ENOMEM or -EINVAL, logged. */
int overlay_parse_options(struct vfs *vfs, const char *options, bool all,
			  struct overlay_config *config);
void overlay_free_config(struct vfs *vfs, struct overlay_config *config);
/* What mountinfo shows; in the super. 0, -ENOMEM. */
int overlay_make_shown(struct overlay_super *fs,
		       const struct overlay_config *config);

/* -- layers.c -- */

/* Opens and checks all layers as config says; undone by overlay_close_layers,
 * whatever there is. Between nest calls. */
int overlay_open_layers(struct overlay_super *fs,
			const struct overlay_config *config);
void overlay_close_layers(struct overlay_super *fs);

/* -- real.c: calls on layers; all between nest calls -- */

struct overlay_name {
	char text[OVERLAY_NAME_MAX + 1];
};

/* The name as a string. False: it is too long. */
bool overlay_make_name(const struct vfs_name *name, struct overlay_name *out);
/* O_PATH | O_NOFOLLOW below dirfd. */
int overlay_open_path(struct overlay_super *fs, int dirfd, const char *name);
void overlay_close(struct overlay_super *fs, int fd);
int overlay_stat(struct overlay_super *fs, int fd, struct vfs_stat *out);
/* The whole name of one of overlay's own attributes ("opaque"); of one that is
 * written in the source, without making it. */
#define OVERLAY_XATTR(fs, suffix) \
	((fs)->userxattr ? "user.overlay." suffix : "trusted.overlay." suffix)
const char *overlay_xattr_name(const struct overlay_super *fs,
			       const char *suffix, char buffer[64]);
/* One of overlay's own attributes: its length (at most size), or -ENODATA where
 * there is none or cannot be one. */
int64_t overlay_get_own(struct overlay_super *fs, int fd, const char *suffix,
			void *value, size_t size);
int overlay_set_own(struct overlay_super *fs, int fd, const char *suffix,
		    const void *value, size_t size);
int overlay_remove_own(struct overlay_super *fs, int fd, const char *suffix);
/* Whether what is there (st) on layer is a whiteout. 1, 0 or an error. */
int overlay_is_whiteout(struct overlay_super *fs, uint32_t layer, int fd,
			const struct vfs_stat *st);
/*
 * Marks: with whiteouts=names, a file called `.wh.NAME` on a layer hides NAME
 * on those below, not on its own; one called `.wh..wh..opq` in a directory
 * hides all that is below that. None of them is seen or can be made.
 */
#define OVERLAY_MARK ".wh."
#define OVERLAY_MARK_LEN 4u
#define OVERLAY_MARK_OPAQUE ".wh..opq" /* as the name that is marked */
/* Whether such a name is a mark, where there are any. */
bool overlay_is_mark(const struct overlay_super *fs, const char *name);
/* Whether name in the layer's directory dirfd is marked. 1, 0 or an error. */
int overlay_is_marked(struct overlay_super *fs, int dirfd, const char *name);
/* A fresh name in work. */
void overlay_temp_name(struct overlay_super *fs, struct overlay_name *out);
/* Takes what is called name in dirfd away, with all that is in it. */
int overlay_remove_tree(struct overlay_super *fs, int dirfd, const char *name);

/* -- find.c -- */

/* What a name is, through all layers. */
struct overlay_found {
	int upper;   /* -1 */
	bool opaque; /* upper, a directory: hides; no upper: it is a whiteout */
	bool metacopy; /* upper has no data */
	bool is_dir;
	bool is_new;	/* upper was just made: without flags of overlay's */
	bool indexed;	/* upper is in the index */
	uint32_t nlink; /* then: all its names */
	char *redirect; /* upper's, of redirect_size bytes; NULL: none */
	uint32_t redirect_size;
	struct overlay_place *lower;
	uint32_t lower_count, lower_room;
	struct vfs_stat st;	  /* of upper, or else of the topmost */
	struct vfs_stat lower_st; /* of lower[0] */
};

/* name in dir. 0, -ENOENT (also: a whiteout), or another error; *found is to be
 * given back in any case but an error. */
int overlay_find(struct overlay_super *fs, const struct overlay_inode *dir,
		 const char *name, struct overlay_found *found);
void overlay_found_fini(struct overlay_super *fs, struct overlay_found *found);
/* Whether a lower layer of dir has the name: what is to be covered when the
 * name is to be gone. 1 with *st, 0 or an error. */
int overlay_below(struct overlay_super *fs, const struct overlay_inode *dir,
		  const char *name, struct vfs_stat *st);
/* Another place at the end of found->lower. 0, -ENOMEM; the descriptor passes.
 */
int overlay_found_add(struct overlay_super *fs, struct overlay_found *found,
		      int fd, uint32_t layer);

/* Whether the regular file has no data of its own: 1, 0, -EPERM (it says so,
 * and metacopy is off), or an error. */
int overlay_is_metacopy(struct overlay_super *fs, int fd);

/* Copies of the lower file can say where they come from: user attributes are
 * for regular files and directories. */
static inline bool overlay_is_known(const struct overlay_super *fs,
				    const struct overlay_found *found)
{
	return fs->layers[found->lower[0].layer].handles &&
	       (!fs->userxattr || S_ISREG(found->lower_st.mode) ||
		S_ISDIR(found->lower_st.mode));
}

/* -- handle.c -- */

/* Of the lower place: what upper's `origin` is. Bytes, 0 when there can be
 * none, or an error. */
#define OVERLAY_ORIGIN_MAX 160u
int64_t overlay_encode_origin(struct overlay_super *fs,
			      const struct overlay_place *place,
			      unsigned char out[OVERLAY_ORIGIN_MAX]);
/* The lower file that an upper one was copied from, by its `origin`, into
 * *place. Where it is may not be known, but its number: then place->fd is -1.
 * 0, -ENODATA (nothing is known), or an error. */
int overlay_decode_origin(struct overlay_super *fs, int fd,
			  struct overlay_place *place, uint64_t *ino);
/* The same with its bytes; -ESTALE: it is gone. */
int overlay_decode(struct overlay_super *fs, const unsigned char *bytes,
		   size_t size, struct overlay_place *place, uint64_t *ino);
/* Whether handles like that of the file with number ino say numbers. */
bool overlay_has_numbers(const struct vfs_layer_handle *handle, uint64_t ino);

/* -- index.c -- */

/* Whether a file may be in the index, now or later. */
bool overlay_may_index(const struct overlay_inode *oi);
/* Whether a lower file is to be copied to the index. */
bool overlay_wants_index(const struct overlay_super *fs,
			 const struct vfs_stat *lower);
/* What the copy of a lower file is called there; upper is that copy, or one of
 * its names, or -1 where the lower file can be asked. */
int overlay_index_name(struct overlay_super *fs,
		       const struct overlay_place *lower, int upper,
		       struct overlay_name *out);
/* Completes what was found by what the index has. 0 or an error. */
int overlay_index_find(struct overlay_super *fs, struct overlay_found *found);
/* Puts a copy that is called temp in work into the index. */
int overlay_index_place(struct overlay_inode *oi, const char *temp);
/* A file that is in the index has the name in upper's directory, too. oi's lock
 * held; the other one takes it. */
int overlay_link_up(struct overlay_inode *oi, struct overlay_inode *dir,
		    const char *name);
int overlay_link_name(struct overlay_inode *oi, struct overlay_inode *dir,
		      const char *name);
/* Before and after the number of its names changes, by change. oi's lock, or
 * the core's. */
int overlay_index_begin(struct overlay_inode *oi);
void overlay_index_end(struct overlay_inode *oi, int change);
/* At mount: the index belongs to these layers, and has nothing left over. */
int overlay_index_mount(struct overlay_super *fs);

/* -- inode.c -- */

/*
 * The inode for what was found as name in dir, with a reference; takes the
 * descriptors out of *found. dir NULL: the root.
 */
int overlay_get_inode(struct overlay_super *fs, struct vfs_inode *dir,
		      const char *name, struct overlay_found *found,
		      struct vfs_inode **out);
/* Brings what the inode says up to date. Between nest calls. */
int overlay_publish(struct overlay_inode *oi);
/* It is not known any more what the inode says. */
static inline void overlay_stale(struct vfs_inode *inode)
{
	vfs_inode_set_flags(inode, VFS_INODE_STALE, 0);
}
/* Device and number for a file of layer fs_index with number ino. */
void overlay_map_ino(const struct overlay_super *fs, uint32_t fs_index,
		     bool is_dir, uint64_t ino, uint64_t *dev, uint64_t *out);
/* The number of what was found, as stat shows it. */
uint64_t overlay_found_ino(const struct overlay_super *fs,
			   const struct overlay_found *found);
/* The upper place of an inode that had none becomes fd; it is in the table from
 * now on. publish: st, which is used up, is what it says, as nobody can have
 * changed it. lock held. */
void overlay_set_upper(struct overlay_inode *oi, int fd, struct vfs_stat *st,
		       bool publish);
/* fd takes the upper directory's place; it is opaque. */
void overlay_replace_upper(struct overlay_inode *oi, int fd);
/* Memory for a name; NULL: there is none. */
char *overlay_copy_name(struct overlay_super *fs, const char *name);
void overlay_free_name(struct overlay_super *fs, char *name);
/* Where the inode lies from now on; name, of overlay_copy_name's, passes. */
void overlay_set_home(struct overlay_inode *oi, struct vfs_inode *parent,
		      char *name);
/* A copy of the home: *parent is referenced. 0, -ENOMEM, -ENOENT (none). */
int overlay_home(struct overlay_inode *oi, struct vfs_inode **parent,
		 struct overlay_name *name);
void overlay_inode_evict(struct vfs_inode *inode);
int overlay_refresh(struct vfs_inode *inode);
void overlay_accessed(struct vfs_inode *inode);
int overlay_getattr(struct vfs_inode *inode, struct vfs_stat *out);
/* Names in the directory changed. */
static inline void overlay_dir_changed(struct overlay_inode *dir)
{
	__atomic_fetch_add(&dir->version, 1, __ATOMIC_ACQ_REL);
}

/* -- table.c -- */

/* What inode is looked for. */
struct overlay_wanted {
	uint64_t dev, ino; /* the key */
	bool one_name;	   /* only the one that has its home there */
	bool has_upper, indexed;
	uint64_t upper_ino;
	struct vfs_inode *dir; /* the home */
	const char *name;
};

/* The key of what was found. */
void overlay_key_of(const struct overlay_super *fs,
		    const struct overlay_found *found,
		    struct overlay_wanted *wanted);
/* With a reference, or NULL. */
struct vfs_inode *overlay_table_find(struct overlay_super *fs,
				     const struct overlay_wanted *wanted);
/* oi is in the table from now on; or another one is already: that, referenced.
 */
struct vfs_inode *overlay_table_enter(struct overlay_inode *oi,
				      const struct overlay_wanted *wanted);
/* oi, which was lower's, has got an upper file. */
void overlay_table_move(struct overlay_inode *oi, const struct vfs_stat *upper);
void overlay_table_remove(struct overlay_inode *oi);

/* -- lookup.c -- */

int overlay_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		   struct vfs_inode **inode, uint64_t *cookie);

/* -- copyup.c -- */

#define OVERLAY_ALL INT64_MAX /* of a file's bytes */
/* The file is on the upper layer afterwards, with its parents; with the first
 * `bytes` of its data, or, where metacopy is on and bytes is negative, without.
 * 0 or an error, and nothing has changed. */
int overlay_copy_up(struct overlay_inode *oi, int64_t bytes);
/* All of it, for who is about to open it: if it had to be copied, *ready may
 * be what the open file is to have (overlay_upper_word), also on failure. */
int overlay_copy_up_ready(struct overlay_inode *oi, void **ready);
/* Marks the upper directory as having copied-up files in it. */
int overlay_set_impure(struct overlay_inode *dir);
/* From a place to the open, empty file `to`: the first `bytes` of data, and the
 * size. Synced, unless the mount is volatile. */
int overlay_copy_data(struct overlay_super *fs, int from, int to, int64_t size,
		      int64_t bytes);
/* The same into upper's file, open as out, that has everything else and keeps
 * its capabilities, which writing takes away. */
int overlay_fill(struct overlay_super *fs, int from, int upper, int out,
		 int64_t size, int64_t bytes);
/* All xattrs of `from` but overlay's own. */
int overlay_copy_xattrs(struct overlay_super *fs, int from, int to);
int overlay_set_times(struct overlay_super *fs, int fd,
		      const struct vfs_stat *st);
/* Owner, permissions and times of st. */
int overlay_set_attributes(struct overlay_super *fs, int fd,
			   const struct vfs_stat *st);

/* -- dir.c -- */

int overlay_create(struct vfs_inode *dir, const struct vfs_name *name,
		   const struct vfs_create_args *args, struct vfs_inode **inode,
		   uint64_t *cookie);
int overlay_link(struct vfs_inode *dir, const struct vfs_name *name,
		 struct vfs_inode *inode, uint64_t *cookie);
int overlay_tmpfile(struct vfs_inode *dir, const struct vfs_create_args *args,
		    struct vfs_inode **inode);
enum overlay_cover {
	OVERLAY_FREE, /* upper has nothing of that name */
	OVERLAY_WHITEOUT,
	OVERLAY_TAKEN
};
/* What is called name in upper directory dirfd; or an error. A mark becomes a
 * whiteout, which a new file can take the place of in one step. */
int overlay_cover(struct overlay_super *fs, int dirfd, const char *name);
/* dir after a change of its names, and oi (may be NULL). */
void overlay_changed(struct overlay_inode *dir, struct overlay_inode *oi);

/* -- native.c -- */

/* A structure that begins with its size, which may be a newer caller's: 0,
 * -EINVAL it is too small, -E2BIG it says something that is not known. */
int overlay_check_size(const void *structure, uint64_t size, size_t known);

/* -- remove.c -- */

int overlay_remove(struct vfs_inode *dir, const struct vfs_name *name,
		   struct vfs_inode *inode, uint64_t cookie);
/* Whether the merged directory has nothing in it: 0, -ENOTEMPTY, an error;
 * hidden (may be NULL): upper has whiteouts in it. */
int overlay_check_empty(struct overlay_inode *oi, bool *hidden);
int overlay_bring_name(struct overlay_inode *oi, struct overlay_inode *dir,
		       const char *name);
/* A whiteout takes the place of name in upper directory dirfd; what was there
 * is in work, or gone. has_dir: it is a directory. */
int overlay_whiteout(struct overlay_super *fs, int dirfd, const char *name,
		     bool has_dir);
/* oi has a name less; its lock is held. */
void overlay_lost_name(struct overlay_inode *oi);
/* The upper directory of the empty oi, as name in dirfd, is one without even
 * whiteouts in it, and opaque, afterwards. */
int overlay_clear_empty(struct overlay_inode *oi, int dirfd, const char *name);

/* -- rename.c -- */

int overlay_rename(struct vfs_rename_args *args);
/* A file without data, which is to have another name, says where the data is.
 */
int overlay_set_link_redirect(struct overlay_inode *oi);

/* -- readdir.c -- */

struct overlay_cache;
int overlay_iterate(struct vfs_inode *dir, struct vfs_file *file,
		    struct vfs_dir_context *context);
void overlay_cache_unref(struct overlay_super *fs, struct overlay_cache *cache);
/* The directory's present listing, with a reference. */
int overlay_get_cache(struct overlay_inode *oi, struct overlay_cache **out);
uint32_t overlay_cache_count(const struct overlay_cache *cache);
/* Whether upper has whiteouts there. */
bool overlay_cache_hides(const struct overlay_cache *cache);
/* Entry i: its name, NUL-terminated. */
const char *overlay_cache_name(const struct overlay_cache *cache, uint32_t i);
int overlay_dir_open(struct vfs_inode *inode, struct vfs_file *file);
void overlay_dir_release(struct vfs_inode *inode, struct vfs_file *file);

/* -- file.c -- */

/* What opening a new regular file takes, so that opening what was just made
 * cannot fail any more. 0 or an error. */
int overlay_make_ready(struct overlay_inode *oi);
/* What an open file has whose data is upper's: the descriptor, which passes,
 * unless it is the inode's own, that is to stay, only not open. */
void *overlay_upper_word(int fd, bool is_inodes);
/* Nobody opened it. */
void overlay_drop_ready(struct overlay_inode *oi);
/* Opens the file's data anew: with O_WRONLY on upper. */
int overlay_open_data(struct overlay_inode *oi, int flags);

/* -- flags.c -- */

/* VFS_INODE_IMMUTABLE, APPEND, NODUMP and NOATIME for an upper file; what it
 * keeps of the first two is read by _load. */
int overlay_store_flags(struct overlay_super *fs, int fd, uint32_t flags);
uint32_t overlay_load_flags(struct overlay_super *fs, int fd);
/* The same for an inode that is on upper. */
int overlay_set_flags(struct overlay_inode *oi, uint32_t flags);
/* What was made in work gets the flags that it would have inherited in upper
 * directory dirfd. 0 or an error. */
int overlay_inherit_flags(struct overlay_super *fs, int dirfd, int fd);

/* -- attr.c -- */

int overlay_setattr(struct vfs_inode *inode, const struct vfs_attr *attr);
int64_t overlay_getxattr(struct vfs_inode *inode, const char *name, void *value,
			 size_t size);
int overlay_setxattr(struct vfs_inode *inode, const char *name,
		     const void *value, size_t size, int flags);
int64_t overlay_listxattr(struct vfs_inode *inode, char *list, size_t size);
int overlay_removexattr(struct vfs_inode *inode, const char *name);
/* Whether it is one of overlay's own, which nobody sees. */
bool overlay_is_own(const struct overlay_super *fs, const char *name);

/* -- diff.c -- */

/* A request of ours alone, for open directories: fills a list. */
#define OVERLAY_IOC_DIFF (VFS_IOC_OWN | 0x6f766c01)

/* Behind it the name and, at from, another; then the next, size on. */
struct overlay_diff_record {
	uint32_t size;
	uint32_t from; /* 0: none */
	uint32_t kind; /* enum vfs_overlay_kind; 0: not changed itself */
	uint32_t mode;
	uint32_t enter; /* upper's directory has more */
	uint32_t unused;
};

struct overlay_diff_list {
	char *data;
	size_t used, room;
};

int overlay_dir_ioctl(struct vfs_inode *inode, struct vfs_file *file,
		      uint64_t request, void *argument);
void overlay_diff_fini(struct vfs *vfs, struct overlay_diff_list *list);

#endif
