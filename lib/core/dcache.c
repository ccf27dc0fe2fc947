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

#include "core/dcache_bucket.h"
#include "core/inode.h"
#include "core/instance.h"
#include "util/atomic.h"
#include "util/epoch.h"
#include "util/shard.h"

#define FIRST_BUCKETS 512u /* few enough to make, enough not to share */
#define MOVES_PER_INSERT 1u
#define FULL 4u /* dentries a bucket, on average, before the table grows */
#define LOOK_EVERY 16 /* insertions: whether it has to grow */
#define LARGE 16384u  /* buckets: a megabyte */
#define HUGE_SIZE ((size_t)2 << 20)

/* ---- tables and bucket locks ---- */

static size_t table_bytes(uint64_t buckets)
{
	return sizeof(struct vfs__dtable) +
	       buckets * sizeof(struct vfs__dbucket);
}

/* Large tables are aligned as huge pages are, for the TLB's sake. */
static size_t table_align(uint64_t buckets)
{
	return table_bytes(buckets) >= HUGE_SIZE ? HUGE_SIZE : 64;
}

/* Buckets are initialised when the cursor reaches them. */
static struct vfs__dtable *table_alloc(struct vfs *vfs, uint64_t buckets)
{
	struct vfs__dtable *table = vfs__domain_alloc(
		vfs->domain, table_bytes(buckets), table_align(buckets));

	if (table) {
		table->mask = buckets - 1;
		table->cursor = 0;
		table->next = NULL;
	}
	return table;
}

static void table_free(struct vfs *vfs, void *pointer, size_t size)
{
	const struct vfs__dtable *table = pointer;

	vfs__domain_free(vfs->domain, pointer, size,
			 table_align(table->mask + 1));
}

void vfs__bucket_lock_slow(struct vfs__dbucket *bucket)
{
	for (unsigned spins = 0; !vfs__bucket_trylock(bucket); spins++)
		if (spins >= 64)
			sched_yield();
}

/* Puts d into a locked bucket. */
static void put(struct vfs__dbucket *bucket, struct vfs_dentry *d,
		uint32_t hash)
{
	uint64_t address = (uintptr_t)d;

	/* an address too long for a slot, if there is such a system, chains */
	for (unsigned i = 0; i < VFS__DCACHE_SLOTS && !(address >> 48); i++) {
		if (!VFS_READ_ONCE(bucket->slots[i])) {
			__atomic_store_n(&bucket->slots[i],
					 address | vfs__dcache_tag(hash),
					 __ATOMIC_RELEASE);
			return;
		}
	}
	VFS_STORE_POINTER(d->next, vfs__bucket_chain(bucket));
	__atomic_store_n(&bucket->chain, (uintptr_t)d | VFS__BUCKET_LOCKED,
			 __ATOMIC_RELEASE);
}

/* ---- growing ---- */

static void bucket_clear(struct vfs__dbucket *bucket)
{
	for (unsigned i = 0; i < VFS__DCACHE_SLOTS; i++)
		VFS_WRITE_ONCE(bucket->slots[i], 0);
	VFS_WRITE_ONCE(bucket->chain, 0);
}

/* The hash of what a slot holds, or at least its bit `bit`: from the slot
 * itself when the bit is there, so that a large table grows without a look at
 * its dentries. */
static uint32_t slot_hash(uint64_t slot, uint64_t bit)
{
	const struct vfs_dentry *d = vfs__slot_dentry(slot);

	if (bit >> 16)
		return (uint32_t)(slot >> 48) << 16;
	return vfs__dcache_hash(d->parent, d->hash);
}

/* Moves one bucket to the table twice as large. grow_lock held. */
static void move_bucket(struct vfs__dcache *dcache, struct vfs__dtable *old,
			uint64_t i)
{
	uint64_t bit = old->mask + 1;
	struct vfs__dbucket *from = &old->buckets[i];
	struct vfs__dbucket *to[2] = {&old->next->buckets[i],
				      &old->next->buckets[i + bit]};
	struct vfs_dentry *d, *after;

	/* those of the next times */
	__builtin_prefetch(from + 4, 1);
	__builtin_prefetch(to[0] + 4, 1);
	__builtin_prefetch(to[1] + 4, 1);
	bucket_clear(to[0]);
	bucket_clear(to[1]);
	vfs__bucket_lock(from);
	__atomic_store_n(&dcache->moves, dcache->moves + 1, __ATOMIC_SEQ_CST);
	for (unsigned s = 0; s < VFS__DCACHE_SLOTS; s++) {
		uint64_t slot = from->slots[s];
		uint32_t hash = slot ? slot_hash(slot, bit) : 0;

		if (slot)
			put(to[(hash & bit) != 0], vfs__slot_dentry(slot),
			    (uint32_t)(slot >> 48) << 16);
	}
	for (d = vfs__bucket_chain(from); d; d = after) {
		uint32_t hash = vfs__dcache_hash(d->parent, d->hash);

		after = d->next;
		put(to[(hash & bit) != 0], d, hash);
	}
	vfs__bucket_unlock(to[0]);
	vfs__bucket_unlock(to[1]);
	__atomic_store_n(&old->cursor, i + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&dcache->moves, dcache->moves + 1, __ATOMIC_RELEASE);
	vfs__bucket_unlock(from);
}

/* A few buckets further, or the end of a growth. Not inside a section. */
static void grow_step(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	struct vfs__dtable *table = dcache->table;

	for (unsigned n = 0; n < MOVES_PER_INSERT; n++) {
		if (table->cursor > table->mask) {
			VFS_STORE_POINTER(dcache->table, table->next);
			VFS_WRITE_ONCE(dcache->large,
				       table->next->mask >= LARGE);
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

static struct vfs__dshard *count_add(struct vfs__thread *thread,
				     struct vfs__dcache *dcache, int64_t n)
{
	unsigned i = vfs__thread_index(thread);
	struct vfs__dshard *shard = &dcache->shards[VFS__DCACHE_SHARDS - 1];

	if (__builtin_expect(i < VFS__DCACHE_SHARDS - 1, 1)) {
		shard = &dcache->shards[i];
		vfs__shard_add_own(&shard->count, n);
	} else {
		__atomic_add_fetch(&shard->count, n, __ATOMIC_RELAXED);
	}
	return shard;
}

/*
 * Whether an insertion, counted in shard, should help to grow. Inside the
 * insertion's section. The other shards are looked at once in a while, which is
 * when the count has grown by some, and not when names come and go: they are
 * other threads' lines.
 */
static bool wants_growth(struct vfs__dcache *dcache, struct vfs__dshard *shard)
{
	struct vfs__dtable *table = VFS_LOAD_POINTER(dcache->table);
	int64_t count = VFS_READ_ONCE(shard->count);

	if (__builtin_expect(VFS_LOAD_POINTER(table->next) != NULL, 0))
		return true;
	if (count < VFS_READ_ONCE(shard->look_at))
		return false;
	VFS_WRITE_ONCE(shard->look_at, count + LOOK_EVERY);
	return hashed_count(dcache) > (int64_t)(table->mask * FULL);
}

/* Goes on growing, or begins to. Failing to find memory for a larger table only
 * makes chains longer. Not inside a section. */
static void grow(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	struct vfs__dtable *table;

	if (!vfs__mutex_trylock(&dcache->grow_lock, VFS__RANK_DCACHE))
		return;
	table = dcache->table;
	if (dcache->no_grow)
		; /* the table holds still for a scan */
	else if (table->next)
		grow_step(thread, vfs);
	else if (hashed_count(dcache) > (int64_t)(table->mask * FULL))
		VFS_STORE_POINTER(table->next,
				  table_alloc(vfs, (table->mask + 1) * 2));
	vfs__mutex_unlock(&dcache->grow_lock, VFS__RANK_DCACHE);
}

void vfs__dcache_hold(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;

	vfs__mutex_lock(&dcache->grow_lock, VFS__RANK_DCACHE);
	while (dcache->table->next)
		grow_step(thread, vfs);
	dcache->no_grow++;
	vfs__mutex_unlock(&dcache->grow_lock, VFS__RANK_DCACHE);
}

void vfs__dcache_release(struct vfs__dcache *dcache)
{
	vfs__mutex_lock(&dcache->grow_lock, VFS__RANK_DCACHE);
	dcache->no_grow--;
	vfs__mutex_unlock(&dcache->grow_lock, VFS__RANK_DCACHE);
}

/* ---- look-up, insertion, removal ---- */

struct vfs_dentry *vfs__dcache_find_closely(const struct vfs__dcache *dcache,
					    const struct vfs_dentry *parent,
					    const struct vfs__component *c,
					    bool *certain)
{
	return vfs__dcache_find(dcache, parent, c, certain);
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

	vfs__component_of(name, &c);
	do {
		certain = true;
		renames = __atomic_load_n(&dcache->renames, __ATOMIC_ACQUIRE);
		vfs__epoch_enter(thread);
		d = vfs__dcache_find_any(dcache, parent, &c, &certain);
		if (d && !vfs__dentry_tryref(d)) {
			/* on its way out of the chain: look again */
			d = NULL;
			certain = false;
		}
		valid = vfs__dcache_unchanged(dcache, renames);
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

VFS_HOT
struct vfs_dentry *vfs__dcache_get_locked(struct vfs__thread *thread,
					  struct vfs *vfs,
					  const struct vfs_dentry *parent,
					  const struct vfs_name *name)
{
	struct vfs__component c;
	struct vfs_dentry *d;
	bool certain;

	c.name = *name;
	vfs__name_words(name->str, name->len, c.words);
	do {
		vfs__epoch_enter(thread);
		d = vfs__dcache_find_any(&vfs->dcache, parent, &c, &certain);
		if (d && !vfs__dentry_tryref(d)) {
			/* being trimmed: look again */
			d = NULL;
			certain = false;
		}
		vfs__epoch_leave(thread);
	} while (__builtin_expect(!d && !certain, 0));
	return d;
}

struct vfs_dentry *vfs__dcache_find_chained(const struct vfs__dbucket *bucket,
					    const struct vfs_dentry *parent,
					    const struct vfs__component *c)
{
	struct vfs_dentry *d = vfs__bucket_chain(bucket);

	while (d && !vfs__dentry_is(d, parent, c))
		d = VFS_LOAD_POINTER(d->next);
	return d;
}

/* Makes d findable in its locked bucket, and unlocks that. */
static void push(struct vfs_dentry *d, struct vfs__dbucket *bucket,
		 uint32_t hash)
{
	/* nobody else has seen d yet */
	VFS_WRITE_ONCE(d->ref, d->ref | VFS__DENTRY_REF_HASHED);
	put(bucket, d, hash);
	vfs__bucket_unlock(bucket);
}

/* Counts d, which was inserted. Inside the insertion's section. Whether to
 * grow after it. */
VFS_HOT
static bool inserted(struct vfs__thread *thread, struct vfs *vfs,
		     struct vfs_dentry *d)
{
	struct vfs__dshard *shard = count_add(thread, &vfs->dcache, 1);

	if (__builtin_expect(
		    vfs__dentry_flags(d->parent) & VFS__DENTRY_ABSENCES, 0)) {
		/* first: who sees the change sees that the flag is gone */
		vfs__dentry_clear(d->parent, VFS__DENTRY_ABSENCES);
		vfs__dcache_changed(&vfs->dcache);
	}
	if (vfs__dentry_flags(d) & VFS__DENTRY_EVICTABLE)
		__atomic_fetch_add(&vfs->dcache.evictable_count, 1,
				   __ATOMIC_RELAXED);
	return wants_growth(&vfs->dcache, shard);
}

VFS_HOT
void vfs__dcache_insert(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_dentry *d)
{
	uint32_t hash = vfs__dcache_hash(d->parent, d->hash);
	bool more;

	vfs__epoch_enter(thread);
	push(d, vfs__bucket_lock_for(vfs, hash), hash);
	more = inserted(thread, vfs, d);
	vfs__epoch_leave(thread);
	if (__builtin_expect(more, 0))
		grow(thread, vfs);
}

struct vfs_dentry *vfs__dcache_insert_unique(struct vfs__thread *thread,
					     struct vfs *vfs,
					     struct vfs_dentry *d)
{
	uint32_t hash = vfs__dcache_hash(d->parent, d->hash);
	struct vfs__component c;
	struct vfs_dentry *other, *chained = NULL;
	struct vfs_name name;
	struct vfs__dbucket *bucket;
	unsigned at = 0;
	bool more = false;

	name.str = vfs__dentry_name(d, &name.len);
	name.hash = d->hash;
	vfs__component_of(&name, &c);
	vfs__epoch_enter(thread);
	bucket = vfs__bucket_lock_for(vfs, hash);
	/* what is in a bucket is not dead: that is set under its lock, with
	 * the removal */
	do {
		other = vfs__bucket_each(bucket, &at, &chained);
	} while (other && !vfs__dentry_is(other, d->parent, &c));
	if (other) {
		vfs__dentry_ref(other);
		vfs__bucket_unlock(bucket);
	} else {
		push(d, bucket, hash);
		more = inserted(thread, vfs, d);
	}
	vfs__epoch_leave(thread);
	if (more)
		grow(thread, vfs);
	return other;
}

void vfs__dcache_uncount(struct vfs__thread *thread, struct vfs *vfs,
			 struct vfs_dentry *d)
{
	struct vfs__dshard *shard = count_add(thread, &vfs->dcache, -1);
	int64_t far = VFS_READ_ONCE(shard->count) + 2 * LOOK_EVERY;

	if (VFS_READ_ONCE(shard->look_at) > far)
		VFS_WRITE_ONCE(shard->look_at, far);
	if (vfs__dentry_flags(d) & VFS__DENTRY_EVICTABLE)
		__atomic_fetch_sub(&vfs->dcache.evictable_count, 1,
				   __ATOMIC_RELAXED);
}

VFS_HOT
void vfs__dcache_remove(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_dentry *d)
{
	struct vfs__dbucket *bucket;
	bool was;

	/* nobody puts it in meanwhile */
	if (!vfs__dentry_hashed(d))
		return;
	vfs__epoch_enter(thread);
	bucket =
		vfs__bucket_lock_for(vfs, vfs__dcache_hash(d->parent, d->hash));
	was = vfs__dentry_hashed(d);
	if (was) {
		vfs__bucket_take_out(bucket, d);
		vfs__dentry_unhash(d);
	}
	vfs__bucket_unlock(bucket);
	vfs__epoch_leave(thread);
	if (!was)
		return;
	vfs__dcache_uncount(thread, vfs, d);
	vfs__dcache_gone(&vfs->dcache, d);
}

/* ---- remembering ---- */

bool vfs__dcache_remember(struct vfs *vfs, struct vfs_dentry *d)
{
	struct vfs__dbucket *bucket;
	bool hashed;

	if (!(vfs__dentry_flags(d) & VFS__DENTRY_REMEMBERED))
		vfs__dentry_set(d, VFS__DENTRY_REMEMBERED);
	if (vfs__dentry_is_root(d))
		return true;
	/* who had the lock before has taken it out, who has it later sees the
	 * flag */
	bucket = vfs__bucket_lock_for(
		vfs, vfs__dcache_hash(VFS_LOAD_POINTER(d->parent),
				      VFS_READ_ONCE(d->hash)));
	hashed = vfs__dentry_hashed(d);
	vfs__bucket_unlock(bucket);
	return hashed;
}

bool vfs__dcache_remember_absence(struct vfs *vfs, struct vfs_dentry *parent,
				  const struct vfs_name *name)
{
	uint32_t hash = vfs__dcache_hash(parent, name->hash);
	struct vfs__dbucket *bucket;
	struct vfs_dentry *d, *chained = NULL;
	struct vfs__component c;
	unsigned at = 0;

	/* a directory that is removed is not remembered, for its removal
	 * counted no change for this */
	if (!vfs__dcache_remember(vfs, parent))
		return false;
	if (!(vfs__dentry_flags(parent) & VFS__DENTRY_ABSENCES))
		vfs__dentry_set(parent, VFS__DENTRY_ABSENCES);
	vfs__component_of(name, &c);
	bucket = vfs__bucket_lock_for(vfs, hash);
	do {
		d = vfs__bucket_each(bucket, &at, &chained);
	} while (d && !vfs__dentry_is(d, parent, &c));
	vfs__bucket_unlock(bucket);
	return !d;
}

/* ---- renaming ---- */

VFS_HOT
void vfs__dcache_rename_begin(struct vfs *vfs)
{
	uint64_t *renames = &vfs->dcache.renames;
	uint64_t n = VFS_READ_ONCE(*renames);

	/* renames inside different directories meet only here */
	while ((n & 1) || !vfs__cas_u64(renames, &n, n + 1)) {
		if (n & 1) {
			sched_yield();
			n = VFS_READ_ONCE(*renames);
		}
	}
}

VFS_HOT
void vfs__dcache_rename_end(struct vfs *vfs)
{
	__atomic_store_n(&vfs->dcache.renames,
			 VFS_READ_ONCE(vfs->dcache.renames) + 1,
			 __ATOMIC_RELEASE);
}

/* A dentry that once had a long name keeps its names outside, short ones too:
 * a reader that has seen LONG must never find bytes where the pointer was. */
static void set_name(struct vfs_dentry *d, const struct vfs_name *name,
		     struct vfs__longname *longname)
{
	struct vfs__component c;

	VFS_WRITE_ONCE(d->hash, name->hash);
	if (longname) {
		/* the pointer first: a reader that sees LONG follows it */
		VFS_WRITE_ONCE(d->name.words[0], UINT64_MAX);
		VFS_WRITE_ONCE(d->name.words[2], UINT64_MAX);
		VFS_STORE_POINTER(d->name.longname, longname);
		vfs__dentry_set(d, VFS__DENTRY_LONG);
		return;
	}
	vfs__component_of(name, &c);
	VFS_WRITE_ONCE(d->name_len, (uint8_t)name->len);
	VFS_WRITE_ONCE(d->name.words[0], c.words[0]);
	VFS_WRITE_ONCE(d->name.words[1], c.words[1]);
	VFS_WRITE_ONCE(d->name.words[2], c.words[2]);
}

VFS_HOT
void vfs__dcache_move(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_dentry *d, struct vfs_dentry *parent,
		      const struct vfs_name *name,
		      struct vfs__longname *longname,
		      struct vfs__longname **old_longname)
{
	struct vfs__dbucket *bucket;
	uint32_t hash;

	vfs__epoch_enter(thread);
	bucket =
		vfs__bucket_lock_for(vfs, vfs__dcache_hash(d->parent, d->hash));
	vfs__bucket_take_out(bucket, d);
	vfs__bucket_unlock(bucket);
	*old_longname = vfs__dentry_flags(d) & VFS__DENTRY_LONG
				? d->name.longname
				: NULL;
	set_name(d, name, longname);
	VFS_STORE_POINTER(d->parent, parent);
	hash = vfs__dcache_hash(parent, d->hash);
	bucket = vfs__bucket_lock_for(vfs, hash);
	put(bucket, d, hash);
	vfs__bucket_unlock(bucket);
	vfs__epoch_leave(thread);
}

int vfs__dcache_init(struct vfs *vfs, uint64_t max_cached)
{
	struct vfs__dcache *dcache = &vfs->dcache;

	dcache->table = table_alloc(vfs, FIRST_BUCKETS);
	if (!dcache->table)
		return -ENOMEM;
	memset(dcache->table->buckets, 0,
	       FIRST_BUCKETS * sizeof(struct vfs__dbucket));
	dcache->evictable_max =
		max_cached > INT64_MAX ? INT64_MAX : (int64_t)max_cached;
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
		table_free(vfs, table->next,
			   table_bytes(table->next->mask + 1));
	table_free(vfs, table, table_bytes(table->mask + 1));
}
