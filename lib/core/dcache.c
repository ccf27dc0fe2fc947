/* SPDX-License-Identifier: MIT */
/*
 * The dentry cache. Contract: dcache.h.
 *
 * Lock order: bucket locks are leaves; grow_lock is taken before them, and
 * only tried by an insertion.
 */
#include "core/dcache.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "core/dcache_find.h"
#include "core/inode.h"
#include "core/instance.h"
#include "util/epoch.h"

#define FIRST_BUCKETS 256u
#define MOVES_PER_INSERT 4u
#define LOCKED ((uintptr_t)1)
#define VICTIMS 32u

/* ---- tables and bucket locks ---- */

static size_t table_bytes(uint64_t buckets)
{
	return sizeof(struct vfs__dtable) + buckets * sizeof(uintptr_t);
}

/* Buckets are initialised when the cursor reaches them. */
static struct vfs__dtable *table_alloc(struct vfs *vfs, uint64_t buckets)
{
	struct vfs__dtable *table = vfs__domain_alloc(
		vfs->domain, table_bytes(buckets), 64);

	if (table) {
		table->mask = buckets - 1;
		table->cursor = 0;
		table->next = NULL;
	}
	return table;
}

static void table_free(struct vfs *vfs, void *pointer, size_t size)
{
	vfs__domain_free(vfs->domain, pointer, size, 64);
}

static void bucket_lock(uintptr_t *bucket)
{
	uintptr_t head = VFS_READ_ONCE(*bucket);

	for (unsigned spins = 0;; spins++) {
		if (!(head & LOCKED) &&
		    __atomic_compare_exchange_n(bucket, &head, head | LOCKED,
						true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
		if (spins >= 64)
			sched_yield();
		head = VFS_READ_ONCE(*bucket);
	}
}

static void bucket_unlock(uintptr_t *bucket, struct vfs_dentry *first)
{
	__atomic_store_n(bucket, (uintptr_t)first, __ATOMIC_RELEASE);
}

static struct vfs_dentry *bucket_first(const uintptr_t *bucket)
{
	return (struct vfs_dentry *)(__atomic_load_n(bucket,
						     __ATOMIC_RELAXED) &
				     ~LOCKED);
}

/* The bucket of hash, locked. Inside a section: a table may be replaced. */
static uintptr_t *bucket_lock_for(struct vfs *vfs, uint64_t hash)
{
	for (;;) {
		struct vfs__dtable *table =
			VFS_LOAD_POINTER(vfs->dcache.table);
		uint64_t i = hash & table->mask;
		uintptr_t *bucket = &table->buckets[i];

		if (i < __atomic_load_n(&table->cursor, __ATOMIC_ACQUIRE)) {
			table = VFS_LOAD_POINTER(table->next);
			bucket = &table->buckets[hash & table->mask];
			/* cannot be growing itself before the old one ended */
			bucket_lock(bucket);
			if (hash % (table->mask + 1) >=
			    __atomic_load_n(&table->cursor, __ATOMIC_ACQUIRE))
				return bucket;
		} else {
			bucket_lock(bucket);
			if (i >= __atomic_load_n(&table->cursor,
						 __ATOMIC_ACQUIRE))
				return bucket;
		}
		/* moved while we waited */
		bucket_unlock(bucket, bucket_first(bucket));
	}
}

/* ---- growing ---- */

/* Moves one bucket's chain to the table twice as large. grow_lock held. */
static void move_bucket(struct vfs__dcache *dcache, struct vfs__dtable *old,
			uint64_t i)
{
	struct vfs__dtable *next = old->next;
	uintptr_t *from = &old->buckets[i];
	struct vfs_dentry *low = NULL, *high = NULL, *d, *after;
	uint64_t high_bit = old->mask + 1;

	bucket_lock(from);
	d = bucket_first(from);
	if (d)
		__atomic_store_n(&dcache->moves, dcache->moves + 1,
				 __ATOMIC_SEQ_CST);
	for (; d; d = after) {
		struct vfs_dentry **list =
			vfs__dcache_hash(d->parent, d->hash) & high_bit ?
				&high :
				&low;

		after = d->next;
		VFS_STORE_POINTER(d->next, *list);
		*list = d;
	}
	__atomic_store_n(&next->buckets[i], (uintptr_t)low, __ATOMIC_RELEASE);
	__atomic_store_n(&next->buckets[i + high_bit], (uintptr_t)high,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&old->cursor, i + 1, __ATOMIC_RELEASE);
	if (dcache->moves & 1)
		__atomic_store_n(&dcache->moves, dcache->moves + 1,
				 __ATOMIC_RELEASE);
	bucket_unlock(from, NULL);
}

/* A few buckets further, or the end of a growth. Not inside a section. */
static void grow_step(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	struct vfs__dtable *table = dcache->table;

	for (unsigned n = 0; n < MOVES_PER_INSERT; n++) {
		if (table->cursor > table->mask) {
			VFS_STORE_POINTER(dcache->table, table->next);
			vfs__epoch_retire(thread, table_free, table,
					  table_bytes(table->mask + 1));
			return;
		}
		move_bucket(dcache, table, table->cursor);
	}
}

static int64_t hashed_count(const struct vfs__dcache *dcache)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < VFS__DCACHE_SHARDS; i++)
		sum += VFS_READ_ONCE(dcache->shards[i].count);
	return sum;
}

static int64_t count_add(struct vfs__thread *thread, struct vfs__dcache *dcache,
			 int64_t n)
{
	unsigned i = vfs__thread_index(thread) % VFS__DCACHE_SHARDS;

	return __atomic_add_fetch(&dcache->shards[i].count, n,
				  __ATOMIC_RELAXED);
}

/* After an insertion: goes on growing, or begins to. Failing to find memory
 * for a larger table only makes chains longer. Not inside a section. */
static void grow(struct vfs__thread *thread, struct vfs *vfs, int64_t mine)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	struct vfs__dtable *table;
	bool growing;

	vfs__epoch_enter(thread);
	table = VFS_LOAD_POINTER(dcache->table);
	growing = VFS_LOAD_POINTER(table->next) != NULL;
	growing = growing || (mine % 16 == 0 &&
			      hashed_count(dcache) > (int64_t)table->mask);
	vfs__epoch_leave(thread);
	if (!growing || !vfs__mutex_trylock(&dcache->grow_lock,
					    VFS__RANK_DCACHE))
		return;
	table = dcache->table;
	if (dcache->no_grow)
		; /* the table holds still for a scan */
	else if (table->next)
		grow_step(thread, vfs);
	else if (hashed_count(dcache) > (int64_t)table->mask)
		VFS_STORE_POINTER(table->next,
				  table_alloc(vfs, (table->mask + 1) * 2));
	vfs__mutex_unlock(&dcache->grow_lock, VFS__RANK_DCACHE);
}

/* ---- look-up, insertion, removal ---- */

static void component_of(const struct vfs_name *name, struct vfs__component *c)
{
	c->name = *name;
	c->words[0] = c->words[1] = c->words[2] = 0;
	if (name->len <= VFS__NAME_INLINE)
		memcpy(c->words, name->str, name->len);
}

struct vfs_dentry *vfs__dcache_get(struct vfs__thread *thread, struct vfs *vfs,
				   const struct vfs_dentry *parent,
				   const struct vfs_name *name)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	struct vfs__component c;
	struct vfs_dentry *d;
	uint64_t renames;
	bool certain, valid;

	component_of(name, &c);
	do {
		certain = true;
		renames = __atomic_load_n(&dcache->renames, __ATOMIC_ACQUIRE);
		vfs__epoch_enter(thread);
		d = vfs__dcache_find(dcache, parent, &c, &certain);
		if (d && !vfs__dentry_tryref(d)) {
			/* on its way out of the chain: look again */
			d = NULL;
			certain = false;
		}
		valid = !(renames & 1) &&
			__atomic_load_n(&dcache->renames, __ATOMIC_ACQUIRE) ==
				renames;
		vfs__epoch_leave(thread);
		if (d && !valid) {
			vfs__dentry_unref(thread, d);
			d = NULL;
		}
		if (!valid && (renames & 1))
			sched_yield();
	} while (!valid || (!d && !certain));
	return d;
}

static void push(struct vfs_dentry *d, uintptr_t *bucket)
{
	d->next = bucket_first(bucket);
	vfs__dentry_set(d, VFS__DENTRY_HASHED);
	bucket_unlock(bucket, d);
}

static void inserted(struct vfs__thread *thread, struct vfs *vfs,
		     struct vfs_dentry *d)
{
	int64_t mine = count_add(thread, &vfs->dcache, 1);

	if (vfs__dentry_flags(d) & VFS__DENTRY_EVICTABLE)
		__atomic_fetch_add(&vfs->dcache.evictable_count, 1,
				   __ATOMIC_RELAXED);
	grow(thread, vfs, mine);
}

void vfs__dcache_insert(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_dentry *d)
{
	vfs__epoch_enter(thread);
	push(d, bucket_lock_for(vfs, vfs__dcache_hash(d->parent, d->hash)));
	vfs__epoch_leave(thread);
	inserted(thread, vfs, d);
}

struct vfs_dentry *vfs__dcache_insert_unique(struct vfs__thread *thread,
					     struct vfs *vfs,
					     struct vfs_dentry *d)
{
	struct vfs__component c;
	struct vfs_dentry *other;
	struct vfs_name name;
	uintptr_t *bucket;

	name.str = vfs__dentry_name(d, &name.len);
	name.hash = d->hash;
	component_of(&name, &c);
	vfs__epoch_enter(thread);
	bucket = bucket_lock_for(vfs, vfs__dcache_hash(d->parent, d->hash));
	for (other = bucket_first(bucket); other; other = other->next) {
		/* what is in the chain is not dead: that is set under the
		 * bucket's lock, with the removal */
		if (other->hash == d->hash && other->parent == d->parent &&
		    vfs__dentry_matches(other, &c)) {
			vfs__dentry_ref(other);
			break;
		}
	}
	if (other)
		bucket_unlock(bucket, bucket_first(bucket));
	else
		push(d, bucket);
	vfs__epoch_leave(thread);
	if (!other)
		inserted(thread, vfs, d);
	return other;
}

/* Takes d out of its locked bucket's chain; readers on d go on along next. */
static void unchain(uintptr_t *bucket, struct vfs_dentry *d)
{
	struct vfs_dentry *first = bucket_first(bucket);
	struct vfs_dentry *after = d->next;

	if (first == d) {
		__atomic_store_n(bucket, (uintptr_t)after | LOCKED,
				 __ATOMIC_RELEASE);
		return;
	}
	while (first->next != d)
		first = first->next;
	VFS_STORE_POINTER(first->next, after);
}

static void uncount(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_dentry *d)
{
	count_add(thread, &vfs->dcache, -1);
	if (vfs__dentry_flags(d) & VFS__DENTRY_EVICTABLE)
		__atomic_fetch_sub(&vfs->dcache.evictable_count, 1,
				   __ATOMIC_RELAXED);
}

void vfs__dcache_remove(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_dentry *d)
{
	uintptr_t *bucket;
	bool was;

	vfs__epoch_enter(thread);
	bucket = bucket_lock_for(vfs, vfs__dcache_hash(d->parent, d->hash));
	was = vfs__dentry_flags(d) & VFS__DENTRY_HASHED;
	if (was) {
		unchain(bucket, d);
		vfs__dentry_clear(d, VFS__DENTRY_HASHED);
	}
	bucket_unlock(bucket, bucket_first(bucket));
	vfs__epoch_leave(thread);
	if (was)
		uncount(thread, vfs, d);
}

/* ---- renaming ---- */

void vfs__dcache_rename_begin(struct vfs *vfs)
{
	__atomic_store_n(&vfs->dcache.renames, vfs->dcache.renames + 1,
			 __ATOMIC_SEQ_CST);
}

void vfs__dcache_rename_end(struct vfs *vfs)
{
	__atomic_store_n(&vfs->dcache.renames, vfs->dcache.renames + 1,
			 __ATOMIC_SEQ_CST);
}

static void set_name(struct vfs_dentry *d, const struct vfs_name *name,
		     struct vfs__longname *longname)
{
	struct vfs__component c;

	VFS_WRITE_ONCE(d->hash, name->hash);
	if (longname) {
		/* the pointer first: a reader that sees LONG follows it */
		VFS_WRITE_ONCE(d->name.words[1], 0);
		VFS_WRITE_ONCE(d->name.words[2], UINT64_MAX);
		VFS_STORE_POINTER(d->name.longname, longname);
		vfs__dentry_set(d, VFS__DENTRY_LONG);
		return;
	}
	component_of(name, &c);
	vfs__dentry_clear(d, VFS__DENTRY_LONG);
	VFS_WRITE_ONCE(d->name_len, (uint8_t)name->len);
	VFS_WRITE_ONCE(d->name.words[0], c.words[0]);
	VFS_WRITE_ONCE(d->name.words[1], c.words[1]);
	VFS_WRITE_ONCE(d->name.words[2], c.words[2]);
}

void vfs__dcache_move(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_dentry *d, struct vfs_dentry *parent,
		      const struct vfs_name *name,
		      struct vfs__longname *longname,
		      struct vfs__longname **old_longname)
{
	uintptr_t *bucket;

	vfs__epoch_enter(thread);
	bucket = bucket_lock_for(vfs, vfs__dcache_hash(d->parent, d->hash));
	unchain(bucket, d);
	bucket_unlock(bucket, bucket_first(bucket));
	*old_longname = vfs__dentry_flags(d) & VFS__DENTRY_LONG ?
				d->name.longname :
				NULL;
	set_name(d, name, longname);
	VFS_STORE_POINTER(d->parent, parent);
	bucket = bucket_lock_for(vfs, vfs__dcache_hash(parent, d->hash));
	VFS_STORE_POINTER(d->next, bucket_first(bucket));
	bucket_unlock(bucket, d);
	vfs__epoch_leave(thread);
}

/* ---- forgetting ---- */

static bool victim_of_super(struct vfs_dentry *d, const void *super)
{
	return d->parent->inode && d->parent->inode->super == super;
}

/* The clock's hand passes: used ones get a second round. */
static bool victim_of_age(struct vfs_dentry *d, const void *unused)
{
	(void)unused;
	if (!(vfs__dentry_flags(d) & VFS__DENTRY_EVICTABLE) ||
	    VFS_READ_ONCE(d->ref))
		return false;
	if (vfs__dentry_flags(d) & VFS__DENTRY_USED) {
		vfs__dentry_clear(d, VFS__DENTRY_USED);
		return false;
	}
	return true;
}

/*
 * Takes up to VICTIMS dentries that `wanted` names out of bucket i of the
 * present table, each with one reference. unused_only: only those that nobody
 * uses, which then nobody can find or reference any more.
 */
static unsigned harvest(struct vfs__thread *thread, struct vfs *vfs,
			uint64_t i,
			bool (*wanted)(struct vfs_dentry *, const void *),
			const void *argument, bool unused_only,
			struct vfs_dentry *victims[VICTIMS])
{
	struct vfs_dentry *d, *after;
	unsigned n = 0;
	uintptr_t *bucket;

	vfs__epoch_enter(thread);
	bucket = bucket_lock_for(vfs, i);
	for (d = bucket_first(bucket); d && n < VICTIMS; d = after) {
		uint32_t unused = 0;

		after = d->next;
		if (!wanted(d, argument))
			continue;
		if (unused_only) {
			if (!__atomic_compare_exchange_n(
				    &d->ref, &unused, VFS__DENTRY_REF_DEAD,
				    false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				continue;
		} else {
			vfs__dentry_ref(d);
		}
		unchain(bucket, d);
		vfs__dentry_clear(d, VFS__DENTRY_HASHED);
		victims[n++] = d;
	}
	bucket_unlock(bucket, bucket_first(bucket));
	vfs__epoch_leave(thread);
	for (unsigned k = 0; k < n; k++)
		uncount(thread, vfs, victims[k]);
	return n;
}

void vfs__dcache_shutdown(struct vfs__thread *thread, struct vfs *vfs,
			  struct vfs_super *super)
{
	struct vfs_dentry *victims[VICTIMS];
	struct vfs__dcache *dcache = &vfs->dcache;

	vfs__mutex_lock(&dcache->grow_lock, VFS__RANK_DCACHE);
	while (dcache->table->next)
		grow_step(thread, vfs);
	dcache->no_grow++;
	vfs__mutex_unlock(&dcache->grow_lock, VFS__RANK_DCACHE);
	for (uint64_t i = 0; i <= dcache->table->mask; i++) {
		unsigned n;

		do {
			n = harvest(thread, vfs, i, victim_of_super, super,
				    false, victims);
			for (unsigned k = 0; k < n; k++)
				vfs__dentry_unref(thread, victims[k]);
		} while (n == VICTIMS);
	}
	vfs__mutex_lock(&dcache->grow_lock, VFS__RANK_DCACHE);
	dcache->no_grow--;
	vfs__mutex_unlock(&dcache->grow_lock, VFS__RANK_DCACHE);
}

void vfs__dcache_trim(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	struct vfs_dentry *victims[VICTIMS];

	if (VFS_READ_ONCE(dcache->evictable_count) <= dcache->evictable_max)
		return;
	/* a bounded step: the next miss takes the next one */
	for (unsigned n = 0; n < 64; n++) {
		uint64_t hand = __atomic_fetch_add(&dcache->clock_hand, 1,
						   __ATOMIC_RELAXED);
		unsigned count = harvest(thread, vfs, hand, victim_of_age,
					 NULL, true, victims);

		for (unsigned k = 0; k < count; k++)
			vfs__dentry_discard(thread, victims[k]);
	}
}

int vfs__dcache_init(struct vfs *vfs, uint64_t max_cached)
{
	struct vfs__dcache *dcache = &vfs->dcache;

	dcache->table = table_alloc(vfs, FIRST_BUCKETS);
	if (!dcache->table)
		return -ENOMEM;
	memset(dcache->table->buckets, 0, FIRST_BUCKETS * sizeof(uintptr_t));
	dcache->evictable_max = max_cached > INT64_MAX ? INT64_MAX :
							 (int64_t)max_cached;
	vfs__mutex_init(&dcache->rename_lock);
	vfs__mutex_init(&dcache->grow_lock);
	return 0;
}

void vfs__dcache_fini(struct vfs *vfs)
{
	struct vfs__dtable *table = vfs->dcache.table;

	assert(hashed_count(&vfs->dcache) == 0);
	if (!table)
		return;
	if (table->next)
		table_free(vfs, table->next, table_bytes(table->next->mask + 1));
	table_free(vfs, table, table_bytes(table->mask + 1));
}
