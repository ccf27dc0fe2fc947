/* SPDX-License-Identifier: MIT */
/*
 * An instance: one virtual machine's worth of file systems. Instances share
 * nothing, and any number of them live in one process.
 */
#ifndef VFS_INSTANCE_H
#define VFS_INSTANCE_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_filesystem_type;

/*
 * Memory for the instance. alloc returns size bytes aligned to align (a power
 * of two, at most 2 MiB), or NULL; free gets the size and alignment of the
 * allocation. Both may be called from any thread that calls into the instance.
 */
struct vfs_allocator {
	void *(*alloc)(void *context, size_t size, size_t align);
	void (*free)(void *context, void *pointer, size_t size, size_t align);
	void *context;
};

enum vfs_log_level {
	VFS_LOG_ERROR = 0,
	VFS_LOG_WARNING = 1,
	VFS_LOG_INFO = 2,
	VFS_LOG_DEBUG = 3
};

/*
 * What an instance is made with. Set size to sizeof(struct vfs_config) and
 * every member that is not wanted to 0: each 0 means the default.
 */
struct vfs_config {
	uint64_t size;
	/* NULL: malloc's family. Must outlive the instance. */
	const struct vfs_allocator *allocator;
	/* The time for file timestamps. NULL: the host's coarse real-time
	 * clock. Called by any thread, with locks held and while others wait
	 * for it: it returns at once, and calls nothing of the instance. */
	void (*now)(void *context, struct vfs_timespec *now);
	void *now_context;
	/* One line a call, without a newline. NULL: silence. level: enum
	 * vfs_log_level. */
	void (*log)(void *context, int32_t level, const char *message);
	void *log_context;
	/* The secret of the hash tables. Both 0: random. */
	uint64_t hash_seed[2];
	/* Names kept that nobody uses (file systems in memory keep theirs
	 * anyway). 0: 100,000. */
	uint64_t max_cached_names;
	/* The most descriptors that any task may have, the ceiling of
	 * RLIMIT_NOFILE. 0: 1,048,576. */
	uint32_t max_descriptors;
	/* VFS_CONFIG_*. */
	uint32_t flags;
	/* The first root: type (NULL: "tmpfs"), source and options. */
	const char *root_type;
	const char *root_source;
	const char *root_options;
	/* Types to register before the root is made, so that root_type can name
	 * one of them: an array of pointers. */
	const struct vfs_filesystem_type *const *types;
	uint64_t type_count;
	/* The most mounts in one mount namespace. 0: 100,000. Since 0.1. */
	uint64_t max_mounts;
	/* What each effective user may have of vfs_inotify_init1's queues (0:
	 * 128) and of watches in all of them (0: 65,536), and how many events
	 * wait in one queue before more are lost (0: 16,384). */
	uint32_t max_inotify_instances;
	uint32_t max_inotify_watches;
	uint32_t max_inotify_events;
	uint32_t zero;
	/*
	 * For tests of what happens when a host fails: asked before each call
	 * that is made on the host (by hostfs, devpts and vfs_bundle_*) with
	 * that call's name ("openat2", "pwrite", "fsync"), and before each that
	 * an overlay makes on a layer ("overlay:write"): 0, or a negative errno
	 * with which it fails instead (a positive one is taken for negative).
	 * After -EINTR, and after -EMFILE and -ENFILE as long as there are
	 * descriptors to be closed, the host's call is made again, and this
	 * one before it. It may wait, and holds up whoever waits for the same
	 * file; calls on the instance are not allowed in it. tmpfs asks nobody,
	 * so it has no failures but those of its limits and of memory.
	 * NULL: nothing fails. Since 0.1.
	 */
	int (*fault)(void *context, const char *call);
	void *fault_context;
};

/* Never walk without locks: every step takes the slow path. For tests. */
#define VFS_CONFIG_SLOW_WALK 0x1u
/* Every object straight from the allocator, none from a pool. For tests: each
 * allocation can be made to fail, and memory checkers see each object. */
#define VFS_CONFIG_PLAIN_MEMORY 0x2u
/* Walk each path, also one that the thread has walked before. For tests and
 * measurements. Since 0.1. */
#define VFS_CONFIG_NO_PATH_MEMORY 0x4u

/*
 * Makes an instance whose first namespace's root is an empty tmpfs, unless
 * config says otherwise. config may be NULL. *out receives one reference.
 *
 * Returns 0 or: -EFAULT out is NULL, or types or one of them; -EINVAL
 * config->size is smaller than the first version's, an unknown flag, zero is
 * not 0, max_descriptors above 2^31 - 1, half an allocator, a type that is
 * malformed, or an option the root type refuses; -E2BIG config is larger than
 * this library knows and its tail is not zero, or size is above 4096; -EEXIST
 * two types of one name, or one that the library has; -ENODEV root_type is
 * unknown; -ENOMEM; -EAGAIN no thread key is left; any error of the root type's
 * mount. *out is untouched on failure. The log is told which type is unknown,
 * and which option is refused.
 * Thread safety: any thread. Since 0.1.
 */
VFS_API int vfs_create(const struct vfs_config *config, struct vfs **out);

/* One more reference; returns vfs. NULL gives NULL. Any thread. Since 0.1. */
VFS_API struct vfs *vfs_ref(struct vfs *vfs);

/*
 * Gives a reference back. Tasks hold one each; with the last one everything
 * in the instance is freed. NULL is accepted. Thread safety: any thread, but
 * the last reference must not be given back while another thread is in a call
 * on the instance. Since 0.1.
 */
VFS_API void vfs_unref(struct vfs *vfs);

/*
 * Adds a file-system type (see <vfs/sys/backend.h>); type must outlive the
 * instance. flags must be 0.
 *
 * Returns 0 or: -EFAULT a NULL; -EINVAL an unknown flag, a malformed name or
 * table, a mandatory operation missing; -EEXIST the name is taken; -ENOMEM.
 * Thread safety: any thread. Since 0.1.
 */
VFS_API int vfs_register_filesystem(struct vfs *vfs,
				    const struct vfs_filesystem_type *type,
				    uint32_t flags);

/*
 * A type that comes with the library, by its name: "tmpfs", "overlay", "proc",
 * "devtmpfs", which every instance knows, and "hostfs", "devpts", "sysfs",
 * which are for vfs_mount_type and vfs_register_filesystem. They are
 * vfs_hostfs_type and its like, for languages that cannot name an object of a
 * library.
 *
 * NULL: there is no such type, or name is NULL. Any thread; no instance is
 * needed. Since 0.1.
 */
VFS_API const struct vfs_filesystem_type *vfs_builtin_type(const char *name);

#ifdef __cplusplus
}
#endif

#endif
