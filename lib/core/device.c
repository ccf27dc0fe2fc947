/* SPDX-License-Identifier: MIT */
/* The registry of devices. Contract: device.h, <vfs/sys/device.h>. */
#include "core/device.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/device_file.h"
#include "util/grown.h"

#define NAME_MAX_BYTES (sizeof(((struct vfs_device *)0)->name) - 1)
/* Positions: regions in the order of registration, minors within. */
#define POSITION_SHIFT 20

static void lock(struct vfs *vfs)
{
	vfs__mutex_lock(&vfs->devices_lock, VFS__RANK_LEAF);
}

static void unlock(struct vfs *vfs)
{
	vfs__mutex_unlock(&vfs->devices_lock, VFS__RANK_LEAF);
}

/* ---- looking up ---- */

static bool holds(const struct vfs_device *device, uint32_t type,
		  uint32_t major, uint32_t minor)
{
	return device->type == type && device->major == major &&
	       minor >= device->minor && minor - device->minor < device->count;
}

/* Counted as open; NULL: nobody serves it. */
static struct vfs_device *take(struct vfs *vfs, uint32_t type, uint64_t number)
{
	struct vfs_device *device;

	lock(vfs);
	for (device = vfs->devices; device; device = device->next)
		if (holds(device, type, major(number), minor(number))) {
			device->open_files++;
			break;
		}
	unlock(vfs);
	return device;
}

static void give(struct vfs_device *device)
{
	lock(device->vfs);
	device->open_files--;
	unlock(device->vfs);
}

int vfs__device_open(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs_inode *inode = file->inode;
	uint32_t type = vfs__inode_mode(inode) & S_IFMT;
	struct vfs_device *device = take(file->vfs, type, inode->rdev);
	int err = 0;

	(void)thread;
	if (!device)
		return -ENXIO;
	if (device->ops->seek)
		file->mode |= VFS__FILE_SEEKABLE;
	file->device = device;
	if (device->ops->open)
		err = device->ops->open(device, file, inode->rdev);
	if (!err && (file->flags & O_DIRECT) && type == S_IFCHR) {
		err = -EINVAL;
		if (device->ops->release)
			device->ops->release(device, file);
	}
	if (err) {
		file->device = NULL;
		give(device);
	}
	return err;
}

void vfs__device_release(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs_device *device = file->device;

	(void)thread;
	if (!device)
		return;
	if (device->ops->release)
		device->ops->release(device, file);
	give(device);
}

/* ---- registering ---- */

static int check_spec(const struct vfs_device_spec *spec)
{
	const uint64_t known =
		VFS_DEVICE_NOWAIT | VFS_DEVICE_WRITE_ANY | VFS_DEVICE_READ_ANY;
	size_t len;

	if (spec->size < sizeof(*spec))
		return -EINVAL;
	if (vfs__grown_check(spec, spec->size, sizeof(*spec)))
		return -E2BIG;
	if (!spec->name || !spec->ops)
		return -EFAULT;
	len = strnlen(spec->name, NAME_MAX_BYTES + 1);
	if (!len || len > NAME_MAX_BYTES || strchr(spec->name, '/') ||
	    !strcmp(spec->name, ".") || !strcmp(spec->name, ".."))
		return -EINVAL;
	if (spec->ops->size < sizeof(*spec->ops) || (spec->ops->flags & ~known))
		return -EINVAL;
	if ((spec->type != S_IFCHR && spec->type != S_IFBLK) ||
	    (spec->mode & ~0777u) || spec->major >= VFS_DEVICE_MAJOR_MAX)
		return -EINVAL;
	if (!spec->count || spec->count > VFS_DEVICE_MINOR_MAX ||
	    spec->minor > VFS_DEVICE_MINOR_MAX - spec->count)
		return -EINVAL;
	return 0;
}

static bool major_is_free(const struct vfs *vfs, uint32_t type, uint32_t major)
{
	for (const struct vfs_device *d = vfs->devices; d; d = d->next)
		if (d->type == type && d->major == major)
			return false;
	return true;
}

/* The highest free major in from..to; 0: none. */
static uint32_t free_major(const struct vfs *vfs, uint32_t type, uint32_t from,
			   uint32_t to)
{
	for (uint32_t major = from; major >= to; major--)
		if (major_is_free(vfs, type, major))
			return major;
	return 0;
}

/* As Linux gives them: for character devices 254 to 234, then 511 to 384; for
 * block devices 254 to 1. */
static uint32_t choose_major(const struct vfs *vfs, uint32_t type)
{
	uint32_t major;

	if (type == S_IFBLK)
		return free_major(vfs, type, 254, 1);
	major = free_major(vfs, type, 254, 234);
	return major ? major : free_major(vfs, type, 511, 384);
}

static bool overlaps(const struct vfs *vfs, const struct vfs_device *device)
{
	for (const struct vfs_device *d = vfs->devices; d; d = d->next)
		if (d->type == device->type && d->major == device->major &&
		    d->minor < device->minor + device->count &&
		    device->minor < d->minor + d->count)
			return true;
	return false;
}

/* Locked: device finds its numbers and enters the list. */
static int enter(struct vfs *vfs, struct vfs_device *device)
{
	struct vfs_device **link = &vfs->devices;

	if (!device->major)
		device->major = choose_major(vfs, device->type);
	if (!device->major || overlaps(vfs, device))
		return -EBUSY;
	device->serial = ++vfs->next_device;
	while (*link)
		link = &(*link)->next;
	*link = device;
	return 0;
}

static struct vfs_device *make(struct vfs__thread *thread, struct vfs *vfs,
			       const struct vfs_device_spec *spec)
{
	struct vfs_device *device = vfs__mem_alloc(thread, sizeof(*device));

	if (!device)
		return NULL;
	memset(device, 0, sizeof(*device));
	device->vfs = vfs;
	device->type = spec->type;
	device->major = spec->major;
	device->minor = spec->minor;
	device->count = spec->count;
	device->mode = spec->mode ? spec->mode : 0600;
	device->ops = spec->ops;
	device->context = spec->context;
	snprintf(device->name, sizeof(device->name), "%s", spec->name);
	vfs__waitqueue_init(&device->changed);
	return device;
}

int vfs_register_device(struct vfs *vfs, const struct vfs_device_spec *spec,
			struct vfs_device **out)
{
	struct vfs__thread *thread;
	struct vfs_device *device;
	int err;

	if (!vfs || !spec)
		return -EFAULT;
	err = check_spec(spec);
	if (err)
		return err;
	thread = vfs__self(vfs);
	device = thread ? make(thread, vfs, spec) : NULL;
	if (!device)
		return -ENOMEM;
	lock(vfs);
	err = enter(vfs, device);
	unlock(vfs);
	if (err) {
		vfs__mem_free(thread, device, sizeof(*device));
		return err;
	}
	if (out)
		*out = device;
	return 0;
}

int vfs_unregister_device(struct vfs_device *device)
{
	struct vfs_device **link;
	struct vfs *vfs;
	int err = 0;

	if (!device)
		return 0;
	vfs = device->vfs;
	lock(vfs);
	for (link = &vfs->devices; *link != device; link = &(*link)->next)
		assert(*link);
	if (device->open_files)
		err = -EBUSY;
	else
		*link = device->next;
	unlock(vfs);
	if (!err)
		vfs__mem_free(vfs__self_always(vfs), device, sizeof(*device));
	return err;
}

void vfs__devices_fini(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs_device *device;

	while ((device = vfs->devices)) {
		assert(!device->open_files);
		vfs->devices = device->next;
		vfs__mem_free(thread, device, sizeof(*device));
	}
}

/* ---- what is there ---- */

static void describe(const struct vfs_device *device, uint32_t minor,
		     struct vfs_device_info *info)
{
	memset(info, 0, sizeof(*info));
	info->number = makedev(device->major, minor);
	info->position =
		device->serial << POSITION_SHIFT | (minor - device->minor);
	info->type = device->type;
	info->mode = device->mode;
	if (device->count == 1)
		snprintf(info->name, sizeof(info->name), "%s", device->name);
	else
		snprintf(info->name, sizeof(info->name), "%s%u", device->name,
			 minor);
}

int vfs_devices(struct vfs *vfs, uint64_t from,
		int (*each)(void *context, const struct vfs_device_info *info),
		void *context)
{
	struct vfs_device_info info;
	int result = 0;

	lock(vfs);
	for (const struct vfs_device *d = vfs->devices; d && !result;
	     d = d->next) {
		uint64_t first = d->serial << POSITION_SHIFT;
		uint64_t i = from > first ? from - first : 0;

		for (; i < d->count && !result; i++) {
			describe(d, d->minor + (uint32_t)i, &info);
			result = each(context, &info);
		}
	}
	unlock(vfs);
	return result;
}

uint64_t vfs_device_number(const struct vfs_device *device)
{
	return makedev(device->major, device->minor);
}

void *vfs_device_context(const struct vfs_device *device)
{
	return device->context;
}
