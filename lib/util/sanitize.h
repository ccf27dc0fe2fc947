/* SPDX-License-Identifier: MIT */
/* What the sanitizers must be told, and whether they watch. */
#ifndef VFS__SANITIZE_H
#define VFS__SANITIZE_H

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/* ThreadSanitizer sees nothing of what libck does: a section's end and the
 * callbacks behind the grace period are joined by hand. */
#if defined(__SANITIZE_THREAD__) || defined(VFS__TSAN) || \
	__has_feature(thread_sanitizer)
#define VFS__THREAD_SANITIZER 1
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define vfs__tsan_acquire(address) __tsan_acquire((void *)(address))
#define vfs__tsan_release(address) __tsan_release((void *)(address))
#else
#define VFS__THREAD_SANITIZER 0
#define vfs__tsan_acquire(address) ((void)(address))
#define vfs__tsan_release(address) ((void)(address))
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define VFS__ASAN 1
#else
#define VFS__ASAN 0
#endif

#endif
