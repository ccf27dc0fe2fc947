/* SPDX-License-Identifier: MIT */
/*
 * vfs_import_fd in a process whose root is an empty directory: there is no
 * /proc by which a second description could be had, nor a name.
 */
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>

#include "import_calls.h"

#define READ_WRITE (O_RDWR | O_NOCTTY)

/* Opened before the root was changed. */
static int masters[3], null_device, file, fifo_reader, fifo_writer;

/* The leak checker looks into /proc at the end; the worlds count for
 * themselves. */
VFS_API const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* A raw terminal of a master that nobody has used yet. */
static int take_terminal(int index, int *slave)
{
	struct termios t;

	*slave = ioctl(masters[index], TIOCGPTPEER, READ_WRITE);
	assert_true(*slave >= 0);
	assert_int_equal(tcgetattr(*slave, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(*slave, TCSANOW, &t), 0);
	return masters[index];
}

static int import(struct vfs_task *task, int host)
{
	return check_fd(vfs_import_fd(task, host, 0));
}

static void test_bare__terminals(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 8};
	int slave, master = take_terminal(0, &slave), flags;
	size_t got = 0;
	char b[8], in[4096];
	ssize_t n;

	flags = fcntl(slave, F_GETFL);
	c.buffer = b;
	c.fd = import(task, dup(slave));
	call_start(&c);
	assert_int_equal(write(master, "in", 2), 2);
	check_eq(call_join(&c), 2);
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	check_ok(vfs_fcntl(task, c.fd, F_SETFL, O_NONBLOCK));
	check_eq(vfs_read(task, c.fd, b, 8), -EAGAIN);
	check_ok(vfs_fcntl(task, c.fd, F_SETFL, 0));
	/* more than it takes, a byte at a time, and never stuck in the host */
	c.make = make_write;
	c.size = 60000;
	c.buffer = calloc(1, c.size);
	call_start(&c);
	usleep(200000);
	assert_false(call_is_done(&c));
	n = (ssize_t)call_interrupt(&c);
	assert_true(n > 0 && n < (ssize_t)c.size);
	while (got < (size_t)n)
		got += (size_t)read(master, in, sizeof(in));
	assert_int_equal(got, n);
	assert_int_equal(fcntl(slave, F_GETFL), flags);
	free(c.buffer);
	host_close(slave);
}

static void test_bare__a_terminal_is_still_one(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int slave;

	take_terminal(1, &slave);
	import(task, dup(slave));
	import(task, slave);
	check_eq(vfs_fcntl(task, 0, 1027 /* F_DUPFD_QUERY */, 1), 1);
}

static void test_bare__fifos(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 8};
	char b[8];
	int w;

	c.buffer = b;
	c.fd = import(task, fifo_reader);
	w = import(task, fifo_writer);
	call_start(&c);
	check_eq(vfs_write(task, w, "abc", 3), 3);
	check_eq(call_join(&c), 3);
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	call_start(&c);
	check_ok(vfs_close(task, w));
	check_eq(call_join(&c), 0);
}

static void test_bare__names_and_opening(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	char name[32] = "";

	check_ok(vfs_mkdir(task, "/proc", 0755));
	check_ok(vfs_mount(task, "proc", "/proc", "proc", 0, NULL));
	import(task, dup(null_device));
	import(task, dup(file));
	check_fd(vfs_readlink(task, "/proc/self/fd/0", name, 31));
	assert_string_equal(name, "char:[1:3]");
	check_eq(vfs_open(task, "/proc/self/fd/0", O_RDONLY, 0), -ENXIO);
	check_eq(vfs_open(task, "/proc/self/fd/1", O_RDONLY, 0), -ENXIO);
	check_eq(vfs_write(task, 0, "x", 1), 1);
}

static void test_bare__holes(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int fd;

	assert_int_equal(lseek(file, 2, SEEK_SET), 2);
	fd = import(task, dup(file));
	check_eq(vfs_lseek(task, fd, 0, SEEK_CUR), 2);
	check_eq(vfs_lseek(task, fd, 0, SEEK_HOLE), 4);
	check_eq(vfs_lseek(task, fd, 9, SEEK_DATA), -ENXIO);
	/* nobody's position has moved */
	assert_int_equal(lseek(file, 0, SEEK_CUR), 2);
}

static void open_all(void)
{
	char path[] = "/tmp/vfs-import-bare-XXXXXX", name[64];

	for (int i = 0; i < 3; i++) {
		masters[i] = posix_openpt(READ_WRITE);
		if (masters[i] < 0 || unlockpt(masters[i]))
			abort();
	}
	null_device = open("/dev/null", O_RDWR);
	file = mkstemp(path);
	if (null_device < 0 || file < 0 || write(file, "text", 4) != 4 ||
	    unlink(path))
		abort();
	snprintf(name, sizeof(name), "%s.fifo", path);
	if (mkfifo(name, 0600))
		abort();
	fifo_reader = open(name, O_RDONLY | O_NONBLOCK);
	fifo_writer = open(name, O_WRONLY);
	if (fifo_reader < 0 || fifo_writer < 0 || unlink(name) ||
	    fcntl(fifo_reader, F_SETFL, 0))
		abort();
}

/* An empty root; who may not change it may in a user namespace of his own. */
static void leave_everything(void)
{
	char path[] = "/tmp/vfs-import-root-XXXXXX";

	if (!mkdtemp(path) || chdir(path) || rmdir(path))
		abort();
	if (!chroot("."))
		return;
	if (unshare(CLONE_NEWUSER) || chroot("."))
		abort();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_bare__terminals),
		world_test(test_bare__a_terminal_is_still_one),
		world_test(test_bare__fifos),
		world_test(test_bare__names_and_opening),
		world_test(test_bare__holes),
	};

	open_all();
	leave_everything();
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
