/* SPDX-License-Identifier: MIT */
/* Bodies of the kit: reading and writing. */
#include <stdlib.h>

#include "backend/kit.h"

static int64_t size_of(struct kit *kit, int fd)
{
	struct vfs_stat st = {0};

	KIT(kit, vfs_fstat(kit->task, fd, &st), 0);
	return st.size;
}

static int open_new(struct kit *kit, const char *path)
{
	int fd;

	KIT_GET(kit, fd,
		vfs_open(kit->task, path, O_RDWR | O_CREAT | O_EXCL, 0644));
	return fd;
}

void kit_data(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	char text[32];
	int fd = open_new(kit, "/f");

	KIT(kit, vfs_read(t, fd, text, 8), 0);
	KIT(kit, vfs_write(t, fd, "hello world", 11), 11);
	KIT(kit, vfs_lseek(t, fd, 6, SEEK_SET), 6);
	KIT(kit, vfs_read(t, fd, text, 32), 5);
	KIT_TRUE(kit, !memcmp(text, "world", 5));
	KIT(kit, vfs_pwrite(t, fd, "W", 1, 6), 1);
	KIT(kit, vfs_pread(t, fd, text, 32, 0), 11);
	KIT_TRUE(kit, !memcmp(text, "hello World", 11));
	KIT(kit, vfs_pread(t, fd, text, 32, 11), 0);
	KIT(kit, vfs_pread(t, fd, text, 32, 99), 0);
	KIT(kit, vfs_write(t, fd, text, 0), 0);
	KIT(kit, vfs_fsync(t, fd), 0);
	KIT(kit, vfs_fdatasync(t, fd), 0);
	KIT(kit, vfs_syncfs(t, fd), 0);
	KIT(kit, vfs_close(t, fd), 0);
	kit_put(kit, "/f", "shorter");
	kit_see(kit, "/f", "shorter");
}

void kit_truncate(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	static const char zero[9000];
	static char text[9000];
	int fd = open_new(kit, "/f");

	memset(text, 'x', sizeof(text));
	kit_write(kit, fd, text, sizeof(text), 0);
	KIT(kit, vfs_ftruncate(t, fd, 10), 0);
	KIT(kit, vfs_ftruncate(t, fd, 9000), 0);
	KIT(kit, vfs_pread(t, fd, text, 9000, 0), 9000);
	KIT_TRUE(kit, text[9] == 'x' && !memcmp(text + 10, zero, 8990));
	KIT(kit, vfs_truncate(t, "/f", 4097), 0);
	KIT_TRUE(kit, size_of(kit, fd) == 4097);
	KIT(kit, vfs_truncate(t, "/f", -1), -EINVAL);
	KIT(kit, vfs_ftruncate(t, fd, 0), 0);
	KIT_TRUE(kit, size_of(kit, fd) == 0);
	KIT(kit, vfs_pread(t, fd, text, 10, 0), 0);
	KIT(kit, vfs_close(t, fd), 0);
}

void kit_append(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	int a, b;

	KIT_GET(kit, a, vfs_open(t, "/f", O_WRONLY | O_CREAT | O_APPEND, 0644));
	KIT_GET(kit, b, vfs_open(t, "/f", O_WRONLY | O_APPEND, 0));
	KIT(kit, vfs_write(t, a, "one ", 4), 4);
	KIT(kit, vfs_write(t, b, "two ", 4), 4);
	KIT(kit, vfs_write(t, a, "three", 5), 5);
	KIT(kit, vfs_pwrite(t, b, "!", 1, 0), 1);
	KIT(kit, vfs_close(t, a), 0);
	KIT(kit, vfs_close(t, b), 0);
	kit_see(kit, "/f", "one two three!");
}

void kit_large(struct kit *kit)
{
	size_t size = kit->failing ? 60000 : 3 * 1024 * 1024 + 321;
	uint8_t *data = malloc(size), *back = malloc(size);
	int fd = open_new(kit, "/f");

	if (!data || !back)
		abort();
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 11);
	for (size_t at = 0, step; at < size; at += step) {
		step = size - at < 30001 ? size - at : 30001;
		kit_write(kit, fd, data + at, step, (int64_t)at);
	}
	KIT(kit, vfs_pread(kit->task, fd, back, size, 0), size);
	KIT_TRUE(kit, !memcmp(data, back, size));
	KIT(kit, vfs_pread(kit->task, fd, back, 9999, 4000), 9999);
	KIT_TRUE(kit, !memcmp(data + 4000, back, 9999));
	KIT(kit, vfs_close(kit->task, fd), 0);
	free(data);
	free(back);
}

void kit_vectors(struct kit *kit)
{
	struct vfs_iovec out[] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
	char first[3], second[5];
	struct vfs_iovec in[] = {{first, 3}, {second, 5}};
	int fd = open_new(kit, "/f");
	int64_t n;

	/* Short when memory runs out in the middle: then once more. */
	KIT_GET(kit, n, vfs_pwritev(kit->task, fd, out, 3, 0));
	if (n < 6 && kit->failing)
		n = vfs_pwritev(kit->task, fd, out, 3, 0);
	KIT_TRUE(kit, n == 6);
	KIT(kit, vfs_lseek(kit->task, fd, 0, SEEK_END), 6);
	KIT(kit, vfs_preadv(kit->task, fd, in, 2, 0), 6);
	KIT_TRUE(kit, !memcmp(first, "abc", 3) && !memcmp(second, "def", 3));
	KIT_GET(kit, n, vfs_writev(kit->task, fd, out, 3));
	if (n < 6 && kit->failing)
		n = vfs_pwritev(kit->task, fd, out, 3, 6);
	KIT_TRUE(kit, n == 6);
	KIT(kit, vfs_lseek(kit->task, fd, 6, SEEK_SET), 6);
	KIT(kit, vfs_readv(kit->task, fd, in, 2), 6);
	KIT_TRUE(kit, !memcmp(first, "abc", 3));
	KIT(kit, vfs_close(kit->task, fd), 0);
}

void kit_copy(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	int64_t from = 3, to = 2;
	int in, out;

	kit_put(kit, "/in", "0123456789");
	KIT_GET(kit, in, vfs_open(t, "/in", O_RDONLY, 0));
	out = open_new(kit, "/out");
	KIT(kit, vfs_copy_file_range(t, in, &from, out, &to, 4, 0), 4);
	KIT_TRUE(kit, from == 7 && to == 6);
	KIT(kit, vfs_sendfile(t, out, in, NULL, 2), 2);
	KIT(kit, vfs_lseek(t, in, 0, SEEK_CUR), 2);
	KIT(kit, vfs_copy_file_range(t, in, NULL, out, NULL, 99, 0), 8);
	KIT(kit, vfs_close(t, in), 0);
	KIT(kit, vfs_close(t, out), 0);
	kit_see(kit, "/out", "0123456789");
}

void kit_edges(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	char byte = 0;
	int fd = open_new(kit, "/f");

	KIT(kit, vfs_pread(t, fd, &byte, 1, INT64_MAX), -EINVAL);
	KIT(kit, vfs_pread(t, fd, &byte, 1, -1), -EINVAL);
	KIT(kit, vfs_pwrite(t, fd, &byte, 1, -1), -EINVAL);
	KIT(kit, vfs_pwrite(t, fd, &byte, 1, INT64_MAX), -EINVAL);
	KIT(kit, vfs_ftruncate(t, fd, -1), -EINVAL);
	KIT(kit, vfs_lseek(t, fd, -1, SEEK_SET), -EINVAL);
	KIT(kit, vfs_lseek(t, fd, 1, SEEK_DATA), -ENXIO);
	KIT(kit, vfs_lseek(t, fd, 0, SEEK_HOLE), -ENXIO);
	KIT(kit, vfs_write(t, fd, "data", 4), 4);
	KIT(kit, vfs_lseek(t, fd, 0, SEEK_DATA), 0);
	KIT(kit, vfs_lseek(t, fd, 0, SEEK_HOLE), 4);
	KIT(kit, vfs_lseek(t, fd, 4, SEEK_DATA), -ENXIO);
	KIT(kit, vfs_fallocate(t, fd, 0, 0, 0), -EINVAL);
	KIT(kit, vfs_close(t, fd), 0);
}

void kit_holes(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	const int64_t far = INT64_C(1) << 33, page = 4096;
	char text[16];
	int fd = open_new(kit, "/f");

	kit_write(kit, fd, "far", 3, far);
	KIT_TRUE(kit, size_of(kit, fd) == far + 3);
	KIT(kit, vfs_lseek(t, fd, 0, SEEK_DATA), far);
	KIT(kit, vfs_lseek(t, fd, 0, SEEK_HOLE), 0);
	KIT(kit, vfs_pread(t, fd, text, 16, far / 2), 16);
	KIT_TRUE(kit, text[0] == 0 && text[15] == 0);
	kit_write(kit, fd, "near", 4, 10 * page);
	KIT(kit, vfs_lseek(t, fd, 0, SEEK_DATA), 10 * page);
	KIT(kit, vfs_lseek(t, fd, 10 * page, SEEK_HOLE), 11 * page);
	KIT(kit, vfs_ftruncate(t, fd, 20 * page), 0);
	KIT(kit, vfs_lseek(t, fd, 11 * page, SEEK_DATA), -ENXIO);
	KIT(kit, vfs_close(t, fd), 0);
}

void kit_fallocate(struct kit *kit)
{
	struct vfs_task *t = kit->task;
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	static char text[20000];
	int fd = open_new(kit, "/f");

	memset(text, 'y', sizeof(text));
	kit_write(kit, fd, text, sizeof(text), 0);
	KIT(kit, vfs_fallocate(t, fd, punch, 1000, 9000), 0);
	KIT(kit, vfs_pread(t, fd, text, sizeof(text), 0), sizeof(text));
	KIT_TRUE(kit, text[999] == 'y' && !text[1000] && !text[9999] &&
			      text[10000] == 'y');
	KIT(kit, vfs_fallocate(t, fd, 0, 0, 40000), 0);
	KIT_TRUE(kit, size_of(kit, fd) == 40000);
	KIT(kit, vfs_fallocate(t, fd, FALLOC_FL_KEEP_SIZE, 40000, 40000), 0);
	KIT_TRUE(kit, size_of(kit, fd) == 40000);
	KIT(kit, vfs_fallocate(t, fd, FALLOC_FL_PUNCH_HOLE, 0, 10),
	    -EOPNOTSUPP);
	KIT(kit, vfs_close(t, fd), 0);
}
