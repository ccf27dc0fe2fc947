/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "ktask.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_SIZE (1u << 20)

struct ktask {
	pthread_t thread;
	pid_t group, id; /* the thread's numbers: constant once it runs */
	bool adopted;
	/* A user namespace is a process's: the task is then one that shares
	 * all memory, and its thread only waits for it. */
	pid_t process;
	sem_t born; /* posted by the thread: the process may begin */
	int error;  /* why there is no process */
	int home;   /* a descriptor of the root to end in, or -1 */
	uint64_t shared;
	sem_t go;   /* posted by the caller: function is set */
	sem_t done; /* posted by the thread */
	void (*function)(void *);
	void *argument;
	rlim_t file_size;
	rlim_t descriptors;
};

struct call_request {
	struct ktask *task;
	long number;
	const long *args;
	long result;
};

static __thread struct ktask *self;

int ktask_last_namespace = -1;

/* Limits belong to the whole process: what is in force now. One worker runs
 * one call at a time, so nothing protects them. */
static struct rlimit file_size_now = {RLIM_INFINITY, RLIM_INFINITY};
static struct rlimit descriptors_now;

static void init_limits(struct ktask *task)
{
	if (!descriptors_now.rlim_cur) {
		getrlimit(RLIMIT_FSIZE, &file_size_now);
		getrlimit(RLIMIT_NOFILE, &descriptors_now);
	}
	task->file_size = file_size_now.rlim_cur;
	task->descriptors = descriptors_now.rlim_cur;
}

static void apply_limits(const struct ktask *task)
{
	if (task->file_size != file_size_now.rlim_cur) {
		file_size_now.rlim_cur = task->file_size;
		setrlimit(RLIMIT_FSIZE, &file_size_now);
	}
	if (task->descriptors != descriptors_now.rlim_cur) {
		descriptors_now.rlim_cur = task->descriptors;
		setrlimit(RLIMIT_NOFILE, &descriptors_now);
	}
}

void ktask_unlimit(void)
{
	const struct ktask free_task = {
		.file_size = file_size_now.rlim_max,
		.descriptors = descriptors_now.rlim_cur < 1024
				       ? 1024
				       : descriptors_now.rlim_cur,
	};

	if (descriptors_now.rlim_max)
		apply_limits(&free_task);
}

int ktask_limit(struct ktask *task, int resource, uint64_t cur)
{
	if (resource == RLIMIT_FSIZE)
		task->file_size = cur;
	else if (resource == RLIMIT_NOFILE)
		task->descriptors = cur;
	else
		return -EINVAL;
	return 0;
}

/* A thread is joined before the kernel has let go of its directories and
 * files: it does so itself, where it shares them with nobody. In a user
 * namespace it may not. */
static void leave(const struct ktask *task)
{
	unshare(CLONE_FS | CLONE_FILES);
	if (ktask_last_namespace >= 0 && ktask_become(who_find("root")) &&
	    setns(ktask_last_namespace, CLONE_NEWNS) && errno != EPERM)
		die("cannot leave the namespace");
	if (task->home >= 0 && ktask_become(who_find("root")) &&
	    !fchdir(task->home) && chroot("."))
		die("cannot leave the tree");
	syscall(SYS_close_range, 3, ~0U, 0);
}

/* A process has limits of its own, which it inherited. */
static void limit_process(const struct ktask *task)
{
	struct rlimit file_size = file_size_now;
	struct rlimit descriptors = descriptors_now;

	file_size.rlim_cur = task->file_size;
	descriptors.rlim_cur = task->descriptors;
	setrlimit(RLIMIT_FSIZE, &file_size);
	setrlimit(RLIMIT_NOFILE, &descriptors);
}

/* Runs what is asked for until the task is to end. */
static void serve_calls(struct ktask *task)
{
	sem_post(&task->done);
	for (;;) {
		while (sem_wait(&task->go))
			;
		if (!task->function)
			break;
		if (task->process)
			limit_process(task);
		task->function(task->argument);
		sem_post(&task->done);
	}
}

static int serve_process(void *argument)
{
	struct ktask *task = argument;

	while (sem_wait(&task->born))
		;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	serve_calls(task);
	return 0;
}

static void start_process(struct ktask *task, char *stack)
{
	int flags = CLONE_VM | CLONE_NEWUSER | SIGCHLD;

	if (task->shared & VFS_CLONE_NEWNS)
		flags |= CLONE_NEWNS;
	if (task->shared & VFS_CLONE_FILES)
		flags |= CLONE_FILES;
	if (task->shared & VFS_CLONE_FS)
		flags |= CLONE_FS;
	task->process = clone(serve_process, stack + STACK_SIZE, flags, task);
	if (task->process < 0)
		task->error = -errno;
}

static void note_thread(struct ktask *task)
{
	self = task;
	task->group = (pid_t)syscall(SYS_getpid);
	task->id = (pid_t)syscall(SYS_gettid);
}

/* Joined, and out of its process: until then that is one of several threads,
 * and cannot enter a user namespace. */
static void join_thread(const struct ktask *task)
{
	pthread_join(task->thread, NULL);
	while (!syscall(SYS_tgkill, task->group, task->id, 0) || errno == EPERM)
		sched_yield();
}

/*
 * The thread that a process belongs to: it gives it its thread-local memory,
 * and lets go of what it shares with its own maker.
 */
static void *serve_userns(void *argument)
{
	struct ktask *task = argument;
	int status = 0;
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	note_thread(task);
	if (stack == MAP_FAILED)
		die("out of memory");
	start_process(task, stack);
	leave(task);
	if (task->error) {
		sem_post(&task->done);
	} else {
		sem_post(&task->born);
		syscall(SYS_wait4, task->process, &status, __WALL, NULL);
		if (status)
			die("a task is gone");
	}
	munmap(stack, STACK_SIZE);
	return NULL;
}

static void *serve(void *argument)
{
	struct ktask *task = argument;

	if (task->shared & VFS_CLONE_NEWUSER)
		return serve_userns(task);
	note_thread(task);
	if (!(task->shared & VFS_CLONE_FS) && unshare(CLONE_FS))
		die("cannot unshare the working directory");
	if (!(task->shared & VFS_CLONE_FILES) && unshare(CLONE_FILES))
		die("cannot unshare descriptors");
	if ((task->shared & VFS_CLONE_NEWNS) && unshare(CLONE_NEWNS))
		die("cannot unshare the mount namespace");
	serve_calls(task);
	leave(task);
	return NULL;
}

struct ktask *ktask_adopt(void)
{
	struct ktask *task = calloc(1, sizeof(*task));

	if (!task)
		die("out of memory");
	task->adopted = true;
	task->thread = pthread_self();
	init_limits(task);
	self = task;
	return task;
}

static void create_thread(void *argument)
{
	struct ktask *task = argument;

	if (pthread_create(&task->thread, NULL, serve, task))
		die("cannot start a thread");
}

struct ktask *ktask_spawn(struct ktask *parent, uint64_t shared, int home)
{
	struct ktask *task = calloc(1, sizeof(*task));

	if (!task)
		die("out of memory");
	task->shared = shared;
	task->home = home;
	sem_init(&task->go, 0, 0);
	sem_init(&task->done, 0, 0);
	sem_init(&task->born, 0, 0);
	init_limits(task);
	if (parent) {
		task->file_size = parent->file_size;
		task->descriptors = parent->descriptors;
		ktask_run(parent, create_thread, task);
	} else {
		create_thread(task);
	}
	while (sem_wait(&task->done))
		;
	return task;
}

int ktask_error(const struct ktask *task)
{
	return task->error;
}

pid_t ktask_process(const struct ktask *task)
{
	return task->process;
}

void ktask_end(struct ktask *task)
{
	if (!task)
		return;
	if (!task->adopted) {
		task->function = NULL;
		if (!task->error)
			sem_post(&task->go);
		join_thread(task);
		sem_destroy(&task->go);
		sem_destroy(&task->done);
		sem_destroy(&task->born);
	} else {
		self = NULL;
	}
	free(task);
}

void ktask_run(struct ktask *task, void (*function)(void *), void *argument)
{
	if (!task->process)
		apply_limits(task);
	if (task == self) {
		function(argument);
		return;
	}
	task->function = function;
	task->argument = argument;
	sem_post(&task->go);
	while (sem_wait(&task->done))
		;
}

static void make_call(void *argument)
{
	struct call_request *r = argument;
	const long *a = r->args;

	r->result = syscall(r->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (r->result == -1)
		r->result = -errno;
}

long ktask_call(struct ktask *task, long number, const long args[6])
{
	struct call_request request = {task, number, args, 0};

	ktask_run(task, make_call, &request);
	return request.result;
}

static bool set_caps(uint64_t effective)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3,
						  0};
	struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
	uint64_t all = ktask_all_caps();

	effective &= all;
	data[0].effective = (uint32_t)effective;
	data[1].effective = (uint32_t)(effective >> 32);
	data[0].permitted = (uint32_t)all;
	data[1].permitted = (uint32_t)(all >> 32);
	return !syscall(SYS_capset, &header, data);
}

uint64_t ktask_all_caps(void)
{
	static uint64_t all;
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3,
						  0};
	struct __user_cap_data_struct data[2];

	if (!all && !syscall(SYS_capget, &header, data))
		all = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return all;
}

/*
 * Permitted capabilities are kept over the change, so that the thread can
 * come back; the secure bit that does this is dropped again, because
 * access(2) looks at it.
 */
bool ktask_become(const struct who *who)
{
	gid_t groups[4];

	for (uint32_t i = 0; i < who->group_count; i++)
		groups[i] = who->groups[i];
	if (!set_caps(~UINT64_C(0)) ||
	    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP))
		return false;
	/* Refused in a user namespace of one id, where there are no groups. */
	syscall(SYS_setgroups, who->group_count, groups);
	if (syscall(SYS_setresgid, who->gid, who->fsgid, 0) ||
	    syscall(SYS_setresuid, who->uid, who->fsuid, 0))
		return false;
	if (prctl(PR_SET_SECUREBITS, 0) || !set_caps(who->caps))
		return false;
	/* forgotten with every change */
	if (self && self->process)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return true;
}
