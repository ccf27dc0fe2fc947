/* SPDX-License-Identifier: MIT */
/* statmount(2) and listmount(2). Contract: mount_fd.h. */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "core/mount_fd.h"
#include "core/mountinfo.h"
#include "core/propagate.h"

/* The task's namespace, the one asked for being that, and its root. */
struct view {
	struct vfs__namespace *ns; /* counted */
	struct vfs__fspaths paths; /* referenced */
};

static int view_init(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs_mnt_id_req *req, struct view *view)
{
	view->ns = vfs__task_namespace(thread, task);
	if (req->mnt_ns_id && req->mnt_ns_id != view->ns->id) {
		vfs__namespace_unref(thread, view->ns);
		return -ENOENT;
	}
	vfs__task_paths(thread, task, &view->paths);
	return 0;
}

static void view_fini(struct vfs__thread *thread, struct view *view)
{
	vfs__path_unref(thread, &view->paths.root);
	vfs__path_unref(thread, &view->paths.cwd);
	vfs__namespace_unref(thread, view->ns);
}

static struct vfs_mount *find(const struct view *view, uint64_t id)
{
	VFS__LIST_EACH (at, &view->ns->mounts) {
		struct vfs_mount *mnt =
			VFS__LIST_ENTRY(at, struct vfs_mount, ns_link);

		if (mnt->id == id)
			return mnt;
	}
	return NULL;
}

static bool is_visible(struct vfs__thread *thread, const struct view *view,
		       struct vfs_mount *mnt)
{
	struct vfs__path place = {mnt, mnt->root};

	return vfs__is_reachable(thread, &place, &view->paths.root);
}

/* ---- statmount ---- */

static uint64_t attributes_of(uint32_t flags)
{
	uint64_t attributes = 0;

	if (flags & VFS__MNT_RDONLY)
		attributes |= MOUNT_ATTR_RDONLY;
	if (flags & VFS__MNT_NOSUID)
		attributes |= MOUNT_ATTR_NOSUID;
	if (flags & VFS__MNT_NODEV)
		attributes |= MOUNT_ATTR_NODEV;
	if (flags & VFS__MNT_NOEXEC)
		attributes |= MOUNT_ATTR_NOEXEC;
	if (flags & VFS__MNT_NODIRATIME)
		attributes |= MOUNT_ATTR_NODIRATIME;
	if (flags & VFS__MNT_NOSYMFOLLOW)
		attributes |= MOUNT_ATTR_NOSYMFOLLOW;
	if (flags & VFS__MNT_NOATIME)
		attributes |= MOUNT_ATTR_NOATIME;
	else if (!(flags & VFS__MNT_RELATIME))
		attributes |= MOUNT_ATTR_STRICTATIME;
	return attributes;
}

static void fill_super(struct vfs_statmount *out, const struct vfs_super *super)
{
	uint64_t flags = VFS_READ_ONCE(super->flags);

	out->sb_dev_major = major(super->dev);
	out->sb_dev_minor = minor(super->dev);
	out->sb_magic = super->magic;
	out->sb_flags =
		(flags & VFS_SUPER_RDONLY ? MS_RDONLY : 0) |
		(flags & VFS_SUPER_SYNCHRONOUS ? MS_SYNCHRONOUS : 0) |
		(flags & VFS_SUPER_DIRSYNC ? MS_DIRSYNC : 0) |
		(flags & VFS_SUPER_LAZYTIME ? (uint32_t)MS_LAZYTIME : 0);
	out->mask |= VFS_STATMOUNT_SB_BASIC;
}

static void fill_mount(struct vfs_statmount *out, const struct vfs_mount *mnt)
{
	out->mnt_id = mnt->id;
	out->mnt_id_old = (uint32_t)mnt->id;
	out->mnt_parent_id = mnt->parent->id;
	out->mnt_parent_id_old = (uint32_t)mnt->parent->id;
	out->mnt_attr = attributes_of(vfs__mount_flags(mnt));
	out->mnt_propagation = mnt->group ? MS_SHARED : 0;
	if (mnt->master)
		out->mnt_propagation |= MS_SLAVE;
	if (vfs__mount_flags(mnt) & VFS__MNT_UNBINDABLE)
		out->mnt_propagation |= MS_UNBINDABLE;
	if (!out->mnt_propagation)
		out->mnt_propagation = MS_PRIVATE;
	out->mnt_peer_group = mnt->group ? mnt->group->id : 0;
	out->mnt_master = mnt->master ? mnt->master->id : 0;
	out->mask |= VFS_STATMOUNT_MNT_BASIC;
}

/* What add wrote, as a string of out's: its offset. Nothing: not given. */
static void end_string(struct vfs_statmount *out, struct vfs__text *text,
		       size_t start, uint64_t bit, uint32_t *where)
{
	if (text->len == start)
		return;
	vfs__text_add(text, "", 1);
	*where = (uint32_t)start;
	out->mask |= bit;
}

static int fill_strings(struct vfs_statmount *out, struct vfs__text *text,
			const struct view *view, struct vfs_mount *mnt,
			uint64_t wanted)
{
	struct vfs_super *super = mnt->super;
	size_t start = text->len;
	int err = 0;

	if (wanted & VFS_STATMOUNT_FS_TYPE) {
		vfs__text_add(text, super->type->name,
			      strlen(super->type->name));
		end_string(out, text, start, VFS_STATMOUNT_FS_TYPE,
			   &out->fs_type);
	}
	start = text->len;
	if (wanted & VFS_STATMOUNT_MNT_ROOT)
		err = vfs__show_root(text, mnt, false);
	end_string(out, text, start, VFS_STATMOUNT_MNT_ROOT, &out->mnt_root);
	start = text->len;
	if (!err && (wanted & VFS_STATMOUNT_MNT_POINT))
		err = vfs__show_point(text, mnt, &view->paths.root, false);
	end_string(out, text, start, VFS_STATMOUNT_MNT_POINT, &out->mnt_point);
	start = text->len;
	if (wanted & VFS_STATMOUNT_MNT_OPTS)
		vfs__show_options(text, super);
	if (text->len > start && text->data[start] == ',') {
		text->len--;
		memmove(text->data + start, text->data + start + 1,
			text->len - start + 1);
	}
	end_string(out, text, start, VFS_STATMOUNT_MNT_OPTS, &out->mnt_opts);
	start = text->len;
	if ((wanted & VFS_STATMOUNT_SB_SOURCE) && mnt->source)
		vfs__text_add(text, mnt->source, strlen(mnt->source));
	end_string(out, text, start, VFS_STATMOUNT_SB_SOURCE, &out->sb_source);
	return err < 0 ? err : 0;
}

static int fill(struct vfs__thread *thread, struct vfs_statmount *out,
		struct vfs__text *text, const struct view *view,
		struct vfs_mount *mnt, uint64_t wanted)
{
	if (wanted & VFS_STATMOUNT_SB_BASIC)
		fill_super(out, mnt->super);
	if (wanted & VFS_STATMOUNT_MNT_BASIC)
		fill_mount(out, mnt);
	if (wanted & VFS_STATMOUNT_PROPAGATE_FROM) {
		if (mnt->master)
			out->propagate_from = vfs__peers_dominating(
				thread, mnt, &view->paths.root);
		out->mask |= VFS_STATMOUNT_PROPAGATE_FROM;
	}
	if (wanted & VFS_STATMOUNT_MNT_NS_ID) {
		out->mnt_ns_id = view->ns->id;
		out->mask |= VFS_STATMOUNT_MNT_NS_ID;
	}
	return fill_strings(out, text, view, mnt, wanted);
}

int vfs__statmount(struct vfs__thread *thread, struct vfs_task *task,
		   const struct vfs_mnt_id_req *req, struct vfs_statmount *out,
		   size_t size)
{
	struct vfs_statmount head = {.size = sizeof(head)};
	struct vfs__text text = {.thread = thread};
	struct vfs_mount *mnt;
	struct view view;
	int err = view_init(thread, task, req, &view);

	if (err)
		return err;
	vfs__tree_lock(task->vfs);
	mnt = find(&view, req->mnt_id);
	if (!mnt)
		err = -ENOENT;
	else if (!is_visible(thread, &view, mnt) &&
		 !vfs__may_mount(thread, task))
		err = -EPERM;
	else
		err = fill(thread, &head, &text, &view, mnt, req->param);
	vfs__tree_unlock(task->vfs);
	view_fini(thread, &view);
	if (!err && text.failed)
		err = -ENOMEM;
	/* without strings the structure may be cut */
	if (!err && text.len && size < sizeof(head) + text.len)
		err = -EOVERFLOW;
	if (!err) {
		head.size = (uint32_t)(sizeof(head) + text.len);
		memcpy(out, &head, size < sizeof(head) ? size : sizeof(head));
		if (text.len)
			memcpy(out + 1, text.data, text.len);
	}
	vfs__text_fini(&text);
	return err;
}

/* ---- listmount ---- */

/* What is below the mount asked for, or below the task's root. */
static int collect(struct vfs__thread *thread, struct vfs_task *task,
		   struct view *view, const struct vfs_mnt_id_req *req,
		   uint64_t *ids, size_t count, bool reverse)
{
	struct vfs__list *list = &view->ns->mounts;
	struct vfs__path top = view->paths.root;
	size_t n = 0;

	if (req->mnt_id != VFS_LSMT_ROOT) {
		top.mnt = find(view, req->mnt_id);
		if (!top.mnt)
			return -ENOENT;
		top.dentry = top.mnt->root;
		if (!is_visible(thread, view, top.mnt) &&
		    !vfs__may_mount(thread, task))
			return -EPERM;
	}
	for (struct vfs__list *at = reverse ? list->prev : list->next;
	     at != list && n < count; at = reverse ? at->prev : at->next) {
		struct vfs_mount *mnt =
			VFS__LIST_ENTRY(at, struct vfs_mount, ns_link);
		struct vfs__path place = {mnt, mnt->root};

		if (req->param &&
		    (reverse ? mnt->id >= req->param : mnt->id <= req->param))
			continue;
		if (mnt == top.mnt && req->mnt_id != VFS_LSMT_ROOT)
			continue;
		if (vfs__is_reachable(thread, &place, &top))
			ids[n++] = mnt->id;
	}
	return (int)n;
}

int64_t vfs__listmount(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs_mnt_id_req *req, uint64_t *ids,
		       size_t count, bool reverse)
{
	struct view view;
	int64_t n = view_init(thread, task, req, &view);

	if (n)
		return n;
	vfs__tree_lock(task->vfs);
	n = collect(thread, task, &view, req, ids, count, reverse);
	vfs__tree_unlock(task->vfs);
	view_fini(thread, &view);
	return n;
}
