/* SPDX-License-Identifier: MIT */
/*
 * The directory log: see log.h for what it promises.
 *
 * A record's position is its chunk's base plus its offset in the chunk, both
 * counted in units of 4 bytes as if nothing had ever been removed. Where a
 * chunk has been compacted, its records before `cut` lie closer together than
 * their offsets say and are found by a scan; those from `cut` on lie at a
 * constant distance from their offsets and are found directly. Appending
 * always happens in the last chunk.
 *
 * Invariants: chunks are sorted by base; the slot of a chunk that was freed
 * stays, with a NULL pointer, until half of the slots are like that; the last
 * slot's chunk always exists; entries is the number of living records.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "log.h"

#define UNIT 4u
#define CHUNK_MIN 128u	 /* bytes with the header: the first chunk */
#define CHUNK_SHRUNK 64u /* what a rewritten chunk may come down to */
#define CHUNK_MAX ((uint32_t)VFS_PAGE_SIZE)
#define SPAN_MAX UINT16_MAX
#define DEAD 0xffu /* no DT_* */
/* Cookies have 48 bits; listings' positions add BIAS. */
#define POSITION_MAX ((UINT64_C(1) << 48) - SPAN_MAX - 1)
/* Positions 1 and 2 lie behind `.` and `..`. */
#define BIAS 2

struct record {
	uint32_t ino_low, ino_high;
	uint16_t offset; /* units from the chunk's base */
	uint8_t name_len;
	uint8_t type; /* DT_* or DEAD */
	char name[];
};

struct chunk {
	uint16_t size;	   /* bytes of records that fit */
	uint16_t used;	   /* bytes of records, dead ones too */
	uint16_t live;	   /* bytes of living records */
	uint16_t cut_used; /* bytes before the record at offset cut */
	uint32_t span;	   /* units given out */
	uint32_t cut;	   /* see above */
	unsigned char records[];
};

struct slot {
	uint64_t base; /* units */
	struct chunk *chunk;
};

struct tmpfs_log {
	uint64_t entries;
	uint32_t count; /* slots in use */
	uint32_t holes; /* of them without a chunk */
	uint32_t capacity;
	uint32_t zero;
	struct slot *slots;
};

static uint32_t record_size(uint32_t name_len)
{
	uint32_t size = (uint32_t)sizeof(struct record) + name_len;

	return (size + UNIT - 1) & ~(UNIT - 1);
}

static struct record *record_at(const struct chunk *chunk, uint32_t at)
{
	return (struct record *)(uintptr_t)(chunk->records + at);
}

static uint64_t record_ino(const struct record *record)
{
	return (uint64_t)record->ino_high << 32 | record->ino_low;
}

static void record_set_ino(struct record *record, uint64_t ino)
{
	record->ino_low = (uint32_t)ino;
	record->ino_high = (uint32_t)(ino >> 32);
}

/* -- chunks -- */

/* total: bytes with the header. The largest are pages. */
static struct chunk *chunk_create(struct vfs *vfs, uint32_t total)
{
	struct chunk *chunk = total == VFS_PAGE_SIZE ? vfs_page_alloc(vfs)
						     : vfs_alloc(vfs, total);

	if (!chunk)
		return NULL;
	memset(chunk, 0, sizeof(*chunk));
	chunk->size = (uint16_t)(total - sizeof(*chunk));
	return chunk;
}

static void chunk_free(struct vfs *vfs, struct chunk *chunk)
{
	if (sizeof(*chunk) + chunk->size == VFS_PAGE_SIZE)
		vfs_page_unref(vfs, chunk);
	else
		vfs_free(vfs, chunk, sizeof(*chunk) + chunk->size);
}

/* Copies the living records of from to the front of to, which may be the same
 * chunk; afterwards every record of to is before its cut. */
static void chunk_compact(struct chunk *to, const struct chunk *from)
{
	uint32_t end = from->used, span = from->span, at, size, used = 0;
	const struct record *record;

	for (at = 0; at < end; at += size) {
		record = record_at(from, at);
		size = record_size(record->name_len);
		if (record->type == DEAD)
			continue;
		memmove(to->records + used, record, size);
		used += size;
	}
	assert(used == from->live && used <= to->size);
	to->used = to->live = to->cut_used = (uint16_t)used;
	to->span = to->cut = span;
}

/* All records of from in a new chunk of total bytes. NULL: out of memory, and
 * from is as it was; else it is freed. */
static struct chunk *chunk_resize(struct vfs *vfs, struct chunk *from,
				  uint32_t total)
{
	struct chunk *to = chunk_create(vfs, total);

	if (!to)
		return NULL;
	if (from->live == from->used) {
		memcpy(to->records, from->records, from->used);
		to->used = from->used;
		to->live = from->live;
		to->cut_used = from->cut_used;
		to->span = from->span;
		to->cut = from->cut;
	} else {
		chunk_compact(to, from);
	}
	chunk_free(vfs, from);
	return to;
}

/* Where the record of this offset lies. It exists. */
static uint32_t chunk_find(const struct chunk *chunk, uint32_t offset)
{
	const struct record *record;
	uint32_t at;

	if (offset >= chunk->cut)
		return chunk->cut_used + (offset - chunk->cut) * UNIT;
	for (at = 0;; at += record_size(record->name_len)) {
		assert(at < chunk->cut_used);
		record = record_at(chunk, at);
		if (record->offset == offset)
			return at;
	}
}

/* -- slots -- */

/* The last slot whose base is at or before position, or the first one. */
static uint32_t slot_find(const struct tmpfs_log *log, uint64_t position)
{
	uint32_t low = 0, high = log->count - 1, middle;

	if (log->slots[high].base <= position)
		return high;
	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (log->slots[middle].base <= position)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void slots_squeeze(struct tmpfs_log *log)
{
	uint32_t from, to = 0;

	for (from = 0; from < log->count; from++) {
		if (log->slots[from].chunk)
			log->slots[to++] = log->slots[from];
	}
	log->count = to;
	log->holes = 0;
}

/* Room for one more slot. */
static int slots_reserve(struct vfs *vfs, struct tmpfs_log *log)
{
	uint32_t capacity = log->capacity ? log->capacity * 2 : 1;
	struct slot *slots;

	if (log->count < log->capacity)
		return 0;
	if (log->holes > log->count / 2) {
		slots_squeeze(log);
		return 0;
	}
	slots = vfs_alloc(vfs, capacity * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	if (log->count)
		memcpy(slots, log->slots, log->count * sizeof(*slots));
	vfs_free(vfs, log->slots, log->capacity * sizeof(*slots));
	log->slots = slots;
	log->capacity = capacity;
	return 0;
}

/* Gives memory back after many chunks went; may do nothing. */
static void slots_shrink(struct vfs *vfs, struct tmpfs_log *log)
{
	uint32_t capacity = log->capacity;
	struct slot *slots;

	if (log->holes > log->count / 2)
		slots_squeeze(log);
	while (capacity > 1 && log->count <= capacity / 4)
		capacity /= 2;
	if (capacity == log->capacity)
		return;
	slots = vfs_alloc(vfs, capacity * sizeof(*slots));
	if (!slots)
		return;
	memcpy(slots, log->slots, log->count * sizeof(*slots));
	vfs_free(vfs, log->slots, log->capacity * sizeof(*slots));
	log->slots = slots;
	log->capacity = capacity;
}

static struct slot *last_slot(struct tmpfs_log *log)
{
	assert(log->count && log->slots[log->count - 1].chunk);
	return &log->slots[log->count - 1];
}

/* -- appending -- */

VFS_HOT
bool tmpfs_log_empty(const struct tmpfs_log *log)
{
	return !log || !log->entries;
}

static int log_create(struct vfs *vfs, struct tmpfs_log **out)
{
	struct tmpfs_log *log = vfs_zalloc(vfs, sizeof(*log));

	if (!log)
		return -ENOMEM;
	if (slots_reserve(vfs, log))
		goto free_log;
	log->slots[0].base = 0;
	log->slots[0].chunk = chunk_create(vfs, CHUNK_MIN);
	if (!log->slots[0].chunk)
		goto free_slots;
	log->count = 1;
	*out = log;
	return 0;

free_slots:
	vfs_free(vfs, log->slots, log->capacity * sizeof(*log->slots));
free_log:
	vfs_free(vfs, log, sizeof(*log));
	return -ENOMEM;
}

/* A new last chunk behind the one that is full. */
static int log_extend(struct vfs *vfs, struct tmpfs_log *log, uint32_t size)
{
	uint32_t total = CHUNK_MAX;
	struct chunk *chunk;
	struct slot *last;
	uint64_t base;

	last = last_slot(log);
	/* The old one ran out of positions, not of room: stay small. */
	if (last->chunk->used + size <= CHUNK_MAX / 4)
		total = CHUNK_MAX / 4;
	base = last->base + last->chunk->span;
	if (slots_reserve(vfs, log))
		return -ENOMEM;
	chunk = chunk_create(vfs, total);
	if (!chunk)
		return -ENOMEM;
	log->slots[log->count].base = base;
	log->slots[log->count].chunk = chunk;
	log->count++;
	return 0;
}

/* The last chunk has no room for size bytes, or no positions. */
static int log_make_room(struct vfs *vfs, struct tmpfs_log *log, uint32_t size)
{
	struct slot *last = last_slot(log);
	struct chunk *chunk = last->chunk;
	uint32_t total;

	if (last->base + chunk->span > POSITION_MAX)
		return -ENOSPC;
	if (chunk->span + size / UNIT > SPAN_MAX) {
		if (chunk->live)
			return log_extend(vfs, log, size);
		last->base += chunk->span;
		chunk->span = chunk->cut = 0;
		chunk->used = chunk->cut_used = 0;
	}
	/* Half of it dead: moving the rest pays. */
	if (chunk->live <= chunk->used / 2)
		chunk_compact(chunk, chunk);
	if (chunk->used + size <= chunk->size)
		return 0;
	total = chunk->size + (uint32_t)sizeof(*chunk);
	while (total < chunk->used + size + sizeof(*chunk))
		total = (total + CHUNK_MIN - 1) / CHUNK_MIN * CHUNK_MIN * 2;
	if (total > CHUNK_MAX)
		total = CHUNK_MAX;
	if (total < chunk->used + size + sizeof(*chunk))
		return log_extend(vfs, log, size);
	chunk = chunk_resize(vfs, chunk, total);
	if (!chunk)
		return -ENOMEM;
	last->chunk = chunk;
	return 0;
}

VFS_HOT
int tmpfs_log_reserve(struct vfs *vfs, struct tmpfs_log **log,
		      uint32_t name_len)
{
	uint32_t size = record_size(name_len);
	const struct chunk *chunk;
	int error;

	if (!*log) {
		error = log_create(vfs, log);
		if (error)
			return error;
	}
	chunk = last_slot(*log)->chunk;
	if (chunk->used + size <= chunk->size &&
	    chunk->span + size / UNIT <= SPAN_MAX)
		return 0;
	return log_make_room(vfs, *log, size);
}

VFS_HOT
uint64_t tmpfs_log_append(struct tmpfs_log *log, const char *name,
			  uint32_t name_len, uint64_t ino, uint32_t type)
{
	struct slot *last = last_slot(log);
	struct chunk *chunk = last->chunk;
	uint32_t size = record_size(name_len);
	struct record *record = record_at(chunk, chunk->used);
	uint32_t offset = chunk->span;

	assert(chunk->used + size <= chunk->size && name_len <= UINT8_MAX);
	assert(offset + size / UNIT <= SPAN_MAX && type < DEAD);
	record_set_ino(record, ino);
	record->offset = (uint16_t)offset;
	record->name_len = (uint8_t)name_len;
	record->type = (uint8_t)type;
	memcpy(record->name, name, name_len);
	chunk->used = (uint16_t)(chunk->used + size);
	chunk->live = (uint16_t)(chunk->live + size);
	chunk->span += size / UNIT;
	log->entries++;
	return last->base + offset;
}

/* -- removing and changing -- */

VFS_HOT
static struct record *log_record(const struct tmpfs_log *log, uint64_t cookie,
				 uint32_t *slot)
{
	struct chunk *chunk;

	*slot = slot_find(log, cookie);
	chunk = log->slots[*slot].chunk;
	assert(chunk && cookie >= log->slots[*slot].base);
	return record_at(
		chunk,
		chunk_find(chunk, (uint32_t)(cookie - log->slots[*slot].base)));
}

/* The chunk's newest record goes as if it had never been: nobody who has its
 * position misses an entry that is there all the time. */
static void chunk_pop(struct chunk *chunk, const struct record *record)
{
	chunk->used =
		(uint16_t)((const unsigned char *)record - chunk->records);
	chunk->span = record->offset;
	if (chunk->cut > chunk->span)
		chunk->cut = chunk->span;
	if (chunk->cut_used > chunk->used)
		chunk->cut_used = chunk->used;
}

/* The directory is empty: one small chunk stays, for the next entry. */
static void log_reset(struct vfs *vfs, struct tmpfs_log *log)
{
	struct slot last = *last_slot(log);
	struct chunk *chunk = last.chunk, *small;
	uint32_t i;

	if (log->count == 1 && chunk->size <= 2 * CHUNK_MIN)
		return;
	for (i = 0; i + 1 < log->count; i++) {
		if (log->slots[i].chunk)
			chunk_free(vfs, log->slots[i].chunk);
	}
	if (chunk->size > 2 * CHUNK_MIN) {
		small = chunk_create(vfs, CHUNK_MIN);
		if (small) {
			last.base += chunk->span;
			chunk_free(vfs, chunk);
			last.chunk = small;
		}
	}
	log->slots[0] = last;
	log->count = 1;
	log->holes = 0;
	slots_shrink(vfs, log);
}

/* A record of the slot's chunk has died. */
static void log_tidy(struct vfs *vfs, struct tmpfs_log *log, uint32_t index)
{
	struct slot *slot = &log->slots[index];
	struct chunk *chunk = slot->chunk, *small;
	uint32_t total = chunk->size + (uint32_t)sizeof(*chunk), want;
	bool last = index == log->count - 1;

	if (!chunk->live && !last) {
		chunk_free(vfs, chunk);
		slot->chunk = NULL;
		log->holes++;
		slots_shrink(vfs, log);
		return;
	}
	if (chunk->live > total / 4)
		return;
	/* The last one keeps room for what may come. */
	want = (uint32_t)sizeof(*chunk) + chunk->live * (last ? 2u : 1u);
	want = (want + 15) & ~15u;
	if (want < (last ? CHUNK_MIN : CHUNK_SHRUNK))
		want = last ? CHUNK_MIN : CHUNK_SHRUNK;
	if (want > total / 2)
		return;
	small = chunk_resize(vfs, chunk, want);
	if (small)
		slot->chunk = small;
}

VFS_HOT
void tmpfs_log_remove(struct vfs *vfs, struct tmpfs_log *log, uint64_t cookie)
{
	struct record *record;
	struct chunk *chunk;
	uint32_t slot, size;

	record = log_record(log, cookie, &slot);
	assert(record->type != DEAD && log->entries);
	chunk = log->slots[slot].chunk;
	size = record_size(record->name_len);
	record->type = DEAD;
	chunk->live = (uint16_t)(chunk->live - size);
	log->entries--;
	if (slot == log->count - 1 &&
	    (unsigned char *)record + size == chunk->records + chunk->used)
		chunk_pop(chunk, record);
	if (!log->entries)
		log_reset(vfs, log);
	else
		log_tidy(vfs, log, slot);
}

void tmpfs_log_retarget(struct tmpfs_log *log, uint64_t cookie, uint64_t ino,
			uint32_t type)
{
	struct record *record;
	uint32_t slot;

	record = log_record(log, cookie, &slot);
	assert(record->type != DEAD && type < DEAD);
	record_set_ino(record, ino);
	record->type = (uint8_t)type;
}

VFS_HOT
bool tmpfs_log_rename(struct tmpfs_log *log, uint64_t cookie, const char *name,
		      uint32_t name_len)
{
	struct record *record;
	uint32_t slot;

	record = log_record(log, cookie, &slot);
	assert(record->type != DEAD);
	if (record_size(name_len) != record_size(record->name_len))
		return false;
	memcpy(record->name, name, name_len);
	record->name_len = (uint8_t)name_len;
	return true;
}

/* -- listing -- */

/* False when the buffer is full. */
static bool chunk_emit(const struct slot *slot, uint64_t from,
		       struct vfs_dir_context *context)
{
	const unsigned char *at = slot->chunk->records;
	const unsigned char *end = at + slot->chunk->used;
	uint64_t base = slot->base, position;
	const struct record *record;

	for (; at < end; at += record_size(record->name_len)) {
		record = (const struct record *)(const void *)at;
		position = base + record->offset;
		if (record->type == DEAD || position < from)
			continue;
		if (!vfs_dir_emit(context, record->name, record->name_len,
				  record_ino(record), record->type,
				  (int64_t)position + BIAS + 1))
			return false;
	}
	return true;
}

void tmpfs_log_iterate(const struct tmpfs_log *log,
		       struct vfs_dir_context *context)
{
	uint64_t from = 0;
	uint32_t i;

	if (tmpfs_log_empty(log))
		return;
	if (context->position > BIAS)
		from = (uint64_t)context->position - BIAS;
	for (i = slot_find(log, from); i < log->count; i++) {
		if (log->slots[i].chunk &&
		    !chunk_emit(&log->slots[i], from, context))
			return;
	}
}

void tmpfs_log_destroy(struct vfs *vfs, struct tmpfs_log *log)
{
	uint32_t i;

	if (!log)
		return;
	for (i = 0; i < log->count; i++) {
		if (log->slots[i].chunk)
			chunk_free(vfs, log->slots[i].chunk);
	}
	vfs_free(vfs, log->slots, log->capacity * sizeof(*log->slots));
	vfs_free(vfs, log, sizeof(*log));
}
