/* SPDX-License-Identifier: MIT */
/*
 * Path resolution (path_resolution(7)).
 *
 * Every walk first goes without locks or references inside a read section and
 * falls to the slow walk, which references and locks, when something cannot be
 * decided there: a name not cached in a file system that is not complete, an
 * ACL not loaded, a rename that keeps interfering, a symlink without a cached
 * target.
 */
#ifndef VFS__WALK_H
#define VFS__WALK_H

#include "core/mount.h"
#include "core/task.h"

#define VFS__WALK_FOLLOW 0x1u	 /* a last component that is a symlink */
#define VFS__WALK_DIRECTORY 0x2u /* the result must be one: -ENOTDIR */
#define VFS__WALK_EMPTY 0x4u	 /* AT_EMPTY_PATH: "" is dirfd itself */
#define VFS__WALK_PARENT 0x8u	 /* stop before the last component */
#define VFS__WALK_QUIET 0x10u	 /* is no use of a mount (MNT_EXPIRE) */
/* RESOLVE_* of openat2 in bits 16.. */
#define VFS__WALK_RESOLVE_SHIFT 16

/* A result that may be borrowed. */
struct vfs__lookup {
	struct vfs__path path;
	bool referenced; /* else the thread is inside a section */
};

/*
 * - Resolves path from dirfd (AT_FDCWD: the working directory).
 * - On success the result is valid until vfs__lookup_end: either the thread is
 *   inside a section (and must not block) or the path is referenced.
 * - path NULL: -EFAULT.
 */
int vfs__lookup_begin(struct vfs__thread *thread, struct vfs_task *task,
		      int dirfd, const char *path, uint32_t flags,
		      struct vfs__lookup *out);
void vfs__lookup_end(struct vfs__thread *thread, struct vfs__lookup *lookup);

/* - The same, always referenced: vfs__path_unref it. Not inside a section. */
int vfs__path_lookup(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t flags,
		     struct vfs__path *out);
/* - The same with other credentials than the task's (access()). */
int vfs__path_lookup_as(struct vfs__thread *thread, struct vfs_task *task,
			const struct vfs_cred *cred, int dirfd,
			const char *path, uint32_t flags,
			struct vfs__path *out);

/* The last component of a walk that stopped at its parent. */
enum vfs__last_type {
	VFS__LAST_NORM,
	VFS__LAST_ROOT, /* the path was only slashes */
	VFS__LAST_DOT,
	VFS__LAST_DOTDOT
};

struct vfs__last {
	enum vfs__last_type type;
	struct vfs_name name; /* into the caller's path */
	bool slash;	      /* slashes follow it */
};

/*
 * - The directory that holds path's last component, referenced, and search
 *   permission on it checked. Symlinks before it are followed, the last
 *   component is not looked up. *last is written to whatever is returned.
 */
int vfs__path_parent(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t flags,
		     struct vfs__path *parent, struct vfs__last *last);

/*
 * - For a second path from the same dirfd: whether path names a file in the
 *   directory that vfs__path_parent found for `first`, in the same words, so
 *   that nothing has to be walked: both were as if at the same moment. Then
 *   *parent is referenced once more. False says nothing.
 */
bool vfs__path_sibling(struct vfs__thread *thread, struct vfs_task *task,
		       const char *first, const struct vfs__path *first_parent,
		       const struct vfs__last *first_last, const char *path,
		       struct vfs__path *parent, struct vfs__last *last);

/*
 * A walk that may go on: open(O_CREAT) follows a last symlink itself. The
 * string in last.name lives as long as the walk.
 */
struct vfs__resume {
	uint32_t links;	       /* followed so far */
	uint32_t flags;	       /* VFS__WALK_*, as at the start */
	uint64_t renames;      /* SCOPED: when it began */
	struct vfs__path root; /* what absolute links begin at */
	bool rooted;	       /* root is set and referenced */
	char *target;	       /* the last link's text: VFS__PATH_MAX bytes */
	size_t target_len;
};

/* - vfs__path_parent that can be resumed; _fini whatever it returned. */
int vfs__walk_parent(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t flags,
		     struct vfs__resume *resume, struct vfs__path *parent,
		     struct vfs__last *last);
/* - Follows link, which was found in *parent: a new parent and last. On
 *   failure *parent is no longer referenced. */
int vfs__walk_resume(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs__resume *resume, struct vfs_inode *link,
		     struct vfs__path *parent, struct vfs__last *last);
/* - May one more link be followed, found on mnt? 0 or -ELOOP. */
int vfs__walk_may_follow(const struct vfs__resume *resume,
			 const struct vfs_mount *mnt);
/* - Goes down to what is mounted on *path (referenced). -EXDEV under
 *   RESOLVE_NO_XDEV; *path is referenced then too. */
int vfs__walk_cross(struct vfs__thread *thread, struct vfs_task *task,
		    uint32_t flags, struct vfs__path *path);
void vfs__walk_fini_slow(struct vfs__thread *thread,
			 struct vfs__resume *resume);

static inline void vfs__walk_fini(struct vfs__thread *thread,
				  struct vfs__resume *resume)
{
	if (__builtin_expect(resume->target || resume->rooted, 0))
		vfs__walk_fini_slow(thread, resume);
}

/*
 * - name in dir, whose lock the caller holds (excl): referenced, maybe
 *   negative (inode NULL) in *out. With a complete file system a missing name
 *   gives a fresh unhashed dentry. 0, -ENOMEM, -ENOENT when dir was removed,
 *   the backend's error, -ENAMETOOLONG.
 */
int vfs__lookup_one(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_dentry *dir, const struct vfs_name *name,
		    struct vfs_dentry **out);

/* - The same, but a missing name gives NULL. */
int vfs__lookup_there(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_dentry *dir, const struct vfs_name *name,
		      struct vfs_dentry **out);

#endif
