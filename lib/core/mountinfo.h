/* SPDX-License-Identifier: MIT */
/* What /proc/PID/mountinfo and /proc/PID/mounts say (proc(5)). */
#ifndef VFS__MOUNTINFO_H
#define VFS__MOUNTINFO_H

#include "core/mount.h"
#include "core/task.h"

/* Text that grows; memory of vfs__mem_alloc. */
struct vfs__text {
	struct vfs__thread *thread;
	char *data; /* NUL-terminated when not NULL */
	size_t len, size;
	bool failed; /* out of memory: what is added is lost */
};

void vfs__text_add(struct vfs__text *text, const char *data, size_t len);
void vfs__text_printf(struct vfs__text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void vfs__text_fini(struct vfs__text *text);

/*
 * - One line for each mount of the task's namespace that its root leads to, in
 *   the form of mountinfo or of mounts.
 * - *out is NUL-terminated, *len without the NUL; its memory is the caller's to
 *   give back: vfs__mem_free(thread, *out, *len + 1). 0, -ENOMEM.
 */
int vfs__mountinfo(struct vfs__thread *thread, struct vfs_task *task,
		   bool mounts_form, char **out, size_t *len);

/* -- pieces, for statmount; vfs.mounts.lock held -- */

/* - ",nosuid,relatime" and the like. */
void vfs__show_mount_flags(struct vfs__text *text, uint32_t flags);
/* - Where mnt's root is in its file system, escaped or not. */
int vfs__show_root(struct vfs__text *text, const struct vfs_mount *mnt,
		   bool escaped);
/* - Where mnt is mounted, seen from root: 0, 1 (unreachable, nothing added),
 *   -ENOMEM. */
int vfs__show_point(struct vfs__text *text, const struct vfs_mount *mnt,
		    const struct vfs__path *root, bool escaped);
/* - The backend's options, with a leading comma when there are any. */
void vfs__show_options(struct vfs__text *text, struct vfs_super *super);

#endif
