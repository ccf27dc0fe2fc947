/* SPDX-License-Identifier: MIT */
/*
 * Being told of changes: inotify(7), with a descriptor that is read and polled,
 * and the same events through a function of the embedder's.
 *
 * What is watched is an inode, by whatever name it is reached; a watched
 * directory also tells of what happens to the files in it, by the name and
 * directory through which they were opened or changed. Events come from every
 * call that Linux makes them in, in Linux's order, and one that is equal to the
 * last one waiting in its queue is left out. Reads and writes of FIFOs and
 * devices are told to who watches those, and not to who watches the directory,
 * as in Linux.
 *
 * The limits are the instance's: see max_inotify_instances and its neighbours
 * in struct vfs_config. Instances and watches are counted by effective user.
 *
 * Since 0.1. Any thread at any time. -EFAULT a NULL that is needed; -ENOMEM.
 */
#ifndef VFS_INOTIFY_H
#define VFS_INOTIFY_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs;

/* What is told of, as in <sys/inotify.h> where the host has it. */
#define VFS_IN_ACCESS 0x1u	/* was read, or listed */
#define VFS_IN_MODIFY 0x2u	/* was written or cut */
#define VFS_IN_ATTRIB 0x4u	/* owner, mode, times, xattrs, links */
#define VFS_IN_CLOSE_WRITE 0x8u /* a file open for writing was closed */
#define VFS_IN_CLOSE_NOWRITE 0x10u
#define VFS_IN_OPEN 0x20u
#define VFS_IN_MOVED_FROM 0x40u	  /* a name left the directory */
#define VFS_IN_MOVED_TO 0x80u	  /* a name came; both have one cookie */
#define VFS_IN_CREATE 0x100u	  /* a name was made in the directory */
#define VFS_IN_DELETE 0x200u	  /* a name in the directory was removed */
#define VFS_IN_DELETE_SELF 0x400u /* the watched inode's last name went */
#define VFS_IN_MOVE_SELF 0x800u	  /* the watched inode was renamed */
#define VFS_IN_ALL_EVENTS 0xfffu
/* Told without having been asked for. */
#define VFS_IN_UNMOUNT 0x2000u	  /* the file system went; IGNORED follows */
#define VFS_IN_Q_OVERFLOW 0x4000u /* events were lost; wd is -1 */
#define VFS_IN_IGNORED 0x8000u	  /* the watch is no more */
#define VFS_IN_ISDIR 0x40000000u  /* with another: it is about a directory */
/* How to watch. */
#define VFS_IN_ONLYDIR 0x1000000u      /* nothing else: -ENOTDIR */
#define VFS_IN_DONT_FOLLOW 0x2000000u  /* a symbolic link itself */
#define VFS_IN_EXCL_UNLINK 0x4000000u  /* not what is done by removed names */
#define VFS_IN_MASK_CREATE 0x10000000u /* a new watch, or -EEXIST */
#define VFS_IN_MASK_ADD 0x20000000u    /* more events for a watch there is */
#define VFS_IN_ONESHOT 0x80000000u     /* one event, and the watch goes */
/* Flags of vfs_inotify_init1: O_NONBLOCK and O_CLOEXEC by other names. */

/*
 * What a read gives, one behind the other: 16 bytes, then len bytes that hold
 * the name, a NUL and more of them up to a multiple of 16. Laid out as the
 * host's struct inotify_event; name is as long as a name can be here, and
 * seldom there: the next event begins at name + len.
 */
struct vfs_inotify_event {
	int32_t wd;
	uint32_t mask;
	uint32_t cookie; /* the same in MOVED_FROM and MOVED_TO of a rename */
	uint32_t len;	 /* 0: no name */
	char name[256];
};

/*
 * A new queue of events behind a descriptor that is read-only, with a position
 * that stays 0. flags: O_NONBLOCK (IN_NONBLOCK), O_CLOEXEC (IN_CLOEXEC).
 *
 * vfs_read waits for an event (-EAGAIN with O_NONBLOCK; -EINTR by
 * vfs_task_interrupt) and gives as many whole ones as fit; -EINVAL the first
 * does not. vfs_poll: POLLIN when there is one. vfs_ioctl FIONREAD: the bytes
 * that are waiting. Closing the last descriptor removes every watch.
 *
 * Returns the descriptor or: -EINVAL an unknown flag; -EMFILE no descriptor is
 * free, or the user has as many queues as there may be; -ENOMEM. See
 * inotify_init1(2).
 */
VFS_API int vfs_inotify_init1(struct vfs_task *task, int flags);
/* The same without flags. */
VFS_API int vfs_inotify_init(struct vfs_task *task);

/*
 * Watches what path leads to for the events in mask, or changes what an
 * existing watch of it tells (all of mask, or with VFS_IN_MASK_ADD also what it
 * told before). Reading permission is needed; the inode stays in memory while
 * it is watched.
 *
 * Returns the watch's number, which is 1 or more and not used again soon, or:
 * -EINVAL mask has no bit that is known or one that is not, MASK_ADD with
 * MASK_CREATE, or fd is something else; -EBADF; -EEXIST MASK_CREATE and there
 * is one; -ENOTDIR also with ONLYDIR; -EACCES; -ENOSPC the user has as many
 * watches as there may be; errors of the walk. See inotify_add_watch(2).
 */
VFS_API int vfs_inotify_add_watch(struct vfs_task *task, int fd,
				  const char *path, uint32_t mask);

/*
 * Ends a watch; VFS_IN_IGNORED is its last event.
 *
 * 0 or: -EBADF; -EINVAL fd is something else, or has no watch of that number.
 * See inotify_rm_watch(2).
 */
VFS_API int vfs_inotify_rm_watch(struct vfs_task *task, int fd, int wd);

/* ------------------------------------------------------------------ */
/* Through a function                                                  */
/* ------------------------------------------------------------------ */

/* A queue whose events go to a function: the embedder's side of inotify. */
struct vfs_watch;

struct vfs_watch_event {
	uint64_t size; /* of this structure, in the library that fills it */
	/* Grows with every event of the instance: the order in which things
	 * happened, for events that are told on different threads. */
	uint64_t sequence;
	/* Ends in a NUL; NULL: it is about what is watched itself. Valid until
	 * the function returns. */
	const char *name;
	uint32_t name_len;
	int32_t wd; /* -1 with VFS_IN_Q_OVERFLOW */
	uint32_t mask;
	uint32_t cookie;
};

/*
 * What to do with events. Set size to sizeof(struct vfs_watch_spec).
 *
 * event is called on the thread that made the change, before its call returns,
 * once for each event and in their order, when the library holds no lock. So
 * - it may call anything in the library, on any task, but must not give back
 *   the last reference to the instance or to the task that made the change;
 * - what it changes itself is told of when it has returned, not inside it;
 * - it is called on several threads at once if several make changes;
 * - the change it is told of has been made, and others may have been since;
 * - what it does delays that call, and that call only.
 * Events for which there was no memory are lost; then VFS_IN_Q_OVERFLOW comes
 * before the next one.
 *
 * release (may be NULL) is called once, on any thread, when event is not
 * running and will not be called again.
 */
struct vfs_watch_spec {
	uint64_t size;
	void (*event)(void *context, const struct vfs_watch_event *event);
	void (*release)(void *context);
	void *context;
};

/*
 * A queue without watches, which holds a reference on the instance.
 *
 * 0 or: -EFAULT vfs, spec, spec->event or out is NULL; -EINVAL spec->size is
 * smaller than the first version's; -E2BIG spec is larger than this library
 * knows and its tail is not zero, or size is above 4096; -ENOMEM. *out is
 * untouched on failure.
 */
VFS_API int vfs_watch_create(struct vfs *vfs, const struct vfs_watch_spec *spec,
			     struct vfs_watch **out);

/*
 * As vfs_inotify_add_watch, with task's eyes and permissions, from dirfd
 * (AT_FDCWD: task's working directory). These watches do not count as the
 * user's. -EINVAL also when task is another instance's.
 */
VFS_API int vfs_watch_add(struct vfs_watch *watch, struct vfs_task *task,
			  int dirfd, const char *path, uint32_t mask);

/* As vfs_inotify_rm_watch: 0, or -EINVAL there is no watch wd. */
VFS_API int vfs_watch_remove(struct vfs_watch *watch, int wd);

/*
 * Ends it with all its watches. event is not called any more, but where it is
 * running already on another thread; release tells when that is over. May be
 * called inside event. NULL is accepted.
 */
VFS_API void vfs_watch_destroy(struct vfs_watch *watch);

#ifdef __cplusplus
}
#endif

#endif
