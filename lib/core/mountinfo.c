/* SPDX-License-Identifier: MIT */
/* Mounts as text. Contract: mountinfo.h. */
#include "core/mountinfo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "core/path.h"
#include "core/pathname.h"

#define LINE_BYTES (2 * VFS__PATH_MAX)

struct listing {
	struct vfs__thread *thread;
	struct vfs *vfs;
	struct vfs__path root; /* the task's */
	bool mounts_form;
	char *path, *line; /* scratch */
	char *text;
	size_t len;
};

static int append(struct listing *l, const char *line, size_t len)
{
	char *text = vfs__mem_alloc(l->thread, l->len + len + 1);

	if (!text)
		return -ENOMEM;
	if (l->len)
		memcpy(text, l->text, l->len);
	memcpy(text + l->len, line, len);
	text[l->len + len] = '\0';
	vfs__mem_free(l->thread, l->text, l->len + 1);
	l->text = text;
	l->len += len;
	return 0;
}

static int add_mount(struct listing *l, const struct vfs_mount *mnt)
{
	const struct vfs_super *super = mnt->super;
	const char *type = super->type->name;
	const char *access = vfs__mount_readonly(mnt) ? "ro" : "rw";
	struct vfs__path at = {(struct vfs_mount *)(uintptr_t)mnt, mnt->root};
	bool unreachable;
	char *path;
	int n;

	if (vfs__path_string(l->thread, l->vfs, &at, &l->root, l->path,
			     VFS__PATH_MAX, &path, &unreachable) < 0 ||
	    unreachable)
		return 0; /* not below the task's root */
	if (l->mounts_form)
		n = snprintf(l->line, LINE_BYTES, "%s %s %s %s 0 0\n", type,
			     path, type, access);
	else
		n = snprintf(l->line, LINE_BYTES,
			     "%llu %llu %u:%u / %s %s - %s %s %s\n",
			     (unsigned long long)mnt->id,
			     (unsigned long long)mnt->parent->id,
			     major(super->dev), minor(super->dev), path, access,
			     type, type, access);
	return append(l, l->line, (size_t)n);
}

int vfs__mountinfo(struct vfs__thread *thread, struct vfs_task *task,
		   bool mounts_form, char **out, size_t *len)
{
	struct vfs *vfs = task->vfs;
	struct listing l = {
		.thread = thread, .vfs = vfs, .mounts_form = mounts_form};
	struct vfs__fspaths paths;
	int err = -ENOMEM;

	vfs__task_paths(thread, task, &paths);
	l.root = paths.root;
	l.path = vfs__mem_alloc(thread, VFS__PATH_MAX);
	l.line = vfs__mem_alloc(thread, LINE_BYTES);
	if (l.path && l.line) {
		vfs__mutex_lock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
		err = add_mount(&l, vfs->root_ns->root);
		for (unsigned i = 0; !err && i < VFS__MOUNT_BUCKETS; i++)
			for (const struct vfs_mount *m = vfs->mounts.buckets[i];
			     m && !err; m = m->next)
				err = add_mount(&l, m);
		vfs__mutex_unlock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
	}
	vfs__mem_free(thread, l.path, VFS__PATH_MAX);
	vfs__mem_free(thread, l.line, LINE_BYTES);
	vfs__path_unref(thread, &paths.root);
	vfs__path_unref(thread, &paths.cwd);
	if (err) {
		vfs__mem_free(thread, l.text, l.len + 1);
		return err;
	}
	*out = l.text;
	*len = l.len;
	return 0;
}
