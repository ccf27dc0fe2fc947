/* SPDX-License-Identifier: MIT */
/*
 * Devices: what a device node leads to, on whatever file system it lies. Each
 * instance has a registry of regions of numbers, as Linux's; it begins with
 * null, zero, full, random and urandom (major 1). Opening a node whose number
 * is in no region is -ENXIO, on a mount that is nodev -EACCES.
 */
#ifndef VFS_SYS_DEVICE_H
#define VFS_SYS_DEVICE_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_device;
struct vfs_file;

/* vfs_device_ops.flags */
/* read and write never wait: RWF_NOWAIT is granted. */
#define VFS_DEVICE_NOWAIT UINT64_C(0x1)
/* write does not look at its buffer: NULL is passed on. Otherwise a NULL
 * buffer of more than no bytes is -EFAULT before the operation. */
#define VFS_DEVICE_WRITE_ANY UINT64_C(0x2)
/* The same for read. */
#define VFS_DEVICE_READ_ANY UINT64_C(0x4)

/*
 * What a device can do. All optional; no lock is held (but an open file's
 * position, in read, write and seek of a device that has seek), and all may
 * block; several threads may be in one at once. Result: a count, 0, or a
 * negative errno, which the caller gets as it is. vfs_file_flags tells of
 * O_NONBLOCK, vfs_file_set_private keeps a word for the open file.
 */
struct vfs_device_ops {
	uint64_t size; /* sizeof(struct vfs_device_ops) */
	uint64_t flags;
	/* Missing: opening succeeds. number: the node's. */
	int (*open)(struct vfs_device *device, struct vfs_file *file,
		    uint64_t number);
	/* The last descriptor is closed. */
	void (*release)(struct vfs_device *device, struct vfs_file *file);
	/* Missing: -EINVAL. *position: the file's, or pread's; an operation
	 * that moves it says so there. */
	int64_t (*read)(struct vfs_device *device, struct vfs_file *file,
			void *buffer, size_t count, int64_t *position);
	int64_t (*write)(struct vfs_device *device, struct vfs_file *file,
			 const void *buffer, size_t count, int64_t *position);
	/* The position that offset and whence (SEEK_*, known ones) mean;
	 * position: the present one. Missing: the device has no positions, and
	 * lseek, pread and pwrite are -ESPIPE. */
	int64_t (*seek)(struct vfs_device *device, struct vfs_file *file,
			int64_t position, int64_t offset, int whence);
	/* The POLL* that hold now. Missing: always ready. A change is told by
	 * vfs_device_notify. */
	uint32_t (*poll)(struct vfs_device *device, struct vfs_file *file);
	/* Missing: -ENOTTY. */
	int (*ioctl)(struct vfs_device *device, struct vfs_file *file,
		     uint64_t request, void *argument);
	/* Missing: -EINVAL. */
	int (*fsync)(struct vfs_device *device, struct vfs_file *file,
		     int datasync);
};

#define VFS_DEVICE_MAJOR_MAX 512u
#define VFS_DEVICE_MINOR_MAX 0x100000u

/* A region: count minors from minor on, of one major. */
struct vfs_device_spec {
	uint64_t size;	/* sizeof(struct vfs_device_spec) */
	uint32_t type;	/* S_IFCHR or S_IFBLK */
	uint32_t major; /* 0: one that is free, from 254 down */
	uint32_t minor;
	uint32_t count;
	/* In devfs; with the minor behind it where count is above 1. 1 to 47
	 * bytes without a slash; copied. */
	const char *name;
	uint32_t mode; /* permissions of the node in devfs; 0: 0600 */
	uint32_t zero;
	const struct vfs_device_ops *ops; /* constant, outlives the region */
	void *context;
};

/*
 * Registers a region, which is the instance's until vfs_unregister_device or
 * its end. out may be NULL.
 *
 * Returns 0 or: -EFAULT vfs, spec, its name or ops are NULL; -EINVAL a size too
 * small, another type, no minors or too high ones, a major of 512 and above, a
 * malformed name, a table of an older size or unknown flags; -E2BIG a larger
 * size of spec whose tail is not zero, or one above 4096; -EBUSY numbers that
 * overlap another region's, or no major is free; -ENOMEM.
 * Thread safety: any thread. Since 0.1. Linux: register_chrdev_region,
 * alloc_chrdev_region.
 */
VFS_API int vfs_register_device(struct vfs *vfs,
				const struct vfs_device_spec *spec,
				struct vfs_device **out);

/*
 * Takes a region back. NULL is accepted.
 * Returns 0 or -EBUSY: a file of it is open. Any thread. Since 0.1.
 */
VFS_API int vfs_unregister_device(struct vfs_device *device);

/* The region's first number (makedev(3)), and what its spec gave. device is not
 * NULL. Any thread. Since 0.1. */
VFS_API uint64_t vfs_device_number(const struct vfs_device *device);
VFS_API void *vfs_device_context(const struct vfs_device *device);
/* The number that file was opened by. 0: not a device's. Any thread. Since
 * 0.1. */
VFS_API uint64_t vfs_file_device(const struct vfs_file *file);

/*
 * What poll says of files of the device may have changed, or what somebody
 * waits for in vfs_device_wait. Any thread; from an operation too. Since 0.1.
 */
VFS_API void vfs_device_notify(struct vfs_device *device);

/*
 * For an operation that must wait: sleeps until ready(argument) is not 0,
 * asking again after each vfs_device_notify. ready is called without a lock.
 * Returns 0 or: -EAGAIN the file is O_NONBLOCK and it is not ready; -EINTR by
 * vfs_task_interrupt. Since 0.1.
 */
VFS_API int vfs_device_wait(struct vfs_device *device, struct vfs_file *file,
			    int (*ready)(void *argument), void *argument);

struct vfs_device_info {
	uint64_t number;
	uint64_t position; /* the same as long as it is registered; grows */
	uint32_t type;	   /* S_IFCHR or S_IFBLK */
	uint32_t mode;
	char name[64];
};

/*
 * Calls each for every number in the registry whose position is `from` or
 * above, in the order of positions, until it returns other than 0, which is
 * returned. each may ask for memory, and nothing else of the instance.
 * Any thread. Since 0.1.
 */
VFS_API int vfs_devices(struct vfs *vfs, uint64_t from,
			int (*each)(void *context,
				    const struct vfs_device_info *info),
			void *context);

#ifdef __cplusplus
}
#endif

#endif
