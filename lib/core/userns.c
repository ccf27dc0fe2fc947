/* SPDX-License-Identifier: MIT */
/* User namespaces: maps, and ids through them. Contract: userns.h. */
#include "core/userns.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cred.h"
#include "core/instance.h"
#include "core/namespace.h"
#include "core/task.h"
#include "util/epoch.h"

/* As Linux has it: a namespace at this level has no children. */
#define LEVEL_MAX 33u

struct extent {
	uint32_t from, to, count;
};

/* Each extent twice: from inside to internal ids, sorted by the former, and
 * back. */
struct vfs__id_map {
	uint32_t count;
	struct extent extents[];
};

static size_t map_size(uint32_t count)
{
	return sizeof(struct vfs__id_map) + 2 * count * sizeof(struct extent);
}

/* ---- ids through maps ---- */

/* The last extent that does not begin behind id, or NULL. */
static const struct extent *find(const struct extent *extents, uint32_t count,
				 uint32_t id)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (extents[middle].from <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &extents[low - 1] : NULL;
}

/* All of id .. id + length - 1, which must lie in one extent. */
static uint32_t translate(const struct extent *extents, uint32_t count,
			  uint32_t id, uint32_t length)
{
	const struct extent *extent = find(extents, count, id);

	if (!extent || id - extent->from >= extent->count ||
	    length > extent->count - (id - extent->from))
		return VFS__NO_ID;
	return extent->to + (id - extent->from);
}

static uint32_t make_range(const struct vfs_userns *ns, enum vfs__id_kind kind,
			   uint32_t id, uint32_t length)
{
	const struct vfs__id_map *map;

	if (!ns->parent)
		return length <= VFS__NO_ID - id ? id : VFS__NO_ID;
	map = VFS_LOAD_POINTER(ns->maps[kind]);
	return map ? translate(map->extents, map->count, id, length)
		   : VFS__NO_ID;
}

uint32_t vfs__id_make(const struct vfs_userns *ns, enum vfs__id_kind kind,
		      uint32_t id)
{
	return make_range(ns, kind, id, 1);
}

uint32_t vfs__id_show(const struct vfs_userns *ns, enum vfs__id_kind kind,
		      uint32_t id)
{
	const struct vfs__id_map *map;

	if (!ns->parent)
		return id;
	map = VFS_LOAD_POINTER(ns->maps[kind]);
	return map ? translate(map->extents + map->count, map->count, id, 1)
		   : VFS__NO_ID;
}

uint32_t vfs_userns_make_uid(const struct vfs_userns *userns, uint32_t uid)
{
	return userns ? vfs__id_make(userns, VFS__UID, uid) : uid;
}

uint32_t vfs_userns_make_gid(const struct vfs_userns *userns, uint32_t gid)
{
	return userns ? vfs__id_make(userns, VFS__GID, gid) : gid;
}

uint32_t vfs__idmap_out(const struct vfs_userns *idmap,
			const struct vfs_super *super, enum vfs__id_kind kind,
			uint32_t id)
{
	if (!idmap)
		return id;
	if (super->userns)
		id = vfs__id_show(super->userns, kind, id);
	return id == VFS__NO_ID ? id : vfs__id_make(idmap, kind, id);
}

VFS_HOT
uint32_t vfs__idmap_in(const struct vfs_userns *idmap,
		       const struct vfs_super *super, enum vfs__id_kind kind,
		       uint32_t id)
{
	if (!idmap)
		return id;
	id = vfs__id_show(idmap, kind, id);
	if (super->userns && id != VFS__NO_ID)
		id = vfs__id_make(super->userns, kind, id);
	return id;
}

/* ---- making maps ---- */

static int compare_extents(const void *a, const void *b)
{
	uint32_t left = ((const struct extent *)a)->from;
	uint32_t right = ((const struct extent *)b)->from;

	return (left > right) - (left < right);
}

static bool is_range(uint32_t first, uint32_t count)
{
	/* the last id is never part of one */
	return count && count <= VFS__NO_ID - first;
}

/* Sorts; false: two overlap. */
static bool sort_extents(struct extent *extents, uint32_t count)
{
	qsort(extents, count, sizeof(*extents), compare_extents);
	for (uint32_t i = 1; i < count; i++)
		if (extents[i].from - extents[i - 1].from <
		    extents[i - 1].count)
			return false;
	return true;
}

/* Turns the parent's ids of a sorted map into internal ones. */
static int resolve(struct vfs__id_map *map, const struct vfs_userns *parent,
		   enum vfs__id_kind kind)
{
	struct extent *back = map->extents + map->count;

	for (uint32_t i = 0; i < map->count; i++) {
		struct extent *extent = &map->extents[i];

		extent->to =
			make_range(parent, kind, extent->to, extent->count);
		if (extent->to == VFS__NO_ID)
			return -EPERM;
		back[i] = (struct extent){extent->to, extent->from,
					  extent->count};
	}
	qsort(back, map->count, sizeof(*back), compare_extents);
	return 0;
}

static int fill_map(struct vfs__id_map *map, const struct vfs_id_map *from,
		    const struct vfs_userns *parent, enum vfs__id_kind kind)
{
	struct extent *back = map->extents + map->count;

	for (uint32_t i = 0; i < map->count; i++) {
		if (!is_range(from[i].inside, from[i].count) ||
		    !is_range(from[i].outside, from[i].count))
			return -EINVAL;
		map->extents[i] = (struct extent){
			from[i].inside, from[i].outside, from[i].count};
		back[i] = (struct extent){from[i].outside, from[i].inside,
					  from[i].count};
	}
	if (!sort_extents(map->extents, map->count) ||
	    !sort_extents(back, map->count))
		return -EINVAL;
	return resolve(map, parent, kind);
}

static void map_free(struct vfs__thread *thread, struct vfs__id_map *map)
{
	if (map)
		vfs__mem_free(thread, map, map_size(map->count));
}

static int map_create(struct vfs__thread *thread, const struct vfs_id_map *from,
		      size_t count, const struct vfs_userns *parent,
		      enum vfs__id_kind kind, struct vfs__id_map **out)
{
	struct vfs__id_map *map;
	int err;

	*out = NULL;
	if (!count)
		return 0;
	if (!from)
		return -EFAULT;
	if (count > VFS_ID_MAPS_MAX)
		return -EINVAL;
	map = vfs__mem_alloc(thread, map_size((uint32_t)count));
	if (!map)
		return -ENOMEM;
	map->count = (uint32_t)count;
	err = fill_map(map, from, parent, kind);
	if (err)
		map_free(thread, map);
	else
		*out = map;
	return err;
}

/* ---- namespaces ---- */

static int userns_alloc(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_userns **out)
{
	struct vfs_userns *ns = vfs__mem_alloc(thread, sizeof(*ns));

	if (!ns)
		return -ENOMEM;
	memset(ns, 0, sizeof(*ns));
	ns->vfs = vfs;
	ns->id = __atomic_add_fetch(&vfs->mounts.next_ns, 1, __ATOMIC_RELAXED);
	ns->ref = 1;
	*out = ns;
	return 0;
}

int vfs__userns_create_root(struct vfs *vfs, struct vfs_userns **out)
{
	struct vfs__thread *thread = vfs__self(vfs);

	return thread ? userns_alloc(thread, vfs, out) : -ENOMEM;
}

int vfs__userns_create_child(struct vfs__thread *thread,
			     struct vfs_userns *parent, uint32_t owner,
			     struct vfs_userns **out)
{
	int err;

	if (parent->level >= LEVEL_MAX)
		return -ENOSPC;
	err = userns_alloc(thread, parent->vfs, out);
	if (err)
		return err;
	(*out)->parent = vfs_userns_ref(parent);
	(*out)->level = parent->level + 1;
	(*out)->owner = owner;
	return 0;
}

struct vfs_userns *vfs_userns_root(struct vfs *vfs)
{
	return vfs ? vfs_userns_ref(vfs->root_userns) : NULL;
}

/* Both maps or none: somebody else may be setting one of them. */
static int publish(struct vfs_userns *ns, struct vfs__id_map *const maps[2])
{
	int err = 0;

	vfs__mutex_lock(&ns->vfs->userns_lock, VFS__RANK_LEAF);
	for (int kind = 0; kind < 2; kind++)
		if (maps[kind] && ns->maps[kind])
			err = -EPERM;
	for (int kind = 0; !err && kind < 2; kind++)
		if (maps[kind])
			VFS_STORE_POINTER(ns->maps[kind], maps[kind]);
	if (!err)
		vfs__dcache_changed(&ns->vfs->dcache);
	vfs__mutex_unlock(&ns->vfs->userns_lock, VFS__RANK_LEAF);
	return err;
}

int vfs_userns_set_maps(struct vfs_userns *ns, const struct vfs_id_map *uid_map,
			size_t uid_maps, const struct vfs_id_map *gid_map,
			size_t gid_maps)
{
	struct vfs__id_map *maps[2] = {NULL, NULL};
	struct vfs__thread *thread;
	int err;

	if (!ns)
		return -EFAULT;
	if (!uid_maps && !gid_maps)
		return -EINVAL;
	if (!ns->parent)
		return -EPERM;
	thread = vfs__self(ns->vfs);
	if (!thread)
		return -ENOMEM;
	err = map_create(thread, uid_map, uid_maps, ns->parent, VFS__UID,
			 &maps[VFS__UID]);
	if (!err)
		err = map_create(thread, gid_map, gid_maps, ns->parent,
				 VFS__GID, &maps[VFS__GID]);
	if (!err)
		err = publish(ns, maps);
	if (err) {
		map_free(thread, maps[VFS__UID]);
		map_free(thread, maps[VFS__GID]);
	}
	return err;
}

int vfs_userns_create(struct vfs_userns *parent,
		      const struct vfs_id_map *uid_map, size_t uid_maps,
		      const struct vfs_id_map *gid_map, size_t gid_maps,
		      struct vfs_userns **out)
{
	struct vfs__thread *thread;
	struct vfs_userns *ns;
	int err;

	if (!parent || !out)
		return -EFAULT;
	thread = vfs__self(parent->vfs);
	if (!thread)
		return -ENOMEM;
	err = vfs__userns_create_child(thread, parent,
				       vfs__id_make(parent, VFS__UID, 0), &ns);
	if (err)
		return err;
	if (uid_maps || gid_maps)
		err = vfs_userns_set_maps(ns, uid_map, uid_maps, gid_map,
					  gid_maps);
	if (err)
		vfs_userns_unref(ns);
	else
		*out = ns;
	return err;
}

struct vfs_userns *vfs_userns_ref(struct vfs_userns *ns)
{
	if (ns)
		__atomic_fetch_add(&ns->ref, 1, __ATOMIC_RELAXED);
	return ns;
}

static void userns_free(struct vfs *vfs, void *pointer, size_t size)
{
	struct vfs__thread *thread = vfs__self_always(vfs);
	struct vfs_userns *ns = pointer;

	map_free(thread, ns->maps[VFS__UID]);
	map_free(thread, ns->maps[VFS__GID]);
	vfs__mem_free(thread, ns, size);
}

/* Sections may be looking at the maps of credentials that are gone. */
void vfs_userns_unref(struct vfs_userns *ns)
{
	while (ns && !__atomic_sub_fetch(&ns->ref, 1, __ATOMIC_ACQ_REL)) {
		struct vfs_userns *parent = ns->parent;

		vfs__epoch_retire(vfs__self_always(ns->vfs), userns_free, ns,
				  sizeof(*ns));
		ns = parent;
	}
}

struct vfs_userns *vfs_task_userns(struct vfs_task *task)
{
	struct vfs_cred *cred = vfs_task_cred(task);
	struct vfs_userns *ns = cred ? vfs_userns_ref(cred->userns) : NULL;

	vfs_cred_unref(cred);
	return ns;
}

bool vfs__userns_has_maps(const struct vfs_userns *ns)
{
	return !ns->parent || (VFS_READ_ONCE(ns->maps[VFS__UID]) &&
			       VFS_READ_ONCE(ns->maps[VFS__GID]));
}

/* ---- CLONE_NEWUSER ---- */

/* Whether task's root is its namespace's. */
static bool is_at_root(struct vfs__thread *thread, struct vfs_task *task)
{
	struct vfs__namespace *ns = vfs__task_namespace(thread, task);
	struct vfs__fspaths own;
	struct vfs__path root;
	bool is = false;

	if (!vfs__namespace_root(thread, ns, &root)) {
		vfs__task_paths(thread, task, &own);
		is = own.root.mnt == root.mnt && own.root.dentry == root.dentry;
		vfs__path_unref(thread, &own.root);
		vfs__path_unref(thread, &own.cwd);
		vfs__path_unref(thread, &root);
	}
	vfs__namespace_unref(thread, ns);
	return is;
}

static int unshare_as(struct vfs__thread *thread, const struct vfs_cred *cred,
		      bool at_root, struct vfs_cred **out)
{
	struct vfs_userns *ns;
	int err;

	if (cred->userns->level >= LEVEL_MAX)
		return -ENOSPC;
	if (!at_root ||
	    !vfs__id_is_mapped(cred->userns, VFS__UID, cred->fsuid) ||
	    !vfs__id_is_mapped(cred->userns, VFS__GID, cred->fsgid))
		return -EPERM;
	err = vfs__userns_create_child(thread, cred->userns, cred->fsuid, &ns);
	if (err)
		return err;
	err = vfs__cred_in_userns(cred, ns, out);
	vfs_userns_unref(ns);
	return err;
}

int vfs__userns_unshare(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_cred **out)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	int err = unshare_as(thread, cred, is_at_root(thread, task), out);

	vfs__task_cred_put(thread, cred);
	return err;
}
