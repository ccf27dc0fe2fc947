/* SPDX-License-Identifier: MIT */
/* devpts: terminals of the host behind ptmx and numbers. */
#include "support/check.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <vfs/devpts.h>
#include <vfs/sys/backend.h>

#define FLAGS (O_RDWR | O_NOCTTY)

static int mount_pts(struct world *w, const char *options)
{
	int err = vfs_mkdir(w->task, "/pts", 0755);

	if (err && err != -EEXIST)
		return err;
	return vfs_mount_type(w->task, &vfs_devpts_type, "devpts", "/pts", 0,
			      options);
}

/* A master; *number is its slave's. */
static int open_master(struct vfs_task *task, unsigned *number)
{
	int fd = check_fd(vfs_open(task, "/pts/ptmx", FLAGS, 0));

	check_ok(vfs_ioctl(task, fd, TIOCGPTN, number));
	return fd;
}

static const char *name_of(unsigned number)
{
	static char name[4][32];
	static unsigned next;
	char *text = name[next++ % 4];

	snprintf(text, sizeof(name[0]), "/pts/%u", number);
	return text;
}

static void unlock(struct vfs_task *task, int master)
{
	int zero = 0;

	check_ok(vfs_ioctl(task, master, TIOCSPTLCK, &zero));
}

static void test_devpts__a_terminal(void **state)
{
	struct world *w = *state;
	struct winsize size = {.ws_row = 5, .ws_col = 7};
	struct termios tio;
	struct vfs_stat st;
	struct vfs_pollfd p;
	unsigned number;
	char text[16];
	int master, slave;

	check_ok(mount_pts(w, NULL));
	master = open_master(w->task, &number);
	check_ok(vfs_stat(w->task, name_of(number), &st));
	assert_int_equal(st.mode, S_IFCHR | 0600);
	assert_int_equal(st.rdev, makedev(136, number));
	assert_int_equal(st.nlink, 1);
	/* locked at first, as on Linux */
	check_eq(vfs_open(w->task, name_of(number), FLAGS, 0), -EIO);
	unlock(w->task, master);
	slave = check_fd(vfs_open(w->task, name_of(number), FLAGS, 0));
	check_eq(vfs_write(w->task, slave, "out\n", 4), 4);
	check_eq(vfs_read(w->task, master, text, sizeof(text)), 5);
	assert_memory_equal(text, "out\r\n", 5);
	check_eq(vfs_write(w->task, master, "in\n", 3), 3);
	check_eq(vfs_read(w->task, slave, text, sizeof(text)), 3);
	assert_memory_equal(text, "in\n", 3);
	check_ok(vfs_ioctl(w->task, master, TIOCSWINSZ, &size));
	memset(&size, 0, sizeof(size));
	check_ok(vfs_ioctl(w->task, slave, TIOCGWINSZ, &size));
	assert_int_equal(size.ws_col, 7);
	check_ok(vfs_ioctl(w->task, slave, TCGETS, &tio));
	/* what is open is the file of that name */
	check_ok(vfs_fstat(w->task, slave, &st));
	assert_int_equal(st.ino, ino_of(w->task, name_of(number)));
	check_eq(vfs_lseek(w->task, slave, 0, SEEK_CUR), -ESPIPE);
	check_eq(vfs_fsync(w->task, slave), -EINVAL);
	/* the master goes, and with it the name; the slave is hung up */
	check_ok(vfs_close(w->task, master));
	check_eq(vfs_stat(w->task, name_of(number), &st), -ENOENT);
	check_eq(vfs_read(w->task, slave, text, sizeof(text)), 0);
	check_eq(vfs_write(w->task, slave, "x", 1), -EIO);
	p = (struct vfs_pollfd){.fd = slave, .events = POLLIN};
	check_eq(vfs_poll(w->task, &p, 1, 0), 1);
	assert_true(p.revents & POLLHUP);
	check_ok(vfs_fstat(w->task, slave, &st));
	assert_int_equal(st.nlink, 0);
	check_ok(vfs_close(w->task, slave));
	check_ok(vfs_umount(w->task, "/pts"));
}

/* A reader that waits is woken by what comes, and by an interrupt. */
static void test_devpts__nobody_waits_for_ever(void **state)
{
	struct world *w = *state;
	struct vfs_pollfd p;
	unsigned number;
	char text[4];
	int master, slave;

	check_ok(mount_pts(w, NULL));
	master = open_master(w->task, &number);
	unlock(w->task, master);
	slave = check_fd(
		vfs_open(w->task, name_of(number), FLAGS | O_NONBLOCK, 0));
	check_eq(vfs_read(w->task, slave, text, 4), -EAGAIN);
	p = (struct vfs_pollfd){.fd = slave, .events = POLLIN};
	check_eq(vfs_poll(w->task, &p, 1, 10), 0);
	check_eq(vfs_write(w->task, master, "x\n", 2), 2);
	check_eq(vfs_poll(w->task, &p, 1, 5000), 1);
	check_eq(vfs_read(w->task, slave, text, 4), 2);
	check_ok(vfs_close(w->task, slave));
	/* open for reading is not open for writing */
	slave = check_fd(
		vfs_open(w->task, name_of(number), O_RDONLY | O_NOCTTY, 0));
	check_eq(vfs_write(w->task, slave, "x", 1), -EBADF);
	check_ok(vfs_close(w->task, slave));
	check_eq(vfs_open(w->task, name_of(number), FLAGS | O_DIRECT, 0),
		 -EINVAL);
	check_eq(vfs_open(w->task, "/pts/ptmx", FLAGS | O_DIRECT, 0), -EINVAL);
	/* a mount is busy as long as a terminal is open */
	check_eq(vfs_umount(w->task, "/pts"), -EBUSY);
	check_ok(vfs_close(w->task, master));
	check_ok(vfs_umount(w->task, "/pts"));
}

/* Left open when the mount goes: everything goes with the last descriptor. */
static void test_devpts__a_mount_that_is_gone(void **state)
{
	struct world *w = *state;
	unsigned number;
	char text[8];
	int master, slave;

	check_ok(mount_pts(w, NULL));
	master = open_master(w->task, &number);
	unlock(w->task, master);
	slave = check_fd(vfs_open(w->task, name_of(number), FLAGS, 0));
	check_ok(vfs_umount2(w->task, "/pts", MNT_DETACH));
	check_eq(vfs_write(w->task, master, "a\n", 2), 2);
	check_eq(vfs_read(w->task, slave, text, sizeof(text)), 2);
	check_ok(vfs_close(w->task, master));
}

/* ---- names ---- */

static unsigned list(struct vfs_task *task, char *names)
{
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	unsigned count = 0;

	*names = 0;
	check_ok(vfs_opendir(task, "/pts", &dir));
	while (vfs_readdir(dir, &d) == 1) {
		if (d->name[0] == '.')
			continue;
		assert_int_equal(d->type, DT_CHR);
		strcat(strcat(names, d->name), " ");
		count++;
	}
	check_ok(vfs_closedir(dir));
	return count;
}

static void test_devpts__names(void **state)
{
	struct world *w = *state;
	int masters[40];
	unsigned number;
	char names[512], one[16];
	struct vfs_stat st;
	struct vfs_statfs fs;

	check_ok(mount_pts(w, NULL));
	assert_int_equal(list(w->task, names), 1);
	assert_string_equal(names, "ptmx ");
	for (int i = 0; i < 40; i++)
		masters[i] = open_master(w->task, &number);
	assert_int_equal(list(w->task, names), 41);
	snprintf(one, sizeof(one), " %u ", number);
	assert_non_null(strstr(names, one));
	for (int i = 0; i < 40; i += 2)
		check_ok(vfs_close(w->task, masters[i]));
	assert_int_equal(list(w->task, names), 21);
	/* what a number is not */
	check_eq(vfs_stat(w->task, "/pts/99999999", &st), -ENOENT);
	check_eq(vfs_stat(w->task, "/pts/-1", &st), -ENOENT);
	check_eq(vfs_stat(w->task, "/pts/1x", &st), -ENOENT);
	snprintf(one, sizeof(one), "/pts/0%u", number);
	check_eq(vfs_stat(w->task, one, &st), -ENOENT);
	/* and what Linux says to changes */
	check_eq(vfs_mkdir(w->task, "/pts/d", 0755), -EPERM);
	check_eq(vfs_unlink(w->task, "/pts/ptmx"), -EPERM);
	check_eq(vfs_unlink(w->task, name_of(number)), -EPERM);
	check_eq(vfs_rename(w->task, "/pts/ptmx", "/pts/q"), -EPERM);
	check_eq(vfs_symlink(w->task, "a", "/pts/l"), -EPERM);
	check_eq(vfs_link(w->task, name_of(number), "/pts/l"), -EPERM);
	check_ok(vfs_stat(w->task, "/pts", &st));
	assert_int_equal(st.mode, S_IFDIR | 0755);
	assert_int_equal(st.ino, 1);
	assert_int_equal(st.nlink, 2);
	check_ok(vfs_stat(w->task, "/pts/ptmx", &st));
	assert_int_equal(st.mode, S_IFCHR);
	assert_int_equal(st.rdev, makedev(5, 2));
	assert_int_equal(st.ino, 2);
	check_ok(vfs_statfs(w->task, "/pts", &fs));
	assert_int_equal(fs.type, 0x1cd1);
	assert_int_equal(fs.bsize, 4096);
}

/* A number that comes again is another file. */
static void test_devpts__numbers_come_again(void **state)
{
	struct world *w = *state;
	unsigned first, second;
	struct vfs_stat st;
	int master, other;

	check_ok(mount_pts(w, NULL));
	master = open_master(w->task, &first);
	check_ok(vfs_chmod(w->task, name_of(first), 0666));
	check_ok(vfs_chown(w->task, name_of(first), 7, 8));
	check_ok(vfs_stat(w->task, name_of(first), &st));
	assert_int_equal(st.mode, S_IFCHR | 0666);
	assert_int_equal(st.uid, 7);
	check_ok(vfs_close(w->task, master));
	other = open_master(w->task, &second);
	check_ok(vfs_stat(w->task, name_of(second), &st));
	assert_int_equal(st.mode, S_IFCHR | 0600);
	assert_int_equal(st.uid, 0);
	check_ok(vfs_close(w->task, other));
}

/* Each mount has its own. */
static void test_devpts__instances(void **state)
{
	struct world *w = *state;
	unsigned number;
	struct vfs_stat st;
	char path[32];
	int master;

	check_ok(mount_pts(w, NULL));
	check_ok(vfs_mkdir(w->task, "/b", 0755));
	check_ok(vfs_mount_type(w->task, &vfs_devpts_type, "x", "/b", 0, NULL));
	master = open_master(w->task, &number);
	snprintf(path, sizeof(path), "/b/%u", number);
	check_eq(vfs_stat(w->task, path, &st), -ENOENT);
	check_ok(vfs_close(w->task, master));
}

/* ---- options ---- */

static void test_devpts__options(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = {
		"max=x", "ptmxmode=08", "gid=-1",	 "foo", "mode=",
		"uid=",	 "max=2000000", "newinstance=1", "mode"};
	struct vfs_stat st;
	unsigned number;
	char info[1024];
	int master;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		w->log[0] = 0;
		check_eq(mount_pts(w, bad[i]), -EINVAL);
		assert_non_null(strstr(w->log, bad[i]));
	}
	check_ok(mount_pts(w, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
	check_fd(vfs_mountinfo(w->task, 0, info, sizeof(info)));
	assert_non_null(
		strstr(info, "devpts rw,gid=5,mode=620,ptmxmode=666\n"));
	/* the opener's, but for the group; others may open ptmx, and not it */
	master = open_master(w->user, &number);
	check_ok(vfs_stat(w->task, name_of(number), &st));
	assert_int_equal(st.mode, S_IFCHR | 0620);
	assert_int_equal(st.uid, 1000);
	assert_int_equal(st.gid, 5);
	unlock(w->user, master);
	check_ok(vfs_close(w->user, check_fd(vfs_open(w->user, name_of(number),
						      FLAGS, 0))));
	check_ok(vfs_chown(w->task, name_of(number), 1, -1));
	check_eq(vfs_open(w->user, name_of(number), FLAGS, 0), -EACCES);
	/* a remount begins anew */
	check_ok(vfs_mount(w->task, NULL, "/pts", NULL, MS_REMOUNT,
			   "max=1,uid=3"));
	check_fd(vfs_mountinfo(w->task, 0, info, sizeof(info)));
	assert_non_null(
		strstr(info, "devpts rw,uid=3,mode=600,ptmxmode=000,max=1\n"));
	check_eq(vfs_open(w->user, "/pts/ptmx", FLAGS, 0), -EACCES);
	check_eq(vfs_open(w->task, "/pts/ptmx", FLAGS, 0), -ENOSPC);
	check_ok(vfs_close(w->user, master));
	master = open_master(w->task, &number);
	check_ok(vfs_stat(w->task, name_of(number), &st));
	assert_int_equal(st.uid, 3);
	check_eq(vfs_open(w->task, "/pts/ptmx", FLAGS, 0), -ENOSPC);
	check_ok(vfs_close(w->task, master));
	check_ok(vfs_mount(w->task, NULL, "/pts", NULL,
			   MS_REMOUNT | MS_BIND | MS_NODEV, NULL));
	check_eq(vfs_open(w->task, "/pts/ptmx", FLAGS, 0), -EACCES);
}

/* ---- threads ---- */

struct crowd {
	struct world *world;
	unsigned wrong; /* atomic */
};

static bool one_terminal(struct vfs_task *task)
{
	char path[32], text[4];
	unsigned number;
	int slave = -1, zero = 0;
	int master = vfs_open(task, "/pts/ptmx", FLAGS, 0);
	bool good;

	if (master < 0)
		return false;
	good = !vfs_ioctl(task, master, TIOCGPTN, &number) &&
	       !vfs_ioctl(task, master, TIOCSPTLCK, &zero);
	snprintf(path, sizeof(path), "/pts/%u", number);
	if (good)
		slave = vfs_open(task, path, FLAGS, 0);
	good = good && slave >= 0 && vfs_write(task, slave, "x", 1) == 1 &&
	       vfs_read(task, master, text, 1) == 1;
	good = vfs_close(task, master) == 0 && good;
	if (slave >= 0)
		vfs_close(task, slave);
	return good;
}

static void *use_terminals(void *argument)
{
	struct crowd *crowd = argument;

	for (int i = 0; i < 150; i++)
		if (!one_terminal(crowd->world->task))
			__atomic_add_fetch(&crowd->wrong, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Names that come and go: what is listed and opened is a terminal, or gone. */
static void *look_at_terminals(void *argument)
{
	struct crowd *crowd = argument;
	struct vfs_task *task = crowd->world->task;
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	char path[300];

	for (int i = 0; i < 150; i++) {
		if (vfs_opendir(task, "/pts", &dir))
			continue;
		while (vfs_readdir(dir, &d) == 1) {
			int fd;

			snprintf(path, sizeof(path), "/pts/%s", d->name);
			if (d->type != DT_CHR || !strcmp(d->name, "ptmx"))
				continue;
			fd = vfs_open(task, path, FLAGS | O_NONBLOCK, 0);
			if (fd < 0 && fd != -ENOENT && fd != -EIO)
				__atomic_add_fetch(&crowd->wrong, 1,
						   __ATOMIC_RELAXED);
			if (fd >= 0)
				vfs_close(task, fd);
		}
		vfs_closedir(dir);
	}
	return NULL;
}

static void test_devpts__a_crowd(void **state)
{
	struct world *w = *state;
	struct crowd crowd = {.world = w};
	pthread_t threads[4];

	check_ok(mount_pts(w, NULL));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						i % 2 ? look_at_terminals
						      : use_terminals,
						&crowd),
				 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(crowd.wrong, 0);
	check_ok(vfs_umount(w->task, "/pts"));
}

/* ---- memory ---- */

static bool try_once(struct world *w, uint64_t nth)
{
	unsigned number = 0;
	int master, slave = -1, err;
	char text[4];

	test_alloc_fail(&w->alloc, nth, 1);
	err = mount_pts(w, "mode=0620");
	master = err ? err : vfs_open(w->task, "/pts/ptmx", FLAGS, 0);
	if (master >= 0) {
		check_ok(vfs_ioctl(w->task, master, TIOCGPTN, &number));
		unlock(w->task, master);
		slave = vfs_open(w->task, name_of(number), FLAGS, 0);
	}
	if (slave >= 0)
		err = (int)vfs_write(w->task, slave, "x", 1);
	bool failed = test_alloc_heal(&w->alloc) > 0;

	if (err < 0 || master < 0 || slave < 0)
		assert_true(failed);
	if (slave >= 0) {
		check_eq(vfs_read(w->task, master, text, 1), 1);
		check_ok(vfs_close(w->task, slave));
	} else if (master < 0) {
		check_eq(master, -ENOMEM);
	} else {
		check_eq(slave, -ENOMEM);
	}
	if (master >= 0)
		check_ok(vfs_close(w->task, master));
	vfs_umount(w->task, "/pts");
	return failed;
}

static void test_devpts__without_memory(void **state)
{
	struct vfs_config config = {.size = sizeof(config),
				    .flags = VFS_CONFIG_PLAIN_MEMORY};
	struct world w;
	uint64_t nth = 0;

	(void)state;
	check_ok(world_open(&w, &config));
	while (try_once(&w, ++nth))
		;
	printf("%llu allocations\n", (unsigned long long)nth - 1);
	assert_true(nth > 10);
	assert_true(world_close(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_devpts__a_terminal),
		world_test(test_devpts__nobody_waits_for_ever),
		world_test(test_devpts__a_mount_that_is_gone),
		world_test(test_devpts__names),
		world_test(test_devpts__numbers_come_again),
		world_test(test_devpts__instances),
		world_test(test_devpts__options),
		world_test(test_devpts__a_crowd),
		cmocka_unit_test(test_devpts__without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
