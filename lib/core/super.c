/* SPDX-License-Identifier: MIT */
/*
 * File-system types and their instances (supers). A super belongs to the
 * mounts of it: the last one destroys it. Contract: mount.h, backend.h.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "core/acl.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/mount.h"
#include "core/notify.h"
#include "core/userns.h"
#include "util/epoch.h"
#include "util/run.h"

/* A power of two: inodes share them. */
#define ACL_TURNS 8u

/* What the core keeps in front of the public super. */
struct super_core {
	struct vfs_dentry *root;
	uint64_t next_ino; /* atomic */
	uint32_t size;
	uint32_t ref; /* atomic: mounts, and who makes or changes one */
	struct vfs__mutex options_lock; /* rank SUPER */
	uint32_t pins; /* atomic: who has a piece of it and no mount */
	struct vfs__mutex rename_lock; /* rank RENAME */
	struct vfs__mutex acl_lock;    /* rank ACL: remote inodes' ACLs */
	uint32_t acl_turns[ACL_TURNS]; /* acl_lock */
	uint32_t zero[14 - ACL_TURNS];
	struct vfs__list mounts; /* of super_link: mounts.super_lock */
	struct vfs__list link;	 /* mounts.supers: mounts.super_lock */
	/* struct vfs_super and the type's private data follow */
};

_Static_assert(sizeof(struct super_core) % 64 == 0, "super is aligned");

static struct super_core *core_of(struct vfs_super *super)
{
	return (struct super_core *)(void *)super - 1;
}

int vfs__type_check(const struct vfs_filesystem_type *type)
{
	const uint64_t known = VFS_FS_USERNS | VFS_FS_IDMAP | VFS_FS_COMPLETE |
			       VFS_FS_NONBLOCKING | VFS_FS_SEALS |
			       VFS_FS_HANDLES | VFS_FS_OWN_ATTR |
			       VFS_FS_ENDPOINTS | VFS_FS_FAST_GETATTR |
			       VFS_FS_FREE_REVALIDATE;

	if (type->size < sizeof(*type) || !type->name || !*type->name ||
	    strlen(type->name) > 63 || strchr(type->name, '/'))
		return -EINVAL;
	if (!type->mount || (type->flags & ~known))
		return -EINVAL;
	/* bringing attributes up to date may block */
	if ((type->flags & VFS_FS_OWN_ATTR) &&
	    (type->flags & VFS_FS_NONBLOCKING))
		return -EINVAL;
	if (type->inode_size > 65536 || type->super_size > 65536)
		return -EINVAL;
	return 0;
}

int vfs_register_filesystem(struct vfs *vfs,
			    const struct vfs_filesystem_type *type,
			    uint32_t flags)
{
	struct vfs__thread *thread;
	int err;

	if (!vfs || !type)
		return -EFAULT;
	if (flags)
		return -EINVAL;
	err = vfs__type_check(type);
	if (err)
		return err;
	thread = vfs__self(vfs);
	if (!thread)
		return -ENOMEM;
	vfs__mutex_lock(&vfs->types_lock, VFS__RANK_LEAF);
	err = vfs__table_add(&vfs->types, type->name, (void *)(uintptr_t)type);
	vfs__mutex_unlock(&vfs->types_lock, VFS__RANK_LEAF);
	return err;
}

const struct vfs_filesystem_type *vfs__type_find(struct vfs *vfs,
						 const char *name)
{
	const struct vfs_filesystem_type *type;

	vfs__mutex_lock(&vfs->types_lock, VFS__RANK_LEAF);
	type = vfs__table_find(&vfs->types, name);
	vfs__mutex_unlock(&vfs->types_lock, VFS__RANK_LEAF);
	return type;
}

uint64_t vfs_anonymous_dev(struct vfs *vfs)
{
	return makedev(0,
		       __atomic_add_fetch(&vfs->next_dev, 1, __ATOMIC_RELAXED));
}

static struct vfs_super *super_alloc(struct vfs *vfs,
				     const struct vfs_filesystem_type *type)
{
	size_t size = sizeof(struct super_core) + sizeof(struct vfs_super) +
		      type->super_size;
	struct super_core *core = vfs__domain_alloc(vfs->domain, size, 64);
	struct vfs_super *super;

	if (!core)
		return NULL;
	memset(core, 0, size);
	core->size = (uint32_t)size;
	core->next_ino = 2;
	core->ref = 1;
	vfs__mutex_init(&core->options_lock);
	vfs__mutex_init(&core->rename_lock);
	vfs__mutex_init(&core->acl_lock);
	vfs__list_init(&core->mounts);
	vfs__list_init(&core->link);
	super = (struct vfs_super *)(void *)(core + 1);
	super->vfs = vfs;
	super->type = type;
	super->block_size = 4096;
	super->name_max = 255;
	super->max_file_size = INT64_MAX;
	super->dev = vfs_anonymous_dev(vfs);
	return super;
}

static void super_free(struct vfs_super *super)
{
	struct super_core *core = core_of(super);

	vfs_userns_unref(super->userns);
	vfs__domain_free(super->vfs->domain, core, core->size, 64);
}

static void super_free_later(struct vfs *vfs, void *pointer, size_t size)
{
	(void)size;
	(void)vfs;
	super_free(pointer);
}

static void super_destroy(struct vfs__thread *thread, struct vfs_super *super)
{
	vfs__notify_super(thread, super);
	vfs__dcache_shutdown(thread, super->vfs, super);
	vfs__dentry_unref(thread, core_of(super)->root);
	/* what somebody took out of the cache, or of a watch, goes first */
	while (__atomic_load_n(&core_of(super)->pins, __ATOMIC_ACQUIRE))
		sched_yield();
	if (super->type->unmount)
		super->type->unmount(super);
	/* inodes on their way out point to it */
	vfs__epoch_retire(thread, super_free_later, super,
			  core_of(super)->size);
}

int vfs__super_create(struct vfs__thread *thread, struct vfs *vfs,
		      const struct vfs_filesystem_type *type,
		      const struct vfs_mount_args *args, struct vfs_super **out,
		      struct vfs_dentry **root)
{
	struct vfs_super *super = super_alloc(vfs, type);
	struct vfs_inode *inode = NULL;
	struct vfs_dentry *d;
	int err;

	if (!super)
		return -ENOMEM;
	d = vfs__dentry_alloc(thread, NULL, NULL);
	if (!d) {
		super_free(super);
		return -ENOMEM;
	}
	core_of(super)->root = d;
	if (args->userns && args->userns->parent)
		super->userns = vfs_userns_ref(args->userns);
	err = type->mount(super, args, &inode);
	if (err) {
		vfs__dentry_unref(thread, d);
		super_free(super);
		return err;
	}
	assert(inode && vfs__inode_is_dir(inode) && super->ops &&
	       super->ops->statfs);
	vfs__dentry_instantiate(d, inode, 0);
	if (!vfs__inode_is_remote(inode))
		err = vfs__acl_load(thread, inode);
	if (err) {
		super_destroy(thread, super);
		return err;
	}
	vfs__mutex_lock(&vfs->mounts.super_lock, VFS__RANK_LEAF);
	vfs__list_add(&vfs->mounts.supers, &core_of(super)->link);
	vfs__mutex_unlock(&vfs->mounts.super_lock, VFS__RANK_LEAF);
	*out = super;
	*root = vfs__dentry_ref(d);
	return 0;
}

VFS_HOT
uint64_t vfs_super_next_ino(struct vfs_super *super)
{
	struct vfs__thread *thread = vfs__self(super->vfs);

	return vfs__run_next(thread, super->dev, &core_of(super)->next_ino);
}

struct vfs_super *vfs__super_ref(struct vfs_super *super)
{
	__atomic_fetch_add(&core_of(super)->ref, 1, __ATOMIC_RELAXED);
	return super;
}

void vfs__super_unref(struct vfs__thread *thread, struct vfs_super *super)
{
	struct vfs__mounts *mounts = &super->vfs->mounts;

	if (__atomic_sub_fetch(&core_of(super)->ref, 1, __ATOMIC_ACQ_REL))
		return;
	vfs__mutex_lock(&mounts->super_lock, VFS__RANK_LEAF);
	vfs__list_del(&core_of(super)->link);
	vfs__mutex_unlock(&mounts->super_lock, VFS__RANK_LEAF);
	super_destroy(thread, super);
}

void vfs__super_pin(struct vfs_super *super)
{
	__atomic_fetch_add(&core_of(super)->pins, 1, __ATOMIC_RELAXED);
}

void vfs__super_unpin(struct vfs_super *super)
{
	__atomic_fetch_sub(&core_of(super)->pins, 1, __ATOMIC_RELEASE);
}

struct vfs_dentry *vfs__super_root(struct vfs_super *super)
{
	return core_of(super)->root;
}

struct vfs__mutex *vfs__super_rename_lock(struct vfs_super *super)
{
	return &core_of(super)->rename_lock;
}

struct vfs__mutex *vfs__super_acl_lock(struct vfs_super *super)
{
	return &core_of(super)->acl_lock;
}

uint32_t *vfs__super_acl_turn(const struct vfs_inode *inode)
{
	size_t slot = (uintptr_t)inode / sizeof(*inode) % ACL_TURNS;

	return &core_of(inode->super)->acl_turns[slot];
}

struct vfs__list *vfs__super_mounts(struct vfs_super *super)
{
	return &core_of(super)->mounts;
}

void vfs__super_lock(struct vfs_super *super)
{
	vfs__mutex_lock(&core_of(super)->options_lock, VFS__RANK_SUPER);
}

void vfs__super_unlock(struct vfs_super *super)
{
	vfs__mutex_unlock(&core_of(super)->options_lock, VFS__RANK_SUPER);
}

/* A reference on the super behind `at`, or on one after it, that lives. */
static struct vfs_super *next_super(struct vfs *vfs, struct vfs_super *after)
{
	struct vfs__list *supers = &vfs->mounts.supers;
	struct vfs__list *at = after ? core_of(after)->link.next : supers->next;

	for (; at != supers; at = at->next) {
		struct super_core *core =
			VFS__LIST_ENTRY(at, struct super_core, link);
		uint32_t ref = VFS_READ_ONCE(core->ref);

		while (ref)
			if (__atomic_compare_exchange_n(
				    &core->ref, &ref, ref + 1, true,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return (struct vfs_super *)(void *)(core + 1);
	}
	return NULL;
}

void vfs__supers_sync(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs_super *super = NULL, *next;

	do {
		vfs__mutex_lock(&vfs->mounts.super_lock, VFS__RANK_LEAF);
		next = next_super(vfs, super);
		vfs__mutex_unlock(&vfs->mounts.super_lock, VFS__RANK_LEAF);
		if (super)
			vfs__super_unref(thread, super);
		super = next;
		if (super && super->ops->sync)
			(void)super->ops->sync(super);
	} while (super);
}
