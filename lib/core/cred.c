/* SPDX-License-Identifier: MIT */
/* Credentials. Contract: cred.h, <vfs/cred.h>. */
#include "core/cred.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/instance.h"
#include "util/atomic.h"
#include "util/epoch.h"

#define GROUPS_MAX UINT64_C(65536)
#define ID_NONE UINT32_MAX

static size_t cred_size(uint64_t group_count)
{
	return sizeof(struct vfs_cred) + group_count * sizeof(uint32_t);
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static int check_spec(const struct vfs_cred_spec *spec)
{
	if (spec->size < sizeof(*spec))
		return -EINVAL;
	for (uint64_t i = sizeof(*spec); i < spec->size; i++)
		if (((const char *)spec)[i])
			return -E2BIG;
	if (spec->group_count > GROUPS_MAX)
		return -EINVAL;
	if (spec->group_count && !spec->groups)
		return -EFAULT;
	if (spec->uid == ID_NONE || spec->gid == ID_NONE ||
	    spec->fsuid == ID_NONE || spec->fsgid == ID_NONE)
		return -EINVAL;
	for (uint64_t i = 0; i < spec->group_count; i++)
		if (spec->groups[i] == ID_NONE)
			return -EINVAL;
	if (spec->cap_effective & ~spec->cap_permitted)
		return -EINVAL;
	return 0;
}

int vfs_cred_create(struct vfs *vfs, const struct vfs_cred_spec *spec,
		    struct vfs_cred **out)
{
	struct vfs__thread *thread;
	struct vfs_cred *cred;
	int err;

	if (!vfs || !spec || !out)
		return -EFAULT;
	err = check_spec(spec);
	if (err)
		return err;
	thread = vfs__self(vfs);
	if (!thread)
		return -ENOMEM;
	cred = vfs__mem_alloc(thread, cred_size(spec->group_count));
	if (!cred)
		return -ENOMEM;
	cred->vfs = vfs;
	cred->id = __atomic_add_fetch(&vfs->next_cred, 1, __ATOMIC_RELAXED);
	cred->ref = 1;
	cred->uid = spec->uid;
	cred->gid = spec->gid;
	cred->fsuid = spec->fsuid;
	cred->fsgid = spec->fsgid;
	cred->cap_effective = spec->cap_effective;
	cred->cap_permitted = spec->cap_permitted;
	cred->group_count = (uint32_t)spec->group_count;
	if (cred->group_count) {
		memcpy(cred->groups, spec->groups,
		       cred->group_count * sizeof(uint32_t));
		qsort(cred->groups, cred->group_count, sizeof(uint32_t),
		      compare_ids);
	}
	*out = cred;
	return 0;
}

struct vfs_cred *vfs_cred_ref(struct vfs_cred *cred)
{
	if (cred)
		vfs__fetch_add_u32(&cred->ref, 1);
	return cred;
}

/* Walkers look at a task's credentials without a reference, so the memory
 * goes after a grace period. */
void vfs_cred_unref(struct vfs_cred *cred)
{
	if (!cred || vfs__fetch_add_u32(&cred->ref, UINT32_MAX) != 1)
		return;
	vfs__epoch_retire(vfs__self_always(cred->vfs), vfs__free_later, cred,
			  cred_size(cred->group_count));
}

bool vfs__cred_in_group(const struct vfs_cred *cred, uint32_t gid)
{
	uint32_t low = 0, high = cred->group_count;

	if (cred->fsgid == gid)
		return true;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (cred->groups[middle] == gid)
			return true;
		if (cred->groups[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool vfs__cred_access_differs(const struct vfs_cred *cred)
{
	return cred->uid != cred->fsuid || cred->gid != cred->fsgid ||
	       cred->cap_effective != (cred->uid ? 0 : cred->cap_permitted);
}

int vfs__cred_for_access(const struct vfs_cred *cred, struct vfs_cred **out)
{
	struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = cred->uid,
		.gid = cred->gid,
		.fsuid = cred->uid,
		.fsgid = cred->gid,
		.groups = cred->groups,
		.group_count = cred->group_count,
		.cap_effective = cred->uid ? 0 : cred->cap_permitted,
		.cap_permitted = cred->cap_permitted,
	};

	return vfs_cred_create(cred->vfs, &spec, out);
}
