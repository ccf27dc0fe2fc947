/* SPDX-License-Identifier: MIT */
/* Mounting with descriptors: they become options. Contract: <vfs/overlay.h>. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vfs/mount.h>
#include <vfs/overlay.h>
#include <vfs/task.h>

#include "overlay.h"

#define NUMBER_MAX 12u /* bytes of a number and what is around it */
/* As much as Linux believes of a structure's size. */
#define STRUCTURE_MAX 4096u

int overlay_check_size(const void *structure, uint64_t size, size_t known)
{
	const char *bytes = structure;

	if (size < known)
		return -EINVAL;
	if (size > STRUCTURE_MAX)
		return -E2BIG;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	return 0;
}

static int check_spec(const struct vfs_overlay_spec *spec)
{
	int err = overlay_check_size(spec, spec->size, sizeof(*spec));

	if (err)
		return err;
	if (!spec->lower_count || spec->lower_count > OVERLAY_LAYERS_MAX)
		return -EINVAL;
	if (!spec->lower)
		return -EFAULT;
	for (uint64_t i = 0; i < spec->lower_count; i++)
		if (spec->lower[i] < 0)
			return -EBADF;
	return (spec->upper < 0) == (spec->work < 0) ? 0 : -EINVAL;
}

static void write_options(const struct vfs_overlay_spec *spec, char *at,
			  size_t size)
{
	size_t used = 0;

	for (uint64_t i = 0; i < spec->lower_count; i++)
		used += (size_t)snprintf(at + used, size - used, "%s%d",
					 i ? ":" : "lowerfd=", spec->lower[i]);
	if (spec->upper >= 0)
		used += (size_t)snprintf(at + used, size - used,
					 ",upperfd=%d,workfd=%d", spec->upper,
					 spec->work);
	if (spec->options && *spec->options)
		snprintf(at + used, size - used, ",%s", spec->options);
}

int vfs_overlay_mount(struct vfs_task *task,
		      const struct vfs_overlay_spec *spec, const char *target,
		      uint64_t flags)
{
	struct vfs *vfs = vfs_task_instance(task);
	char *options;
	size_t size;
	int err = task && spec && target ? check_spec(spec) : -EFAULT;

	if (err)
		return err;
	size = (spec->lower_count + 5) * NUMBER_MAX +
	       (spec->options ? strlen(spec->options) : 0) + 1;
	options = vfs_alloc(vfs, size);
	if (!options)
		return -ENOMEM;
	write_options(spec, options, size);
	err = vfs_mount(task, "overlay", target, "overlay", flags, options);
	vfs_free(vfs, options, size);
	return err;
}
