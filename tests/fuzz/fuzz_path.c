/* SPDX-License-Identifier: MIT */
/* Input: a byte that names a call, two bytes of flags, a path. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

/* A walk answers the same with and without its locks, by name and by place. */
static void check_walks(struct vfs_task *t, const char *path)
{
	struct vfs_open_how how = {.flags = O_PATH | O_CLOEXEC};
	struct vfs_stat by_path, by_fd;
	char real[4200];
	int error = vfs_stat(t, path, &by_path);
	int fd = vfs_open(t, path, O_PATH, 0);
	int64_t length;

	FUZZ_CHECK((fd < 0 ? fd : 0) == error);
	length = vfs_realpath(t, path, real, sizeof(real));
	if (fd < 0) {
		FUZZ_CHECK(length == error);
		return;
	}
	FUZZ_CHECK(vfs_fstat(t, fd, &by_fd) == 0);
	FUZZ_CHECK(by_fd.ino == by_path.ino);
	FUZZ_CHECK(vfs_close(t, fd) == 0);
	FUZZ_CHECK(length > 0 && real[0] == '/');
	FUZZ_CHECK((size_t)length == strlen(real));
	fd = vfs_openat2(t, AT_FDCWD, real, &how, sizeof(how));
	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(vfs_fstat(t, fd, &by_fd) == 0);
	FUZZ_CHECK(by_fd.ino == by_path.ino);
	FUZZ_CHECK(vfs_close(t, fd) == 0);
}

static void one_call(struct vfs_task *t, uint8_t call, uint32_t flags,
		     const char *path)
{
	struct vfs_open_how how = {.flags = O_RDONLY | (flags & 0x3f) << 6};
	char buffer[64];
	int fd = -1;

	switch (call % 16) {
	case 0:
		/* A FIFO must not make the fuzzer wait. */
		fd = vfs_open(t, path, (int)((flags << 6) | O_NONBLOCK), 0644);
		break;
	case 1:
		how.resolve = flags & 0x3f;
		how.flags = O_RDONLY | O_NONBLOCK;
		fd = vfs_openat2(t, AT_FDCWD, path, &how, sizeof(how));
		break;
	case 2:
		vfs_mkdir(t, path, flags);
		break;
	case 3:
		vfs_mknod(t, path, flags, flags);
		break;
	case 4:
		vfs_unlinkat(t, AT_FDCWD, path, flags & 1 ? AT_REMOVEDIR : 0);
		break;
	case 5:
		vfs_renameat2(t, AT_FDCWD, path, AT_FDCWD, "/d/x", flags & 7);
		break;
	case 6:
		vfs_renameat2(t, AT_FDCWD, "/d/e", AT_FDCWD, path, flags & 7);
		break;
	case 7:
		vfs_linkat(t, AT_FDCWD, "/d/e/f", AT_FDCWD, path, 0);
		break;
	case 8:
		vfs_symlink(t, path, "/d/new");
		break;
	case 9:
		vfs_symlink(t, "/d", path);
		break;
	case 10:
		vfs_chdir(t, path);
		break;
	case 11:
		vfs_chroot(t, path);
		break;
	case 12:
		vfs_readlink(t, path, buffer, sizeof(buffer));
		break;
	case 13:
		vfs_truncate(t, path, (int64_t)flags);
		break;
	case 14:
		vfs_chmod(t, path, flags | 0700);
		break;
	default:
		vfs_setxattr(t, path, path, path, flags % 64, 0);
		break;
	}
	if (fd >= 0)
		FUZZ_CHECK(vfs_close(t, fd) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	struct vfs_task *task, *observer;
	struct vfs *vfs;
	uint8_t call;
	uint32_t flags;
	char *path;

	if (size > 5000)
		return 0;
	fuzz_open(&vfs, &task);
	FUZZ_CHECK(vfs_task_clone(task, 0, &observer) == 0);
	call = fuzz_byte(&in);
	flags = fuzz_word(&in);
	size = (size_t)(in.end - in.at);
	path = malloc(size + 64);
	FUZZ_CHECK(path != NULL);
	memset(path, 0, size + 64);
	if (size)
		memcpy(path, in.at, size);
	check_walks(task, path);
	one_call(task, call, flags, path);
	check_walks(task, path);
	fuzz_check_tree(observer);
	free(path);
	vfs_task_unref(observer);
	vfs_task_unref(task);
	vfs_unref(vfs);
	return 0;
}
