/* SPDX-License-Identifier: MIT */
/*
 * Inside procfs, which stands on the synthetic layer. A node of a task has the
 * task's number in the upper half of its key, one of a descriptor the
 * descriptor's in the lower half.
 */
#ifndef PROCFS_H
#define PROCFS_H

#include <stdbool.h>

#include <vfs/sys/synthetic.h>
#include <vfs/sys/task.h>

/* Nobody makes names in here, and permissions stay. */
#define PROCFS_FLAGS (VFS_SYNTHETIC_CLOSED | VFS_SYNTHETIC_FIXED)

static inline uint64_t procfs_key(int32_t id, int fd)
{
	return (uint64_t)(uint32_t)id << 32 | (uint32_t)fd;
}

static inline int32_t procfs_task(const struct vfs_synthetic_call *call)
{
	return (int32_t)(call->node->key >> 32);
}

static inline int procfs_fd(const struct vfs_synthetic_call *call)
{
	return (int)(uint32_t)call->node->key;
}

/* procfs.c */
/* A decimal number as Linux names tasks and descriptors: no sign, no leading
 * zero, at most INT32_MAX. -1: it is none. */
int32_t procfs_number(const char *name, uint32_t len);
/* Its name; the length. */
uint32_t procfs_name(int32_t number, char name[16]);

/* task.c */
/* A place of the task's, as a magic link shows it. */
int procfs_show_place(const struct vfs_synthetic_call *call, int place,
		      struct vfs_synthetic_text *text);
int procfs_task_lookup(const struct vfs_synthetic_call *call, const char *name,
		       uint32_t len, struct vfs_synthetic_node *node);

/* fd.c */
extern const struct vfs_synthetic_ops procfs_fd_ops, procfs_fdinfo_ops;

#endif
