/* SPDX-License-Identifier: MIT */
/* Files without a name, and seals: what each one forbids. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/check.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#define PAGE 4096

static int make(struct vfs_task *t, uint32_t flags)
{
	return check_fd(vfs_memfd_create(t, "name", flags));
}

static int seal(struct vfs_task *t, int fd, int seals)
{
	return vfs_fcntl(t, fd, F_ADD_SEALS, seals);
}

static void test_memfd__is_a_file(void **state)
{
	struct world *w = *state;
	int fd = make(w->user, MFD_CLOEXEC);
	struct vfs_statfs fs;
	struct vfs_stat st;
	char text[8] = {0};

	check_ok(vfs_fstat(w->user, fd, &st));
	assert_int_equal(st.mode, S_IFREG | 0777);
	assert_int_equal(st.nlink, 0);
	assert_int_equal(st.uid, 1000);
	assert_int_equal(st.size, 0);
	check_eq(vfs_fcntl(w->user, fd, F_GETFD, 0), FD_CLOEXEC);
	check_eq(vfs_fcntl(w->user, fd, F_GETFL, 0) & O_ACCMODE, O_RDWR);
	check_eq(vfs_fcntl(w->user, fd, F_GET_SEALS, 0), F_SEAL_SEAL);
	check_eq(seal(w->user, fd, F_SEAL_GROW), -EPERM);
	check_eq(vfs_write(w->user, fd, "hello", 5), 5);
	check_eq(vfs_pread(w->user, fd, text, 8, 0), 5);
	assert_string_equal(text, "hello");
	check_ok(vfs_fstatfs(w->user, fd, &fs));
	assert_int_equal(fs.type, 0x01021994);
	assert_int_equal(fs.blocks, 0);
	/* another one is another file on the same file system */
	check_ok(vfs_fstat(w->task, make(w->task, 0), &st));
	check_ok(vfs_close(w->user, fd));
}

static void test_memfd__names_and_flags(void **state)
{
	struct world *w = *state;
	char name[300];

	memset(name, 'n', sizeof(name));
	name[249] = 0;
	check_fd(vfs_memfd_create(w->task, name, 0));
	name[249] = 'n';
	name[250] = 0;
	check_eq(vfs_memfd_create(w->task, name, 0), -EINVAL);
	check_fd(vfs_memfd_create(w->task, "", 0));
	check_fd(vfs_memfd_create(w->task, "a/b", 0));
	check_eq(vfs_memfd_create(w->task, NULL, 0), -EFAULT);
	check_eq(vfs_memfd_create(w->task, NULL, 0x1000), -EINVAL);
	check_eq(vfs_memfd_create(NULL, "x", 0), -EFAULT);
	check_eq(vfs_memfd_create(w->task, "x", 0x1000), -EINVAL);
	check_eq(vfs_memfd_create(w->task, "x", 21u << 26), -EINVAL);
	check_eq(vfs_memfd_create(w->task, "x", MFD_HUGETLB), -ENODEV);
	check_eq(vfs_memfd_create(w->task, "x", MFD_EXEC | MFD_NOEXEC_SEAL),
		 -EINVAL);
}

static void test_memfd__write_seals(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int fd = make(t, MFD_ALLOW_SEALING);
	void *at = NULL, *other = NULL;

	check_eq(vfs_fcntl(t, fd, F_GET_SEALS, 0), 0);
	check_ok(vfs_ftruncate(t, fd, 2 * PAGE));
	check_ok(vfs_mmap(t, NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0, &at));
	/* it could be made writable */
	check_eq(seal(t, fd, F_SEAL_WRITE), -EBUSY);
	check_eq(seal(t, fd, F_SEAL_WRITE | F_SEAL_SHRINK), -EBUSY);
	check_eq(vfs_fcntl(t, fd, F_GET_SEALS, 0), 0);
	check_ok(seal(t, fd, F_SEAL_FUTURE_WRITE));
	assert_int_equal(mprotect(at, PAGE, PROT_READ | PROT_WRITE), 0);
	memcpy(at, "via map", 7);
	check_eq(vfs_pwrite(t, fd, "x", 1, 0), -EPERM);
	check_eq(vfs_pwrite(t, fd, "x", 0, 0), 0);
	check_eq(vfs_mmap(t, NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0, &other),
		 -EPERM);
	check_ok(vfs_mmap(t, NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0, &other));
	assert_memory_equal(other, "via map", 7);
	assert_int_equal(mprotect(other, PAGE, PROT_READ | PROT_WRITE), -1);
	check_ok(vfs_munmap(t, at, PAGE));
	check_ok(seal(t, fd, F_SEAL_WRITE));
	check_ok(vfs_munmap(t, other, PAGE));
	check_ok(vfs_mmap(t, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			  fd, 0, &at));
	memcpy(at, "own", 3);
	check_ok(vfs_munmap(t, at, PAGE));
	check_eq(vfs_fallocate(t, fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			       PAGE),
		 -EPERM);
	check_ok(vfs_fallocate(t, fd, 0, 0, PAGE));
	check_ok(vfs_ftruncate(t, fd, 10));
	check_ok(vfs_ftruncate(t, fd, 20000));
}

static void test_memfd__size_seals(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	static char data[20000];
	int fd = make(t, MFD_ALLOW_SEALING);

	check_ok(vfs_ftruncate(t, fd, 10000));
	check_ok(seal(t, fd, F_SEAL_GROW));
	check_eq(vfs_pwrite(t, fd, data, 300, 9900), -EPERM);
	check_eq(vfs_pwrite(t, fd, data, 300, 10000), -EPERM);
	check_eq(vfs_pwrite(t, fd, data, 10000, 4000), 8192 - 4000);
	check_eq(vfs_pwrite(t, fd, data, 10000, 0), 10000);
	check_eq(vfs_ftruncate(t, fd, 10001), -EPERM);
	check_eq(vfs_fallocate(t, fd, FALLOC_FL_KEEP_SIZE, 0, 10001), -EPERM);
	check_ok(vfs_fallocate(t, fd, 0, 0, 10000));
	check_ok(vfs_ftruncate(t, fd, 9999));
	check_ok(seal(t, fd, F_SEAL_SHRINK));
	check_eq(vfs_ftruncate(t, fd, 9998), -EPERM);
	check_ok(vfs_ftruncate(t, fd, 9999));
	check_eq(vfs_fcntl(t, fd, F_GET_SEALS, 0), F_SEAL_GROW | F_SEAL_SHRINK);
	check_ok(seal(t, fd, F_SEAL_SEAL));
	check_eq(seal(t, fd, F_SEAL_WRITE), -EPERM);
}

static void test_memfd__exec_seal(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int fd = make(t, MFD_NOEXEC_SEAL);
	struct vfs_stat st;

	check_ok(vfs_fstat(t, fd, &st));
	assert_int_equal(st.mode, S_IFREG | 0666);
	check_eq(vfs_fcntl(t, fd, F_GET_SEALS, 0), F_SEAL_EXEC);
	check_eq(vfs_fchmod(t, fd, 0700), -EPERM);
	check_ok(vfs_fchmod(t, fd, 0600));
	check_eq(vfs_write(t, fd, "x", 1), 1);
	/* a program's bytes are sealed with its x bits */
	fd = make(t, MFD_ALLOW_SEALING);
	check_ok(seal(t, fd, F_SEAL_EXEC));
	check_eq(vfs_fcntl(t, fd, F_GET_SEALS, 0), 0x3e);
	check_eq(vfs_fchmod(t, fd, 0666), -EPERM);
	check_ok(vfs_fchmod(t, fd, 0711));
	check_eq(vfs_write(t, fd, "x", 1), -EPERM);
}

static void test_memfd__seals_of_others(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int rw, ro, dir, p[2];

	put_file(t, "/f", "x");
	rw = check_fd(vfs_open(t, "/f", O_RDWR, 0));
	ro = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	dir = check_fd(vfs_open(t, "/", O_RDONLY, 0));
	check_ok(vfs_pipe(t, p));
	check_eq(vfs_fcntl(t, rw, F_GET_SEALS, 0), F_SEAL_SEAL);
	check_eq(vfs_fcntl(t, ro, F_GET_SEALS, 0), F_SEAL_SEAL);
	check_eq(vfs_fcntl(t, dir, F_GET_SEALS, 0), -EINVAL);
	check_eq(vfs_fcntl(t, p[0], F_GET_SEALS, 0), -EINVAL);
	check_eq(seal(t, rw, F_SEAL_GROW), -EPERM);
	check_eq(seal(t, rw, 0), -EPERM);
	check_eq(seal(t, ro, F_SEAL_GROW), -EPERM);
	check_eq(seal(t, rw, 64), -EINVAL);
	check_eq(seal(t, dir, F_SEAL_GROW), -EPERM);
	check_eq(seal(t, p[1], F_SEAL_GROW), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_memfd__is_a_file),
		world_test(test_memfd__names_and_flags),
		world_test(test_memfd__write_seals),
		world_test(test_memfd__size_seals),
		world_test(test_memfd__exec_seal),
		world_test(test_memfd__seals_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
