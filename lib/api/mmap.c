/* SPDX-License-Identifier: MIT */
/* mmap, munmap, msync, memfd_create. */
#include <vfs/mmap.h>

#include "api/call.h"
#include "core/mapping.h"
#include "core/seal.h"

int vfs_mmap(struct vfs_task *task, void *addr, size_t length, int prot,
	     int flags, int fd, int64_t offset, void **out)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (!err && !out)
		err = -EFAULT;
	return err ? err
		   : vfs__mmap(thread, task, addr, length, prot, flags, fd,
			       offset, out);
}

int vfs_munmap(struct vfs_task *task, void *addr, size_t length)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__munmap(thread, task->vfs, addr, length);
}

int vfs_msync(struct vfs_task *task, void *addr, size_t length, int flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__msync(thread, task->vfs, addr, length, flags);
}

int vfs_memfd_create(struct vfs_task *task, const char *name, uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__memfd_create(thread, task, name, flags);
}
