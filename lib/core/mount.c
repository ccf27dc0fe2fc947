/* SPDX-License-Identifier: MIT */
/*
 * Mounts one by one: their memory, the table that finds them, the references
 * on them and their end. Contract: mount.h.
 *
 * Locks. The table is read inside sections and changed under mounts.lock; a
 * mount's memory is freed after a grace period. zombie_lock, a leaf, makes
 * giving references on dying mounts back exact.
 */
#include "core/mount.h"

#include <assert.h>
#include <sched.h>
#include <string.h>

#include "core/instance.h"
#include "core/namespace.h"
#include "core/notify.h"
#include "core/userns.h"
#include "util/barrier.h"
#include "util/epoch.h"

#define FIRST_CHAINS 64u
#define DEFAULT_MAX 100000u

/* ---- the table ---- */

static size_t table_bytes(uint64_t chains)
{
	return sizeof(struct vfs__mount_table) +
	       2 * chains * sizeof(struct vfs_mount *);
}

static struct vfs__mount_table *table_alloc(struct vfs *vfs, uint64_t chains)
{
	struct vfs__mount_table *table =
		vfs__domain_alloc(vfs->domain, table_bytes(chains), 64);

	if (table) {
		memset(table, 0, table_bytes(chains));
		table->mask = chains - 1;
	}
	return table;
}

static void table_free(struct vfs *vfs, void *table, size_t size)
{
	vfs__domain_free(vfs->domain, table, size, 64);
}

static uint64_t scramble(uint64_t word)
{
	word *= UINT64_C(0x9e3779b97f4a7c15);
	return word ^ word >> 32;
}

static struct vfs_mount **chain_of(struct vfs__mount_table *table,
				   const struct vfs_mount *parent,
				   const struct vfs_dentry *dentry)
{
	uint64_t hash = scramble(scramble((uintptr_t)parent >> 4) ^
				 (uintptr_t)dentry >> 6);

	return &table->chains[hash & table->mask];
}

static struct vfs_mount **chain_at(struct vfs__mount_table *table,
				   const struct vfs_dentry *dentry)
{
	uint64_t hash = scramble((uintptr_t)dentry >> 6);

	return &table->chains[table->mask + 1 + (hash & table->mask)];
}

static void push(struct vfs__mount_table *table, struct vfs_mount *mnt)
{
	struct vfs_mount **chain =
		chain_of(table, mnt->parent, mnt->mountpoint);
	struct vfs_mount **at = chain_at(table, mnt->mountpoint);

	VFS_STORE_POINTER(mnt->next, *chain);
	VFS_STORE_POINTER(mnt->next_at, *at);
	VFS_STORE_POINTER(*chain, mnt);
	VFS_STORE_POINTER(*at, mnt);
}

struct vfs_mount *vfs__mount_lookup(const struct vfs *vfs,
				    const struct vfs_mount *mnt,
				    const struct vfs_dentry *dentry)
{
	struct vfs__mount_table *table =
		VFS_LOAD_POINTER(((struct vfs *)(uintptr_t)vfs)->mounts.table);
	struct vfs_mount *m = VFS_LOAD_POINTER(*chain_of(table, mnt, dentry));

	while (m && (VFS_READ_ONCE(m->parent) != mnt ||
		     VFS_READ_ONCE(m->mountpoint) != dentry))
		m = VFS_LOAD_POINTER(m->next);
	return m;
}

struct vfs_mount *vfs__mount_on(struct vfs *vfs,
				const struct vfs_dentry *dentry)
{
	struct vfs_mount *m = *chain_at(vfs->mounts.table, dentry);

	while (m && m->mountpoint != dentry)
		m = m->next_at;
	return m;
}

void vfs__mount_hash(struct vfs_mount *mnt, struct vfs_mount *parent,
		     struct vfs_dentry *dentry)
{
	struct vfs *vfs = mnt->vfs;

	assert(vfs__mount_is_root(mnt));
	VFS_STORE_POINTER(mnt->mountpoint, vfs__dentry_ref(dentry));
	VFS_STORE_POINTER(mnt->parent, parent);
	push(vfs->mounts.table, mnt);
	vfs__list_add(&parent->children, &mnt->child_link);
	vfs->mounts.count++;
	vfs__dentry_set(dentry, VFS__DENTRY_MOUNTED);
}

struct vfs_dentry *vfs__mount_unhash(struct vfs_mount *mnt)
{
	struct vfs *vfs = mnt->vfs;
	struct vfs_dentry *dentry = mnt->mountpoint;
	struct vfs_mount **link =
		chain_of(vfs->mounts.table, mnt->parent, dentry);

	while (*link != mnt)
		link = &(*link)->next;
	VFS_STORE_POINTER(*link, mnt->next);
	link = chain_at(vfs->mounts.table, dentry);
	while (*link != mnt)
		link = &(*link)->next_at;
	VFS_STORE_POINTER(*link, mnt->next_at);
	vfs__list_del(&mnt->child_link);
	vfs->mounts.count--;
	VFS_STORE_POINTER(mnt->parent, mnt);
	VFS_STORE_POINTER(mnt->mountpoint, mnt->root);
	return dentry;
}

void vfs__mount_left(struct vfs *vfs, struct vfs_dentry *dentry)
{
	if (!vfs__mount_on(vfs, dentry))
		vfs__dentry_clear(dentry, VFS__DENTRY_MOUNTED);
}

void vfs__mount_take_off(struct vfs_mount *mnt)
{
	if (!vfs__mount_is_root(mnt)) {
		mnt->drop = vfs__mount_unhash(mnt);
		vfs__mount_left(mnt->vfs, mnt->drop);
		vfs__super_ref(mnt->drop->inode->super);
	}
	VFS_WRITE_ONCE(mnt->dying, true);
}

void vfs__mount_drop(struct vfs__thread *thread, struct vfs_mount *mnt)
{
	struct vfs_dentry *dentry = mnt->drop;
	struct vfs_super *super;

	if (!dentry)
		return;
	mnt->drop = NULL;
	super = dentry->inode->super;
	vfs__dentry_unref(thread, dentry);
	vfs__super_unref(thread, super);
}

void vfs__mounts_grow(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__mount_table *old = vfs->mounts.table, *table;

	if (vfs->mounts.count <= old->mask)
		return;
	table = table_alloc(vfs, (old->mask + 1) * 4);
	if (!table)
		return; /* longer chains then */
	/* a walk may follow a link into another chain, and finds out by the
	 * sequence */
	vfs__dcache_rename_begin(vfs);
	for (uint64_t i = 0; i <= old->mask; i++) {
		struct vfs_mount *m = old->chains[i], *next;

		for (; m; m = next) {
			next = m->next;
			push(table, m);
		}
	}
	VFS_STORE_POINTER(vfs->mounts.table, table);
	vfs__dcache_rename_end(vfs);
	vfs__epoch_retire(thread, table_free, old, table_bytes(old->mask + 1));
}

int vfs__mounts_init(struct vfs *vfs, uint64_t max)
{
	struct vfs__mounts *mounts = &vfs->mounts;

	vfs__mutex_init(&mounts->lock);
	vfs__mutex_init(&mounts->zombie_lock);
	vfs__mutex_init(&mounts->super_lock);
	vfs__list_init(&mounts->namespaces);
	vfs__list_init(&mounts->zombies);
	vfs__list_init(&mounts->supers);
	mounts->max = max ? max : DEFAULT_MAX;
	mounts->table = table_alloc(vfs, FIRST_CHAINS);
	return mounts->table ? 0 : -ENOMEM;
}

void vfs__mounts_fini(struct vfs *vfs)
{
	struct vfs__mount_table *table = vfs->mounts.table;

	if (table)
		table_free(vfs, table, table_bytes(table->mask + 1));
}

/* ---- flags ---- */

void vfs__mount_set_flags(struct vfs_mount *mnt, uint32_t mask, uint32_t flags)
{
	struct vfs *vfs = mnt->vfs;
	uint32_t old = VFS_READ_ONCE(mnt->flags);

	while (!__atomic_compare_exchange_n(
		&mnt->flags, &old, (old & ~mask) | (flags & mask), true,
		__ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
	if (!vfs->strict && (old & (VFS__MNT_RELATIME | VFS__MNT_NOATIME)) &&
	    vfs__mount_traces_all(mnt)) {
		vfs->strict = true;
		__atomic_fetch_add(&vfs->watched, 1, __ATOMIC_RELAXED);
	}
}

/* ---- up and down, with references ---- */

/* Whether what was read since `renames` is true; else makes room for whoever
 * is changing it. Inside a section, which it leaves. */
static bool settled(struct vfs__thread *thread, struct vfs *vfs,
		    uint64_t renames)
{
	bool valid = vfs__dcache_unchanged(&vfs->dcache, renames);

	vfs__epoch_leave(thread);
	if (!valid)
		sched_yield();
	return valid;
}

static uint64_t look(struct vfs__thread *thread, struct vfs *vfs)
{
	uint64_t renames =
		__atomic_load_n(&vfs->dcache.renames, __ATOMIC_ACQUIRE);

	vfs__epoch_enter(thread);
	return renames;
}

bool vfs__mount_down(struct vfs__thread *thread, struct vfs *vfs,
		     struct vfs__path *at)
{
	struct vfs__path down;
	struct vfs_mount *mnt;
	uint64_t renames;

	for (;;) {
		renames = look(thread, vfs);
		mnt = vfs__mount_lookup(vfs, at->mnt, at->dentry);
		if (mnt) {
			down.mnt = mnt;
			down.dentry = mnt->root;
			vfs__path_ref(thread, &down);
		}
		if (settled(thread, vfs, renames))
			break;
		if (mnt)
			vfs__path_unref(thread, &down);
	}
	if (!mnt)
		return false;
	vfs__path_unref(thread, at);
	*at = down;
	return true;
}

bool vfs__mount_up(struct vfs__thread *thread, struct vfs *vfs,
		   const struct vfs_mount *mnt, struct vfs__path *up)
{
	uint64_t renames;
	bool got;

	for (;;) {
		renames = look(thread, vfs);
		up->mnt = VFS_LOAD_POINTER(
			((struct vfs_mount *)(uintptr_t)mnt)->parent);
		up->dentry = VFS_LOAD_POINTER(
			((struct vfs_mount *)(uintptr_t)mnt)->mountpoint);
		got = up->mnt != mnt && vfs__dentry_tryref(up->dentry);
		if (got)
			vfs__mount_ref(thread, up->mnt);
		if (settled(thread, vfs, renames))
			return got;
		if (got)
			vfs__path_unref(thread, up);
	}
}

bool vfs__mount_leads_up(struct vfs__thread *thread, struct vfs *vfs,
			 const struct vfs_mount *mnt,
			 const struct vfs__path *root)
{
	const struct vfs_mount *m, *parent;
	const struct vfs_dentry *at;
	uint64_t renames;
	bool leads;

	do {
		renames = look(thread, vfs);
		leads = false;
		for (m = mnt; !leads; m = parent) {
			parent = VFS_LOAD_POINTER(
				((struct vfs_mount *)(uintptr_t)m)->parent);
			at = VFS_LOAD_POINTER(
				((struct vfs_mount *)(uintptr_t)m)->mountpoint);
			if (parent == m ||
			    (parent == root->mnt && at == root->dentry))
				break;
			leads = at != parent->root;
		}
	} while (!settled(thread, vfs, renames));
	return leads;
}

bool vfs__mounted_in(struct vfs__thread *thread, struct vfs *vfs,
		     const struct vfs__namespace *ns,
		     const struct vfs_dentry *dentry)
{
	struct vfs__mount_table *table;
	struct vfs_mount *m;
	uint64_t renames;

	do {
		renames = look(thread, vfs);
		table = VFS_LOAD_POINTER(vfs->mounts.table);
		m = VFS_LOAD_POINTER(*chain_at(table, dentry));
		while (m && (VFS_READ_ONCE(m->mountpoint) != dentry ||
			     !VFS_READ_ONCE(m->ns) ||
			     (ns && VFS_READ_ONCE(m->ns) != ns)))
			m = VFS_LOAD_POINTER(m->next_at);
	} while (!settled(thread, vfs, renames));
	return m != NULL;
}

/* ---- a mount's life ---- */

static void mount_free(struct vfs *vfs, void *pointer, size_t size)
{
	struct vfs__thread *thread = vfs__self_always(vfs);
	struct vfs_mount *mnt = pointer;

	vfs_userns_unref(mnt->idmap);
	vfs__refs_fini(&mnt->refs, vfs->domain);
	if (mnt->source)
		vfs__mem_free(thread, mnt->source, strlen(mnt->source) + 1);
	vfs__mem_free(thread, mnt, size);
}

static int copy_source(struct vfs__thread *thread, struct vfs_mount *mnt,
		       const char *source)
{
	size_t size = source ? strlen(source) + 1 : 0;

	if (!source)
		return 0;
	mnt->source = vfs__mem_alloc(thread, size);
	if (!mnt->source)
		return -ENOMEM;
	memcpy(mnt->source, source, size);
	return 0;
}

static void init_links(struct vfs_mount *mnt)
{
	vfs__list_init(&mnt->children);
	vfs__list_init(&mnt->child_link);
	vfs__list_init(&mnt->ns_link);
	vfs__list_init(&mnt->out_link);
	vfs__list_init(&mnt->super_link);
	vfs__list_init(&mnt->peer_link);
	vfs__list_init(&mnt->slave_link);
}

int vfs__mount_create(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_super *super, struct vfs_dentry *root,
		      uint32_t flags, const char *source,
		      struct vfs_mount **out)
{
	struct vfs_mount *mnt = vfs__mem_alloc(thread, sizeof(*mnt));
	int err;

	if (!mnt)
		return -ENOMEM;
	memset(mnt, 0, sizeof(*mnt));
	err = vfs__refs_init(&mnt->refs, vfs->domain);
	if (!err && copy_source(thread, mnt, source)) {
		vfs__refs_fini(&mnt->refs, vfs->domain);
		err = -ENOMEM;
	}
	if (err) {
		vfs__mem_free(thread, mnt, sizeof(*mnt));
		return err;
	}
	init_links(mnt);
	mnt->vfs = vfs;
	mnt->super = super;
	mnt->root = mnt->mountpoint = root;
	mnt->parent = mnt;
	mnt->flags = flags;
	mnt->id = __atomic_add_fetch(&vfs->next_mount, 1, __ATOMIC_RELAXED);
	vfs__mutex_lock(&vfs->mounts.super_lock, VFS__RANK_LEAF);
	vfs__list_add(vfs__super_mounts(super), &mnt->super_link);
	if (VFS_READ_ONCE(super->flags) & VFS__SUPER_HELD)
		mnt->flags |= VFS__MNT_HOLD_ALL;
	vfs__mutex_unlock(&vfs->mounts.super_lock, VFS__RANK_LEAF);
	*out = mnt;
	return 0;
}

int vfs__mount_set_idmap(struct vfs_mount *mnt, struct vfs_userns *ns)
{
	struct vfs_userns *none = NULL;

	vfs_userns_ref(ns);
	if (__atomic_compare_exchange_n(&mnt->idmap, &none, ns, false,
					__ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
		vfs__dcache_changed(&mnt->vfs->dcache);
		return 0;
	}
	vfs_userns_unref(ns);
	return -EPERM;
}

void vfs__mount_destroy(struct vfs__thread *thread, struct vfs_mount *mnt)
{
	struct vfs *vfs = mnt->vfs;

	assert(vfs__mount_is_root(mnt) && !mnt->group && !mnt->master);
	vfs__mutex_lock(&vfs->mounts.super_lock, VFS__RANK_LEAF);
	vfs__list_del(&mnt->super_link);
	vfs__mutex_unlock(&vfs->mounts.super_lock, VFS__RANK_LEAF);
	vfs__dcache_changed(&vfs->dcache);
	vfs__dentry_unref(thread, mnt->root);
	vfs__super_unref(thread, mnt->super);
	vfs__epoch_retire(thread, mount_free, mnt, sizeof(*mnt));
}

/* ---- the end of those that were taken out ---- */

static bool is_unused(const struct vfs_mount *mnt)
{
	return !vfs__refs_sum(&mnt->refs, VFS__REFS_USERS);
}

/* Moves the zombies that nobody uses to *idle. */
static void claim_idle(struct vfs *vfs, struct vfs__list *idle)
{
	vfs__mutex_lock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	VFS__LIST_EACH_SAFE (at, after, &vfs->mounts.zombies) {
		struct vfs_mount *mnt =
			VFS__LIST_ENTRY(at, struct vfs_mount, out_link);

		if (!is_unused(mnt))
			continue;
		vfs__list_del(at);
		mnt->zombie = false;
		vfs__list_add(idle, at);
	}
	vfs__mutex_unlock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
}

/* Mounts that stayed on one that is gone: they are nowhere now. */
static void orphan_children(struct vfs *vfs, struct vfs_mount *mnt,
			    struct vfs__list *out)
{
	vfs__mutex_lock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
	vfs__dcache_rename_begin(vfs);
	while (!vfs__list_empty(&mnt->children)) {
		struct vfs_mount *child = VFS__LIST_FIRST(
			&mnt->children, struct vfs_mount, child_link);

		vfs__mount_take_off(child);
		vfs__list_add(out, &child->out_link);
	}
	vfs__dcache_rename_end(vfs);
	vfs__mutex_unlock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
}

/* A walk may have found one without a reference and taken one since: after a
 * grace period that is known. Orphans go to *out. */
static void reap(struct vfs__thread *thread, struct vfs *vfs,
		 struct vfs__list *idle, struct vfs__list *out)
{
	if (vfs__list_empty(idle))
		return;
	vfs__epoch_synchronize(thread);
	while (!vfs__list_empty(idle)) {
		struct vfs_mount *mnt =
			VFS__LIST_FIRST(idle, struct vfs_mount, out_link);
		bool unused;

		vfs__mutex_lock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
		vfs__list_del(&mnt->out_link);
		unused = is_unused(mnt);
		if (!unused) {
			mnt->zombie = true;
			vfs__list_add(&vfs->mounts.zombies, &mnt->out_link);
		}
		vfs__mutex_unlock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
		if (!unused)
			continue;
		if (!vfs__list_empty(&mnt->children))
			orphan_children(vfs, mnt, out);
		vfs__mount_destroy(thread, mnt);
	}
}

void vfs__mounts_release(struct vfs__thread *thread, struct vfs *vfs,
			 struct vfs__list *out)
{
	struct vfs__list idle;

	vfs__list_init(&idle);
	while (!vfs__list_empty(out)) {
		struct vfs__list drops;

		vfs__list_init(&drops);
		/* who gives back without the lock has looked at dying before */
		vfs__epoch_synchronize(thread);
		vfs__list_splice(&drops, out);
		while (!vfs__list_empty(&drops)) {
			struct vfs_mount *mnt = VFS__LIST_FIRST(
				&drops, struct vfs_mount, out_link);

			vfs__list_del(&mnt->out_link);
			vfs__mount_drop(thread, mnt);
			vfs__mutex_lock(&vfs->mounts.zombie_lock,
					VFS__RANK_LEAF);
			mnt->zombie = true;
			vfs__list_add(&vfs->mounts.zombies, &mnt->out_link);
			vfs__mutex_unlock(&vfs->mounts.zombie_lock,
					  VFS__RANK_LEAF);
		}
		claim_idle(vfs, &idle);
		reap(thread, vfs, &idle, out);
		vfs__notify_flush(thread);
	}
}

void vfs__mount_unref_dying(struct vfs__thread *thread, struct vfs_mount *mnt)
{
	struct vfs *vfs = mnt->vfs;
	struct vfs__list idle, out;

	vfs__list_init(&idle);
	vfs__list_init(&out);
	vfs__mutex_lock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	vfs__refs_add(&mnt->refs, thread, VFS__REFS_USERS, -1);
	if (mnt->zombie && is_unused(mnt)) {
		vfs__list_del(&mnt->out_link);
		mnt->zombie = false;
		vfs__list_add(&idle, &mnt->out_link);
	}
	vfs__mutex_unlock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	reap(thread, vfs, &idle, &out);
	vfs__mounts_release(thread, vfs, &out);
}

void vfs__mounts_collect(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__list idle, out;

	vfs__list_init(&idle);
	vfs__list_init(&out);
	do {
		vfs__namespaces_collect(thread, vfs);
		claim_idle(vfs, &idle);
		reap(thread, vfs, &idle, &out);
		vfs__mounts_release(thread, vfs, &out);
	} while (!vfs__list_empty(&vfs->mounts.namespaces));
}

/* ---- writers ---- */

int vfs__mount_write_wait(struct vfs__thread *thread, struct vfs_mount *mnt)
{
	while (vfs__mount_flags(mnt) & VFS__MNT_HELD) {
		vfs__mount_write_end(thread, mnt);
		while (vfs__mount_flags(mnt) & VFS__MNT_HELD)
			sched_yield();
		vfs__refs_add(&mnt->refs, thread, VFS__REFS_WRITERS, 1);
		vfs__barrier_force();
	}
	if (!vfs__mount_readonly(mnt))
		return 0;
	vfs__mount_write_end(thread, mnt);
	return -EROFS;
}
