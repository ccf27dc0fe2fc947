/* SPDX-License-Identifier: MIT */
/* Queues of events: waiting, limits, and the embedder's function. What is told
 * when is the oracle's business (tests/oracle/scripts/inotify*.txt). */
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vfs/inotify.h>
#include <vfs/sys/backend.h>

#include "support/check.h"

static int64_t read_event(struct vfs_task *task, int fd,
			  struct vfs_inotify_event *event)
{
	memset(event, 0, sizeof(*event));
	return vfs_read(task, fd, event, sizeof(*event));
}

static void check_next(struct vfs_task *task, int fd, int wd, uint32_t mask,
		       const char *name)
{
	/* the smallest that holds it, so that one comes at a time */
	size_t size = 16 + (name ? (strlen(name) + 16) / 16 * 16 : 0);
	struct vfs_inotify_event event;

	check_eq(vfs_read(task, fd, &event, size), (int64_t)size);
	check_eq(event.wd, wd);
	check_eq(event.mask, mask);
	check_eq(event.len, (int64_t)size - 16);
	if (name)
		assert_string_equal(event.name, name);
}

static void test_inotify__events_are_records(void **state)
{
	struct world *w = *state;
	struct vfs_inotify_event event;
	int fd = check_fd(vfs_inotify_init1(w->task, O_NONBLOCK));
	int wd, bytes = -1;

	check_eq(read_event(w->task, fd, &event), -EAGAIN);
	wd = check_fd(vfs_inotify_add_watch(w->task, fd, "/",
					    VFS_IN_CREATE | VFS_IN_DELETE));
	check_ok(vfs_mkdir(w->task, "/dir", 0755));
	put_file(w->task, "/a-name-of-sixteen", "");
	check_ok(vfs_ioctl(w->task, fd, FIONREAD, &bytes));
	check_eq(bytes, 32 + 48);
	check_next(w->task, fd, wd, VFS_IN_CREATE | VFS_IN_ISDIR, "dir");
	check_next(w->task, fd, wd, VFS_IN_CREATE, "a-name-of-sixteen");
	check_eq(read_event(w->task, fd, &event), -EAGAIN);
	check_ok(vfs_inotify_rm_watch(w->task, fd, wd));
	check_next(w->task, fd, wd, VFS_IN_IGNORED, NULL);
	check_ok(vfs_close(w->task, fd));
}

/* A watch keeps the file of a namespace, but not its name. */
static void test_inotify__a_namespace_is_opened_again(void **state)
{
	struct world *w = *state;
	int fd = check_fd(vfs_inotify_init1(w->task, O_NONBLOCK));
	char path[32];
	int ns;

	check_ok(vfs_mkdir(w->task, "/proc", 0755));
	check_ok(vfs_mount(w->task, "p", "/proc", "proc", 0, NULL));
	ns = check_fd(vfs_open_namespace(w->task, w->task, VFS_CLONE_NEWNS, 0));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ns);
	check_fd(vfs_inotify_add_watch(w->task, fd, path, VFS_IN_ALL_EVENTS));
	check_ok(vfs_close(w->task, ns));
	/* what was freed is used for something else */
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		check_ok(vfs_mkdir(w->task, path, 0755));
		check_ok(vfs_rmdir(w->task, path));
	}
	ns = check_fd(vfs_open_namespace(w->task, w->task, VFS_CLONE_NEWNS, 0));
	check_ok(vfs_setns(w->task, ns, 0));
	check_ok(vfs_close(w->task, ns));
	check_ok(vfs_close(w->task, fd));
}

static void test_inotify__a_full_queue_overflows_once(void **state)
{
	struct vfs_config config = {.size = sizeof(config),
				    .max_inotify_events = 3};
	struct vfs_inotify_event event;
	struct world world;
	struct vfs_task *task;
	int fd, wd;

	(void)state;
	check_ok(world_open(&world, &config));
	task = world.task;
	fd = check_fd(vfs_inotify_init1(task, O_NONBLOCK));
	wd = check_fd(vfs_inotify_add_watch(task, fd, "/", VFS_IN_CREATE));
	for (int round = 0; round < 2; round++) {
		const char *const names[] = {"/1", "/2", "/3", "/4", "/5"};

		for (int i = 0; i < 5; i++)
			check_ok(vfs_mkdir(task, names[i], 0755));
		for (int i = 0; i < 3; i++)
			check_next(task, fd, wd, VFS_IN_CREATE | VFS_IN_ISDIR,
				   names[i] + 1);
		check_next(task, fd, -1, VFS_IN_Q_OVERFLOW, NULL);
		check_eq(read_event(task, fd, &event), -EAGAIN);
		for (int i = 0; i < 5; i++)
			check_ok(vfs_rmdir(task, names[i]));
	}
	/* left in the queue, to be freed with it */
	for (int i = 0; i < 5; i++)
		check_ok(vfs_mkdir(task,
				   (const char[]){'/', (char)('a' + i), '\0'},
				   0755));
	check_ok(vfs_close(task, fd));
	assert_true(world_close(&world));
}

static void test_inotify__limits_are_the_users(void **state)
{
	struct vfs_config config = {.size = sizeof(config),
				    .max_inotify_instances = 2,
				    .max_inotify_watches = 3};
	struct world world;
	int fds[3];

	(void)state;
	check_ok(world_open(&world, &config));
	check_ok(vfs_chmod(world.task, "/", 0777));
	check_ok(vfs_mkdir(world.user, "/a", 0755));
	check_ok(vfs_mkdir(world.user, "/b", 0755));
	check_ok(vfs_mkdir(world.user, "/c", 0755));
	fds[0] = check_fd(vfs_inotify_init(world.user));
	fds[1] = check_fd(vfs_inotify_init(world.user));
	check_eq(vfs_inotify_init(world.user), -EMFILE);
	fds[2] = check_fd(vfs_inotify_init(world.task));
	check_eq(vfs_inotify_add_watch(world.user, fds[0], "/a", 1), 1);
	check_eq(vfs_inotify_add_watch(world.user, fds[0], "/b", 1), 2);
	check_eq(vfs_inotify_add_watch(world.user, fds[1], "/a", 1), 1);
	check_eq(vfs_inotify_add_watch(world.user, fds[1], "/b", 1), -ENOSPC);
	check_eq(vfs_inotify_add_watch(world.user, fds[1], "/a", 2), 1);
	check_eq(vfs_inotify_add_watch(world.task, fds[2], "/a", 1), 1);
	check_ok(vfs_inotify_rm_watch(world.user, fds[0], 2));
	/* a number that was refused is not used */
	check_eq(vfs_inotify_add_watch(world.user, fds[1], "/b", 1), 3);
	check_ok(vfs_close(world.user, fds[0]));
	fds[0] = check_fd(vfs_inotify_init(world.user));
	check_eq(vfs_inotify_add_watch(world.user, fds[0], "/c", 1), 1);
	for (int i = 0; i < 3; i++)
		check_ok(vfs_close(i == 2 ? world.task : world.user, fds[i]));
	assert_true(world_close(&world));
}

static void test_inotify__many_watches_have_many_numbers(void **state)
{
	struct world *w = *state;
	int fd = check_fd(vfs_inotify_init1(w->task, O_NONBLOCK));
	char name[16];

	for (int i = 1; i <= 500; i++) {
		snprintf(name, sizeof(name), "/%d", i);
		put_file(w->task, name, "");
		check_eq(vfs_inotify_add_watch(w->task, fd, name,
					       VFS_IN_DELETE_SELF),
			 i);
	}
	for (int i = 500; i >= 1; i -= 2) {
		check_ok(vfs_inotify_rm_watch(w->task, fd, i));
		check_next(w->task, fd, i, VFS_IN_IGNORED, NULL);
		check_eq(vfs_inotify_rm_watch(w->task, fd, i), -EINVAL);
	}
	for (int i = 1; i < 500; i += 2) {
		snprintf(name, sizeof(name), "/%d", i);
		check_ok(vfs_unlink(w->task, name));
		check_next(w->task, fd, i, VFS_IN_DELETE_SELF, NULL);
		check_next(w->task, fd, i, VFS_IN_IGNORED, NULL);
	}
	check_ok(vfs_close(w->task, fd));
}

/* ---- waiting ---- */

struct waiting {
	pthread_t thread;
	struct vfs_task *task;
	int fd;
	bool poll;
	int started; /* atomic */
	int64_t result;
};

static void *wait_run(void *arg)
{
	struct waiting *c = arg;
	struct vfs_inotify_event event;
	struct vfs_pollfd p = {.fd = c->fd, .events = POLLIN | POLLRDNORM};

	__atomic_store_n(&c->started, 1, __ATOMIC_RELEASE);
	if (c->poll) {
		c->result = vfs_poll(c->task, &p, 1, -1);
		if (c->result == 1)
			c->result = p.revents;
	} else {
		c->result = read_event(c->task, c->fd, &event);
	}
	return NULL;
}

static void wait_start(struct waiting *c)
{
	c->started = 0;
	assert_int_equal(pthread_create(&c->thread, NULL, wait_run, c), 0);
	while (!__atomic_load_n(&c->started, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(20000);
}

static void test_inotify__a_read_waits_for_an_event(void **state)
{
	struct world *w = *state;
	struct waiting c = {.task = w->task};

	c.fd = check_fd(vfs_inotify_init(w->task));
	check_eq(vfs_inotify_add_watch(w->task, c.fd, "/", VFS_IN_CREATE), 1);
	wait_start(&c);
	check_ok(vfs_mkdir(w->task, "/x", 0755));
	pthread_join(c.thread, NULL);
	check_eq(c.result, 32);
	c.poll = true;
	wait_start(&c);
	check_ok(vfs_mkdir(w->task, "/y", 0755));
	pthread_join(c.thread, NULL);
	check_eq(c.result, POLLIN | POLLRDNORM);
	check_ok(vfs_close(w->task, c.fd));
}

static void test_inotify__an_interrupt_ends_waiting(void **state)
{
	struct world *w = *state;
	struct waiting c = {.task = w->task};

	c.fd = check_fd(vfs_inotify_init(w->task));
	wait_start(&c);
	check_ok(vfs_task_interrupt(w->task));
	pthread_join(c.thread, NULL);
	check_eq(c.result, -EINTR);
	c.poll = true;
	wait_start(&c);
	check_ok(vfs_task_interrupt(w->task));
	pthread_join(c.thread, NULL);
	check_eq(c.result, -EINTR);
	check_ok(vfs_close(w->task, c.fd));
}

/* ---- with a function ---- */

#define SEEN 64

struct seen {
	struct world *w;
	struct vfs_watch *watch;
	pthread_t thread;
	struct {
		uint32_t mask, cookie;
		int wd;
		char name[32];
	} events[SEEN];
	unsigned count, depth, released;
	uint64_t sequence;
	/* what the function does itself */
	bool makes, removes, ends;
};

static void see(void *context, const struct vfs_watch_event *event)
{
	struct seen *s = context;

	assert_true(event->size >= sizeof(*event));
	assert_true(pthread_equal(pthread_self(), s->thread));
	assert_true(event->sequence > s->sequence);
	s->sequence = event->sequence;
	assert_int_equal(s->depth++, 0);
	assert_true(s->count < SEEN);
	s->events[s->count].mask = event->mask;
	s->events[s->count].cookie = event->cookie;
	s->events[s->count].wd = event->wd;
	snprintf(s->events[s->count].name, 32, "%s",
		 event->name ? event->name : "");
	if (event->name)
		assert_int_equal(strlen(event->name), event->name_len);
	s->count++;
	if (s->makes && s->count < 4)
		check_ok(vfs_mkdir(
			s->w->task,
			(const char[]){'/', (char)('a' + s->count), '\0'},
			0755));
	if (s->removes)
		check_ok(vfs_watch_remove(s->watch, event->wd));
	s->removes = false;
	if (s->ends)
		vfs_watch_destroy(s->watch);
	s->depth--;
}

static void seen_release(void *context)
{
	struct seen *s = context;

	s->released++;
}

static void seen_open(struct seen *s, struct world *w)
{
	struct vfs_watch_spec spec = {.size = sizeof(spec),
				      .event = see,
				      .release = seen_release,
				      .context = s};

	memset(s, 0, sizeof(*s));
	s->w = w;
	s->thread = pthread_self();
	check_ok(vfs_watch_create(w->vfs, &spec, &s->watch));
}

static void check_seen(const struct seen *s, unsigned i, int wd, uint32_t mask,
		       const char *name)
{
	assert_true(i < s->count);
	check_eq(s->events[i].wd, wd);
	check_eq(s->events[i].mask, mask);
	assert_string_equal(s->events[i].name, name);
}

static void test_watch__the_function_is_called_in_order(void **state)
{
	struct world *w = *state;
	struct seen s;
	int fd;

	seen_open(&s, w);
	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_eq(vfs_watch_add(s.watch, w->task, AT_FDCWD, "/d",
			       VFS_IN_ALL_EVENTS),
		 1);
	fd = check_fd(vfs_open(w->task, "/d/f", O_CREAT | O_RDWR, 0644));
	check_seen(&s, 0, 1, VFS_IN_CREATE, "f");
	check_seen(&s, 1, 1, VFS_IN_OPEN, "f");
	check_eq(s.count, 2);
	check_eq(vfs_write(w->task, fd, "x", 1), 1);
	check_eq(vfs_write(w->task, fd, "x", 1), 1);
	check_seen(&s, 2, 1, VFS_IN_MODIFY, "f");
	check_seen(&s, 3, 1, VFS_IN_MODIFY, "f");
	check_ok(vfs_rename(w->task, "/d/f", "/d/g"));
	check_seen(&s, 4, 1, VFS_IN_MOVED_FROM, "f");
	check_seen(&s, 5, 1, VFS_IN_MOVED_TO, "g");
	assert_true(s.events[4].cookie &&
		    s.events[4].cookie == s.events[5].cookie);
	check_ok(vfs_chmod(w->task, "/d/g", 0600));
	check_ok(vfs_close(w->task, fd));
	check_ok(vfs_unlink(w->task, "/d/g"));
	check_seen(&s, 6, 1, VFS_IN_ATTRIB, "g");
	check_seen(&s, 7, 1, VFS_IN_CLOSE_WRITE, "g");
	check_seen(&s, 8, 1, VFS_IN_DELETE, "g");
	check_ok(vfs_rmdir(w->task, "/d"));
	check_seen(&s, 9, 1, VFS_IN_DELETE_SELF, "");
	check_seen(&s, 10, 1, VFS_IN_IGNORED, "");
	check_eq(s.count, 11);
	vfs_watch_destroy(s.watch);
	check_eq(s.released, 1);
}

static void test_watch__the_function_may_call(void **state)
{
	struct world *w = *state;
	struct seen s;

	seen_open(&s, w);
	s.makes = true;
	check_eq(vfs_watch_add(s.watch, w->task, AT_FDCWD, "/", VFS_IN_CREATE),
		 1);
	check_ok(vfs_mkdir(w->task, "/a", 0755));
	/* told one after the other, not one inside the other */
	check_seen(&s, 0, 1, VFS_IN_CREATE | VFS_IN_ISDIR, "a");
	check_seen(&s, 1, 1, VFS_IN_CREATE | VFS_IN_ISDIR, "b");
	check_seen(&s, 3, 1, VFS_IN_CREATE | VFS_IN_ISDIR, "d");
	check_eq(s.count, 4);
	s.removes = true;
	check_ok(vfs_mkdir(w->task, "/x", 0755));
	check_ok(vfs_mkdir(w->task, "/y", 0755));
	check_seen(&s, 5, 1, VFS_IN_IGNORED, "");
	check_eq(s.count, 6);
	check_eq(vfs_watch_add(s.watch, w->task, AT_FDCWD, "/", VFS_IN_CREATE),
		 2);
	s.ends = true;
	check_ok(vfs_mkdir(w->task, "/z", 0755));
	check_eq(s.count, 7);
	check_eq(s.released, 1);
	check_ok(vfs_mkdir(w->task, "/zz", 0755));
	check_eq(s.count, 7);
}

static void test_watch__a_removed_working_directory(void **state)
{
	struct world *w = *state;
	struct seen s;

	seen_open(&s, w);
	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_chdir(w->task, "/d"));
	check_eq(vfs_watch_add(s.watch, w->task, AT_FDCWD, ".",
			       VFS_IN_DELETE_SELF),
		 1);
	check_ok(vfs_rmdir(w->task, "/d"));
	check_eq(s.count, 0);
	check_ok(vfs_chdir(w->task, "/"));
	check_seen(&s, 0, 1, VFS_IN_DELETE_SELF, "");
	check_seen(&s, 1, 1, VFS_IN_IGNORED, "");
	vfs_watch_destroy(s.watch);
}

/* ---- a call that goes on after its watchers were told ---- */

static struct vfs_task *truncated_for;

static int note_truncate(struct vfs_inode *inode, int64_t size)
{
	(void)size;
	truncated_for = vfs_current_task(inode->super->vfs);
	return 0;
}

static const struct vfs_inode_ops noting_file_ops = {
	.size = sizeof(noting_file_ops),
	.truncate = note_truncate,
};

static int noting_lookup(struct vfs_inode *dir, const struct vfs_name *name,
			 struct vfs_inode **inode, uint64_t *cookie)
{
	(void)name;
	(void)cookie;
	*inode = vfs_inode_create(dir->super, &noting_file_ops, 2,
				  S_IFREG | 0666);
	return *inode ? 0 : -ENOMEM;
}

static const struct vfs_inode_ops noting_dir_ops = {
	.size = sizeof(noting_dir_ops),
	.lookup = noting_lookup,
};

static int noting_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	(void)super;
	(void)out;
	return 0;
}

static const struct vfs_super_ops noting_super_ops = {
	.size = sizeof(noting_super_ops),
	.statfs = noting_statfs,
};

static int noting_mount(struct vfs_super *super,
			const struct vfs_mount_args *args,
			struct vfs_inode **root)
{
	(void)args;
	super->ops = &noting_super_ops;
	*root = vfs_inode_create(super, &noting_dir_ops, 1, S_IFDIR | 0755);
	return *root ? 0 : -ENOMEM;
}

static const struct vfs_filesystem_type noting_type = {
	.size = sizeof(noting_type),
	.name = "noting",
	.mount = noting_mount,
};

static void call_as_other(void *context, const struct vfs_watch_event *event)
{
	struct vfs_stat st;

	(void)event;
	check_ok(vfs_stat(context, "/", &st));
}

/* What a function calls is no part of the call that it was called in. */
static void test_watch__the_call_is_still_its_tasks(void **state)
{
	struct world *w = *state;
	const struct vfs_watch_spec spec = {.size = sizeof(spec),
					    .event = call_as_other,
					    .context = w->user};
	struct vfs_watch *watch;
	int fd;

	check_ok(vfs_register_filesystem(w->vfs, &noting_type, 0));
	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mount(w->task, "m", "/m", "noting", 0, NULL));
	check_ok(vfs_watch_create(w->vfs, &spec, &watch));
	check_fd(vfs_watch_add(watch, w->task, AT_FDCWD, "/m/f", VFS_IN_OPEN));
	fd = check_fd(vfs_open(w->task, "/m/f", O_RDWR | O_TRUNC, 0));
	assert_true(truncated_for == w->task);
	check_ok(vfs_close(w->task, fd));
	vfs_watch_destroy(watch);
}

static void test_watch__nonsense(void **state)
{
	struct world *w = *state;
	struct vfs_watch_spec spec = {.size = sizeof(spec), .event = see};
	struct {
		struct vfs_watch_spec spec;
		uint64_t tail;
	} large = {{.size = sizeof(large), .event = see}, 1};
	struct vfs_watch *watch;
	struct world other;

	check_eq(vfs_watch_create(NULL, &spec, &watch), -EFAULT);
	check_eq(vfs_watch_create(w->vfs, NULL, &watch), -EFAULT);
	check_eq(vfs_watch_create(w->vfs, &spec, NULL), -EFAULT);
	spec.event = NULL;
	check_eq(vfs_watch_create(w->vfs, &spec, &watch), -EFAULT);
	spec.event = see;
	spec.size = 8;
	check_eq(vfs_watch_create(w->vfs, &spec, &watch), -EINVAL);
	check_eq(vfs_watch_create(w->vfs, &large.spec, &watch), -E2BIG);
	large.tail = 0;
	check_ok(vfs_watch_create(w->vfs, &large.spec, &watch));
	check_eq(vfs_watch_add(NULL, w->task, AT_FDCWD, "/", 1), -EFAULT);
	check_eq(vfs_watch_add(watch, NULL, AT_FDCWD, "/", 1), -EFAULT);
	check_eq(vfs_watch_add(watch, w->task, AT_FDCWD, NULL, 1), -EFAULT);
	check_eq(vfs_watch_add(watch, w->task, AT_FDCWD, "/", 0), -EINVAL);
	check_eq(vfs_watch_add(watch, w->task, 77, "x", 1), -EBADF);
	check_eq(vfs_watch_add(watch, w->task, AT_FDCWD, "/",
			       1 | VFS_IN_MASK_ADD | VFS_IN_MASK_CREATE),
		 -EINVAL);
	check_eq(vfs_watch_remove(NULL, 1), -EFAULT);
	check_eq(vfs_watch_remove(watch, 1), -EINVAL);
	check_ok(world_open(&other, NULL));
	check_eq(vfs_watch_add(watch, other.task, AT_FDCWD, "/", 1), -EINVAL);
	assert_true(world_close(&other));
	vfs_watch_destroy(watch);
	vfs_watch_destroy(NULL);
	check_eq(vfs_inotify_init(NULL), -EFAULT);
	check_eq(vfs_inotify_init1(NULL, 0), -EFAULT);
	check_eq(vfs_inotify_add_watch(NULL, 0, "/", 1), -EFAULT);
	check_eq(vfs_inotify_rm_watch(NULL, 0, 1), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_inotify__events_are_records),
		world_test(test_inotify__a_namespace_is_opened_again),
		cmocka_unit_test(test_inotify__a_full_queue_overflows_once),
		cmocka_unit_test(test_inotify__limits_are_the_users),
		world_test(test_inotify__many_watches_have_many_numbers),
		world_test(test_inotify__a_read_waits_for_an_event),
		world_test(test_inotify__an_interrupt_ends_waiting),
		world_test(test_watch__the_function_is_called_in_order),
		world_test(test_watch__the_function_may_call),
		world_test(test_watch__a_removed_working_directory),
		world_test(test_watch__the_call_is_still_its_tasks),
		world_test(test_watch__nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
