/* SPDX-License-Identifier: MIT */
/* Counters with a ceiling: see vfs_counter in <vfs/sys/backend.h>. */
#ifndef VFS__COUNTER_H
#define VFS__COUNTER_H

#include <vfs/sys/backend.h>

#include "util/domain.h"

/* - 0, -EINVAL (a negative limit), -ENOMEM. */
int vfs__counter_create(struct vfs__domain *domain, int64_t limit,
			struct vfs_counter **out);
void vfs__counter_destroy(struct vfs__domain *domain,
			  struct vfs_counter *counter);
/* - 0, -ENOSPC. */
int vfs__counter_take(struct vfs__thread *thread, struct vfs_counter *counter,
		      int64_t amount);
void vfs__counter_give(struct vfs__thread *thread, struct vfs_counter *counter,
		       int64_t amount);
/* - 0, -EINVAL: more is used, or one of the two is no limit. */
int vfs__counter_set_limit(struct vfs_counter *counter, int64_t limit);
int64_t vfs__counter_used(const struct vfs_counter *counter);
int64_t vfs__counter_limit(const struct vfs_counter *counter);

#endif
