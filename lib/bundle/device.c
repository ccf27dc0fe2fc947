/* SPDX-License-Identifier: MIT */
/*
 * Devices: those of the spec, and those that every container has. Where /dev is
 * a mount of the container's own, a node is made there; where it is the
 * rootfs's or a bind of the host's, or belongs to a user namespace (whose nodes
 * lead nowhere), a node of the stage is bound to the name. Contract: bundle.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <vfs/mount.h>
#include <vfs/mountpoint.h>
#include <vfs/path.h>
#include <vfs/stat.h>
#include <vfs/task.h>

#include "bundle.h"

#define DEV(name, major, minor)                                 \
	{                                                       \
		sizeof(struct vfs_bundle_device), "/dev/" name, \
			S_IFCHR | 0666, major, minor, 0, 0, 0   \
	}

static const struct vfs_bundle_device usual[] = {
	DEV("null", 1, 3),   DEV("zero", 1, 5),	   DEV("full", 1, 7),
	DEV("random", 1, 8), DEV("urandom", 1, 9), DEV("tty", 5, 0),
};

static const struct {
	const char *path;
	const char *target;
} links[] = {
	{"/dev/fd", "/proc/self/fd"},	    {"/dev/stdin", "/proc/self/fd/0"},
	{"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
	{"/dev/ptmx", "pts/ptmx"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t number(const struct vfs_bundle_device *device)
{
	return (device->mode & S_IFMT) == S_IFIFO
		       ? 0
		       : makedev(device->major, device->minor);
}

/* A new node at path of task, which is the instance's root. */
static int make_node(struct bundle_load *b, struct vfs_task *task,
		     const char *path, const struct vfs_bundle_device *device)
{
	int err = vfs_mknod(task, path, device->mode, number(device));

	if (err)
		return err;
	err = vfs_chown(task, path, bundle_uid(b, device->uid),
			bundle_gid(b, device->gid));
	if (!err)
		err = vfs_chmod(task, path, device->mode & 07777);
	if (err)
		vfs_unlink(task, path);
	return err;
}

int bundle_stage_node(struct bundle_load *b,
		      const struct vfs_bundle_device *device)
{
	char path[32];
	int err;

	snprintf(path, sizeof(path), "/node%u", b->nodes++);
	err = make_node(b, b->stage, path, device);
	return err ? err
		   : vfs_open_tree(b->stage, AT_FDCWD, path,
				   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int bind_node(struct bundle_load *b,
		     const struct vfs_bundle_device *device, uint32_t flags)
{
	int fd = bundle_stage_node(b, device);

	return fd < 0 ? fd
		      : bundle_place(b, fd, device->path,
				     flags | VFS_MOUNTPOINT_FILE);
}

static bool is_refusal(int err)
{
	return err == -EROFS || err == -EACCES || err == -EPERM ||
	       err == -EOPNOTSUPP || err == -ENOSPC || err == -EDQUOT;
}

/* The directory that path is in, with its parents. */
static int make_parent(struct bundle_load *b, const char *path)
{
	char *parent = bundle_copy(&b->arena, path, strlen(path)), *slash;

	if (!parent)
		return -ENOMEM;
	slash = strrchr(parent, '/');
	slash[slash == parent] = 0;
	return bundle_make_point(b, parent, 0);
}

/* Into the file system that is there. */
static int write_node(struct bundle_load *b,
		      const struct vfs_bundle_device *device)
{
	int err = make_parent(b, device->path);

	if (err)
		return err;
	bundle_be_outer(b);
	err = make_node(b, b->task, device->path, device);
	bundle_be_inner(b);
	return err;
}

static int look(struct bundle_load *b, const char *path, struct vfs_stat *st,
		bool *there)
{
	int err;

	bundle_be_outer(b);
	err = vfs_lstat(b->task, path, st);
	bundle_be_inner(b);
	*there = !err;
	return err == -ENOENT || err == -ENOTDIR ? 0 : err;
}

/* Whether what is mounted there, by its destination, is the host's: that is not
 * for the container's devices to be made in. */
static bool in_bind(const struct bundle_load *b, const char *path)
{
	bool is_bind = false;

	for (uint64_t i = 0; i < b->spec->mount_count; i++) {
		const struct bundle_plan *plan = &b->plans[i];
		size_t len = strlen(plan->destination);

		if (plan->mounted && !strncmp(path, plan->destination, len) &&
		    (!path[len] || path[len] == '/'))
			is_bind = plan->options.bind;
	}
	return is_bind;
}

/* writable: the file system may be written. */
static int put_device(struct bundle_load *b,
		      const struct vfs_bundle_device *device, bool writable)
{
	struct vfs_stat st;
	bool there;
	int err = look(b, device->path, &st, &there);

	if (err)
		return err;
	if (there && ((st.mode ^ device->mode) & S_IFMT) == 0 &&
	    st.rdev == number(device))
		return 0;
	err = writable && !there && !b->userns ? write_node(b, device) : -EROFS;
	if (is_refusal(err))
		err = bind_node(b, device,
				writable ? 0 : VFS_MOUNTPOINT_SYNTHETIC);
	return err;
}

/* Whether /dev is a mount of the container's own: not the rootfs's, nor the
 * host's. */
static int dev_is_mount(struct bundle_load *b, bool *is_mount)
{
	struct vfs_stat root, dev;
	bool there;
	int err = look(b, "/", &root, &there);

	if (!err)
		err = look(b, "/dev", &dev, &there);
	*is_mount = !err && there && root.mnt_id != dev.mnt_id &&
		    !in_bind(b, "/dev");
	return err;
}

/* Links into what is not there are not made. */
static int put_link(struct bundle_load *b, const char *path, const char *target)
{
	struct vfs_stat st;
	bool there = true;
	int err = 0;

	bundle_where(&b->report, "%s", path);
	if (!strcmp(path, "/dev/ptmx"))
		err = look(b, "/dev/pts/ptmx", &st, &there);
	if (!err && there)
		err = vfs_symlink(b->task, target, path);
	if (is_refusal(err)) {
		bundle_note(&b->report, "no link: %s", vfs_strerror(err));
		err = 0;
	}
	return err == -EEXIST ? 0 : err;
}

static int put_usual(struct bundle_load *b)
{
	struct vfs_stat st;
	bool writable, there;
	int err = dev_is_mount(b, &writable);

	for (size_t i = 0; !err && i < COUNT(usual); i++) {
		bundle_where(&b->report, "%s", usual[i].path);
		err = look(b, usual[i].path, &st, &there);
		if (!err && !there)
			err = put_device(b, &usual[i], writable);
	}
	for (size_t i = 0; !err && writable && i < COUNT(links); i++)
		err = put_link(b, links[i].path, links[i].target);
	return err ? bundle_fail(&b->report, err, "it is missing") : 0;
}

static int put_own(struct bundle_load *b)
{
	const struct vfs_bundle_spec *spec = b->spec;
	int err;

	for (uint64_t i = 0; i < spec->device_count; i++) {
		const struct vfs_bundle_device *device =
			BUNDLE_AT(spec->devices, i);

		bundle_where(&b->report, "/linux/devices/%llu (%s)",
			     (unsigned long long)i, device->path);
		if (bundle_uid(b, device->uid) == UINT32_MAX ||
		    bundle_gid(b, device->gid) == UINT32_MAX)
			return bundle_refuse(&b->report,
					     "the container has no user %u or "
					     "no group %u",
					     device->uid, device->gid);
		err = put_device(b, device, !in_bind(b, device->path));
		if (err)
			return bundle_fail(&b->report, err, "device");
	}
	return 0;
}

/* What was kept writable so long. */
static int seal(struct bundle_load *b, const struct bundle_plan *plan)
{
	int err;

	bundle_where(&b->report, "/mounts/%llu (%s, %s)",
		     (unsigned long long)plan->index, plan->spec->destination,
		     plan->type);
	bundle_be_outer(b);
	err = vfs_mount(b->task, NULL, plan->destination, NULL,
			plan->options.flags | MS_REMOUNT | MS_BIND, NULL);
	bundle_be_inner(b);
	return err ? bundle_fail(&b->report, err, "read-only") : 0;
}

int bundle_make_devices(struct bundle_load *b)
{
	int err = put_own(b);

	if (!err && !(b->spec->flags & VFS_BUNDLE_NO_DEVICES))
		err = put_usual(b);
	for (uint64_t i = 0; !err && i < b->spec->mount_count; i++)
		if (b->plans[i].seal)
			err = seal(b, &b->plans[i]);
	return err;
}
