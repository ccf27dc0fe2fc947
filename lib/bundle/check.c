/* SPDX-License-Identifier: MIT */
/*
 * What can be said of a spec without doing anything: pointers, sizes, paths
 * that are none. Contract: bundle.h.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "bundle.h"

#define FLAGS                                                                  \
	(VFS_BUNDLE_ROOT_READONLY | VFS_BUNDLE_ROOT_FD | VFS_BUNDLE_TERMINAL | \
	 VFS_BUNDLE_STDIO | VFS_BUNDLE_UMASK | VFS_BUNDLE_NO_DEVICES |         \
	 VFS_BUNDLE_ALL_MOUNTS | VFS_BUNDLE_NO_NEW_PRIVILEGES)

/* As much as Linux believes of a structure's size. */
#define STRUCTURE_MAX 4096u

/* A structure that begins with its size, which may be a newer one's. */
static int check_size(struct bundle_report *r, const void *object,
		      uint64_t size, size_t known)
{
	const char *tail = object;

	if (size < known)
		return bundle_refuse(r, "size is too small");
	if (size > STRUCTURE_MAX)
		return bundle_fail(r, -E2BIG, "size is too large");
	for (uint64_t i = known; i < size; i++)
		if (tail[i])
			return bundle_fail(
				r, -E2BIG,
				"it says something that is not known");
	return 0;
}

/* An array is there, and so is each of its strings. */
static int check_array(struct bundle_report *r, const void *array,
		       uint64_t count)
{
	return !count || array ? 0 : bundle_fail(r, -EFAULT, "NULL");
}

static int check_strings(struct bundle_report *r, const char *const *strings,
			 uint64_t count)
{
	int err = check_array(r, strings, count);

	for (uint64_t i = 0; !err && i < count; i++)
		if (!strings[i])
			err = bundle_fail(r, -EFAULT, "number %llu is NULL",
					  (unsigned long long)i);
	return err;
}

static int check_absolute(struct bundle_report *r, const char *path)
{
	if (!path)
		return bundle_refuse(r, "missing");
	if (*path != '/')
		return bundle_refuse(r, "\"%s\" is not absolute", path);
	if (strnlen(path, BUNDLE_PATH_MAX) == BUNDLE_PATH_MAX)
		return bundle_fail(r, -ENAMETOOLONG, "\"%.64s…\"", path);
	return 0;
}

static int check_root(struct bundle_report *r,
		      const struct vfs_bundle_spec *spec)
{
	bundle_where(r, "/root/path");
	if (!(spec->flags & VFS_BUNDLE_ROOT_FD) &&
	    (!spec->root_path || !*spec->root_path))
		return bundle_refuse(r, "missing");
	bundle_where(r, "/root");
	if (bundle_takes_root(spec->root_options))
		return bundle_refuse(r, "the option rootfd is the bundle's");
	bundle_where(r, "/overlay");
	if (spec->overlay > VFS_BUNDLE_OVERLAY_DIRECTORY)
		return bundle_refuse(r, "%u is no kind of overlay",
				     spec->overlay);
	if (spec->overlay == VFS_BUNDLE_OVERLAY_DIRECTORY &&
	    (!spec->overlay_path || !*spec->overlay_path))
		return bundle_refuse(r, "it has no directory");
	bundle_where(r, "/linux/rootfsPropagation");
	if (spec->propagation && !bundle_propagation(spec->propagation))
		return bundle_refuse(r, "\"%s\" is no kind of propagation",
				     spec->propagation);
	return 0;
}

static int check_mount(struct bundle_report *r,
		       const struct vfs_bundle_mount *mount, uint64_t index)
{
	unsigned long long i = index;
	int err;

	bundle_where(r, "/mounts/%llu", i);
	err = check_size(r, mount, mount->size, sizeof(*mount));
	if (err)
		return err;
	bundle_where(r, "/mounts/%llu/destination", i);
	err = check_absolute(r, mount->destination);
	if (err)
		return err;
	bundle_where(r, "/mounts/%llu/options", i);
	err = check_strings(r, mount->options, mount->option_count);
	if (err)
		return err;
	bundle_where(r, "/mounts/%llu/uidMappings", i);
	err = check_array(r, mount->uid_maps, mount->uid_map_count);
	if (err)
		return err;
	bundle_where(r, "/mounts/%llu/gidMappings", i);
	return check_array(r, mount->gid_maps, mount->gid_map_count);
}

static int check_mounts(struct bundle_report *r,
			const struct vfs_bundle_spec *spec)
{
	int err;

	bundle_where(r, "/mounts");
	err = check_array(r, spec->mounts, spec->mount_count);
	for (uint64_t i = 0; !err && i < spec->mount_count; i++)
		err = check_mount(r, BUNDLE_AT(spec->mounts, i), i);
	if (err)
		return err;
	bundle_where(r, "/mounts");
	return check_array(r, spec->mount_fds, spec->mount_fd_count);
}

static int check_device(struct bundle_report *r,
			const struct vfs_bundle_device *device, uint64_t index)
{
	unsigned long long i = index;
	uint32_t type = device->mode & S_IFMT;
	int err;

	bundle_where(r, "/linux/devices/%llu", i);
	err = check_size(r, device, device->size, sizeof(*device));
	if (err)
		return err;
	if (type != S_IFCHR && type != S_IFBLK && type != S_IFIFO)
		return bundle_refuse(r, "neither a device nor a FIFO");
	if (device->mode & ~(uint32_t)(S_IFMT | 07777))
		return bundle_refuse(r, "mode has unknown bits");
	bundle_where(r, "/linux/devices/%llu/path", i);
	return check_absolute(r, device->path);
}

static int check_paths(struct bundle_report *r, const char *where,
		       const char *const *paths, uint64_t count)
{
	int err;

	bundle_where(r, "%s", where);
	err = check_strings(r, paths, count);
	for (uint64_t i = 0; !err && i < count; i++) {
		bundle_where(r, "%s/%llu", where, (unsigned long long)i);
		err = check_absolute(r, paths[i]);
	}
	return err;
}

static int check_linux(struct bundle_report *r,
		       const struct vfs_bundle_spec *spec)
{
	int err;

	bundle_where(r, "/linux/uidMappings");
	err = check_array(r, spec->uid_maps, spec->uid_map_count);
	if (err)
		return err;
	bundle_where(r, "/linux/gidMappings");
	err = check_array(r, spec->gid_maps, spec->gid_map_count);
	if (err)
		return err;
	bundle_where(r, "/linux/devices");
	err = check_array(r, spec->devices, spec->device_count);
	for (uint64_t i = 0; !err && i < spec->device_count; i++)
		err = check_device(r, BUNDLE_AT(spec->devices, i), i);
	if (!err)
		err = check_paths(r, "/linux/maskedPaths", spec->masked_paths,
				  spec->masked_path_count);
	if (!err)
		err = check_paths(r, "/linux/readonlyPaths",
				  spec->readonly_paths,
				  spec->readonly_path_count);
	return err;
}

static int check_capabilities(struct bundle_report *r,
			      const struct vfs_bundle_spec *spec)
{
	uint64_t more = spec->cap_effective & ~spec->cap_permitted;

	bundle_where(r, "/process/capabilities/effective");
	return more ? bundle_refuse(r, "capability %d is not permitted",
				    __builtin_ctzll(more))
		    : 0;
}

static int check_process(struct bundle_report *r,
			 const struct vfs_bundle_spec *spec)
{
	int err;

	bundle_where(r, "/process/cwd");
	err = spec->cwd ? check_absolute(r, spec->cwd) : 0;
	if (err)
		return err;
	bundle_where(r, "/process/args");
	err = check_strings(r, spec->args, spec->arg_count);
	if (err)
		return err;
	bundle_where(r, "/process/env");
	err = check_strings(r, spec->env, spec->env_count);
	if (err)
		return err;
	bundle_where(r, "/process/user/umask");
	if ((spec->flags & VFS_BUNDLE_UMASK) && (spec->umask & ~0777u))
		return bundle_refuse(r, "%#o is more than 0777", spec->umask);
	bundle_where(r, "/process/user/additionalGids");
	err = check_array(r, spec->groups, spec->group_count);
	if (err)
		return err;
	bundle_where(r, "/process/consoleSize");
	if (spec->console_rows > UINT16_MAX ||
	    spec->console_columns > UINT16_MAX)
		return bundle_refuse(r, "no terminal is that large");
	bundle_where(r, "/process/rlimits");
	err = check_array(r, spec->rlimits, spec->rlimit_count);
	return err ? err : check_capabilities(r, spec);
}

int bundle_check(struct bundle_report *r, const struct vfs_bundle_spec *spec)
{
	int err = check_size(r, spec, spec->size, sizeof(*spec));

	if (err)
		return err;
	if (spec->flags & ~FLAGS)
		return bundle_refuse(r, "flags has unknown bits");
	err = check_root(r, spec);
	if (!err)
		err = check_mounts(r, spec);
	if (!err)
		err = check_linux(r, spec);
	if (!err)
		err = check_process(r, spec);
	bundle_where(r, "%s", "");
	return err;
}
