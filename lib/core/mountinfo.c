/* SPDX-License-Identifier: MIT */
/*
 * Mounts as text. Contract: mountinfo.h. The lock on the mount tree is held
 * while the text is made, as in Linux.
 */
#include "core/mountinfo.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "core/mount_tree.h"
#include "core/nsfs.h"
#include "core/path.h"
#include "core/pathname.h"
#include "core/propagate.h"

#define OPTIONS_MAX 1024u
#define DELETED "//deleted"

/* ---- text ---- */

static bool reserve(struct vfs__text *text, size_t more)
{
	size_t size = text->size ? text->size : 256;
	char *data;

	while (size <= text->len + more)
		size *= 2;
	if (text->failed || size == text->size)
		return !text->failed;
	data = vfs__mem_alloc(text->thread, size);
	if (!data) {
		text->failed = true;
		return false;
	}
	if (text->data)
		memcpy(data, text->data, text->len);
	data[text->len] = '\0';
	vfs__mem_free(text->thread, text->data, text->size);
	text->data = data;
	text->size = size;
	return true;
}

void vfs__text_add(struct vfs__text *text, const char *data, size_t len)
{
	if (!reserve(text, len))
		return;
	memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void vfs__text_printf(struct vfs__text *text, const char *format, ...)
{
	char line[128];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n > 0)
		vfs__text_add(text, line,
			      (size_t)n < sizeof(line) ? (size_t)n
						       : sizeof(line) - 1);
}

void vfs__text_fini(struct vfs__text *text)
{
	if (text->data)
		vfs__mem_free(text->thread, text->data, text->size);
	text->data = NULL;
}

/* Characters of `special` in octal. */
static void add_escaped(struct vfs__text *text, const char *data, size_t len,
			const char *special)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] && strchr(special, data[i]))
			vfs__text_printf(text, "\\%03o",
					 (unsigned char)data[i]);
		else
			vfs__text_add(text, data + i, 1);
}

static void add_path(struct vfs__text *text, const char *path, size_t len,
		     bool escaped)
{
	add_escaped(text, path, len, escaped ? " \t\n\\" : "");
}

static void add_word(struct vfs__text *text, const char *word)
{
	add_escaped(text, word, strlen(word), " \t\n\\#");
}

/* ---- pieces ---- */

void vfs__show_mount_flags(struct vfs__text *text, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} table[] = {
		{VFS__MNT_NOSUID, ",nosuid"},
		{VFS__MNT_NODEV, ",nodev"},
		{VFS__MNT_NOEXEC, ",noexec"},
		{VFS__MNT_NOATIME, ",noatime"},
		{VFS__MNT_NODIRATIME, ",nodiratime"},
		{VFS__MNT_RELATIME, ",relatime"},
		{VFS__MNT_NOSYMFOLLOW, ",nosymfollow"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (flags & table[i].flag)
			vfs__text_add(text, table[i].word,
				      strlen(table[i].word));
}

static void show_super_flags(struct vfs__text *text, uint64_t flags)
{
	if (flags & VFS_SUPER_SYNCHRONOUS)
		vfs__text_add(text, ",sync", 5);
	if (flags & VFS_SUPER_DIRSYNC)
		vfs__text_add(text, ",dirsync", 8);
	if (flags & VFS_SUPER_LAZYTIME)
		vfs__text_add(text, ",lazytime", 9);
}

void vfs__show_options(struct vfs__text *text, struct vfs_super *super)
{
	char options[OPTIONS_MAX];
	int n;

	if (!super->ops->show_options)
		return;
	options[0] = '\0';
	n = super->ops->show_options(super, options, sizeof(options));
	if (n > 0)
		vfs__text_add(text, options, strnlen(options, OPTIONS_MAX));
}

int vfs__show_root(struct vfs__text *text, const struct vfs_mount *mnt,
		   bool escaped)
{
	const struct vfs__namespace *ns = vfs__nsfs_namespace(mnt->root->inode);
	const struct vfs_userns *userns = vfs__nsfs_userns(mnt->root->inode);
	char *buffer, *start;
	int64_t len;

	if (userns) {
		vfs__text_printf(text, "user:[%llu]",
				 (unsigned long long)userns->id);
		return 0;
	}
	if (ns) {
		vfs__text_printf(text, "mnt:[%llu]",
				 (unsigned long long)ns->id);
		return 0;
	}
	buffer = vfs__mem_alloc(text->thread, VFS__PATH_MAX);
	if (!buffer)
		return -ENOMEM;
	len = vfs__dentry_string(text->thread, mnt->vfs, mnt->root, buffer,
				 VFS__PATH_MAX, &start);
	if (len > 0)
		add_path(text, start, (size_t)len - 1, escaped);
	if (vfs__dentry_is_removed(mnt->root))
		vfs__text_add(text, DELETED, sizeof(DELETED) - 1);
	vfs__mem_free(text->thread, buffer, VFS__PATH_MAX);
	return 0;
}

int vfs__show_point(struct vfs__text *text, const struct vfs_mount *mnt,
		    const struct vfs__path *root, bool escaped)
{
	struct vfs__path at = {mnt->parent, mnt->mountpoint};
	bool unreachable;
	char *buffer, *start;
	int64_t len;

	if (mnt == root->mnt && mnt->root == root->dentry) {
		vfs__text_add(text, "/", 1);
		return 0;
	}
	if (vfs__mount_is_root(mnt))
		return 1;
	buffer = vfs__mem_alloc(text->thread, VFS__PATH_MAX);
	if (!buffer)
		return -ENOMEM;
	len = vfs__path_string(text->thread, mnt->vfs, &at, root, buffer,
			       VFS__PATH_MAX, &start, &unreachable);
	if (len > 1 && !unreachable)
		add_path(text, start, (size_t)len - 1, escaped);
	vfs__mem_free(text->thread, buffer, VFS__PATH_MAX);
	return len <= 1 || unreachable;
}

static void show_propagation(struct vfs__text *text,
			     const struct vfs_mount *mnt,
			     const struct vfs__path *root)
{
	uint32_t from;

	if (mnt->group)
		vfs__text_printf(text, " shared:%u", mnt->group->id);
	if (mnt->master) {
		from = vfs__peers_dominating(text->thread, mnt, root);
		vfs__text_printf(text, " master:%u", mnt->master->id);
		if (from && from != mnt->master->id)
			vfs__text_printf(text, " propagate_from:%u", from);
	}
	if (vfs__mount_flags(mnt) & VFS__MNT_UNBINDABLE)
		vfs__text_add(text, " unbindable", 11);
}

/* ---- lines ---- */

static int mountinfo_line(struct vfs__text *text, struct vfs_mount *mnt,
			  const struct vfs__path *root)
{
	struct vfs_super *super = mnt->super;
	uint64_t flags = VFS_READ_ONCE(super->flags);
	int err;

	vfs__text_printf(text, "%llu %llu %u:%u ", (unsigned long long)mnt->id,
			 (unsigned long long)mnt->parent->id, major(super->dev),
			 minor(super->dev));
	err = vfs__show_root(text, mnt, true);
	vfs__text_add(text, " ", 1);
	if (!err)
		err = vfs__show_point(text, mnt, root, true);
	if (err)
		return err;
	vfs__text_add(text,
		      vfs__mount_flags(mnt) & VFS__MNT_RDONLY ? " ro" : " rw",
		      3);
	vfs__show_mount_flags(text, vfs__mount_flags(mnt));
	if (vfs__mount_idmap(mnt))
		vfs__text_add(text, ",idmapped", 9);
	show_propagation(text, mnt, root);
	vfs__text_add(text, " - ", 3);
	add_word(text, super->type->name);
	vfs__text_add(text, " ", 1);
	add_word(text, mnt->source ? mnt->source : "none");
	vfs__text_add(text, flags & VFS_SUPER_RDONLY ? " ro" : " rw", 3);
	show_super_flags(text, flags);
	vfs__show_options(text, super);
	vfs__text_add(text, "\n", 1);
	return 0;
}

static int mounts_line(struct vfs__text *text, struct vfs_mount *mnt,
		       const struct vfs__path *root)
{
	struct vfs_super *super = mnt->super;
	int err;

	add_word(text, mnt->source ? mnt->source : "none");
	vfs__text_add(text, " ", 1);
	err = vfs__show_point(text, mnt, root, true);
	if (err)
		return err;
	vfs__text_add(text, " ", 1);
	add_word(text, super->type->name);
	vfs__text_add(text, vfs__mount_readonly(mnt) ? " ro" : " rw", 3);
	show_super_flags(text, VFS_READ_ONCE(super->flags));
	vfs__show_mount_flags(text, vfs__mount_flags(mnt));
	vfs__show_options(text, super);
	vfs__text_add(text, " 0 0\n", 5);
	return 0;
}

static int all_lines(struct vfs__text *text, struct vfs__namespace *ns,
		     const struct vfs__path *root, bool mounts_form)
{
	int err = 0;

	VFS__LIST_EACH (at, &ns->mounts) {
		struct vfs_mount *mnt =
			VFS__LIST_ENTRY(at, struct vfs_mount, ns_link);
		size_t before = text->len;

		err = mounts_form ? mounts_line(text, mnt, root)
				  : mountinfo_line(text, mnt, root);
		if (err < 0)
			break;
		if (err > 0)
			text->len = before; /* the root does not lead there */
		err = 0;
	}
	return text->failed ? -ENOMEM : err;
}

int vfs__mountinfo(struct vfs__thread *thread, struct vfs_task *task,
		   bool mounts_form, char **out, size_t *len)
{
	struct vfs__namespace *ns = vfs__task_namespace(thread, task);
	struct vfs__text text = {.thread = thread};
	struct vfs__fspaths paths;
	char *exact = NULL;
	int err;

	vfs__task_paths(thread, task, &paths);
	vfs__tree_lock(task->vfs);
	err = all_lines(&text, ns, &paths.root, mounts_form);
	vfs__tree_unlock(task->vfs);
	vfs__path_unref(thread, &paths.root);
	vfs__path_unref(thread, &paths.cwd);
	vfs__namespace_unref(thread, ns);
	if (!err) {
		exact = vfs__mem_alloc(thread, text.len + 1);
		err = exact ? 0 : -ENOMEM;
	}
	if (!err) {
		if (text.len)
			memcpy(exact, text.data, text.len);
		exact[text.len] = '\0';
		*out = exact;
		*len = text.len;
	}
	vfs__text_fini(&text);
	return err;
}
