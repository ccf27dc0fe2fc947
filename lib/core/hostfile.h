/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the host behind descriptors of a task (vfs_import_fd).
 *
 * Life. Each import makes an inode of its own on a file system that is mounted
 * nowhere, with one open file; only a terminal that the task has already is
 * given out again. The host's descriptor is closed when the open file ends and
 * no call uses it any more (`users`); the inode may last longer (O_PATH), and
 * then shows what it was when it was asked last.
 *
 * What the inode says of the file is a copy, and others change the file: its
 * attributes are volatile, and the host's alone, as those of a file system with
 * VFS_FS_OWN_ATTR are (vfs__inode_refresh).
 *
 * Regular files go the way of all files, by the inode's operations, at a
 * position of the open file's own. Everything else (VFS__FILE_HOST) is asked
 * of the host as it is: hoststream.c. A call that must wait waits in poll(2),
 * for the host's descriptor and for whoever wakes its waiter; the host's
 * reading and writing are only ever asked for what can be done at once, because
 * a thread that sleeps in them could not be interrupted, and the description's
 * O_NONBLOCK is not the library's to change. Where the host has no such
 * question for a file, a second description of it is made (`own`).
 *
 * Locks. None of its own. Operations are called with the inode's as for any
 * backend; the host may sleep under it. hosts.lock (LEAF) protects the numbers
 * that stand for the host's devices.
 */
#ifndef VFS__HOSTFILE_H
#define VFS__HOSTFILE_H

#include "core/hostio.h"
#include "core/inode.h"
#include "core/rw.h"

enum vfs__host_kind {
	VFS__HOST_REGULAR,
	VFS__HOST_PIPE, /* and FIFOs */
	VFS__HOST_SOCKET,
	VFS__HOST_TERMINAL,
	VFS__HOST_DEVICE, /* any other character device */
};

/* Behind the inode of an import; memory of its own where a backend's inode was
 * opened. */
struct vfs__hostfile {
	int fd;		/* constant: what was imported */
	int own;	/* the same without waiting, ours alone; -1: none */
	uint32_t users; /* atomic: the open file, and calls; 0: closed */
	uint32_t deaf;	/* atomic: the host does not know RWF_NOWAIT for it */
	uint32_t noisy; /* atomic: it does not know RWF_NOSIGNAL */
	enum vfs__host_kind kind;
	bool appends;	 /* the host's description has O_APPEND */
	bool stream;	 /* a socket that takes a write up again */
	bool rdonly;	 /* VFS_IMPORT_RDONLY */
	bool limited;	 /* the process had an RLIMIT_FSIZE */
	uint32_t access; /* O_ACCMODE of what was imported, or less */
	uint64_t host_dev, rdev;
	uint64_t dev; /* what st_dev shows in place of host_dev */
	uint32_t blksize;
	struct vfs__mutex lock; /* a leaf: what is published in the inode */
};

static inline struct vfs__hostfile *vfs__hostfile(const struct vfs_inode *inode)
{
	return vfs_inode_private(inode);
}

static inline bool vfs__inode_is_foreign(const struct vfs_inode *inode)
{
	return __builtin_expect(VFS_READ_ONCE(inode->flags) & VFS_INODE_FOREIGN,
				0);
}

/* Whether opening it gives a descriptor of the host: devpts and its like. */
static inline bool vfs__inode_opens_host(const struct vfs_inode *inode)
{
	return VFS__HAS_OP(inode->ops, open_host);
}

/* - For an open file of such an inode, which is being made: asks the backend
 *   for the descriptor. Its inode is the backend's, and what it is on the host
 *   is its own. */
int vfs__hostfile_attach(struct vfs__thread *thread, struct vfs_file *file);
/* - When it was released; of others nothing is done. */
void vfs__hostfile_detach(struct vfs__thread *thread, struct vfs_file *file);

/* - Keeps the host's descriptor from being closed; false: it has been. */
bool vfs__hostfile_take(struct vfs__hostfile *host);
void vfs__hostfile_give(struct vfs__hostfile *host);

/* - vfs_import_fd. */
int vfs__import(struct vfs__thread *thread, struct vfs_task *task, int host_fd,
		uint32_t flags);
/* - open(2) of a foreign inode by way of a magic link: the host opens it
 *   again. flags: O_*; permission has been checked. One reference. */
int vfs__hostfile_open(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs_inode *inode, uint32_t flags,
		       struct vfs_file **out);
/* - What /proc calls it; the length. At most size bytes, no NUL. */
int64_t vfs__hostfile_describe(struct vfs_inode *inode, char *out, size_t size);
int vfs__hostfile_syncfs(struct vfs_inode *inode);
int vfs__hostfile_statfs(struct vfs_inode *inode, struct vfs_statfs *out);
/* - At the instance's end. */
void vfs__hosts_fini(struct vfs__thread *thread, struct vfs *vfs);

/* -- hostfile_ops.c: inodes -- */

/* - A foreign inode, with one reference, of super, for an empty hostfile.
 *   NULL: out of memory. */
struct vfs_inode *vfs__hostfile_inode(struct vfs_super *super,
				      const struct stat *st);

/* -- hoststream.c: files with VFS__FILE_HOST, referenced -- */

int64_t vfs__hoststream_read(struct vfs_task *task, struct vfs_file *file,
			     const struct vfs__io *io, bool nonblock);
int64_t vfs__hoststream_write(struct vfs_task *task, struct vfs_file *file,
			      const struct vfs__io *io, bool nonblock);
int64_t vfs__hoststream_seek(struct vfs_file *file, int64_t offset, int whence);
uint32_t vfs__hoststream_poll(struct vfs_file *file, int16_t wanted);
int vfs__hoststream_ioctl(struct vfs_file *file, uint64_t request, void *arg);
/* F_GETPIPE_SZ, F_SETPIPE_SZ. */
int vfs__hoststream_fcntl(struct vfs_file *file, int cmd, int64_t arg);

#endif
