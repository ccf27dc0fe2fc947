/* SPDX-License-Identifier: MIT */
/* Credentials. Contract: cred.h, <vfs/cred.h>. */
#include "core/cred.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/instance.h"
#include "util/atomic.h"
#include "util/epoch.h"
#include "util/grown.h"

#define GROUPS_MAX UINT64_C(65536)
/* the size of struct vfs_cred_spec in the first version */
#define SPEC_SIZE_0 offsetof(struct vfs_cred_spec, userns)

static size_t cred_size(uint64_t group_count)
{
	return sizeof(struct vfs_cred) + group_count * sizeof(uint32_t);
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* spec in this version's form. */
static int read_spec(const struct vfs_cred_spec *spec,
		     struct vfs_cred_spec *out)
{
	if (spec->size < sizeof(*spec) && spec->size != SPEC_SIZE_0)
		return -EINVAL;
	if (vfs__grown_check(spec, spec->size, sizeof(*spec)))
		return -E2BIG;
	memset(out, 0, sizeof(*out));
	memcpy(out, spec,
	       spec->size < sizeof(*out) ? (size_t)spec->size : sizeof(*out));
	if (out->group_count > GROUPS_MAX)
		return -EINVAL;
	if (out->group_count && !out->groups)
		return -EFAULT;
	if (out->cap_effective & ~out->cap_permitted)
		return -EINVAL;
	return 0;
}

/* Of spec, whose ids are in ns; nothing is sorted. NULL: out of memory. */
static struct vfs_cred *cred_alloc(struct vfs__thread *thread, struct vfs *vfs,
				   const struct vfs_cred_spec *spec,
				   struct vfs_userns *ns)
{
	struct vfs_cred *cred =
		vfs__mem_alloc(thread, cred_size(spec->group_count));

	if (!cred)
		return NULL;
	cred->vfs = vfs;
	cred->id = __atomic_add_fetch(&vfs->next_cred, 1, __ATOMIC_RELAXED);
	cred->ref = 1;
	cred->uid = spec->uid;
	cred->gid = spec->gid;
	cred->fsuid = spec->fsuid;
	cred->fsgid = spec->fsgid;
	cred->cap_effective = spec->cap_effective;
	cred->cap_permitted = spec->cap_permitted;
	cred->userns = vfs_userns_ref(ns);
	cred->mapped = ns->parent != NULL;
	cred->group_count = (uint32_t)spec->group_count;
	if (cred->group_count)
		memcpy(cred->groups, spec->groups,
		       cred->group_count * sizeof(uint32_t));
	return cred;
}

static int make_id(const struct vfs_cred *cred, enum vfs__id_kind kind,
		   uint32_t *id)
{
	*id = vfs__id_make(cred->userns, kind, *id);
	return *id == VFS__NO_ID ? -EINVAL : 0;
}

/* Ids in the namespace become internal ones. */
static int make_ids(struct vfs_cred *cred)
{
	int err = make_id(cred, VFS__UID, &cred->uid);

	if (!err)
		err = make_id(cred, VFS__GID, &cred->gid);
	if (!err)
		err = make_id(cred, VFS__UID, &cred->fsuid);
	if (!err)
		err = make_id(cred, VFS__GID, &cred->fsgid);
	for (uint32_t i = 0; !err && i < cred->group_count; i++)
		err = make_id(cred, VFS__GID, &cred->groups[i]);
	return err;
}

int vfs_cred_create(struct vfs *vfs, const struct vfs_cred_spec *spec,
		    struct vfs_cred **out)
{
	struct vfs_cred_spec wanted;
	struct vfs__thread *thread;
	struct vfs_userns *ns;
	struct vfs_cred *cred;
	int err;

	if (!vfs || !spec || !out)
		return -EFAULT;
	err = read_spec(spec, &wanted);
	if (err)
		return err;
	ns = wanted.userns ? wanted.userns : vfs->root_userns;
	if (ns->vfs != vfs)
		return -EINVAL;
	thread = vfs__self(vfs);
	if (!thread)
		return -ENOMEM;
	cred = cred_alloc(thread, vfs, &wanted, ns);
	if (!cred)
		return -ENOMEM;
	err = make_ids(cred);
	if (err) {
		vfs_cred_unref(cred);
		return err;
	}
	if (cred->group_count)
		qsort(cred->groups, cred->group_count, sizeof(uint32_t),
		      compare_ids);
	*out = cred;
	return 0;
}

/* What cred was made of; the ids stay internal ones. */
static struct vfs_cred_spec spec_of(const struct vfs_cred *cred)
{
	return (struct vfs_cred_spec){
		.size = sizeof(struct vfs_cred_spec),
		.uid = cred->uid,
		.gid = cred->gid,
		.fsuid = cred->fsuid,
		.fsgid = cred->fsgid,
		.groups = cred->groups,
		.group_count = cred->group_count,
		.cap_effective = cred->cap_effective,
		.cap_permitted = cred->cap_permitted,
	};
}

static int copy_as(const struct vfs_cred *cred,
		   const struct vfs_cred_spec *spec, struct vfs_userns *ns,
		   struct vfs_cred **out)
{
	struct vfs__thread *thread = vfs__self(cred->vfs);
	struct vfs_cred *copy =
		thread ? cred_alloc(thread, cred->vfs, spec, ns) : NULL;

	if (!copy)
		return -ENOMEM;
	*out = copy;
	return 0;
}

int vfs__cred_in_userns(const struct vfs_cred *cred, struct vfs_userns *ns,
			struct vfs_cred **out)
{
	struct vfs_cred_spec spec = spec_of(cred);

	spec.cap_effective = spec.cap_permitted = VFS_CAP_ALL;
	return copy_as(cred, &spec, ns, out);
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
	vfs_userns_unref(cred->userns);
	vfs__epoch_free(vfs__self_always(cred->vfs), cred,
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

bool vfs__capable_in(const struct vfs_cred *cred, const struct vfs_userns *ns,
		     int cap)
{
	if (!ns)
		return vfs__capable(cred, cap);
	while (ns != cred->userns) {
		if (ns->level <= cred->userns->level)
			return false;
		if (ns->parent == cred->userns && ns->owner == cred->fsuid)
			return true;
		ns = ns->parent;
	}
	return vfs__capable_own(cred, cap);
}

/* The capabilities of the real user: a namespace's user 0 has them. */
static uint64_t real_caps(const struct vfs_cred *cred)
{
	uint32_t root = 0;

	if (__builtin_expect(cred->mapped, 0))
		root = vfs__id_make(cred->userns, VFS__UID, 0);
	return cred->uid == root ? cred->cap_permitted : 0;
}

bool vfs__cred_access_differs(const struct vfs_cred *cred)
{
	return cred->uid != cred->fsuid || cred->gid != cred->fsgid ||
	       cred->cap_effective != real_caps(cred);
}

int vfs__cred_for_access(const struct vfs_cred *cred, struct vfs_cred **out)
{
	struct vfs_cred_spec spec = spec_of(cred);

	spec.fsuid = cred->uid;
	spec.fsgid = cred->gid;
	spec.cap_effective = real_caps(cred);
	return copy_as(cred, &spec, cred->userns, out);
}
