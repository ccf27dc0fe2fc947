/* SPDX-License-Identifier: MIT */
/*
 * The namespace, the stage and the container's root, and how the root becomes
 * the namespace's. Contract: bundle.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vfs/cred.h>
#include <vfs/file.h>
#include <vfs/hostfs.h>
#include <vfs/mount.h>
#include <vfs/mountpoint.h>
#include <vfs/path.h>
#include <vfs/stat.h>
#include <vfs/task.h>

#include "bundle.h"

/* On the stage. */
#define STAGE_ROOT "/root"
#define STAGE_LOWER "/lower"
#define STAGE_CHANGES "/changes"
#define STAGE_UPPER STAGE_CHANGES "/upper"
#define STAGE_WORK STAGE_CHANGES "/work"

/* ---- who ---- */

void bundle_be_inner(struct bundle_load *b)
{
	(void)vfs_task_set_cred(b->task, b->inner);
}

void bundle_be_outer(struct bundle_load *b)
{
	(void)vfs_task_set_cred(b->task, b->outer);
}

static int make_userns(struct bundle_load *b)
{
	const struct vfs_bundle_spec *spec = b->spec;
	struct vfs_userns *root;
	int err;

	if (!spec->uid_map_count && !spec->gid_map_count)
		return 0;
	bundle_where(&b->report, "/linux/uidMappings, /linux/gidMappings");
	root = vfs_userns_root(b->report.vfs);
	err = vfs_userns_create(root, spec->uid_maps, spec->uid_map_count,
				spec->gid_maps, spec->gid_map_count,
				&b->userns);
	vfs_userns_unref(root);
	if (err == -EINVAL)
		return bundle_refuse(&b->report,
				     "an extent is empty, too long, or "
				     "overlaps another, or there are too many");
	return err ? bundle_fail(&b->report, err, "user namespace") : 0;
}

static int make_root_cred(struct bundle_load *b, struct vfs_userns *userns,
			  struct vfs_cred **out)
{
	const struct vfs_cred_spec spec = {.size = sizeof(spec),
					   .cap_effective = VFS_CAP_ALL,
					   .cap_permitted = VFS_CAP_ALL,
					   .userns = userns};

	return vfs_cred_create(b->report.vfs, &spec, out);
}

static int make_creds(struct bundle_load *b)
{
	int err = make_userns(b);

	if (!err)
		err = make_root_cred(b, NULL, &b->outer);
	if (!err)
		err = make_root_cred(b, b->userns, &b->inner);
	if (err == -EINVAL && b->userns && b->outer)
		return bundle_refuse(&b->report,
				     "the container has no user 0, or no "
				     "group 0");
	return err;
}

/* ---- the stage ---- */

/* A tmpfs that is nowhere. */
static int make_tmpfs(struct vfs_task *task)
{
	int tree, fs = vfs_fsopen(task, "tmpfs", FSOPEN_CLOEXEC);
	int err;

	if (fs < 0)
		return fs;
	err = vfs_fsconfig(task, fs, FSCONFIG_SET_STRING, "mode", "0700", 0);
	if (!err)
		err = vfs_fsconfig(task, fs, FSCONFIG_CMD_CREATE, NULL, NULL,
				   0);
	tree = err ? err : vfs_fsmount(task, fs, FSMOUNT_CLOEXEC, 0);
	vfs_close(task, fs);
	return tree;
}

/* What is mounted on the root becomes the namespace's root, and what was there
 * before goes, with all that is mounted on it. The directory is task's working
 * directory. */
static int turn_root(struct vfs_task *task)
{
	int err = vfs_pivot_root(task, ".", ".");

	return err ? err : vfs_umount2(task, ".", MNT_DETACH);
}

static int enter_stage(struct vfs_task *task)
{
	int tree, err;

	/* nothing of what follows is to be seen elsewhere */
	err = vfs_mount(task, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (err)
		return err;
	tree = make_tmpfs(task);
	if (tree < 0)
		return tree;
	err = vfs_move_mount(task, tree, "", AT_FDCWD, "/",
			     MOVE_MOUNT_F_EMPTY_PATH);
	if (!err)
		err = vfs_fchdir(task, tree);
	vfs_close(task, tree);
	if (!err)
		err = turn_root(task);
	return err ? err : vfs_chdir(task, "/");
}

/* The namespace belongs to the container's user namespace. */
static int make_stage(struct bundle_load *b)
{
	int err = vfs_task_create(b->report.vfs, b->inner, &b->stage);

	if (!err)
		err = vfs_unshare(b->stage, VFS_CLONE_NEWNS);
	if (!err)
		err = vfs_task_set_cred(b->stage, b->outer);
	return err ? err : enter_stage(b->stage);
}

/* ---- the root's file systems ---- */

/* A directory of the host on the stage. fd: that directory, open. */
static int mount_host(struct bundle_load *b, int fd, const char *shown,
		      const char *place, uint64_t flags, const char *options)
{
	const char *data =
		bundle_printf(&b->arena, "rootfd=%d,%s", fd, options);
	int err = data ? vfs_make_mountpoint(b->stage, place, 0) : -ENOMEM;

	return err ? err
		   : vfs_mount_type(b->stage, &vfs_hostfs_type,
				    shown ? shown : "none", place, flags, data);
}

static uint64_t root_flags(const struct bundle_load *b)
{
	return b->spec->flags & VFS_BUNDLE_ROOT_READONLY ? MS_RDONLY : 0;
}

/* The rootfs at place. A layer of overlay must not change behind its back. */
static int mount_rootfs(struct bundle_load *b, const char *place,
			uint64_t flags, bool layer)
{
	const struct vfs_bundle_spec *spec = b->spec;
	const char *more = spec->root_options ? spec->root_options : "";
	const char *options = bundle_printf(&b->arena, "xdev,devices%s%s%s",
					    layer ? ",cache=exclusive" : "",
					    *more ? "," : "", more);
	int fd = spec->root_fd, err;

	bundle_where(&b->report, "/root/path");
	if (!options)
		return bundle_no_memory(&b->report);
	if (!(spec->flags & VFS_BUNDLE_ROOT_FD))
		fd = bundle_open_host(b, spec->root_path, O_DIRECTORY);
	if (fd < 0)
		return bundle_fail(&b->report, fd, "\"%s\"", spec->root_path);
	err = mount_host(b, fd, spec->root_path, place, flags, options);
	if (!(spec->flags & VFS_BUNDLE_ROOT_FD))
		close(fd);
	return err ? bundle_fail(&b->report, err, "\"%s\", hostfs (\"%s\")",
				 spec->root_path ? spec->root_path
						 : "(a descriptor)",
				 options)
		   : 0;
}

/* Where overlay keeps what is changed. */
static int mount_changes(struct bundle_load *b)
{
	const struct vfs_bundle_spec *spec = b->spec;
	int fd, err;

	bundle_where(&b->report, "/overlay");
	if (spec->overlay == VFS_BUNDLE_OVERLAY_MEMORY) {
		err = vfs_make_mountpoint(b->stage, STAGE_CHANGES, 0);
		if (!err)
			err = vfs_mount(b->stage, "none", STAGE_CHANGES,
					"tmpfs", 0, spec->memory_options);
		return err ? bundle_fail(&b->report, err, "tmpfs (\"%s\")",
					 spec->memory_options
						 ? spec->memory_options
						 : "")
			   : 0;
	}
	fd = bundle_open_host(b, spec->overlay_path, O_DIRECTORY);
	if (fd < 0)
		return bundle_fail(&b->report, fd, "\"%s\"",
				   spec->overlay_path);
	err = mount_host(b, fd, spec->overlay_path, STAGE_CHANGES, 0,
			 "cache=exclusive,devices");
	close(fd);
	return err ? bundle_fail(&b->report, err, "\"%s\", hostfs",
				 spec->overlay_path)
		   : 0;
}

/* The root of an overlay looks as its topmost layer's does: a new one has to
 * look as the rootfs. */
static int make_upper(struct bundle_load *b)
{
	struct vfs_stat st;
	int err = vfs_mkdir(b->stage, STAGE_WORK, 0700);

	if (err && err != -EEXIST)
		return err;
	err = vfs_mkdir(b->stage, STAGE_UPPER, 0755);
	if (err)
		return err == -EEXIST ? 0 : err;
	err = vfs_stat(b->stage, STAGE_LOWER, &st);
	if (!err)
		err = vfs_chown(b->stage, STAGE_UPPER, st.uid, st.gid);
	if (!err)
		err = vfs_chmod(b->stage, STAGE_UPPER, st.mode & 07777);
	if (!err) {
		const struct vfs_timespec times[2] = {st.atime, st.mtime};

		err = vfs_utimensat(b->stage, AT_FDCWD, STAGE_UPPER, times, 0);
	}
	return err;
}

/* An overlay without room for a work directory is mounted, and read-only: that
 * is not what was asked for. */
static int check_writable(struct bundle_load *b)
{
	struct vfs_statfs st;
	int err;

	if (root_flags(b) & MS_RDONLY)
		return 0;
	err = vfs_statfs(b->stage, STAGE_ROOT, &st);
	return !err && (st.flags & ST_RDONLY) ? -EROFS : err;
}

static int mount_overlay(struct bundle_load *b)
{
	const char *more = b->spec->overlay_options;
	const char *options;
	int err = mount_rootfs(b, STAGE_LOWER, MS_RDONLY, true);

	if (!err)
		err = mount_changes(b);
	if (err)
		return err;
	err = make_upper(b);
	if (err)
		return bundle_fail(&b->report, err, "upper and work");
	options = bundle_printf(&b->arena,
				"lowerdir=" STAGE_LOWER ",upperdir=" STAGE_UPPER
				",workdir=" STAGE_WORK "%s%s",
				more && *more ? "," : "", more ? more : "");
	err = options ? vfs_make_mountpoint(b->stage, STAGE_ROOT, 0) : -ENOMEM;
	if (!err)
		err = vfs_mount(b->stage, "overlay", STAGE_ROOT, "overlay",
				root_flags(b), options);
	if (!err)
		err = check_writable(b);
	return err ? bundle_fail(&b->report, err, "overlay (\"%s\")",
				 more ? more : "")
		   : 0;
}

/* ---- the two tasks ---- */

static int make_task(struct bundle_load *b)
{
	int err = vfs_task_clone(b->stage, VFS_CLONE_FILES, &b->task);

	if (!err)
		err = vfs_chroot(b->task, STAGE_ROOT);
	if (!err)
		err = vfs_chdir(b->task, "/");
	if (!err)
		err = vfs_umask(b->task, 022) < 0 ? -EFAULT : 0;
	if (!err)
		bundle_be_inner(b);
	return err;
}

int bundle_make_root(struct bundle_load *b)
{
	int err = make_creds(b);

	if (err)
		return err == -ENOMEM ? bundle_no_memory(&b->report) : err;
	bundle_where(&b->report, "mount namespace");
	err = make_stage(b);
	if (err)
		return bundle_fail(&b->report, err, "it could not be made");
	if (b->spec->overlay)
		err = mount_overlay(b);
	else
		err = mount_rootfs(b, STAGE_ROOT, root_flags(b), false);
	if (err)
		return err;
	bundle_where(&b->report, "/root");
	err = make_task(b);
	return err ? bundle_fail(&b->report, err, "it could not be entered")
		   : 0;
}

int bundle_enter_root(struct bundle_load *b)
{
	const char *name = b->spec->propagation;
	int err = vfs_chdir(b->stage, STAGE_ROOT);

	bundle_where(&b->report, "/root");
	if (!err)
		err = turn_root(b->stage);
	if (err)
		return bundle_fail(&b->report, err, "it could not be entered");
	if (!name)
		return 0;
	bundle_where(&b->report, "/linux/rootfsPropagation");
	bundle_be_outer(b);
	err = vfs_mount(b->task, NULL, "/", NULL, bundle_propagation(name),
			NULL);
	bundle_be_inner(b);
	return err ? bundle_fail(&b->report, err, "\"%s\"", name) : 0;
}

uint32_t bundle_uid(const struct bundle_load *b, uint32_t uid)
{
	return b->userns ? vfs_userns_make_uid(b->userns, uid) : uid;
}

uint32_t bundle_gid(const struct bundle_load *b, uint32_t gid)
{
	return b->userns ? vfs_userns_make_gid(b->userns, gid) : gid;
}
