/* SPDX-License-Identifier: MIT */
/* Open files: opening, closing, syncing, and what descriptors have besides. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ops.h"
#include "server.h"
#include "session.h"

/* The kernel's mark for a file that is opened to be executed. */
#define OPEN_EXEC 0x20
/* What is the kernel's business, or was dealt with when the path was walked. */
#define OPEN_IGNORED \
	(O_CREAT | O_EXCL | O_NOCTTY | O_NOFOLLOW | O_DIRECT | O_ASYNC)

#define DAY 86400

static int later(const struct vfs_timespec *a, const struct vfs_timespec *b)
{
	return a->sec > b->sec || (a->sec == b->sec && a->nsec > b->nsec);
}

/* Would reading the file now leave a trace in st_atime? Then the read must
 * come here, and not be answered from what the kernel has kept. */
static bool atime_is_due(const struct vfs_stat *stat)
{
	return !later(&stat->atime, &stat->mtime) ||
	       !later(&stat->atime, &stat->ctime) ||
	       time(NULL) - stat->atime.sec >= DAY;
}

/* Whether the file is on a file system where things are made up when they are
 * asked for: a size says nothing about what is in a file there, and names come
 * and go without anybody's doing. */
static bool is_made_up(struct session *session, const struct handle *h)
{
	uint64_t *known = &session->solid_dev;
	struct vfs_statfs fs;

	if (__atomic_load_n(known, __ATOMIC_RELAXED) == h->node->dev)
		return false;
	if (!vfs_fstatfs(session->server->root, h->fd, &fs) &&
	    fs.type != TMPFS_MAGIC && !fs.blocks)
		return true;
	__atomic_store_n(known, h->node->dev, __ATOMIC_RELAXED);
	return false;
}

/* What can be appended to, and no more, must not be written where the kernel
 * has kept it: in whole pages. */
static bool only_appends(struct session *session, const struct handle *h,
			 const struct fuse_file_info *fi)
{
	return session->writeback && fi->flags & O_APPEND &&
	       vfs_fcntl(session->server->root, h->fd, F_GETFL, 0) & O_APPEND;
}

/* The handles' lock held. */
static bool only_writes(const struct session *session, const struct handle *h,
			const struct fuse_file_info *fi)
{
	return (fi->flags & O_ACCMODE) == O_WRONLY && !h->node->kept &&
	       !session->writeback && session_mixes_direct(session);
}

/*
 * What is only written here needs no copy in the kernel, and before the first
 * write past it the kernel does not ask for file capabilities, which the
 * library takes away by itself. But a page that the kernel reads while the same
 * is written past it stays as it was before, so the two do not go together: a
 * file that somebody has open is written by way of what is kept, and who opens
 * one that is written past that reads past it, too. A mapping cannot: what was
 * kept meanwhile is not believed afterwards.
 */
static void choose_way(struct session *session, struct handle *h,
		       struct fuse_file_info *fi)
{
	bool must = only_appends(session, h, fi);
	struct node *node = h->node;
	int access = fi->flags & O_ACCMODE;

	pthread_mutex_lock(&session->handles_lock);
	if (must || node->through || only_writes(session, h, fi)) {
		fi->direct_io = true;
		node->mixed |= access != O_WRONLY || node->kept;
	} else if (node->mixed) {
		fi->keep_cache = false;
		node->mixed = false;
	}
	if (fi->direct_io && access != O_RDONLY) {
		h->way = WAY_THROUGH;
		node->through++;
	} else {
		h->way = WAY_KEPT;
		node->kept++;
	}
	pthread_mutex_unlock(&session->handles_lock);
}

/* The handles' lock held. */
static void leave_way(struct handle *h)
{
	if (h->way == WAY_KEPT)
		h->node->kept--;
	else if (h->way == WAY_THROUGH)
		h->node->through--;
}

/* How the kernel may deal with the open file's data. */
static void advise(struct session *session, struct handle *h,
		   struct fuse_file_info *fi)
{
	bool made_up = is_made_up(session, h), keep;
	bool asked = node_is_asked(session, h->node);
	struct vfs_stat stat;

	fi->fh = (uintptr_t)h;
	/* locks are the kernel's own then, and closing is nobody's business */
	fi->noflush = session->cache == CACHE_KERNEL;
	if (vfs_fstat(session->server->root, h->fd, &stat))
		return;
	keep = !asked && (session->noatime || !atime_is_due(&stat));
	if (S_ISDIR(stat.mode)) {
		fi->cache_readdir = !asked && !made_up;
		fi->keep_cache = keep && !made_up;
	} else if (S_ISREG(stat.mode)) {
		fi->direct_io = asked || (made_up && !stat.size);
		fi->keep_cache = keep && !fi->direct_io;
		if (!fi->direct_io)
			choose_way(session, h, fi);
	}
}

static struct handle *handle_create(struct session *session, struct node *node,
				    int fd)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->node = node;
	h->fd = fd;
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_lock(&session->handles_lock);
	h->following = session->handles;
	if (h->following)
		h->following->prev = h;
	session->handles = h;
	pthread_mutex_unlock(&session->handles_lock);
	return h;
}

static void handle_destroy(struct session *session, struct handle *h)
{
	pthread_mutex_lock(&session->handles_lock);
	if (h->prev)
		h->prev->following = h->following;
	else
		session->handles = h->following;
	if (h->following)
		h->following->prev = h->prev;
	leave_way(h);
	pthread_mutex_unlock(&session->handles_lock);
	vfs_close(session->server->root, h->fd);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void handles_destroy(struct session *session)
{
	while (session->handles)
		handle_destroy(session, session->handles);
}

/* The kernel says with each write whether and where it appends: opened for
 * appending the file is only where nothing else will do. */
static int open_flags(int flags)
{
	return flags & ~(OPEN_IGNORED | OPEN_EXEC | O_APPEND);
}

/* What the kernel keeps of a page it reads before. */
static int flags_to_keep(const struct session *session, int flags)
{
	if (session->writeback && (flags & O_ACCMODE) == O_WRONLY)
		return (flags & ~O_ACCMODE) | O_RDWR;
	return flags;
}

/* plain: as open_flags has it. */
static int open_as(struct vfs_task *task, int dirfd, const char *name,
		   int plain, int flags, mode_t mode)
{
	int fd = vfs_openat(task, dirfd, name, plain, mode);

	if (fd == -EPERM && flags & O_APPEND)
		fd = vfs_openat(task, dirfd, name, plain | O_APPEND, mode);
	return fd;
}

/* To execute takes no permission to read. */
static int open_to_execute(struct call *call, struct node *node)
{
	struct server *server = call->session->server;
	char buffer[FD_NAME_SIZE];
	int err;

	err = vfs_faccessat2(call->task, node->fd, "", X_OK,
			     AT_EMPTY_PATH | AT_EACCESS);
	if (err)
		return err;
	return vfs_open(server->root, fd_name(node->fd, buffer), O_RDONLY, 0);
}

/* By who may write and not read, for the kernel, which reads what it keeps. */
static int open_to_keep(struct call *call, const char *name, int flags)
{
	struct vfs_task *root = call->session->server->root;
	int plain = open_flags(flags);
	int fd = open_as(call->task, AT_FDCWD, name, plain, flags, 0), kept;

	if (fd < 0)
		return fd;
	kept = open_as(root, AT_FDCWD, name,
		       flags_to_keep(call->session, plain & ~O_TRUNC), flags,
		       0);
	vfs_close(root, fd);
	return kept;
}

static int open_node(struct call *call, struct node *node, int flags)
{
	char buffer[FD_NAME_SIZE];
	const char *name = fd_name(node->fd, buffer);
	int plain = open_flags(flags);
	int keep = flags_to_keep(call->session, plain);
	int fd = open_as(call->task, AT_FDCWD, name, keep, flags, 0);

	if (fd == -EACCES && keep != plain)
		fd = open_to_keep(call, name, flags);
	if (fd == -EACCES && flags & OPEN_EXEC)
		fd = open_to_execute(call, node);
	return fd;
}

static void open_any(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *session = session_of(req);
	struct node *node = node_of(session->nodes, ino);
	struct vfs_stat before = {0};
	struct handle *h = NULL;
	struct call call;
	int fd;

	if (fi->flags & O_TRUNC)
		vfs_fstat(session->server->root, node->fd, &before);
	if (!call_begin_fresh(&call, req, before.mode & (S_ISUID | S_ISGID)))
		return;
	do
		fd = open_node(&call, node, fi->flags);
	while (call_again(&call, fd));
	if (fd >= 0) {
		h = handle_create(session, node, fd);
		if (!h) {
			vfs_close(session->server->root, fd);
			fd = -ENOMEM;
		}
	}
	if (fd < 0) {
		reply_error(&call, fd);
		return;
	}
	if (before.mode & (S_ISUID | S_ISGID))
		forget_attributes(session, node);
	advise(session, h, fi);
	/* who asked may be gone, and nobody will release it then */
	if (fuse_reply_open(req, fi) < 0)
		handle_destroy(session, h);
	call_end(&call);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	open_any(req, ino, fi);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	open_any(req, ino, fi);
}

/* The name of a file without a name: see session.c. */
static bool is_nameless(const char *name)
{
	return name[0] == '/';
}

/*
 * By way of another mount of the tree the name may have been given to something
 * else since the kernel looked for it. That is not the server's to open, which
 * for a FIFO would wait: -ESTALE, by which the kernel looks again.
 */
static int check_created(struct call *call, const struct node *dir, int fd)
{
	struct vfs_task *root = call->session->server->root;
	struct vfs_stat stat;
	int err;

	if (fd == -ELOOP || fd == -ENXIO)
		return -ESTALE;
	if (fd < 0 || !node_is_asked(call->session, dir))
		return fd;
	err = vfs_fstat(root, fd, &stat);
	if (!err && !S_ISREG(stat.mode))
		err = -ESTALE;
	if (err)
		vfs_close(root, fd);
	return err ? err : fd;
}

static int create_file(struct call *call, struct node *dir, const char *name,
		       int flags, mode_t mode)
{
	int plain = flags_to_keep(call->session, open_flags(flags));

	if (is_nameless(name))
		return vfs_openat(call->task, dir->fd, ".",
				  (plain & ~O_TRUNC) | O_TMPFILE |
					  (flags & O_EXCL),
				  mode);
	plain |= O_CREAT | O_NOFOLLOW | O_NONBLOCK | (flags & O_EXCL);
	return check_created(
		call, dir,
		open_as(call->task, dir->fd, name, plain, flags, mode));
}

/* The node of the new file, and a handle for the descriptor, which is taken
 * over. */
static int make_handle(struct call *call, int fd, struct handle **out,
		       struct fuse_entry_param *entry)
{
	struct session *session = call->session;
	int err = entry_find(call, NULL, NULL, fd, entry);

	if (!err) {
		struct node *node = node_of(session->nodes, entry->ino);

		*out = handle_create(session, node, fd);
		if (*out)
			return 0;
		node_forget(session->nodes, node, 1);
		err = -ENOMEM;
	}
	vfs_close(session->server->root, fd);
	return err;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct session *session = session_of(req);
	struct node *dir = node_of(session->nodes, parent);
	struct fuse_entry_param entry;
	struct handle *h = NULL;
	struct call call;
	int fd, err;

	if (!call_begin_create(&call, req, mode))
		return;
	do
		fd = create_file(&call, dir, name, fi->flags, mode);
	while (call_again(&call, fd));
	err = fd < 0 ? fd : make_handle(&call, fd, &h, &entry);
	if (err) {
		reply_error(&call, err);
		return;
	}
	advise(session, h, fi);
	if (fuse_reply_create(req, &entry, fi) < 0) {
		struct node *node = h->node;

		handle_destroy(session, h);
		node_forget(session->nodes, node, 1);
	}
	call_end(&call);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *session = session_of(req);

	owners_release(session->owners, node_of(session->nodes, ino),
		       fi->lock_owner, NULL);
	fuse_reply_err(req, 0);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *session = session_of(req);
	struct handle *h = handle_of(fi);

	__atomic_add_fetch(&session->forgetting, 1, __ATOMIC_ACQ_REL);
	/* locks of open files (F_OFD_SETLK) have no other end */
	owners_release(session->owners, node_of(session->nodes, ino), 0, h);
	handle_destroy(session, h);
	__atomic_sub_fetch(&session->forgetting, 1, __ATOMIC_ACQ_REL);
	fuse_reply_err(req, 0);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	      struct fuse_file_info *fi)
{
	struct vfs_task *root = session_of(req)->server->root;
	int fd = handle_of(fi)->fd, err = 0;

	(void)ino;
	if (!session_of(req)->no_sync)
		err = datasync ? vfs_fdatasync(root, fd) : vfs_fsync(root, fd);
	fuse_reply_err(req, -err);
}

/* What the library serves as a regular file or a directory is always ready, so
 * nobody is ever woken later; devices and FIFOs are the kernel's own. */
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	     struct fuse_pollhandle *ph)
{
	struct vfs_pollfd poll = {.fd = handle_of(fi)->fd,
				  .events = (int16_t)fi->poll_events};
	int n = vfs_poll(session_of(req)->server->root, &poll, 1, 0);

	(void)ino;
	if (ph)
		fuse_pollhandle_destroy(ph);
	if (n < 0)
		fuse_reply_err(req, -n);
	else
		fuse_reply_poll(req, (unsigned int)(uint16_t)poll.revents);
}

/* The inode's flags, as lsattr and chattr ask for them. */
static int inode_flags(struct call *call, int fd, unsigned int cmd,
		       const void *in, size_t in_size, char room[64])
{
	if (in_size > 64)
		return -EINVAL;
	memset(room, 0, 64);
	if (in_size)
		memcpy(room, in, in_size);
	return vfs_ioctl(call->task, fd, cmd, room);
}

/* The one whose server it is, or who could mount where that one could. */
static bool may_remount(const struct call *call)
{
	uid_t uid = fuse_req_ctx(call->req)->uid;

	return user_may_mount(call->user_task->user) ||
	       (uid && uid == geteuid());
}

void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	      struct fuse_file_info *fi, unsigned int flags, const void *in,
	      size_t in_size, size_t out_size)
{
	struct node *node = node_of(session_of(req)->nodes, ino);
	bool ours = cmd == SERVER_IOC_REMOUNT;
	struct call call;
	char room[64];
	int err;

	(void)arg;
	(void)flags;
	if (!ours && cmd != FS_IOC_GETFLAGS && cmd != FS_IOC_SETFLAGS &&
	    cmd != FS_IOC_FSGETXATTR && cmd != FS_IOC_FSSETXATTR) {
		fuse_reply_err(req, ENOTTY);
		return;
	}
	if (!call_begin_fresh(&call, req, ours))
		return;
	if (ours)
		err = may_remount(&call) ? server_remount(call.session->server,
							  in, in_size)
					 : -EPERM;
	else
		do
			err = inode_flags(&call, handle_of(fi)->fd, cmd, in,
					  in_size, room);
		while (call_again(&call, err));
	if (err) {
		reply_error(&call, err);
		return;
	}
	if (cmd == FS_IOC_SETFLAGS || cmd == FS_IOC_FSSETXATTR)
		forget_attributes(call.session, node);
	if (ours || out_size > sizeof(room))
		out_size = 0;
	fuse_reply_ioctl(req, 0, room, out_size);
	call_end(&call);
}
