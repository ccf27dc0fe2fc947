/* SPDX-License-Identifier: MIT */
/* Opening files: open(2)'s flags, last components, permissions. */
#ifndef VFS__OPEN_H
#define VFS__OPEN_H

#include "core/task.h"

struct vfs__open_how {
	uint32_t flags;	  /* O_* that this system has */
	uint32_t mode;	  /* for a file that is made */
	uint32_t resolve; /* RESOLVE_* */
	/* What is opened whatever the path says; referenced by the caller.
	 * NULL: none. */
	const struct vfs__path *place;
	bool quiet; /* nobody is told of it, nor of what is done with it */
};

/* - The descriptor, or an error as open(2) and openat2(2) have them. */
int vfs__open(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
	      const char *path, const struct vfs__open_how *how);

#endif
