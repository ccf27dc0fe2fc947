/* SPDX-License-Identifier: MIT */
/* What ThreadSanitizer must be told of orderings that it cannot see. */
#ifndef VFS__SANITIZE_H
#define VFS__SANITIZE_H

#if defined(__SANITIZE_THREAD__) || defined(VFS__TSAN)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define vfs__tsan_acquire(address) __tsan_acquire((void *)(address))
#define vfs__tsan_release(address) __tsan_release((void *)(address))
#else
#define vfs__tsan_acquire(address) ((void)(address))
#define vfs__tsan_release(address) ((void)(address))
#endif

#endif
