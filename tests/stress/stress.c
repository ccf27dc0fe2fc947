/* SPDX-License-Identifier: MIT */
/* Contract: stress.h. */
#include "stress/stress.h"

#include <sys/mount.h>
#include <time.h>

#include "backend/plainfs.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

uint32_t stress_random(struct stress_thread *thread, uint32_t below)
{
	thread->random ^= thread->random << 13;
	thread->random ^= thread->random >> 7;
	thread->random ^= thread->random << 17;
	return (uint32_t)((thread->random >> 20) % below);
}

void stress_problem(struct stress *stress, const char *what, const char *file,
		    int line, int64_t result)
{
	uint32_t n = __atomic_add_fetch(&stress->problems, 1, __ATOMIC_RELAXED);

	if (n <= 10)
		fprintf(stderr, "%s:%d: %s (%s)\n", file, line, what,
			result < 0 ? vfs_errno_name((int)result) : "false");
}

int64_t stress_result(struct stress *stress, int64_t result, const char *what,
		      const char *file, int line, const int *allowed)
{
	if (result >= 0)
		return result;
	for (; *allowed; allowed++)
		if (result == -*allowed)
			return result;
	stress_problem(stress, what, file, line, result);
	return result;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int stress_list(struct stress *stress, struct vfs_task *task, const char *path)
{
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	char **names = NULL;
	int count = 0, room = 0, result;

	if (STRESS_CALL(stress, vfs_opendir(task, path, &dir), ENOENT) < 0)
		return 0;
	while (STRESS_CALL(stress, vfs_readdir(dir, &d), ENOENT) == 1) {
		if (count == room) {
			room = room * 2 + 16;
			names = realloc(names, (size_t)room * sizeof(*names));
			if (!names)
				abort();
		}
		names[count] = strdup(d->name);
		if (!names[count++])
			abort();
	}
	vfs_closedir(dir);
	result = count;
	if (count)
		qsort(names, (size_t)count, sizeof(*names), compare);
	for (int i = 1; i < count; i++)
		if (!strcmp(names[i], names[i - 1]))
			result = -1;
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return result;
}

struct start {
	struct stress_thread thread;
	stress_body *body;
};

static void *run_body(void *argument)
{
	struct start *start = argument;

	start->body(&start->thread);
	return NULL;
}

/* Where root is an overlay, on directories that nobody can reach any more. */
static int enter_overlay(struct vfs_task *task)
{
	static const char *const names[] = {"/l", "/u", "/w", "/m"};
	int error = 0;

	for (int i = 0; !error && i < 4; i++)
		error = vfs_mkdir(task, names[i], 0755);
	if (!error)
		error = vfs_mount(task, "overlay", "/m", "overlay", 0,
				  "lowerdir=/l,upperdir=/u,workdir=/w,"
				  "redirect_dir=on");
	if (!error)
		error = vfs_chdir(task, "/m");
	if (!error)
		error = vfs_pivot_root(task, ".", ".");
	if (!error)
		error = vfs_umount2(task, ".", MNT_DETACH);
	return error ? error : vfs_chdir(task, "/");
}

static int make(struct stress *stress, const struct vfs_config *wanted)
{
	struct vfs_config config = *wanted;
	bool overlay =
		wanted->root_type && !strcmp(wanted->root_type, "overlay");
	int error;

	memset(stress, 0, sizeof(*stress));
	test_alloc_init(&stress->alloc);
	config.allocator = &stress->alloc.hooks;
	if (overlay)
		config.root_type = NULL;
	error = vfs_create(&config, &stress->vfs);
	if (!error)
		error = vfs_task_create(stress->vfs, NULL, &stress->task);
	return error || !overlay ? error : enter_overlay(stress->task);
}

static void run_threads(struct stress *stress, stress_body *const *bodies,
			size_t body_count)
{
	const char *wanted = getenv("STRESS_MS");
	int64_t end = now_ms() + (wanted ? atoi(wanted) : 1000);
	struct start starts[STRESS_THREADS] = {0};
	pthread_t threads[STRESS_THREADS];

	for (uint32_t i = 0; i < STRESS_THREADS; i++) {
		starts[i].thread.stress = stress;
		starts[i].thread.number = i;
		starts[i].thread.random = UINT64_C(88172645463325252) + i * 977;
		starts[i].body = bodies[i % body_count];
		if (vfs_task_clone(stress->task, 0, &starts[i].thread.task) ||
		    pthread_create(&threads[i], NULL, run_body, &starts[i]))
			abort();
	}
	while (now_ms() < end &&
	       !__atomic_load_n(&stress->problems, __ATOMIC_RELAXED))
		sleep_ms(20);
	__atomic_store_n(&stress->stop, 1, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < STRESS_THREADS; i++) {
		pthread_join(threads[i], NULL);
		vfs_task_unref(starts[i].thread.task);
	}
}

int stress_run(const char *name, void (*prepare)(struct stress *stress),
	       stress_body *const *bodies, size_t body_count,
	       void (*finish)(struct stress *stress))
{
	static const struct vfs_filesystem_type *const types[] = {
		&plainfs_type};
	const struct vfs_config complete = {.size = sizeof(complete)};
	/* names fall out of the cache all the time */
	const struct vfs_config forgetful = {.size = sizeof(forgetful),
					     .max_cached_names = 8,
					     .root_type = "plainfs",
					     .types = types,
					     .type_count = 1};
	const struct vfs_config layered = {.size = sizeof(layered),
					   .max_cached_names = 8,
					   .root_type = "overlay"};

	return stress_run_with(&complete, name, prepare, bodies, body_count,
			       finish) |
	       stress_run_with(&forgetful, name, prepare, bodies, body_count,
			       finish) |
	       stress_run_with(&layered, name, prepare, bodies, body_count,
			       finish);
}

int stress_run_with(const struct vfs_config *config, const char *name,
		    void (*prepare)(struct stress *stress),
		    stress_body *const *bodies, size_t body_count,
		    void (*finish)(struct stress *stress))
{
	struct stress stress;
	int error = make(&stress, config);

	if (error) {
		fprintf(stderr, "%s: %s\n", name, vfs_errno_name(error));
		return 1;
	}
	prepare(&stress);
	run_threads(&stress, bodies, body_count);
	if (finish)
		finish(&stress);
	vfs_task_unref(stress.task);
	vfs_unref(stress.vfs);
	STRESS(&stress, test_alloc_balanced(&stress.alloc));
	printf("%-8s %s on %s: %llu operations\n",
	       stress.problems ? "FAILED" : "ok", name,
	       config->root_type ? config->root_type : "tmpfs",
	       (unsigned long long)stress.operations);
	return stress.problems != 0;
}
