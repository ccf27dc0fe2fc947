/* SPDX-License-Identifier: MIT */
/*
 * Files in memory: mappings, and files without a name. Flags are the host's
 * (<sys/mman.h>).
 *
 * A mapping is one of the host's: an address that every thread of the process
 * can use, with any code. It holds the open file, so a file that is closed and
 * removed stays as long as it is mapped, and its file system is busy. It
 * belongs to the instance, not to the task, and lasts until vfs_munmap or the
 * instance's end, which takes it away. The host's own munmap would leave the
 * instance with a false picture; its mprotect and madvise may be used.
 *
 * A file that was mapped takes a descriptor of the process from then on, and
 * the process's own RLIMIT_FSIZE applies to it.
 *
 * For all of them: since 0.1; any thread at any time. -EFAULT a NULL task;
 * -ENOMEM where memory runs out, and then nothing has changed.
 */
#ifndef VFS_MMAP_H
#define VFS_MMAP_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Shows length bytes of fd's file, from offset on, in memory. The address is
 * stored in *out, because in another language's view a pointer and a negative
 * errno are two types: the result says whether, *out says where; it is
 * untouched on failure. addr is a hint, or with MAP_FIXED and
 * MAP_FIXED_NOREPLACE the place; what MAP_FIXED covers is gone.
 *
 * MAP_SHARED (_VALIDATE): what is written through the mapping is read from the
 * file and the other way round, at once. MAP_PRIVATE: writing makes copies of
 * the mapping's own. Both may be longer than the file; touching a page wholly
 * beyond its end raises SIGBUS, as on Linux, also when the file shrinks later.
 *
 * Returns 0 or: -EINVAL length 0, offset that is no multiple of 4096, addr
 * likewise with MAP_FIXED, a type of mapping that there is not, MAP_ANONYMOUS
 * (which is no file's business: call the host), MAP_HUGETLB, MAP_GROWSDOWN;
 * -EBADF; -EACCES fd is not open for reading, or MAP_SHARED with PROT_WRITE
 * and it is not open for writing; -EPERM PROT_EXEC on a noexec mount, or a
 * seal; -ENODEV the file cannot be mapped; -EOVERFLOW offset and length pass
 * 63 bits; -EOPNOTSUPP MAP_SHARED_VALIDATE with a flag that is unknown;
 * -EEXIST MAP_FIXED_NOREPLACE and something is there; -ENFILE the host has no
 * descriptors left; -ENOMEM no address either. See mmap(2).
 */
VFS_API int vfs_mmap(struct vfs_task *task, void *addr, size_t length, int prot,
		     int flags, int fd, int64_t offset, void **out);

/*
 * Takes away what vfs_mmap put into length bytes from addr on, parts of
 * mappings as well. What else is there stays, and nothing being there is no
 * error. -EINVAL addr is no multiple of 4096, length is 0, or no such
 * addresses can be. See munmap(2).
 */
VFS_API int vfs_munmap(struct vfs_task *task, void *addr, size_t length);

/*
 * Writes back what was changed through mappings (MS_SYNC, MS_ASYNC), and sets
 * the files' times by it; reading sees changes without. -EINVAL addr is no
 * multiple of 4096, another flag, or both of these; -ENOMEM something of the
 * range is not mapped; -EBUSY MS_INVALIDATE and a page is locked. See msync(2).
 */
VFS_API int vfs_msync(struct vfs_task *task, void *addr, size_t length,
		      int flags);

/*
 * A new file without a name, open for reading and writing, on a tmpfs of the
 * instance's own that has no limits. name, up to 249 bytes of whatever,
 * is what /proc shows of it. flags: MFD_CLOEXEC; MFD_ALLOW_SEALING, so that
 * vfs_fcntl's F_ADD_SEALS works; MFD_NOEXEC_SEAL (mode 0666 instead of 0777,
 * sealed with F_SEAL_EXEC, sealing allowed); MFD_EXEC.
 *
 * Returns the descriptor or: -EFAULT a NULL name; -EINVAL it is longer, or
 * another flag, or MFD_EXEC with MFD_NOEXEC_SEAL; -ENODEV MFD_HUGETLB; -EMFILE.
 * See memfd_create(2).
 */
VFS_API int vfs_memfd_create(struct vfs_task *task, const char *name,
			     uint32_t flags);

#ifdef __cplusplus
}
#endif

#endif
