/* SPDX-License-Identifier: MIT */
/* The mounts of a spec, and /tmp. Contract: bundle.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <vfs/cred.h>
#include <vfs/devfs.h>
#include <vfs/devpts.h>
#include <vfs/dir.h>
#include <vfs/file.h>
#include <vfs/mount.h>
#include <vfs/mountpoint.h>
#include <vfs/procfs.h>
#include <vfs/stat.h>
#include <vfs/sys/task.h>
#include <vfs/sysfs.h>
#include <vfs/task.h>
#include <vfs/tmpfs.h>

#include "bundle.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* ---- which file system ---- */

struct wanted {
	const char *name;
	const struct vfs_filesystem_type *type;
};

static int is_wanted(void *context, const struct vfs_filesystem_type *type)
{
	struct wanted *wanted = context;

	if (strcmp(type->name, wanted->name))
		return 0;
	wanted->type = type;
	return 1;
}

/* What is registered, and what a container has besides. NULL: unknown. */
static const struct vfs_filesystem_type *find_type(struct vfs *vfs,
						   const char *name)
{
	static const struct vfs_filesystem_type *const own[] = {
		&vfs_tmpfs_type, &vfs_procfs_type, &vfs_devfs_type,
		&vfs_devpts_type, &vfs_sysfs_type};
	struct wanted wanted = {.name = name};

	(void)vfs_filesystems(vfs, is_wanted, &wanted);
	for (size_t i = 0; !wanted.type && i < sizeof(own) / sizeof(own[0]);
	     i++)
		(void)is_wanted(&wanted, own[i]);
	return wanted.type;
}

/* ---- one mount ---- */

/* The container's maps, or those of the mount. */
static int make_idmap(struct bundle_load *b, const struct bundle_plan *plan,
		      struct vfs_userns **out)
{
	const struct vfs_bundle_mount *m = plan->spec;
	struct vfs_userns *root;
	int err;

	if (!m->uid_map_count && !m->gid_map_count) {
		*out = vfs_userns_ref(b->userns);
		return b->userns ? 0
				 : bundle_refuse(&b->report,
						 "idmap, and nothing is "
						 "mapped");
	}
	root = vfs_userns_root(b->report.vfs);
	err = vfs_userns_create(root, m->uid_maps, m->uid_map_count,
				m->gid_maps, m->gid_map_count, out);
	vfs_userns_unref(root);
	return err ? bundle_fail(&b->report, err, "uidMappings, gidMappings")
		   : 0;
}

/* A descriptor of stage's for userns, by a task that is in it. */
static int open_userns(struct bundle_load *b, struct vfs_userns *userns)
{
	const struct vfs_cred_spec spec = {.size = sizeof(spec),
					   .userns = userns};
	struct vfs_task *there = NULL;
	struct vfs_cred *cred = NULL;
	int fd = vfs_cred_create(b->report.vfs, &spec, &cred);

	if (!fd)
		fd = vfs_task_create(b->report.vfs, cred, &there);
	if (!fd)
		fd = vfs_open_namespace(b->stage, there, VFS_CLONE_NEWUSER,
					O_CLOEXEC);
	vfs_task_unref(there);
	vfs_cred_unref(cred);
	return fd;
}

/* tree: a descriptor of what is nowhere yet. */
static int map_ids(struct bundle_load *b, const struct bundle_plan *plan,
		   int tree)
{
	struct vfs_mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
	struct vfs_userns *userns = NULL;
	int fd, err = make_idmap(b, plan, &userns);

	if (err)
		return err;
	fd = open_userns(b, userns);
	vfs_userns_unref(userns);
	if (fd >= 0) {
		attr.userns_fd = (uint64_t)fd;
		err = vfs_mount_setattr(b->stage, tree, "", AT_EMPTY_PATH,
					&attr, sizeof(attr));
		vfs_close(b->stage, fd);
	} else {
		err = fd;
	}
	return err ? bundle_fail(&b->report, err, "idmap") : 0;
}

static int bind(struct bundle_load *b, const struct bundle_plan *plan)
{
	bool is_dir;
	int err = 0, fd = bundle_open_source(b, plan, &is_dir);

	if (fd < 0)
		return fd;
	if (plan->options.idmap)
		err = map_ids(b, plan, fd);
	if (err) {
		vfs_close(b->stage, fd);
		return err;
	}
	err = bundle_place(b, fd, plan->destination,
			   is_dir ? 0 : VFS_MOUNTPOINT_FILE);
	return err ? bundle_fail(&b->report, err, "mount point") : 0;
}

/* What is below a mount point, in what is mounted on it. */
static int copy_up(struct bundle_load *b, const struct bundle_plan *plan,
		   int from)
{
	int err, to = vfs_open(b->task, plan->destination,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (to < 0)
		return to;
	bundle_be_outer(b);
	err = bundle_copy_tree(b, from, to);
	bundle_be_inner(b);
	vfs_close(b->task, to);
	return err;
}

/* A type that is not for user namespaces is mounted by the instance's root. */
static int mount_type(struct bundle_load *b, struct bundle_plan *plan,
		      const struct vfs_filesystem_type *type)
{
	const char *source = plan->spec->source ? plan->spec->source : "none";
	uint64_t flags = plan->options.flags;
	int err;

	plan->seal =
		(flags & MS_RDONLY) &&
		(plan->options.copy_up || !strcmp(plan->destination, "/dev"));
	if (plan->seal)
		flags &= ~(uint64_t)MS_RDONLY;
	if (!(type->flags & VFS_FS_USERNS))
		bundle_be_outer(b);
	err = vfs_mount_type(b->task, type, source, plan->destination, flags,
			     plan->options.data);
	bundle_be_inner(b);
	return err ? bundle_fail(&b->report, err, "options \"%s\"",
				 plan->options.data)
		   : 0;
}

static bool says_mode(const char *data)
{
	while (data && *data) {
		if (!strncmp(data, "mode=", 5))
			return true;
		data += strcspn(data, ",");
		data += *data == ',';
	}
	return false;
}

/* A tmpfs is for those for whom the directory was that it covers, unless its
 * options say for whom. */
static int keep_mode(struct bundle_load *b, struct bundle_plan *plan,
		     const struct vfs_filesystem_type *type)
{
	char *data = plan->options.data;
	struct vfs_stat st;
	int err;

	if (strcmp(type->name, "tmpfs") || says_mode(data))
		return 0;
	bundle_be_outer(b);
	err = vfs_stat(b->task, plan->destination, &st);
	bundle_be_inner(b);
	if (err == -ENOENT || err == -ENOTDIR || (!err && !S_ISDIR(st.mode)))
		return 0;
	if (err)
		return bundle_fail(&b->report, err, "mount point");
	data = bundle_printf(&b->arena, "mode=%o%s%s", st.mode & 07777,
			     *data ? "," : "", data);
	if (!data)
		return bundle_no_memory(&b->report);
	plan->options.data = data;
	return 0;
}

static int mount_new(struct bundle_load *b, struct bundle_plan *plan,
		     const struct vfs_filesystem_type *type)
{
	int from = -1, err = keep_mode(b, plan, type);

	if (err)
		return err;
	err = bundle_make_point(b, plan->destination, 0);
	if (!err && plan->options.copy_up) {
		from = vfs_open(b->task, plan->destination,
				O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
		err = from < 0 ? from : 0;
	}
	if (err)
		return bundle_fail(&b->report, err, "mount point");
	err = mount_type(b, plan, type);
	if (from < 0)
		return err;
	if (!err) {
		err = copy_up(b, plan, from);
		if (err)
			err = bundle_fail(&b->report, err, "tmpcopyup");
	}
	vfs_close(b->task, from);
	return err;
}

static int remount(struct bundle_load *b, const struct bundle_plan *plan)
{
	uint64_t flags = plan->options.flags | MS_REMOUNT |
			 (plan->options.bind ? MS_BIND : 0);
	int err;

	bundle_be_outer(b);
	err = vfs_mount(b->task, NULL, plan->destination, NULL, flags,
			plan->options.data);
	bundle_be_inner(b);
	return err ? bundle_fail(&b->report, err, "remount (\"%s\")",
				 plan->options.data)
		   : 0;
}

/* What is said of the mount when it is there. */
static int finish(struct bundle_load *b, const struct bundle_plan *plan)
{
	const struct bundle_options *o = &plan->options;
	const struct vfs_mount_attr attr = {.attr_set = o->set,
					    .attr_clr = o->clear};
	int err = 0;

	bundle_be_outer(b);
	for (uint32_t i = 0; !err && i < o->propagations; i++)
		err = vfs_mount(b->task, NULL, plan->destination, NULL,
				o->propagation[i], NULL);
	if (!err && (o->set || o->clear))
		err = vfs_mount_setattr(b->task, AT_FDCWD, plan->destination,
					AT_RECURSIVE, &attr, sizeof(attr));
	bundle_be_inner(b);
	return err ? bundle_fail(&b->report, err, "its attributes") : 0;
}

/* 1: it is passed over. */
static int pass_over(struct bundle_load *b, const struct bundle_plan *plan)
{
	if (b->spec->flags & VFS_BUNDLE_ALL_MOUNTS)
		return bundle_fail(&b->report, -ENODEV, "type \"%s\"",
				   plan->type);
	bundle_note(&b->report, "not mounted: nothing here is of that type");
	return 1;
}

static int make_mount(struct bundle_load *b, struct bundle_plan *plan)
{
	const struct vfs_filesystem_type *type = NULL;
	int err;

	bundle_where(&b->report, "/mounts/%llu (%s, %s)",
		     (unsigned long long)plan->index, plan->spec->destination,
		     plan->type);
	if (plan->options.remount) {
		err = remount(b, plan);
	} else if (plan->options.bind) {
		err = bind(b, plan);
	} else {
		type = find_type(b->report.vfs, plan->type);
		err = type ? mount_new(b, plan, type) : pass_over(b, plan);
	}
	if (err)
		return err < 0 ? err : 0;
	plan->mounted = !plan->options.remount;
	return finish(b, plan);
}

int bundle_make_mounts(struct bundle_load *b)
{
	int err = 0;

	for (uint64_t i = 0; !err && i < b->spec->mount_count; i++)
		err = make_mount(b, &b->plans[i]);
	return err;
}

/* ---- /tmp ---- */

/* Whether a directory has no names, by looking: links do not tell. */
static int is_empty(struct vfs_task *task, const char *path, bool *empty)
{
	const struct vfs_dirent *entry;
	struct vfs_dir *dir;
	int more, err = vfs_opendir(task, path, &dir);

	if (err)
		return err;
	*empty = true;
	while (*empty && (more = vfs_readdir(dir, &entry)) == 1)
		*empty =
			!strcmp(entry->name, ".") || !strcmp(entry->name, "..");
	vfs_closedir(dir);
	return *empty ? more : 0;
}

static bool is_destination(const struct bundle_load *b, const char *path)
{
	for (uint64_t i = 0; i < b->spec->mount_count; i++)
		if (!strcmp(b->plans[i].destination, path))
			return true;
	return false;
}

static int wants_tmp(struct bundle_load *b, bool *wanted)
{
	struct vfs_stat st;
	int err;

	*wanted = false;
	if (is_destination(b, "/tmp"))
		return 0;
	bundle_be_outer(b);
	err = vfs_lstat(b->task, "/tmp", &st);
	if (err == -ENOENT) {
		*wanted = true;
		err = 0;
	} else if (!err && S_ISDIR(st.mode)) {
		err = is_empty(b->task, "/tmp", wanted);
	}
	bundle_be_inner(b);
	return err;
}

int bundle_make_tmp(struct bundle_load *b)
{
	bool wanted;
	int err = wants_tmp(b, &wanted);

	bundle_where(&b->report, "/tmp");
	if (!err && wanted) {
		err = bundle_make_point(b, "/tmp", 0);
		if (!err)
			err = vfs_mount_type(b->task, &vfs_tmpfs_type, "tmpfs",
					     "/tmp", 0, "mode=01777");
	}
	return err ? bundle_fail(&b->report, err, "tmpfs") : 0;
}
