/* SPDX-License-Identifier: MIT */
/*
 * Locks. flock(2) is the library's, on the open file that the handle is. A
 * record lock's owner is a process (or an open file), which the kernel gives a
 * number; here it is a task with a descriptor table of its own for each file
 * that it has locks on, because that is what the library takes for an owner.
 *
 * An owner ends with the first close of its file by that process (flush), with
 * the handle that it was asked for through last (release), or with the session.
 * A call that is at work keeps it, and if that gets a lock the owner goes on.
 *
 * Who has to wait does so in a thread of its own (waits.h). Thread safe: the
 * table has a lock, under which nothing waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#include "ops.h"

#define BUCKETS 256u

struct owner {
	const struct node *node;
	uint64_t number;
	struct vfs_task *task;
	int32_t task_id;
	int fds[2]; /* of the task: read-only, read-write; or -1 */
	/* below: under the table's lock */
	const struct handle *handle; /* that was used last, or NULL */
	pid_t pid;
	unsigned int refs; /* the table's, and calls at work */
	bool ended;	   /* in the table for these alone */
	struct owner *next;
};

struct owners {
	struct server *server;
	pthread_mutex_t lock;
	struct owner *buckets[BUCKETS]; /* by node */
};

struct owners *owners_create(struct server *server)
{
	struct owners *owners = calloc(1, sizeof(*owners));

	if (!owners)
		return NULL;
	owners->server = server;
	pthread_mutex_init(&owners->lock, NULL);
	return owners;
}

/* The task's end closes its descriptors, and that drops its locks. */
static void owner_destroy(struct owner *owner)
{
	vfs_task_unref(owner->task);
	free(owner);
}

void owners_destroy(struct owners *owners)
{
	struct owner *owner, *next;
	unsigned int i;

	if (!owners)
		return;
	for (i = 0; i < BUCKETS; i++) {
		for (owner = owners->buckets[i]; owner; owner = next) {
			next = owner->next;
			owner_destroy(owner);
		}
	}
	pthread_mutex_destroy(&owners->lock);
	free(owners);
}

static struct owner **bucket_of(struct owners *owners, const struct node *node)
{
	return &owners->buckets[((uintptr_t)node >> 6) & (BUCKETS - 1)];
}

/* Lock held. */
static void unlink_owner(struct owners *owners, struct owner *owner)
{
	struct owner **at = bucket_of(owners, owner->node);

	while (*at != owner)
		at = &(*at)->next;
	*at = owner->next;
	owner->ended = false;
	owner->refs--;
}

static void owner_put(struct owners *owners, struct owner *owner)
{
	bool last;

	pthread_mutex_lock(&owners->lock);
	owner->refs--;
	if (owner->refs == 1 && owner->ended)
		unlink_owner(owners, owner);
	last = !owner->refs;
	pthread_mutex_unlock(&owners->lock);
	if (last)
		owner_destroy(owner);
}

static int owner_create(struct owners *owners, const struct node *node,
			uint64_t number, struct owner **out)
{
	struct owner *owner = calloc(1, sizeof(*owner));
	int err;

	if (!owner)
		return -ENOLCK;
	err = vfs_task_clone(owners->server->bare, 0, &owner->task);
	if (err) {
		free(owner);
		return err == -ENOMEM ? -ENOLCK : err;
	}
	owner->node = node;
	owner->number = number;
	owner->task_id = vfs_task_id(owner->task);
	owner->fds[0] = owner->fds[1] = -1;
	*out = owner;
	return 0;
}

/* The file's owner of that number, referenced, for a call through h; made, if
 * there is none. */
static int owner_get(struct owners *owners, const struct handle *h,
		     uint64_t number, struct owner **out)
{
	struct owner *owner, *fresh, **bucket = bucket_of(owners, h->node);
	int err = owner_create(owners, h->node, number, &fresh);

	if (err)
		return err;
	pthread_mutex_lock(&owners->lock);
	for (owner = *bucket; owner; owner = owner->next) {
		if (owner->node == h->node && owner->number == number)
			break;
	}
	if (!owner) {
		owner = fresh;
		fresh = NULL;
		owner->refs = 1;
		owner->next = *bucket;
		*bucket = owner;
	}
	owner->refs++;
	owner->handle = h;
	pthread_mutex_unlock(&owners->lock);
	if (fresh)
		owner_destroy(fresh);
	*out = owner;
	return 0;
}

/* One that ends, referenced, and in the table only where calls are at work;
 * NULL: there are no more. */
static struct owner *end_one(struct owners *owners, const struct node *node,
			     uint64_t number, const struct handle *handle)
{
	struct owner *owner;

	pthread_mutex_lock(&owners->lock);
	for (owner = *bucket_of(owners, node); owner; owner = owner->next) {
		if (owner->node == node &&
		    (handle ? owner->handle == handle
			    : owner->number == number && !owner->ended))
			break;
	}
	if (owner) {
		owner->refs++;
		owner->ended = true;
		/* the next handle may have its address */
		if (handle)
			owner->handle = NULL;
	}
	pthread_mutex_unlock(&owners->lock);
	return owner;
}

void owners_release(struct owners *owners, const struct node *node,
		    uint64_t number, const struct handle *handle)
{
	struct owner *owner;

	/* of a number there is one, which may have been given a new lock when
	 * one would look again */
	do {
		struct vfs_flock all = {.type = F_UNLCK};
		int i;

		owner = end_one(owners, node, number, handle);
		if (!owner)
			return;

		for (i = 0; i < 2; i++) {
			if (owner->fds[i] >= 0)
				vfs_fcntl_lock(owner->task, owner->fds[i],
					       F_SETLK, &all);
		}
		owner_put(owners, owner);
	} while (handle);
}

/* It has got a lock: whatever ended meanwhile, that is there. */
static void owner_goes_on(struct owners *owners, struct owner *owner)
{
	pthread_mutex_lock(&owners->lock);
	owner->ended = false;
	pthread_mutex_unlock(&owners->lock);
}

/* A descriptor of the owner's that serves for such a lock. Opened for what the
 * lock needs and no more: an overlay copies what is opened for writing. */
static int lock_fd(struct owners *owners, struct owner *owner, int type)
{
	int which = type == F_WRLCK ? 1 : 0, fd;
	char path[64];

	pthread_mutex_lock(&owners->lock);
	fd = owner->fds[which];
	if (fd < 0 && !which && owner->fds[1] >= 0)
		fd = owner->fds[1];
	pthread_mutex_unlock(&owners->lock);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "%d/fd/%d",
		 vfs_task_id(owners->server->root), owner->node->fd);
	fd = vfs_open(owner->task, path,
		      (which ? O_RDWR : O_RDONLY) | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&owners->lock);
	/* a second one of another thread's stays open: closing it would drop
	 * the locks */
	if (owner->fds[which] < 0)
		owner->fds[which] = fd;
	pthread_mutex_unlock(&owners->lock);
	return fd;
}

static struct vfs_flock range_of(const struct flock *lock)
{
	return (struct vfs_flock){
		.type = lock->l_type,
		.whence = SEEK_SET,
		.start = lock->l_start,
		.len = lock->l_len,
	};
}

/* The process behind the task that a conflicting lock is of. */
static pid_t pid_of(struct owners *owners, const struct node *node,
		    int32_t task_id)
{
	struct owner *owner;
	pid_t pid = 0;

	pthread_mutex_lock(&owners->lock);
	for (owner = *bucket_of(owners, node); owner; owner = owner->next) {
		if (owner->task_id == task_id)
			pid = owner->pid;
	}
	pthread_mutex_unlock(&owners->lock);
	return pid;
}

/*
 * F_OFD_GETLK of F_UNLCK asks for the owner's own lock: what somebody else
 * would find in the way, without the locks of others.
 */
static int own_lock(struct owners *owners, const struct owner *owner,
		    struct vfs_flock *range)
{
	int64_t at = range->start;
	int64_t end = range->len ? at + range->len : INT64_MAX;
	struct owner *other;
	int fd, err = owner_create(owners, owner->node, 0, &other);

	if (err)
		return err;
	fd = lock_fd(owners, other, F_RDLCK);
	err = fd < 0 ? fd : 0;
	while (!err && at < end) {
		struct vfs_flock found = {.type = F_WRLCK,
					  .whence = SEEK_SET,
					  .start = at,
					  .len = range->len ? end - at : 0};

		err = vfs_fcntl_lock(other->task, fd, F_GETLK, &found);
		if (err || found.type == F_UNLCK)
			break;
		if (found.pid == owner->task_id) {
			*range = found;
			break;
		}
		at = found.len ? found.start + found.len : end;
	}
	owner_destroy(other);
	return err;
}

void op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	      struct flock *lock)
{
	struct owners *owners = session_of(req)->owners;
	struct vfs_flock range = range_of(lock);
	const struct handle *h = handle_of(fi);
	struct owner *owner;
	int err, fd = -1;

	(void)ino;
	err = owner_get(owners, h, fi->lock_owner, &owner);
	if (!err) {
		fd = range.type == F_UNLCK ? -1
					   : lock_fd(owners, owner, F_RDLCK);
		if (range.type == F_UNLCK)
			err = own_lock(owners, owner, &range);
		else
			err = fd < 0 ? fd
				     : vfs_fcntl_lock(owner->task, fd, F_GETLK,
						      &range);
		owner_put(owners, owner);
	}
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	lock->l_type = range.type;
	if (range.type != F_UNLCK) {
		lock->l_start = range.start;
		lock->l_len = range.len;
		lock->l_pid = pid_of(owners, h->node, range.pid);
	}
	fuse_reply_lock(req, lock);
}

/* A call that waits for a record lock. */
struct record_wait {
	struct owners *owners;
	struct owner *owner; /* referenced */
	int fd;
	struct vfs_flock range;
};

static int wait_for_record(void *context, struct vfs_task *task)
{
	struct record_wait *w = context;
	int err = vfs_fcntl_lock(task, w->fd, F_SETLKW, &w->range);

	if (!err)
		owner_goes_on(w->owners, w->owner);
	return err;
}

static void record_done(void *context)
{
	struct record_wait *w = context;

	owner_put(w->owners, w->owner);
	free(w);
}

/* Takes the reference on owner over, and answers. */
static void start_record_wait(fuse_req_t req, struct owner *owner, int fd,
			      const struct vfs_flock *range)
{
	struct session *session = session_of(req);
	struct record_wait *w = calloc(1, sizeof(*w));
	int err;

	if (!w) {
		owner_put(session->owners, owner);
		fuse_reply_err(req, ENOLCK);
		return;
	}
	w->owners = session->owners;
	w->owner = owner;
	w->fd = fd;
	w->range = *range;
	vfs_task_ref(owner->task);
	err = wait_start(session->waits, req, owner->task, wait_for_record,
			 record_done, w);
	if (err) {
		vfs_task_unref(owner->task);
		record_done(w);
		fuse_reply_err(req, -err);
	}
}

void op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	      struct flock *lock, int sleep)
{
	struct owners *owners = session_of(req)->owners;
	struct vfs_flock range = range_of(lock), tried;
	struct handle *h = handle_of(fi);
	struct owner *owner;
	int err, fd = -1;

	(void)ino;
	err = owner_get(owners, h, fi->lock_owner, &owner);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	if (lock->l_type != F_UNLCK) {
		pthread_mutex_lock(&owners->lock);
		owner->pid = lock->l_pid;
		pthread_mutex_unlock(&owners->lock);
	}
	fd = lock_fd(owners, owner, lock->l_type);
	tried = range;
	err = fd < 0 ? fd : vfs_fcntl_lock(owner->task, fd, F_SETLK, &tried);
	if (err == -EAGAIN && sleep) {
		start_record_wait(req, owner, fd, &range);
		return;
	}
	if (!err && lock->l_type != F_UNLCK)
		owner_goes_on(owners, owner);
	owner_put(owners, owner);
	fuse_reply_err(req, -err);
}

/* A call that waits for flock. */
struct flock_wait {
	int fd, op;
};

static int wait_for_flock(void *context, struct vfs_task *task)
{
	struct flock_wait *w = context;

	return vfs_flock(task, w->fd, w->op);
}

void op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
	struct session *session = session_of(req);
	struct vfs_task *root = session->server->root, *task;
	int fd = handle_of(fi)->fd, err;
	struct flock_wait *w;

	(void)ino;
	err = vfs_flock(root, fd, op | LOCK_NB);
	if (err != -EWOULDBLOCK || op & LOCK_NB) {
		fuse_reply_err(req, -err);
		return;
	}
	/* a task for this call alone: interrupts are for all that a task does
	 */
	w = calloc(1, sizeof(*w));
	err = w ? vfs_task_clone(root, VFS_CLONE_FILES, &task) : -ENOLCK;
	if (!err) {
		w->fd = fd;
		w->op = op;
		err = wait_start(session->waits, req, task, wait_for_flock,
				 free, w);
		if (err)
			vfs_task_unref(task);
	}
	if (err) {
		free(w);
		fuse_reply_err(req, -err);
	}
}
