/* SPDX-License-Identifier: MIT */
/*
 * The devices that every instance has: mem(4)'s null, zero and full, and
 * random(4). They behave as the kernel's, each return value of them.
 */
#include <errno.h>
#include <linux/random.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "core/device.h"

#define MEM_MAJOR 1
/* bits, as random(4) has told for years */
#define POOL_BITS 256

static int64_t read_nothing(struct vfs_device *device, struct vfs_file *file,
			    void *buffer, size_t count, int64_t *position)
{
	(void)device;
	(void)file;
	(void)buffer;
	(void)count;
	(void)position;
	return 0;
}

static int64_t read_zeros(struct vfs_device *device, struct vfs_file *file,
			  void *buffer, size_t count, int64_t *position)
{
	(void)device;
	(void)file;
	(void)position;
	if (count)
		memset(buffer, 0, count);
	return (int64_t)count;
}

static int64_t read_random(struct vfs_device *device, struct vfs_file *file,
			   void *buffer, size_t count, int64_t *position)
{
	int saved = errno;
	size_t done = 0;
	ssize_t n = 0;

	(void)device;
	(void)file;
	(void)position;
	while (done < count) {
		n = getrandom((char *)buffer + done, count - done, 0);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			break;
	}
	errno = saved;
	return done || n >= 0 ? (int64_t)done : -EIO;
}

static int64_t write_away(struct vfs_device *device, struct vfs_file *file,
			  const void *buffer, size_t count, int64_t *position)
{
	(void)device;
	(void)file;
	(void)buffer;
	(void)position;
	return (int64_t)count;
}

static int64_t write_full(struct vfs_device *device, struct vfs_file *file,
			  const void *buffer, size_t count, int64_t *position)
{
	(void)device;
	(void)file;
	(void)buffer;
	(void)count;
	(void)position;
	return -ENOSPC;
}

/* Wherever it is sought to, it stays at the beginning. */
static int64_t seek_begin(struct vfs_device *device, struct vfs_file *file,
			  int64_t position, int64_t offset, int whence)
{
	(void)device;
	(void)file;
	(void)position;
	(void)offset;
	(void)whence;
	return 0;
}

static uint32_t poll_random(struct vfs_device *device, struct vfs_file *file)
{
	(void)device;
	(void)file;
	return POLLIN | POLLRDNORM;
}

static int ioctl_random(struct vfs_device *device, struct vfs_file *file,
			uint64_t request, void *argument)
{
	(void)device;
	(void)file;
	switch (request) {
	case RNDGETENTCNT:
		if (!argument)
			return -EFAULT;
		*(int *)argument = POOL_BITS;
		return 0;
	case RNDADDTOENTCNT:
	case RNDADDENTROPY:
	case RNDZAPENTCNT:
	case RNDCLEARPOOL:
	case RNDRESEEDCRNG:
		return -EPERM; /* the pool is the host's */
	default:
		return -EINVAL;
	}
}

static const struct vfs_device_ops null_ops = {
	.size = sizeof(struct vfs_device_ops),
	.flags = VFS_DEVICE_NOWAIT | VFS_DEVICE_READ_ANY | VFS_DEVICE_WRITE_ANY,
	.read = read_nothing,
	.write = write_away,
	.seek = seek_begin,
};

static const struct vfs_device_ops zero_ops = {
	.size = sizeof(struct vfs_device_ops),
	.flags = VFS_DEVICE_NOWAIT | VFS_DEVICE_WRITE_ANY,
	.read = read_zeros,
	.write = write_away,
	.seek = seek_begin,
};

static const struct vfs_device_ops full_ops = {
	.size = sizeof(struct vfs_device_ops),
	.flags = VFS_DEVICE_WRITE_ANY,
	.read = read_zeros,
	.write = write_full,
	.seek = seek_begin,
};

static const struct vfs_device_ops random_ops = {
	.size = sizeof(struct vfs_device_ops),
	.flags = VFS_DEVICE_NOWAIT,
	.read = read_random,
	.write = write_away,
	.seek = seek_begin,
	.poll = poll_random,
	.ioctl = ioctl_random,
};

static const struct vfs_device_ops urandom_ops = {
	.size = sizeof(struct vfs_device_ops),
	.flags = VFS_DEVICE_NOWAIT,
	.read = read_random,
	.write = write_away,
	.seek = seek_begin,
	.ioctl = ioctl_random,
};

static const struct {
	const char *name;
	uint32_t minor;
	const struct vfs_device_ops *ops;
} devices[] = {
	{"null", 3, &null_ops},	      {"zero", 5, &zero_ops},
	{"full", 7, &full_ops},	      {"random", 8, &random_ops},
	{"urandom", 9, &urandom_ops},
};

int vfs__device_register_mem(struct vfs *vfs)
{
	struct vfs_device_spec spec = {.size = sizeof(spec),
				       .type = S_IFCHR,
				       .major = MEM_MAJOR,
				       .count = 1,
				       .mode = 0666};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(devices) / sizeof(*devices);
	     i++) {
		spec.name = devices[i].name;
		spec.minor = devices[i].minor;
		spec.ops = devices[i].ops;
		err = vfs_register_device(vfs, &spec, NULL);
	}
	return err;
}
