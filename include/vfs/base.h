/* SPDX-License-Identifier: MIT */
/*
 * Types that every other header uses. Every structure has fixed-width
 * members, no bit-fields and no padding that a compiler chooses, so that its
 * layout is the same for every compiler, C library and language.
 */
#ifndef VFS_BASE_H
#define VFS_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(VFS_NO_ATTRIBUTES)
#define VFS_API
#define VFS_HOT
#else
#define VFS_API __attribute__((visibility("default")))
/* Before the definition of a function through which the calls pass that make
 * and remove names. Their way is longer than all others: the linker puts these
 * side by side, so that they do not push each other out of the processor's
 * cache of instructions. */
#define VFS_HOT __attribute__((hot))
#endif

#define VFS_VERSION_MAJOR 0
#define VFS_VERSION_MINOR 1
#define VFS_VERSION_PATCH 0

struct vfs;
struct vfs_cred;
struct vfs_task;
struct vfs_userns;

/* Seconds since the epoch and nanoseconds below one second. */
struct vfs_timespec {
	int64_t sec;
	uint32_t nsec;
	uint32_t zero; /* padding made explicit; always 0 in results */
};

/* Laid out as the host's struct iovec. */
struct vfs_iovec {
	void *base;
	size_t len;
};

/*
 * The running library's version: major * 10000 + minor * 100 + patch.
 * Thread safety: any thread. Since 0.1.
 */
VFS_API uint32_t vfs_version(void);

/*
 * Words for a result: "Permission denied" for -EACCES. Takes the negative
 * value that a call returned, or the positive errno. Never NULL; the string is
 * static. 0 and unknown values give "Success" and "Unknown error".
 * Thread safety: any thread. Since 0.1. See strerror(3).
 */
VFS_API const char *vfs_strerror(int error);

/*
 * The name of an errno: "EACCES" for -EACCES. Never NULL; an unknown value
 * gives "EUNKNOWN", 0 gives "0". Thread safety: any thread. Since 0.1.
 */
VFS_API const char *vfs_errno_name(int error);

#ifdef __cplusplus
}
#endif

#endif
