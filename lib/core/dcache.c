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
#include "util/atomic.h"
#include "util/epoch.h"
#include "util/shard.h"

#define FIRST_BUCKETS 512u /* few enough to make, enough not to share */
#define MOVES_PER_INSERT 1u
#define FULL 4u /* dentries a bucket, on average, before the table grows */
#define LOOK_EVERY 16 /* insertions: whether it has to grow */
#define LOCKED ((uintptr_t)1)
#define FEW_BUCKETS 1024u /* that a removal searches by itself */
#define VICTIMS 32u
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

static inline bool bucket_trylock(struct vfs__dbucket *bucket)
{
	uintptr_t head = VFS_READ_ONCE(bucket->chain);

	return !(head & LOCKED) &&
	       vfs__cas_word(&bucket->chain, &head, head | LOCKED);
}

static __attribute__((noinline)) void
bucket_lock_slow(struct vfs__dbucket *bucket)
{
	for (unsigned spins = 0; !bucket_trylock(bucket); spins++)
		if (spins >= 64)
			sched_yield();
}

static inline void bucket_lock(struct vfs__dbucket *bucket)
{
	if (__builtin_expect(!bucket_trylock(bucket), 0))
		bucket_lock_slow(bucket);
}

static struct vfs_dentry *chain_first(const struct vfs__dbucket *bucket)
{
	return (struct vfs_dentry *)(__atomic_load_n(&bucket->chain,
						     __ATOMIC_ACQUIRE) &
				     ~LOCKED);
}

static void bucket_unlock(struct vfs__dbucket *bucket)
{
	__atomic_store_n(&bucket->chain, (uintptr_t)chain_first(bucket),
			 __ATOMIC_RELEASE);
}

static struct vfs_dentry *slot_dentry(uint64_t slot)
{
	return (struct vfs_dentry *)(uintptr_t)(slot & VFS__SLOT_ADDRESS);
}

/* The bucket of hash, locked. Inside a section: a table may be replaced. */
VFS_HOT
static struct vfs__dbucket *bucket_lock_for(struct vfs *vfs, uint32_t hash)
{
	for (;;) {
		struct vfs__dtable *table = VFS_LOAD_POINTER(vfs->dcache.table);
		struct vfs__dtable *next;
		uint64_t i = hash & table->mask;
		struct vfs__dbucket *bucket = &table->buckets[i];

		if (i < __atomic_load_n(&table->cursor, __ATOMIC_ACQUIRE)) {
			next = VFS_LOAD_POINTER(table->next);
			i = hash & next->mask;
			bucket = &next->buckets[i];
			table = next;
		}
		bucket_lock(bucket);
		if (i >= __atomic_load_n(&table->cursor, __ATOMIC_ACQUIRE))
			return bucket;
		/* moved while we waited */
		bucket_unlock(bucket);
	}
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
	VFS_STORE_POINTER(d->next, chain_first(bucket));
	__atomic_store_n(&bucket->chain, (uintptr_t)d | LOCKED,
			 __ATOMIC_RELEASE);
}

/* Takes d out of its locked bucket; readers on it go on along next. */
VFS_HOT
static void take_out(struct vfs__dbucket *bucket, struct vfs_dentry *d)
{
	struct vfs_dentry *before = chain_first(bucket);

	for (unsigned i = 0; i < VFS__DCACHE_SLOTS; i++) {
		if (slot_dentry(VFS_READ_ONCE(bucket->slots[i])) == d) {
			__atomic_store_n(&bucket->slots[i], 0,
					 __ATOMIC_RELEASE);
			return;
		}
	}
	if (before == d) {
		__atomic_store_n(&bucket->chain, (uintptr_t)d->next | LOCKED,
				 __ATOMIC_RELEASE);
		return;
	}
	while (before->next != d)
		before = before->next;
	VFS_STORE_POINTER(before->next, d->next);
}

/* The dentries of a locked bucket one by one: *at begins at 0, *chained at
 * NULL. What was returned may be taken out. */
static struct vfs_dentry *each(const struct vfs__dbucket *bucket, unsigned *at,
			       struct vfs_dentry **chained)
{
	struct vfs_dentry *d;

	while (*at < VFS__DCACHE_SLOTS) {
		d = slot_dentry(VFS_READ_ONCE(bucket->slots[(*at)++]));
		if (d)
			return d;
	}
	if (*at == VFS__DCACHE_SLOTS) {
		(*at)++;
		*chained = chain_first(bucket);
	}
	d = *chained;
	if (d)
		*chained = d->next;
	return d;
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
	const struct vfs_dentry *d = slot_dentry(slot);

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
	bucket_lock(from);
	__atomic_store_n(&dcache->moves, dcache->moves + 1, __ATOMIC_SEQ_CST);
	for (unsigned s = 0; s < VFS__DCACHE_SLOTS; s++) {
		uint64_t slot = from->slots[s];
		uint32_t hash = slot ? slot_hash(slot, bit) : 0;

		if (slot)
			put(to[(hash & bit) != 0], slot_dentry(slot),
			    (uint32_t)(slot >> 48) << 16);
	}
	for (d = chain_first(from); d; d = after) {
		uint32_t hash = vfs__dcache_hash(d->parent, d->hash);

		after = d->next;
		put(to[(hash & bit) != 0], d, hash);
	}
	bucket_unlock(to[0]);
	bucket_unlock(to[1]);
	__atomic_store_n(&old->cursor, i + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&dcache->moves, dcache->moves + 1, __ATOMIC_RELEASE);
	bucket_unlock(from);
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
	struct vfs_dentry *d = chain_first(bucket);

	while (d && !vfs__dentry_is(d, parent, c))
		d = VFS_LOAD_POINTER(d->next);
	return d;
}

static void unhash(struct vfs_dentry *d)
{
	vfs__fetch_and_u32(&d->ref, ~VFS__DENTRY_REF_HASHED);
}

/* Makes d findable in its locked bucket, and unlocks that. */
static void push(struct vfs_dentry *d, struct vfs__dbucket *bucket,
		 uint32_t hash)
{
	/* nobody else has seen d yet */
	VFS_WRITE_ONCE(d->ref, d->ref | VFS__DENTRY_REF_HASHED);
	put(bucket, d, hash);
	bucket_unlock(bucket);
}

/* Counts d, which was inserted. Inside the insertion's section. Whether to
 * grow after it. */
VFS_HOT
static bool inserted(struct vfs__thread *thread, struct vfs *vfs,
		     struct vfs_dentry *d)
{
	struct vfs__dshard *shard = count_add(thread, &vfs->dcache, 1);

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
	push(d, bucket_lock_for(vfs, hash), hash);
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
	bucket = bucket_lock_for(vfs, hash);
	/* what is in a bucket is not dead: that is set under its lock, with
	 * the removal */
	do {
		other = each(bucket, &at, &chained);
	} while (other && !vfs__dentry_is(other, d->parent, &c));
	if (other) {
		vfs__dentry_ref(other);
		bucket_unlock(bucket);
	} else {
		push(d, bucket, hash);
		more = inserted(thread, vfs, d);
	}
	vfs__epoch_leave(thread);
	if (more)
		grow(thread, vfs);
	return other;
}

static void uncount(struct vfs__thread *thread, struct vfs *vfs,
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
	bucket = bucket_lock_for(vfs, vfs__dcache_hash(d->parent, d->hash));
	was = vfs__dentry_hashed(d);
	if (was) {
		take_out(bucket, d);
		unhash(d);
	}
	bucket_unlock(bucket);
	vfs__epoch_leave(thread);
	if (was)
		uncount(thread, vfs, d);
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
	bucket = bucket_lock_for(vfs, vfs__dcache_hash(d->parent, d->hash));
	take_out(bucket, d);
	bucket_unlock(bucket);
	*old_longname = vfs__dentry_flags(d) & VFS__DENTRY_LONG
				? d->name.longname
				: NULL;
	set_name(d, name, longname);
	VFS_STORE_POINTER(d->parent, parent);
	hash = vfs__dcache_hash(parent, d->hash);
	bucket = bucket_lock_for(vfs, hash);
	put(bucket, d, hash);
	bucket_unlock(bucket);
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
	    VFS_READ_ONCE(d->ref) != VFS__DENTRY_REF_HASHED)
		return false;
	if (vfs__dentry_flags(d) & VFS__DENTRY_COLD)
		return true;
	vfs__dentry_set(d, VFS__DENTRY_COLD);
	return false;
}

/*
 * Takes up to VICTIMS dentries that `wanted` names out of bucket i of the
 * present table, each with one reference. unused_only: only those that nobody
 * uses, which then nobody can find or reference any more; their supers are
 * pinned.
 */
static unsigned harvest(struct vfs__thread *thread, struct vfs *vfs, uint64_t i,
			bool (*wanted)(struct vfs_dentry *, const void *),
			const void *argument, bool unused_only,
			struct vfs_dentry *victims[VICTIMS])
{
	struct vfs_dentry *d, *chained = NULL;
	struct vfs__dbucket *bucket;
	unsigned n = 0, at = 0;

	vfs__epoch_enter(thread);
	bucket = bucket_lock_for(vfs, (uint32_t)i);
	while (n < VICTIMS && (d = each(bucket, &at, &chained))) {
		uint32_t unused = VFS__DENTRY_REF_HASHED;

		if (!wanted(d, argument))
			continue;
		if (unused_only) {
			if (!__atomic_compare_exchange_n(
				    &d->ref, &unused, 0, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				continue;
			vfs__super_pin(d->parent->inode->super);
		} else {
			vfs__dentry_ref(d);
			unhash(d);
		}
		take_out(bucket, d);
		victims[n++] = d;
	}
	bucket_unlock(bucket);
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

/* Nobody uses them, and nobody can find them any more. */
static void discard(struct vfs__thread *thread, struct vfs_dentry *const *d,
		    unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct vfs_super *super = d[i]->parent->inode->super;

		vfs__dentry_discard(thread, d[i]);
		vfs__super_unpin(super);
	}
}

/* An absence that nobody looks at, in a directory that was removed: in parent,
 * or in any. */
static bool victim_of_removal(struct vfs_dentry *d, const void *parent)
{
	const struct vfs_dentry *in = vfs__dentry_parent(d);
	const struct vfs_inode *dir = vfs__dentry_inode(in);

	/* in such a directory nothing is made any more */
	if (parent ? in != parent
		   : !dir || !(VFS_READ_ONCE(dir->flags) & VFS_INODE_DEAD))
		return false;
	return !vfs__dentry_inode(d) &&
	       VFS_READ_ONCE(d->ref) == VFS__DENTRY_REF_HASHED;
}

static void sweep_bucket(struct vfs__thread *thread, struct vfs *vfs,
			 uint64_t bucket, const struct vfs_dentry *parent)
{
	struct vfs_dentry *victims[VICTIMS];
	unsigned count;

	do {
		count = harvest(thread, vfs, bucket, victim_of_removal, parent,
				true, victims);
		discard(thread, victims, count);
	} while (count == VICTIMS);
}

/* A bounded step of the search for absences in removed directories. */
static void sweep(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;

	for (unsigned n = 0; n < 64; n++) {
		if (VFS_READ_ONCE(dcache->orphans_left) <= 0)
			return;
		sweep_bucket(thread, vfs,
			     __atomic_fetch_add(&dcache->orphans_hand, 1,
						__ATOMIC_RELAXED),
			     NULL);
		__atomic_fetch_sub(&dcache->orphans_left, 1, __ATOMIC_RELAXED);
	}
}

void vfs__dcache_orphaned(struct vfs__thread *thread, struct vfs *vfs,
			  const struct vfs_dentry *dir)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	uint64_t buckets;

	if (!(VFS_READ_ONCE(dir->inode->flags) & VFS_INODE_MISSED))
		return;
	vfs__epoch_enter(thread);
	buckets = VFS_LOAD_POINTER(dcache->table)->mask + 1;
	vfs__epoch_leave(thread);
	if (buckets > FEW_BUCKETS)
		__atomic_store_n(&dcache->orphans_left, (int64_t)buckets,
				 __ATOMIC_RELAXED);
	else
		for (uint64_t i = 0; i < buckets; i++)
			sweep_bucket(thread, vfs, i, dir);
}

void vfs__dcache_trim(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	struct vfs_dentry *victims[VICTIMS];

	if (thread->nesting)
		return;
	sweep(thread, vfs);
	if (VFS_READ_ONCE(dcache->evictable_count) <= dcache->evictable_max)
		return;
	/* a bounded step: the next miss takes the next one */
	for (unsigned n = 0; n < 64; n++) {
		uint64_t hand = __atomic_fetch_add(&dcache->clock_hand, 1,
						   __ATOMIC_RELAXED);
		unsigned count = harvest(thread, vfs, hand, victim_of_age, NULL,
					 true, victims);

		discard(thread, victims, count);
	}
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
