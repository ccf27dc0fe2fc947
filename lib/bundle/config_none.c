/* SPDX-License-Identifier: MIT */
/* A library without JSON says so. Contract: <vfs/bundle.h>. */
#include <errno.h>

#include "bundle.h"

static int say(struct vfs *vfs, char *message, size_t size)
{
	struct bundle_report report = {
		.vfs = vfs, .message = message, .size = size};

	return bundle_fail(&report, -EOPNOTSUPP,
			   "config.json: this library was built without JSON");
}

int vfs_bundle_read(struct vfs *vfs, const char *directory, uint32_t flags,
		    struct vfs_bundle_spec **out, char *message, size_t size)
{
	(void)flags;
	return vfs && directory && out ? say(vfs, message, size) : -EFAULT;
}

int vfs_bundle_parse(struct vfs *vfs, const char *text, size_t length,
		     const char *directory, uint32_t flags,
		     struct vfs_bundle_spec **out, char *message, size_t size)
{
	(void)length;
	(void)directory;
	(void)flags;
	return vfs && text && out ? say(vfs, message, size) : -EFAULT;
}

void vfs_bundle_spec_free(struct vfs_bundle_spec *spec)
{
	(void)spec; /* none was ever made */
}
