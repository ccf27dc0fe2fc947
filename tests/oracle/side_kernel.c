/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side: a tmpfs that is the root of a mount namespace with
 * nothing else in it, so that absolute paths, `..` at the root and getcwd say
 * what they say in the library. It is mounted once and emptied between
 * sequences.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "instants.h"
#include "kernel_calls.h"
#include "ktask.h"
#include "kuser.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
/* It does not bear a process that shares memory with it. */
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define USERNS_POSSIBLE false
#else
#define USERNS_POSSIBLE true
#endif

struct kernel_side {
	enum place place;
	const struct who *single; /* whom all are, or NULL */
	char directory[64]; /* PLACE_DIRECTORY: what to remove in the end */
	int root;	    /* a private descriptor, in every task's table */
	int proc;	    /* the same: /proc */
	int pristine;	    /* the namespace that each sequence begins with */
	bool mounts, keep;
	struct instants instants;
	bool ready;
};

/* opened before the tree is all there is */
static int proc_fd = -1;

static void kernel_tick(struct side *side)
{
	struct kernel_side *self = side->private;

	instants_mark(&self->instants);
}

static unsigned kernel_instant(const struct side *side,
			       const struct vfs_timespec *time)
{
	struct kernel_side *self = side->private;

	return instants_find(&self->instants, time);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		errno = 0; /* shows in the next step, which then fails */
	close(fd);
}

/* One id, that of the caller, as 0. */
static bool enter_user_namespace(void)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWUSER))
		return false;
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
	return getuid() == 0;
}

/* The file system that the kernel works on, at /tmp. */
static bool mount_tree(const char *options, const struct host *host)
{
	char full[256];
	bool ok;
	int fd;

	snprintf(full, sizeof(full), "mode=0777,%s", options);
	if (host->dir > 0)
		return !move_mount(host->dir, "", AT_FDCWD, "/tmp",
				   MOVE_MOUNT_F_EMPTY_PATH);
	if (host->kind == HOST_NONE)
		return !mount("oracle", "/tmp", "tmpfs", 0, full);
	fd = host_create(host, options);
	ok = !move_mount(fd, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH);
	close(fd);
	return ok;
}

static bool enter_mount(const char *options, const struct host *host)
{
	return !unshare(CLONE_FS | CLONE_NEWNS) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       mount_tree(options, host) && !chdir("/tmp") &&
	       !syscall(SYS_pivot_root, ".", ".") &&
	       !umount2(".", MNT_DETACH) && !chdir("/");
}

static bool try_place(enum place place)
{
	static const struct host none;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return false;
	if (!pid) {
		bool ok = (place == PLACE_MOUNT || enter_user_namespace()) &&
			  enter_mount("size=64k", &none);

		if (ok && place == PLACE_MOUNT)
			ok = ktask_become(who_find("user2"));
		_exit(ok && ktask_become(who_find("root")) ? 0 : 1);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

bool kernel_has_userns(void)
{
	static int known = -1;
	int status;
	pid_t pid;

	if (known >= 0)
		return known;
	pid = USERNS_POSSIBLE ? fork() : -1;
	if (!pid)
		_exit(unshare(CLONE_NEWUSER) ? 1 : 0);
	known = pid > 0 && waitpid(pid, &status, 0) == pid &&
		WIFEXITED(status) && !WEXITSTATUS(status);
	return known;
}

/* In a child, in a place of its own. */
static bool try_overlay(void)
{
	static const struct host none;

	return enter_mount("size=64k", &none) && !mkdir("/l", 0755) &&
	       !mkdir("/u", 0755) && !mkdir("/w", 0755) && !mkdir("/m", 0755) &&
	       !mount("o", "/m", "overlay", 0,
		      "lowerdir=/l,upperdir=/u,workdir=/w,redirect_dir=off");
}

bool kernel_has_overlay(void)
{
	static int known = -1;
	int status;
	pid_t pid;

	if (known >= 0)
		return known;
	pid = fork();
	if (!pid)
		_exit(try_overlay() ? 0 : 1);
	known = pid > 0 && waitpid(pid, &status, 0) == pid &&
		WIFEXITED(status) && !WEXITSTATUS(status);
	return known;
}

enum place kernel_place(void)
{
	if (try_place(PLACE_MOUNT))
		return PLACE_MOUNT;
	if (try_place(PLACE_USER_MOUNT))
		return PLACE_USER_MOUNT;
	return PLACE_DIRECTORY;
}

static void reset_root(const char *root)
{
	char list[4096];
	ssize_t len = listxattr(root, list, sizeof(list));

	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(list + i) + 1)
		removexattr(root, list + i);
	if (chown(root, geteuid(), getegid()) || chmod(root, 0777) ||
	    utimensat(AT_FDCWD, root, NULL, 0))
		die("cannot reset the root: %s", strerror(errno));
}

/* A fresh copy of the first namespace; what the last sequence mounted goes with
 * the old one. */
static void enter_namespace(struct kernel_side *self)
{
	close(self->root);
	if (setns(self->pristine, CLONE_NEWNS) || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REMOUNT, NULL))
		die("cannot renew the namespace: %s", strerror(errno));
	self->root = private_fd(open(".", O_PATH | O_DIRECTORY));
}

/* On task 0's thread. */
static void reset(void *argument)
{
	struct kernel_side *self = argument;

	if (self->place != PLACE_DIRECTORY && !ktask_become(who_find("root")))
		die("cannot become root again");
	syscall(SYS_close_range, 3, FIRST_PRIVATE_FD - 1, 0);
	umask(022);
	if (self->place == PLACE_DIRECTORY)
		chmod(self->directory, 0777);
	if (self->mounts) {
		enter_namespace(self);
	} else {
		if (fchdir(self->root))
			die("the root is lost: %s", strerror(errno));
		if (self->place != PLACE_DIRECTORY && chroot("."))
			die("cannot return to the root: %s", strerror(errno));
	}
	if (self->keep)
		return;
	kuser_purge(self->root);
	reset_root(".");
	if (self->single && chown(".", self->single->uid, self->single->gid))
		die("cannot give the root away");
}

struct set_up_request {
	struct kernel_side *self;
	const char *options;
	const struct host *host;
};

/* On task 0's thread. */
static void set_up(void *argument)
{
	struct set_up_request *request = argument;
	struct kernel_side *self = request->self;

	if (self->place == PLACE_DIRECTORY) {
		strcpy(self->directory, "/tmp/oracle-XXXXXX");
		if (!mkdtemp(self->directory) || chdir(self->directory))
			die("no directory: %s", strerror(errno));
	} else {
		self->proc = private_fd(open("/proc", O_PATH | O_DIRECTORY));
		if (!enter_mount(request->options, request->host))
			die("cannot mount a tmpfs: %s", strerror(errno));
		self->pristine = private_fd(
			openat(self->proc, "thread-self/ns/mnt", O_RDONLY));
		ktask_last_namespace = self->pristine;
	}
	self->root = private_fd(open(".", O_PATH | O_DIRECTORY));
}

static void reset_first(struct kernel_side *self, struct ktask *first)
{
	ktask_limit(first, RLIMIT_FSIZE, RLIM_INFINITY);
	ktask_limit(first, RLIMIT_NOFILE, 1024);
	ktask_run(first, reset, self);
}

struct become_request {
	const struct who *who;
	bool ok;
};

static void run_become(void *argument)
{
	struct become_request *request = argument;

	request->ok = ktask_become(request->who);
}

static void become(struct ktask *task, const struct who *who)
{
	struct become_request request = {who, false};

	ktask_run(task, run_become, &request);
	if (!request.ok)
		die("cannot become %s", who->name);
}

static void kernel_begin(struct side *side)
{
	struct kernel_side *self = side->private;
	struct ktask *first = (struct ktask *)side->tasks[0];

	if (!self->ready) {
		struct set_up_request request = {self, side->options,
						 side->host};

		ktask_run(first, set_up, &request);
		self->ready = true;
	}
	self->mounts = side->mounts;
	self->keep = side->keep;
	if (self->mounts)
		syscall(SYS_close_range, KEPT_FD, ~0U, 0);
	reset_first(self, first);
	/* it looks at the namespace that the sequence begins in */
	if (self->mounts) {
		ktask_end((struct ktask *)side->observer);
		side->observer = NULL;
	}
	if (!side->observer)
		side->observer = (struct vfs_task *)ktask_spawn(first, 0, -1);
	if (self->single) {
		become(first, self->single);
		become((struct ktask *)side->observer, self->single);
	}
	self->instants.count = 0;
}

static void kernel_drop(struct side *side, unsigned task)
{
	ktask_end((struct ktask *)side->tasks[task]);
	side->tasks[task] = NULL;
}

static void kernel_end(struct side *side)
{
	for (unsigned i = MAX_TASKS - 1; i > 0; i--)
		kernel_drop(side, i);
}

static void kernel_destroy(struct side *side)
{
	struct kernel_side *self = side->private;

	kernel_end(side);
	if (self->ready)
		reset_first(self, (struct ktask *)side->tasks[0]);
	ktask_end((struct ktask *)side->observer);
	kernel_drop(side, 0);
	if (self->directory[0])
		rmdir(self->directory);
	/* A leak checker attaches to this process. */
	prctl(PR_SET_DUMPABLE, 1);
	instants_fini(&self->instants);
	free(self);
}

static int kernel_become(struct side *side, const struct who *who)
{
	struct kernel_side *self = side->private;

	if (!self->single)
		become((struct ktask *)side_task(side), who);
	return 0;
}

static int kernel_limit(struct side *side, int resource, uint64_t cur)
{
	return ktask_limit((struct ktask *)side_task(side), resource, cur);
}

static int kernel_clone(struct side *side, unsigned to, uint64_t flags)
{
	struct kernel_side *self = side->private;
	struct ktask *parent = (struct ktask *)side_task(side);
	struct ktask *task =
		ktask_spawn(parent, flags,
			    self->place == PLACE_DIRECTORY ? -1 : self->root);
	int error = ktask_error(task);

	if (error)
		ktask_end(task);
	else
		side->tasks[to] = (struct vfs_task *)task;
	return error;
}

static int kernel_set_maps(struct side *side, unsigned task,
			   const struct vfs_id_map *uids, size_t uid_count,
			   const struct vfs_id_map *gids, size_t gid_count)
{
	/* like an embedder, one who may; who must be in the parent */
	struct ktask *current = (struct ktask *)side_task(side);
	struct ktask *writer = ktask_process(current)
				       ? current
				       : (struct ktask *)side->observer;
	pid_t process = ktask_process((struct ktask *)side->tasks[task]);
	int result = 0;

	if (uid_count)
		result = kuser_write_map(writer, proc_fd, process, "uid_map",
					 uids, uid_count);
	if (gid_count && !result)
		result = kuser_write_map(writer, proc_fd, process, "gid_map",
					 gids, gid_count);
	return result;
}

static void read_tid(void *argument)
{
	*(pid_t *)argument = (pid_t)syscall(SYS_gettid);
}

struct open_request {
	int dir;
	const char *path;
	int fd;
};

static void run_open(void *argument)
{
	struct open_request *request = argument;

	request->fd = openat(request->dir, request->path, O_RDONLY);
	if (request->fd < 0)
		request->fd = -errno;
}

static int open_proc(struct side *side, const char *path)
{
	struct kernel_side *self = side->private;
	struct open_request request = {self->proc, path, -1};

	ktask_run((struct ktask *)side_task(side), run_open, &request);
	return request.fd;
}

static int kernel_open_ns(struct side *side, unsigned task, uint64_t type)
{
	char path[64];
	pid_t tid = 0;

	ktask_run((struct ktask *)side->tasks[task], read_tid, &tid);
	snprintf(path, sizeof(path), "%d/ns/%s", tid,
		 type == VFS_CLONE_NEWUSER ? "user" : "mnt");
	return open_proc(side, path);
}

struct read_request {
	int fd;
	char *buffer;
	size_t size;
	ssize_t len;
};

static void run_read(void *argument)
{
	struct read_request *r = argument;
	ssize_t n;

	r->len = 0;
	while ((n = read(r->fd, r->buffer + r->len,
			 r->size - 1 - (size_t)r->len)) > 0)
		r->len += n;
	r->buffer[r->len] = '\0';
	close(r->fd);
}

static int64_t kernel_mountinfo(struct side *side, char *buffer, size_t size)
{
	struct read_request request = {-1, buffer, size, 0};

	request.fd = open_proc(side, "thread-self/mountinfo");
	if (request.fd < 0)
		return request.fd;
	ktask_run((struct ktask *)side_task(side), run_read, &request);
	return request.len;
}

static void kernel_run_on(struct vfs_task *task, void (*function)(void *),
			  void *argument)
{
	ktask_run((struct ktask *)task, function, argument);
}

const struct side_class kernel_class = {
	.name = "kernel",
	.calls =
		{
#define X(name) .name = kernel_##name,
#include "api_calls.inc"
#undef X
		},
	.begin = kernel_begin,
	.end = kernel_end,
	.destroy = kernel_destroy,
	.tick = kernel_tick,
	.instant = kernel_instant,
	.become = kernel_become,
	.limit = kernel_limit,
	.clone = kernel_clone,
	.set_maps = kernel_set_maps,
	.drop = kernel_drop,
	.open_ns = kernel_open_ns,
	.mountinfo = kernel_mountinfo,
	.bind = kernel_bind,
	.connect = kernel_connect,
	.hang_up = kernel_hang_up,
	.run_on = kernel_run_on,
};

struct side *kernel_create(enum place place, const char *options,
			   const struct host *host, bool inlined)
{
	struct side *side = side_create(&kernel_class, options);
	struct kernel_side *self = calloc(1, sizeof(*self));
	static bool entered;

	if (!self)
		die("out of memory");
	self->place = place;
	self->single = HOST_SINGLE(host) ? who_find("user1") : NULL;
	side->private = self;
	side->host = host;
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	kernel_fine_times();
	if (proc_fd < 0)
		proc_fd = private_fd(open("/proc", O_PATH | O_DIRECTORY));
	if (place == PLACE_USER_MOUNT && !entered) {
		if (!enter_user_namespace())
			die("no user namespace");
		entered = true;
	}
	side->tasks[0] =
		(struct vfs_task *)(inlined ? ktask_adopt()
					    : ktask_spawn(NULL, 0, -1));
	return side;
}
