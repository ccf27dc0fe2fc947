/* SPDX-License-Identifier: MIT */
/* File handles: what they look like, what they survive, when they are stale. */
#include <sys/mman.h>
#include <unistd.h>

#include "support/check.h"

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif
#ifndef AT_HANDLE_MNT_ID_UNIQUE
#define AT_HANDLE_MNT_ID_UNIQUE 0x001
#endif
#ifndef AT_HANDLE_CONNECTABLE
#define AT_HANDLE_CONNECTABLE 0x002
#endif

static struct vfs_file_handle handle_of(struct vfs_task *t, const char *path)
{
	struct vfs_file_handle handle = {.handle_bytes = VFS_MAX_HANDLE_SIZE};
	int32_t id = -1;

	check_ok(vfs_name_to_handle_at(t, AT_FDCWD, path, &handle, &id, 0));
	assert_int_equal(handle.handle_bytes, 12);
	assert_int_equal(handle.handle_type, 1);
	return handle;
}

static bool same(const struct vfs_file_handle *a,
		 const struct vfs_file_handle *b)
{
	return a->handle_bytes == b->handle_bytes &&
	       a->handle_type == b->handle_type &&
	       !memcmp(a->f_handle, b->f_handle, a->handle_bytes);
}

static int open_handle(struct vfs_task *t, const struct vfs_file_handle *handle,
		       int flags)
{
	return vfs_open_by_handle_at(t, AT_FDCWD, handle, flags);
}

static void test_handle__leads_back(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_file_handle file, other;
	struct vfs_stat st;
	char text[8] = {0};
	int fd;

	put_file(t, "/f", "hello");
	put_file(t, "/g", "other");
	file = handle_of(t, "/f");
	other = handle_of(t, "/g");
	assert_false(same(&file, &other));
	other = handle_of(t, "/f");
	assert_true(same(&file, &other));
	fd = check_fd(open_handle(t, &file, O_RDWR));
	check_eq(vfs_read(t, fd, text, 8), 5);
	assert_string_equal(text, "hello");
	check_ok(vfs_fstat(t, fd, &st));
	assert_int_equal(st.ino, ino_of(t, "/f"));
	check_eq(vfs_write(t, fd, "!", 1), 1);
	check_file(t, "/f", "hello!");
	/* another descriptor of the mount does as well as the directory */
	check_fd(vfs_open_by_handle_at(t, fd, &file, O_RDONLY));
}

static void test_handle__survives_names(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_file_handle handle;
	int fd;

	check_ok(vfs_mkdir(t, "/d", 0755));
	put_file(t, "/d/f", "x");
	handle = handle_of(t, "/d/f");
	check_ok(vfs_rename(t, "/d/f", "/g"));
	check_ok(vfs_close(t, check_fd(open_handle(t, &handle, O_RDONLY))));
	check_ok(vfs_link(t, "/g", "/h"));
	check_ok(vfs_unlink(t, "/g"));
	/* by its other name, which nobody asked the handle of */
	fd = check_fd(open_handle(t, &handle, O_RDWR));
	check_eq(vfs_pwrite(t, fd, "y", 1, 0), 1);
	check_file(t, "/h", "y");
	check_ok(vfs_unlink(t, "/h"));
	/* removed, but open */
	check_ok(vfs_close(t, check_fd(open_handle(t, &handle, O_RDONLY))));
	check_ok(vfs_close(t, fd));
	check_eq(open_handle(t, &handle, O_RDONLY), -ESTALE);
	put_file(t, "/h", "z");
	check_eq(open_handle(t, &handle, O_RDONLY), -ESTALE);
}

/* What the descriptor's file is called; it is closed. */
static void check_called(struct vfs_task *t, int fd, const char *name)
{
	char link[32], text[32] = {0};

	snprintf(link, sizeof(link), "/proc/self/fd/%d", check_fd(fd));
	assert_true(vfs_readlink(t, link, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, name);
	check_ok(vfs_close(t, fd));
}

/* A handle leads to the name that it was asked of last, as long as that is
 * known; also to one that was asked of before another, which is gone. */
static void test_handle__of_two_names(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_file_handle handle;

	check_ok(vfs_mkdir(t, "/proc", 0755));
	check_ok(vfs_mount(t, "proc", "/proc", "proc", 0, NULL));
	put_file(t, "/a", "x");
	check_ok(vfs_link(t, "/a", "/b"));
	for (int i = 0; i < 3; i++) {
		handle = handle_of(t, "/a");
		check_called(t, open_handle(t, &handle, O_RDONLY), "/a");
		handle = handle_of(t, "/a");
		check_called(t, open_handle(t, &handle, O_RDONLY), "/a");
		handle = handle_of(t, "/b");
		check_called(t, open_handle(t, &handle, O_RDONLY), "/b");
	}
	handle = handle_of(t, "/a");
	check_ok(vfs_unlink(t, "/b"));
	check_called(t, open_handle(t, &handle, O_RDONLY), "/a");
	check_ok(vfs_link(t, "/a", "/b"));
	handle = handle_of(t, "/b");
	check_ok(vfs_unlink(t, "/b"));
	handle = handle_of(t, "/a");
	check_called(t, open_handle(t, &handle, O_RDONLY), "/a");
	check_ok(vfs_rename(t, "/a", "/c"));
	check_called(t, open_handle(t, &handle, O_RDONLY), "/c");
}

static void test_handle__directories(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_file_handle dir, root;
	int fd;

	check_ok(vfs_mkdir(t, "/a", 0755));
	check_ok(vfs_mkdir(t, "/a/d", 0755));
	put_file(t, "/a/d/f", "deep");
	dir = handle_of(t, "/a/d");
	root = handle_of(t, "/");
	check_ok(vfs_rename(t, "/a/d", "/e"));
	fd = check_fd(open_handle(t, &dir, O_RDONLY | O_DIRECTORY));
	check_fd(vfs_openat(t, fd, "f", O_RDONLY, 0));
	check_fd(vfs_openat(t, fd, "../a", O_RDONLY, 0));
	check_ok(vfs_close(t, fd));
	check_eq(open_handle(t, &dir, O_RDWR), -EISDIR);
	check_fd(open_handle(t, &root, O_RDONLY));
	fd = check_fd(open_handle(t, &dir, O_TMPFILE | O_RDWR));
	check_eq(vfs_write(t, fd, "x", 1), 1);
	check_ok(vfs_close(t, fd));
	check_ok(vfs_close_range(t, 0, 100, 0));
	check_ok(vfs_unlink(t, "/e/f"));
	fd = check_fd(vfs_open(t, "/e", O_RDONLY, 0));
	check_ok(vfs_rmdir(t, "/e"));
	check_ok(vfs_close(t, check_fd(open_handle(t, &dir, O_RDONLY))));
	check_ok(vfs_close(t, fd));
	check_eq(open_handle(t, &dir, O_RDONLY), -ESTALE);
}

static void test_handle__other_types(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_file_handle handle;

	check_ok(vfs_symlink(t, "nowhere", "/s"));
	check_ok(vfs_mknod(t, "/sock", S_IFSOCK | 0666, 0));
	check_ok(vfs_mkfifo(t, "/p", 0666));
	handle = handle_of(t, "/s");
	check_eq(open_handle(t, &handle, O_RDONLY), -ELOOP);
	check_fd(open_handle(t, &handle, O_PATH));
	handle = handle_of(t, "/sock");
	check_eq(open_handle(t, &handle, O_RDONLY), -ENXIO);
	handle = handle_of(t, "/p");
	check_fd(open_handle(t, &handle, O_RDWR));
	put_file(t, "/f", "x");
	handle = handle_of(t, "/f");
	check_eq(open_handle(t, &handle, O_RDONLY | O_DIRECTORY), -ENOTDIR);
	check_eq(open_handle(t, &handle, O_TMPFILE | O_RDWR), -ENOTDIR);
	check_eq(open_handle(t, &handle, O_CREAT | O_EXCL | O_RDWR), -EEXIST);
	check_fd(open_handle(t, &handle, O_CREAT | O_RDWR));
	check_fd(open_handle(t, &handle, O_RDWR | O_TRUNC));
	check_file(t, "/f", "");
}

static void test_handle__sizes_and_flags(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_file_handle h = {.handle_bytes = 0};
	uint64_t wide = UINT64_MAX;
	int32_t id = -1;
	int fd, p[2];

	put_file(t, "/f", "x");
	check_ok(vfs_symlink(t, "f", "/s"));
#define ASK(path, flags) \
	vfs_name_to_handle_at(t, AT_FDCWD, path, &h, &id, flags)
	check_eq(ASK("/f", 0), -EOVERFLOW);
	assert_int_equal(h.handle_bytes, 12);
	assert_int_not_equal(id, -1);
	check_ok(ASK("/f", 0));
	h.handle_bytes = VFS_MAX_HANDLE_SIZE + 1;
	check_eq(ASK("/f", 0), -EINVAL);
	check_eq(ASK("/none", 0), -ENOENT);
	h.handle_bytes = VFS_MAX_HANDLE_SIZE;
	check_eq(ASK("", 0), -ENOENT);
	check_eq(ASK("/f", AT_SYMLINK_NOFOLLOW), -EINVAL);
	check_eq(ASK("/f", AT_HANDLE_CONNECTABLE), -EOPNOTSUPP);
	check_eq(ASK("/f", AT_HANDLE_CONNECTABLE | AT_HANDLE_FID), -EINVAL);
	check_ok(ASK("/f", AT_HANDLE_FID));
	check_ok(ASK("", AT_EMPTY_PATH));
#undef ASK
	check_ok(vfs_name_to_handle_at(t, AT_FDCWD, "/s", &h, &wide,
				       AT_SYMLINK_FOLLOW |
					       AT_HANDLE_MNT_ID_UNIQUE));
	assert_int_equal((int32_t)wide, id);
	check_eq(vfs_name_to_handle_at(t, AT_FDCWD, "/f", NULL, &id, 0),
		 -EFAULT);
	h.handle_bytes = VFS_MAX_HANDLE_SIZE;
	check_eq(vfs_name_to_handle_at(t, AT_FDCWD, "/f", &h, NULL, 0),
		 -EFAULT);
	assert_int_equal(h.handle_bytes, VFS_MAX_HANDLE_SIZE);
	h.handle_bytes = 0;
	check_eq(vfs_name_to_handle_at(t, AT_FDCWD, "/f", &h, NULL, 0),
		 -EFAULT);
	assert_int_equal(h.handle_bytes, 0);
	h.handle_bytes = VFS_MAX_HANDLE_SIZE;
	check_eq(vfs_name_to_handle_at(NULL, AT_FDCWD, "/f", &h, &id, 0),
		 -EFAULT);
	fd = check_fd(vfs_open(t, "/f", O_PATH, 0));
	check_ok(vfs_name_to_handle_at(t, fd, "", &h, &id, AT_EMPTY_PATH));
	check_ok(vfs_pipe(t, p));
	check_eq(vfs_name_to_handle_at(t, p[0], "", &h, &id, AT_EMPTY_PATH),
		 -EOPNOTSUPP);
	check_ok(vfs_name_to_handle_at(t, p[0], "", &h, &id,
				       AT_EMPTY_PATH | AT_HANDLE_FID));
	assert_int_equal(h.handle_type, 0x81);
	check_eq(vfs_open_by_handle_at(t, p[0], &h, O_RDONLY), -ESTALE);
}

static void test_handle__refusals(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_file_handle good, h;
	int path;

	put_file(t, "/f", "x");
	h = good = handle_of(t, "/f");
	path = check_fd(vfs_open(t, "/f", O_PATH, 0));
	check_eq(vfs_open_by_handle_at(t, path, &h, O_RDONLY), -EBADF);
	check_eq(vfs_open_by_handle_at(t, 99, &h, O_RDONLY), -EBADF);
	check_eq(open_handle(t, NULL, O_RDONLY), -EFAULT);
	check_eq(vfs_open_by_handle_at(NULL, AT_FDCWD, &h, 0), -EFAULT);
	check_eq(open_handle(w->user, &h, O_RDONLY), -EPERM);
	h.handle_bytes = 0;
	check_eq(open_handle(w->user, &h, O_RDONLY), -EINVAL);
	h.handle_bytes = VFS_MAX_HANDLE_SIZE + 1;
	check_eq(open_handle(t, &h, O_RDONLY), -EINVAL);
	h.handle_bytes = 8;
	check_eq(open_handle(t, &h, O_RDONLY), -ESTALE);
	h = good;
	h.handle_type = -1;
	check_eq(open_handle(t, &h, O_RDONLY), -EINVAL);
	h.handle_type = 0x20001;
	check_eq(open_handle(t, &h, O_RDONLY), -ESTALE);
	h.handle_type = 0x40001;
	check_eq(open_handle(t, &h, O_RDONLY), -EINVAL);
	/* no bit of it may be another */
	for (int i = 0; i < 96; i++) {
		h = good;
		h.f_handle[i / 8] ^= (uint8_t)(1u << i % 8);
		check_eq(open_handle(t, &h, O_RDONLY), -ESTALE);
	}
	check_fd(open_handle(t, &good, O_RDONLY));
}

/* Many of them, so that the table grows; each leads to its own file. */
static void test_handle__many(void **state)
{
	enum {
		COUNT = 500
	};
	static struct vfs_file_handle handles[COUNT];
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_stat st;
	char path[16];

	for (int i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "/f%d", i);
		put_file(t, path, "x");
		handles[i] = handle_of(t, path);
	}
	for (int i = 0; i < COUNT; i++) {
		int fd = check_fd(open_handle(t, &handles[i], O_RDONLY));

		snprintf(path, sizeof(path), "/f%d", i);
		check_ok(vfs_fstat(t, fd, &st));
		assert_int_equal(st.ino, ino_of(t, path));
		check_ok(vfs_close(t, fd));
		if (i % 3 == 0)
			check_ok(vfs_unlink(t, path));
	}
	for (int i = 0; i < COUNT; i++) {
		int fd = open_handle(t, &handles[i], O_RDONLY);

		if (i % 3 == 0)
			check_eq(fd, -ESTALE);
		else
			check_ok(vfs_close(t, check_fd(fd)));
	}
}

/* A file of memfd_create, on the file system of its own. */
static void test_handle__memfd(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_file_handle h = {.handle_bytes = VFS_MAX_HANDLE_SIZE};
	int32_t id;
	int fd = check_fd(vfs_memfd_create(t, "x", 0));

	check_ok(vfs_name_to_handle_at(t, fd, "", &h, &id, AT_EMPTY_PATH));
	check_ok(vfs_close(
		t, check_fd(vfs_open_by_handle_at(t, fd, &h, O_RDONLY))));
	check_eq(open_handle(t, &h, O_RDONLY), -ESTALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_handle__leads_back),
		world_test(test_handle__survives_names),
		world_test(test_handle__of_two_names),
		world_test(test_handle__directories),
		world_test(test_handle__other_types),
		world_test(test_handle__sizes_and_flags),
		world_test(test_handle__refusals),
		world_test(test_handle__many),
		world_test(test_handle__memfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
