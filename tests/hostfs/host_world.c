/* SPDX-License-Identifier: MIT */
/* Contract: host_world.h. */
#include "hostfs/host_world.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>

static void take_log(void *context, int32_t level, const char *message)
{
	struct host_world *w = context;

	(void)level;
	pthread_mutex_lock(&w->lock);
	snprintf(w->log, sizeof(w->log), "%s", message);
	w->lines++;
	pthread_mutex_unlock(&w->lock);
}

/* The name's place in the list; the lock is held. */
static unsigned index_of(struct host_world *w, const char *call)
{
	unsigned i = 0;

	while (i < w->name_count && strcmp(w->names[i], call))
		i++;
	if (i == HOST_CALLS_MAX)
		abort();
	if (i == w->name_count)
		w->names[w->name_count++] = call;
	return i;
}

static int count_call(void *context, const char *call)
{
	struct host_world *w = context;
	int error = 0;

	pthread_mutex_lock(&w->lock);
	w->counts[index_of(w, call)]++;
	if (strcmp(call, "close"))
		w->calls++;
	if (w->fail_at && (!w->fail_call || !strcmp(w->fail_call, call))) {
		if (w->fail_at > 1)
			w->fail_at--;
		else if (w->failed < w->fail_count)
			w->failed++, error = w->fail_error;
	}
	pthread_mutex_unlock(&w->lock);
	if (w->before)
		w->before(w, call);
	return error;
}

static struct vfs_task *make_user(struct host_world *w, uint32_t id)
{
	struct vfs_cred_spec spec = {.size = sizeof(spec),
				     .uid = id,
				     .gid = id,
				     .fsuid = id,
				     .fsgid = id};
	struct vfs_task *task = NULL;
	struct vfs_cred *cred;

	if (vfs_cred_create(w->vfs, &spec, &cred))
		return NULL;
	if (vfs_task_create(w->vfs, cred, &task))
		task = NULL;
	vfs_cred_unref(cred);
	return task;
}

int host_mount(struct host_world *w, const char *target, const char *options)
{
	char all[256];

	snprintf(all, sizeof(all), "%s%srootfd=%d", options,
		 *options ? "," : "", w->dirfd);
	return vfs_mount_type(w->task, &vfs_hostfs_type, NULL, target, 0, all);
}

int host_start(struct host_world *w, const char *options)
{
	struct vfs_config config = {
		.size = sizeof(config),
		.allocator = &w->alloc.hooks,
		.log = take_log,
		.log_context = w,
		.fault = count_call,
		.fault_context = w,
	};
	int error = vfs_create(&config, &w->vfs);

	if (error)
		return error;
	error = vfs_task_create(w->vfs, NULL, &w->task);
	w->user = error ? NULL : make_user(w, 1000);
	if (!error && !w->user)
		error = -ENOMEM;
	if (!error) {
		vfs_umask(w->task, 0);
		vfs_umask(w->user, 0);
		error = vfs_mkdir(w->task, "/h", 0755);
	}
	if (!error && options)
		error = host_mount(w, "/h", options);
	if (error)
		host_shut(w);
	return error;
}

int host_open(struct host_world *w, const char *options)
{
	int error;

	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	test_alloc_init(&w->alloc);
	error = hostdir_make(w->dir);
	if (error)
		return error;
	w->fds = hostdir_count_fds();
	w->dirfd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = w->dirfd < 0 ? -errno : host_start(w, options);
	if (error) {
		close(w->dirfd);
		hostdir_remove(w->dir);
	}
	return error;
}

bool host_shut(struct host_world *w)
{
	vfs_task_unref(w->user);
	vfs_task_unref(w->task);
	vfs_unref(w->vfs);
	w->user = w->task = NULL;
	w->vfs = NULL;
	if (!test_alloc_balanced(&w->alloc))
		print_error("%lld blocks are left\n",
			    (long long)w->alloc.live_blocks);
	return test_alloc_balanced(&w->alloc);
}

bool host_close(struct host_world *w)
{
	bool clean = host_shut(w);
	int fds;

	close(w->dirfd);
	fds = hostdir_count_fds();
	if (fds != w->fds)
		print_error("%d descriptors, not %d\n", fds, w->fds);
	hostdir_remove(w->dir);
	pthread_mutex_destroy(&w->lock);
	return clean && fds == w->fds;
}

void host_fail(struct host_world *w, const char *call, uint64_t nth,
	       uint64_t count, int error)
{
	pthread_mutex_lock(&w->lock);
	w->fail_call = call;
	w->fail_at = nth;
	w->fail_count = count;
	w->fail_error = error;
	w->failed = 0;
	pthread_mutex_unlock(&w->lock);
}

uint64_t host_heal(struct host_world *w)
{
	uint64_t failed;

	pthread_mutex_lock(&w->lock);
	w->fail_at = 0;
	failed = w->failed;
	pthread_mutex_unlock(&w->lock);
	return failed;
}

uint64_t host_calls(struct host_world *w)
{
	uint64_t calls;

	pthread_mutex_lock(&w->lock);
	calls = w->calls;
	w->calls = 0;
	pthread_mutex_unlock(&w->lock);
	return calls;
}

uint64_t host_count(struct host_world *w, const char *call)
{
	uint64_t count;

	pthread_mutex_lock(&w->lock);
	count = w->counts[index_of(w, call)];
	pthread_mutex_unlock(&w->lock);
	return count;
}

/* ---- the host's side ---- */

void host_own_mounts(void)
{
	if (!unshare(CLONE_NEWNS))
		(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static void must(bool good, const char *what, const char *path)
{
	if (good)
		return;
	fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
	abort();
}

void host_put(struct host_world *w, const char *path, const char *text)
{
	int fd = openat(w->dirfd, path,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	must(fd >= 0, "open", path);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write",
	     path);
	close(fd);
}

void host_mkdir(struct host_world *w, const char *path)
{
	must(!mkdirat(w->dirfd, path, 0755), "mkdir", path);
}

void host_rename(struct host_world *w, const char *from, const char *to)
{
	must(!renameat(w->dirfd, from, w->dirfd, to), "rename", from);
}

void host_unlink(struct host_world *w, const char *path)
{
	must(!unlinkat(w->dirfd, path, 0) ||
		     !unlinkat(w->dirfd, path, AT_REMOVEDIR),
	     "unlink", path);
}
