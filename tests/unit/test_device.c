/* SPDX-License-Identifier: MIT */
/* The registry of devices, and devfs. What null and its kin answer is what the
 * kernel's answered to the same calls; tests/oracle asks it each time. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <vfs/sys/device.h>

#include "unit/mounting.h"

/* -- a device that keeps one byte -- */

struct mailbox {
	struct vfs_device *device;
	int full; /* atomic */
	char byte;
	int opened, released;
	uint64_t last; /* the number opened last */
};

static int box_open(struct vfs_device *device, struct vfs_file *file,
		    uint64_t number)
{
	struct mailbox *box = vfs_device_context(device);

	assert_int_equal(number, vfs_file_device(file));
	if (minor(number) == 13)
		return -EPERM;
	vfs_file_set_private(file, box);
	box->opened++;
	box->last = number;
	return 0;
}

static void box_release(struct vfs_device *device, struct vfs_file *file)
{
	struct mailbox *box = vfs_file_private(file);

	assert_ptr_equal(box, vfs_device_context(device));
	box->released++;
}

static int box_is_full(void *argument)
{
	struct mailbox *box = argument;

	return __atomic_load_n(&box->full, __ATOMIC_ACQUIRE);
}

static int64_t box_read(struct vfs_device *device, struct vfs_file *file,
			void *buffer, size_t count, int64_t *position)
{
	struct mailbox *box = vfs_device_context(device);
	int err = vfs_device_wait(device, file, box_is_full, box);

	(void)position;
	if (err)
		return err;
	if (!count)
		return 0;
	*(char *)buffer = box->byte;
	__atomic_store_n(&box->full, 0, __ATOMIC_RELEASE);
	return 1;
}

static int64_t box_write(struct vfs_device *device, struct vfs_file *file,
			 const void *buffer, size_t count, int64_t *position)
{
	struct mailbox *box = vfs_device_context(device);

	(void)file;
	(void)position;
	if (!count)
		return 0;
	box->byte = *(const char *)buffer;
	__atomic_store_n(&box->full, 1, __ATOMIC_RELEASE);
	vfs_device_notify(device);
	return 1;
}

static uint32_t box_poll(struct vfs_device *device, struct vfs_file *file)
{
	(void)file;
	return box_is_full(vfs_device_context(device)) ? POLLIN : POLLOUT;
}

static int box_ioctl(struct vfs_device *device, struct vfs_file *file,
		     uint64_t request, void *argument)
{
	(void)device;
	(void)file;
	if (request != 77)
		return -ENOTTY;
	*(int *)argument = 42;
	return 7;
}

static const struct vfs_device_ops box_ops = {
	.size = sizeof(box_ops),
	.open = box_open,
	.release = box_release,
	.read = box_read,
	.write = box_write,
	.poll = box_poll,
	.ioctl = box_ioctl,
};

static struct vfs_device_spec box_spec(uint32_t major, uint32_t minor,
				       uint32_t count)
{
	struct vfs_device_spec spec = {.size = sizeof(spec),
				       .type = S_IFCHR,
				       .major = major,
				       .minor = minor,
				       .count = count,
				       .name = "box",
				       .mode = 0640,
				       .ops = &box_ops};

	return spec;
}

/* -- the registry -- */

static void test_device__overlap(void **state)
{
	struct world *w = *state;
	struct vfs_device_spec spec = box_spec(200, 10, 5);
	struct vfs_device *device;

	check_ok(vfs_register_device(w->vfs, &spec, &device));
	assert_int_equal(vfs_device_number(device), makedev(200, 10));
	check_eq(vfs_register_device(w->vfs, &spec, NULL), -EBUSY);
	spec = box_spec(200, 14, 1);
	check_eq(vfs_register_device(w->vfs, &spec, NULL), -EBUSY);
	spec = box_spec(200, 0, 11);
	check_eq(vfs_register_device(w->vfs, &spec, NULL), -EBUSY);
	spec = box_spec(200, 15, 1);
	check_ok(vfs_register_device(w->vfs, &spec, NULL));
	spec = box_spec(200, 0, 10);
	check_ok(vfs_register_device(w->vfs, &spec, NULL));
	/* the same numbers of the other kind are others */
	spec = box_spec(200, 10, 5);
	spec.type = S_IFBLK;
	check_ok(vfs_register_device(w->vfs, &spec, NULL));
	spec = box_spec(1, 3, 1);
	check_eq(vfs_register_device(w->vfs, &spec, NULL), -EBUSY);
	check_ok(vfs_unregister_device(device));
	check_ok(vfs_unregister_device(NULL));
	spec = box_spec(200, 10, 5);
	check_ok(vfs_register_device(w->vfs, &spec, NULL));
}

static void test_device__bad_specs(void **state)
{
	struct world *w = *state;
	struct vfs_device_spec good = box_spec(200, 0, 1), spec;
	struct vfs_device_ops ops = box_ops;

#define REFUSED(change, error)                                             \
	do {                                                               \
		spec = good;                                               \
		change;                                                    \
		check_eq(vfs_register_device(w->vfs, &spec, NULL), error); \
	} while (0)
	REFUSED(spec.size = 8, -EINVAL);
	REFUSED(spec.type = S_IFREG, -EINVAL);
	REFUSED(spec.major = 512, -EINVAL);
	REFUSED(spec.count = 0, -EINVAL);
	REFUSED(spec.minor = 0x100000, -EINVAL);
	REFUSED((spec.minor = 0xfffff, spec.count = 2), -EINVAL);
	REFUSED(spec.count = UINT32_MAX, -EINVAL);
	REFUSED(spec.name = NULL, -EFAULT);
	REFUSED(spec.name = "", -EINVAL);
	REFUSED(spec.name = "a/b", -EINVAL);
	REFUSED(spec.name = "..", -EINVAL);
	REFUSED(spec.name = "123456789012345678901234567890123456789012345678",
		-EINVAL);
	REFUSED(spec.ops = NULL, -EFAULT);
	REFUSED(spec.mode = 01666, -EINVAL);
	ops.size = 8;
	REFUSED(spec.ops = &ops, -EINVAL);
	ops = box_ops;
	ops.flags = 0x100;
	REFUSED(spec.ops = &ops, -EINVAL);
#undef REFUSED
	check_eq(vfs_register_device(NULL, &good, NULL), -EFAULT);
	check_eq(vfs_register_device(w->vfs, NULL, NULL), -EFAULT);
}

/* As alloc_chrdev_region: 254 down to 234, then 511 down to 384. */
static void test_device__dynamic_majors(void **state)
{
	struct world *w = *state;
	struct vfs_device_spec spec = box_spec(253, 0, 1);
	struct vfs_device *device;

	check_ok(vfs_register_device(w->vfs, &spec, NULL));
	spec.major = 0;
	for (uint32_t major = 254; major >= 234; major--) {
		if (major == 253)
			continue;
		check_ok(vfs_register_device(w->vfs, &spec, &device));
		assert_int_equal(major(vfs_device_number(device)), major);
	}
	for (uint32_t major = 511; major >= 384; major--) {
		check_ok(vfs_register_device(w->vfs, &spec, &device));
		assert_int_equal(major(vfs_device_number(device)), major);
	}
	check_eq(vfs_register_device(w->vfs, &spec, NULL), -EBUSY);
	check_ok(vfs_unregister_device(device));
	check_ok(vfs_register_device(w->vfs, &spec, &device));
	assert_int_equal(major(vfs_device_number(device)), 384);
	spec.type = S_IFBLK;
	check_ok(vfs_register_device(w->vfs, &spec, &device));
	assert_int_equal(major(vfs_device_number(device)), 254);
}

/* -- open files -- */

static void test_device__open_files(void **state)
{
	struct world *w = *state;
	struct mailbox box = {0};
	struct vfs_device_spec spec = box_spec(200, 10, 5);
	char byte = 0;
	int fd, again, value = 0;

	spec.context = &box;
	check_ok(vfs_mknod(w->task, "/b", S_IFCHR | 0666, makedev(200, 12)));
	check_ok(vfs_mknod(w->task, "/bad", S_IFCHR | 0666, makedev(200, 13)));
	check_ok(vfs_mknod(w->task, "/none", S_IFCHR | 0666, makedev(200, 15)));
	check_ok(vfs_mknod(w->task, "/blk", S_IFBLK | 0666, makedev(200, 12)));
	check_eq(vfs_open(w->task, "/b", O_RDWR, 0), -ENXIO);
	check_ok(vfs_register_device(w->vfs, &spec, &box.device));
	check_eq(vfs_open(w->task, "/none", O_RDWR, 0), -ENXIO);
	check_eq(vfs_open(w->task, "/blk", O_RDWR, 0), -ENXIO);
	check_eq(vfs_open(w->task, "/bad", O_RDWR, 0), -EPERM);
	check_eq(vfs_open(w->task, "/b", O_RDWR | O_DIRECT, 0), -EINVAL);
	assert_int_equal(box.opened, box.released);
	fd = check_fd(vfs_open(w->user, "/b", O_RDWR | O_NONBLOCK, 0));
	assert_int_equal(box.last, makedev(200, 12));
	check_eq(vfs_unregister_device(box.device), -EBUSY);
	check_eq(vfs_read(w->user, fd, &byte, 1), -EAGAIN);
	check_eq(vfs_write(w->user, fd, "x", 1), 1);
	check_eq(vfs_read(w->user, fd, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	check_eq(vfs_read(w->user, fd, NULL, 1), -EFAULT);
	check_eq(vfs_write(w->user, fd, NULL, 1), -EFAULT);
	check_eq(vfs_lseek(w->user, fd, 0, SEEK_SET), -ESPIPE);
	check_eq(vfs_lseek(w->user, fd, 0, SEEK_CUR), -ESPIPE);
	check_eq(vfs_pread(w->user, fd, &byte, 1, 0), -ESPIPE);
	check_eq(vfs_pwrite(w->user, fd, &byte, 1, 0), -ESPIPE);
	check_eq(vfs_ioctl(w->user, fd, 77, &value), 7);
	assert_int_equal(value, 42);
	check_eq(vfs_ioctl(w->user, fd, 78, &value), -ENOTTY);
	check_eq(vfs_fsync(w->user, fd), -EINVAL);
	again = check_fd(vfs_dup(w->user, fd));
	check_ok(vfs_close(w->user, fd));
	assert_int_equal(box.released, 1); /* O_DIRECT's */
	check_ok(vfs_close(w->user, again));
	assert_int_equal(box.released, 2);
	fd = check_fd(vfs_open(w->task, "/b", O_PATH, 0));
	assert_int_equal(box.opened, 2);
	check_ok(vfs_unregister_device(box.device));
	check_ok(vfs_close(w->task, fd));
	check_eq(vfs_open(w->task, "/b", O_RDWR, 0), -ENXIO);
}

struct writer {
	struct vfs_task *task;
	int fd;
};

static void *write_soon(void *argument)
{
	struct writer *writer = argument;

	usleep(20000);
	if (vfs_write(writer->task, writer->fd, "y", 1) != 1)
		return NULL;
	return writer;
}

/* poll and read sleep until the device is told to be ready. */
static void test_device__waiting(void **state)
{
	struct world *w = *state;
	struct mailbox box = {0};
	struct vfs_device_spec spec = box_spec(200, 0, 1);
	struct writer writer = {.task = w->task};
	struct vfs_pollfd fds = {.events = POLLIN};
	pthread_t thread;
	void *good;
	char byte;

	spec.context = &box;
	check_ok(vfs_register_device(w->vfs, &spec, &box.device));
	check_ok(vfs_mknod(w->task, "/b", S_IFCHR | 0666, makedev(200, 0)));
	fds.fd = writer.fd = check_fd(vfs_open(w->task, "/b", O_RDWR, 0));
	check_eq(vfs_poll(w->task, &fds, 1, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_soon, &writer), 0);
	check_eq(vfs_poll(w->task, &fds, 1, 10000), 1);
	assert_int_equal(fds.revents, POLLIN);
	pthread_join(thread, &good);
	assert_non_null(good);
	check_eq(vfs_read(w->task, fds.fd, &byte, 1), 1);
	assert_int_equal(pthread_create(&thread, NULL, write_soon, &writer), 0);
	check_eq(vfs_read(w->task, fds.fd, &byte, 1), 1);
	assert_int_equal(byte, 'y');
	pthread_join(thread, &good);
	assert_non_null(good);
	check_ok(vfs_close(w->task, fds.fd));
}

#define LETTERS 200000

static void *send_letters(void *argument)
{
	struct mailbox *box = argument;
	uint32_t random = 1;

	time_t end = time(NULL) + 4; /* a busy machine sends fewer */

	box->byte = 'y';
	for (int i = 0; box->byte != 'z'; i++) {
		/* the reader may want this processor */
		for (unsigned n = 0; box_is_full(box); n++)
			if (n > 1000)
				sched_yield();
		/* just when the reader goes to sleep, at times */
		random = random * 1103515245 + 12345;
		for (uint32_t n = (random >> 16) % 400; n; n--)
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
		if (i == LETTERS || (i % 64 == 63 && time(NULL) > end))
			box->byte = 'z'; /* the last */
		__atomic_store_n(&box->full, 1, __ATOMIC_RELEASE);
		vfs_device_notify(box->device);
	}
	return NULL;
}

/* Nobody sleeps through what he waits for, however close it comes. */
static void test_device__no_wake_is_lost(void **state)
{
	struct world *w = *state;
	struct mailbox box = {0};
	struct vfs_device_spec spec = box_spec(200, 0, 1);
	pthread_t thread;
	char byte;
	int fd;

	spec.context = &box;
	check_ok(vfs_register_device(w->vfs, &spec, &box.device));
	check_ok(vfs_mknod(w->task, "/b", S_IFCHR | 0666, makedev(200, 0)));
	fd = check_fd(vfs_open(w->task, "/b", O_RDWR, 0));
	assert_int_equal(pthread_create(&thread, NULL, send_letters, &box), 0);
	do
		check_eq(vfs_read(w->task, fd, &byte, 1), 1);
	while (byte != 'z');
	pthread_join(thread, NULL);
	check_ok(vfs_close(w->task, fd));
}

static void *interrupt_soon(void *argument)
{
	usleep(20000);
	vfs_task_interrupt(argument);
	return NULL;
}

static void test_device__interrupted(void **state)
{
	struct world *w = *state;
	struct mailbox box = {0};
	struct vfs_device_spec spec = box_spec(200, 0, 1);
	pthread_t thread;
	char byte;
	int fd;

	spec.context = &box;
	check_ok(vfs_register_device(w->vfs, &spec, &box.device));
	check_ok(vfs_mknod(w->task, "/b", S_IFCHR | 0666, makedev(200, 0)));
	fd = check_fd(vfs_open(w->task, "/b", O_RDWR, 0));
	assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, w->task),
			 0);
	check_eq(vfs_read(w->task, fd, &byte, 1), -EINTR);
	pthread_join(thread, NULL);
	check_ok(vfs_close(w->task, fd));
}

/* -- devfs -- */

static void check_node(struct vfs_task *task, const char *path, uint32_t mode,
		       unsigned major, unsigned minor)
{
	struct vfs_stat st;

	check_ok(vfs_stat(task, path, &st));
	assert_int_equal(st.mode, mode);
	assert_int_equal(st.rdev, makedev(major, minor));
}

static int count_entries(struct vfs_task *task, const char *path,
			 const char *wanted)
{
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	int count = 0;

	check_ok(vfs_opendir(task, path, &dir));
	while (vfs_readdir(dir, &d) == 1)
		count += !wanted || !strcmp(d->name, wanted) ? 1 : 0;
	check_ok(vfs_closedir(dir));
	return count;
}

static void test_device__devfs(void **state)
{
	struct world *w = *state;
	struct mailbox box = {0};
	struct vfs_device_spec spec = box_spec(0, 0, 1);
	struct vfs_device *many;
	uint64_t ino;
	char zeros[8] = "xxxxxxx";
	int fd;

	check_ok(vfs_mkdir(w->task, "/dev", 0755));
	mount_type_at(w->task, "devtmpfs", "/dev");
	check_node(w->task, "/dev/null", S_IFCHR | 0666, 1, 3);
	check_node(w->task, "/dev/zero", S_IFCHR | 0666, 1, 5);
	check_node(w->task, "/dev/full", S_IFCHR | 0666, 1, 7);
	check_node(w->task, "/dev/random", S_IFCHR | 0666, 1, 8);
	check_node(w->task, "/dev/urandom", S_IFCHR | 0666, 1, 9);
	check_node(w->task, "/dev/tty", S_IFCHR | 0666, 5, 0);
	check_eq(vfs_open(w->user, "/dev/tty", O_RDWR, 0), -ENXIO);
	assert_int_equal(count_entries(w->task, "/dev", NULL), 12);
	fd = check_fd(vfs_open(w->user, "/dev/zero", O_RDWR, 0));
	check_eq(vfs_read(w->user, fd, zeros, 8), 8);
	assert_memory_equal(zeros, "\0\0\0\0\0\0\0\0", 8);
	check_ok(vfs_close(w->user, fd));
	/* what is registered is there at once, and no longer than that */
	check_eq(vfs_open(w->task, "/dev/box", O_RDWR, 0), -ENOENT);
	spec.context = &box;
	check_ok(vfs_register_device(w->vfs, &spec, &box.device));
	check_node(w->task, "/dev/box", S_IFCHR | 0640, 254, 0);
	ino = ino_of(w->task, "/dev/box");
	assert_int_equal(count_entries(w->task, "/dev", "box"), 1);
	fd = check_fd(vfs_open(w->task, "/dev/box", O_RDWR, 0));
	check_eq(vfs_open(w->user, "/dev/box", O_RDWR, 0), -EACCES);
	check_ok(vfs_close(w->task, fd));
	assert_int_equal(ino_of(w->task, "/dev/box"), ino);
	check_ok(vfs_unregister_device(box.device));
	check_eq(vfs_open(w->task, "/dev/box", O_RDWR, 0), -ENOENT);
	spec = box_spec(0, 5, 3);
	check_ok(vfs_register_device(w->vfs, &spec, &many));
	check_node(w->task, "/dev/box6", S_IFCHR | 0640, 254, 6);
	assert_int_equal(count_entries(w->task, "/dev", NULL), 15);
	check_ok(vfs_unregister_device(many));
	check_eq(vfs_open(w->task, "/dev/new", O_RDWR | O_CREAT, 0600), -EPERM);
	check_eq(vfs_unlink(w->task, "/dev/null"), -EPERM);
	check_ok(vfs_chmod(w->task, "/dev/tty", 0600));
	check_node(w->task, "/dev/tty", S_IFCHR | 0600, 5, 0);
	unmount_it(w->task, "/dev");
}

static void test_device__nodev(void **state)
{
	struct world *w = *state;

	check_ok(vfs_mkdir(w->task, "/dev", 0755));
	mount_type_at(w->task, "devtmpfs", "/dev");
	check_ok(vfs_mount(w->task, NULL, "/dev", NULL,
			   MS_REMOUNT | MS_BIND | MS_NODEV, NULL));
	check_eq(vfs_open(w->task, "/dev/null", O_RDWR, 0), -EACCES);
	check_ok(vfs_close(
		w->task, check_fd(vfs_open(w->task, "/dev/null", O_PATH, 0))));
	unmount_it(w->task, "/dev");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_device__overlap),
		world_test(test_device__bad_specs),
		world_test(test_device__dynamic_majors),
		world_test(test_device__open_files),
		world_test(test_device__waiting),
		world_test(test_device__no_wake_is_lost),
		world_test(test_device__interrupted),
		world_test(test_device__devfs),
		world_test(test_device__nodev),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
