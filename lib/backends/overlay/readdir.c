/* SPDX-License-Identifier: MIT */
/*
 * Listing: the names of all layers of a directory, topmost first, each once and
 * none that is hidden.
 *
 * The merged list is made when it is asked for first and kept at the inode
 * until the names change; all open files share it. A listing under way keeps
 * the one it began with, so that its positions, which are indexes, stay true;
 * going back to the beginning gets the present one.
 *
 * Numbers are those that stat shows. A layer's own list has them, but for upper
 * files that were copied up, which are looked up one by one; the directory is
 * marked as having such (`impure`). Contract: overlay.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vfs/dir.h>
#include <vfs/file.h>
#include <vfs/stat.h>

#include "overlay.h"

#define BUFFER_SIZE 32768u
#define POSITION_FIRST 2 /* behind `.` and `..`, which are the core's */

struct entry {
	uint64_t ino;
	uint32_t name; /* where it begins */
	uint8_t len;
	uint8_t type; /* DT_* */
	uint8_t whiteout;
	uint8_t look_up; /* the number is not that of the layer's entry */
};

/* Immutable once made. */
struct overlay_cache {
	uint32_t ref;		  /* atomic */
	uint32_t count, room;	  /* entries */
	uint32_t used, name_room; /* bytes of names */
	uint64_t version;	  /* of the directory */
	struct entry *entries;
	char *names;
	bool hides;
	bool impure; /* something has another number than upper's */
};

struct listing {
	struct overlay_super *fs;
	struct overlay_inode *dir;
	struct overlay_cache *cache;
	uint32_t *table; /* of entries + 1; NULL: one layer, nothing twice */
	uint32_t table_size;
	uint32_t layer;
	int fd;	      /* of the layer's directory */
	char *marked; /* names that the layer hides below it */
	uint32_t marked_used, marked_room;
};

/* An open directory. */
struct overlay_dirfile {
	struct overlay_cache *cache; /* the file's position lock */
};

/* ---- the list ---- */

static void cache_free(struct overlay_super *fs, struct overlay_cache *c)
{
	vfs_free(fs->vfs, c->entries, c->room * sizeof(*c->entries));
	vfs_free(fs->vfs, c->names, c->name_room);
	vfs_free(fs->vfs, c, sizeof(*c));
}

void overlay_cache_unref(struct overlay_super *fs, struct overlay_cache *cache)
{
	if (cache && !__atomic_sub_fetch(&cache->ref, 1, __ATOMIC_ACQ_REL))
		cache_free(fs, cache);
}

uint32_t overlay_cache_count(const struct overlay_cache *cache)
{
	return cache->count;
}

bool overlay_cache_hides(const struct overlay_cache *cache)
{
	return cache->hides;
}

const char *overlay_cache_name(const struct overlay_cache *cache, uint32_t i)
{
	return cache->names + cache->entries[i].name;
}

/* *at gets room for need things of size bytes. */
static int grow(struct overlay_super *fs, void **at, uint32_t *room,
		uint64_t need, size_t size)
{
	uint64_t wanted = *room ? *room : 64;
	void *larger;

	if (need <= *room)
		return 0;
	while (wanted < need)
		wanted *= 2;
	if (wanted > UINT32_MAX / 2)
		return -ENOMEM;
	larger = vfs_alloc(fs->vfs, wanted * size);
	if (!larger)
		return -ENOMEM;
	if (*room)
		memcpy(larger, *at, *room * size);
	vfs_free(fs->vfs, *at, *room * size);
	*at = larger;
	*room = (uint32_t)wanted;
	return 0;
}

/* ---- which names there are already ---- */

static uint32_t hash_name(const char *name, size_t len)
{
	uint64_t h = len, word;

	for (; len >= 8; name += 8, len -= 8) {
		memcpy(&word, name, 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, name, len);
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32);
}

/* The slot of the name: 0 where it is not in yet. */
static uint32_t *find_slot(const struct listing *l, const char *name,
			   size_t len)
{
	uint32_t i = hash_name(name, len);

	for (;; i++) {
		uint32_t *slot = &l->table[i & (l->table_size - 1)];
		const struct entry *e;

		if (!*slot)
			return slot;
		e = &l->cache->entries[*slot - 1];
		if (e->len == len &&
		    !memcmp(l->cache->names + e->name, name, len))
			return slot;
	}
}

static int grow_table(struct listing *l)
{
	const struct overlay_cache *c = l->cache;
	uint32_t old = l->table_size, size = old * 4;
	uint32_t *table;

	if (c->count < old / 2)
		return 0;
	table = vfs_zalloc(l->fs->vfs, size * sizeof(*table));
	if (!table)
		return -ENOMEM;
	vfs_free(l->fs->vfs, l->table, old * sizeof(*table));
	l->table = table;
	l->table_size = size;
	for (uint32_t i = 0; i < c->count; i++)
		*find_slot(l, c->names + c->entries[i].name,
			   c->entries[i].len) = i + 1;
	return 0;
}

/* ---- one entry of one layer ---- */

/* Whether what the layer has under the name is a whiteout; completes the type.
 */
static int check_entry(struct listing *l, const char *name, uint8_t *type)
{
	struct overlay_super *fs = l->fs;
	struct vfs_stat st;
	int fd, err;

	if (*type != DT_CHR && *type != DT_UNKNOWN &&
	    !(*type == DT_REG && fs->layers[l->layer].xwhiteouts))
		return 0;
	fd = overlay_open_path(fs, l->fd, name);
	if (fd < 0)
		return fd == -ENOENT ? 1 : fd;
	err = overlay_stat(fs, fd, &st);
	if (!err) {
		*type = (uint8_t)IFTODT(st.mode);
		err = overlay_is_whiteout(fs, l->layer, fd, &st);
	}
	overlay_close(fs, fd);
	return err;
}

static int append(struct listing *l, const char *name, size_t len, uint64_t ino,
		  uint8_t type, int white)
{
	struct overlay_cache *c = l->cache;
	struct entry *e;
	uint64_t dev;
	int err = grow(l->fs, (void **)&c->entries, &c->room, c->count + 1,
		       sizeof(*c->entries));

	if (!err)
		err = grow(l->fs, (void **)&c->names, &c->name_room,
			   c->used + len + 1, 1);
	if (err)
		return err;
	e = &c->entries[c->count++];
	*e = (struct entry){.name = c->used,
			    .len = (uint8_t)len,
			    .type = type,
			    .whiteout = (uint8_t)white};
	overlay_map_ino(l->fs, l->fs->layers[l->layer].fs, type == DT_DIR, ino,
			&dev, &e->ino);
	e->look_up = l->layer == OVERLAY_UPPER && !white &&
		     (overlay_state(l->dir) & OVERLAY_IMPURE);
	memcpy(c->names + c->used, name, len + 1);
	c->used += (uint32_t)len + 1;
	if (white && l->layer == OVERLAY_UPPER)
		c->hides = true;
	return 0;
}

static int add_entry(struct listing *l, const struct vfs_dirent *from)
{
	const char *name = from->name;
	size_t len = strlen(name);
	uint8_t type = from->type;
	uint32_t *slot = NULL;
	int white;

	if (len > OVERLAY_NAME_MAX)
		return 0;
	if (l->table) {
		slot = find_slot(l, name, len);
		if (*slot) {
			struct entry *above = &l->cache->entries[*slot - 1];

			/* merged: its number is the lower one's */
			if (above->type == DT_DIR && type == DT_DIR)
				above->look_up = !above->whiteout;
			return 0;
		}
	}
	white = check_entry(l, name, &type);
	if (white < 0)
		return white;
	if (slot)
		*slot = l->cache->count + 1;
	white = append(l, name, len, from->ino, type, white);
	return white || !l->table ? white : grow_table(l);
}

/* What the mark hides is put down when the layer has been read: it may have the
 * name itself. */
static int keep_mark(struct listing *l, const char *mark)
{
	const char *name = mark + OVERLAY_MARK_LEN;
	size_t len = strlen(name);
	int err;

	if (l->layer == OVERLAY_UPPER)
		l->cache->hides = true;
	/* what this one hides was not found */
	if (!l->table || !len || !strcmp(name, OVERLAY_MARK_OPAQUE))
		return 0;
	err = grow(l->fs, (void **)&l->marked, &l->marked_room,
		   l->marked_used + len + 1, 1);
	if (err)
		return err;
	memcpy(l->marked + l->marked_used, name, len + 1);
	l->marked_used += (uint32_t)len + 1;
	return 0;
}

static int hide_marked(struct listing *l)
{
	int err = 0;

	for (uint32_t at = 0; !err && at < l->marked_used;) {
		const char *name = l->marked + at;
		size_t len = strlen(name);
		uint32_t *slot = find_slot(l, name, len);

		at += (uint32_t)len + 1;
		if (*slot)
			continue;
		*slot = l->cache->count + 1;
		err = append(l, name, len, 0, DT_CHR, 1);
		if (!err)
			err = grow_table(l);
	}
	l->marked_used = 0;
	return err;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int add_buffer(struct listing *l, const char *buffer, int64_t size)
{
	int err = 0;

	for (int64_t at = 0; !err && at < size;) {
		const struct vfs_dirent *entry = (const void *)(buffer + at);

		at += entry->reclen;
		if (overlay_is_mark(l->fs, entry->name))
			err = keep_mark(l, entry->name);
		else if (!is_dots(entry->name))
			err = add_entry(l, entry);
	}
	return err;
}

static int add_layer(struct listing *l, int place, uint32_t layer)
{
	struct overlay_super *fs = l->fs;
	char *buffer = vfs_alloc(fs->vfs, BUFFER_SIZE);
	int64_t n = buffer ? vfs_fault(fs->vfs, "overlay:getdents") : -ENOMEM;

	l->layer = layer;
	l->fd = -1;
	if (!n)
		l->fd = vfs_layer_reopen(fs->task, place,
					 O_RDONLY | O_DIRECTORY);
	if (!n && l->fd < 0)
		n = l->fd;
	while (!n) {
		n = vfs_getdents(fs->task, l->fd, buffer, BUFFER_SIZE);
		if (n <= 0)
			break;
		n = add_buffer(l, buffer, n);
	}
	overlay_close(fs, l->fd);
	vfs_free(fs->vfs, buffer, BUFFER_SIZE);
	return n ? (int)n : hide_marked(l);
}

/* ---- all layers ---- */

static int add_layers(struct listing *l)
{
	struct overlay_inode *dir = l->dir;
	int upper = overlay_upper(dir), err = 0;
	uint32_t count = overlay_has_lower(dir) ? dir->lower_count : 0;
	char value[2];

	if (upper >= 0 && !(overlay_state(dir) & OVERLAY_IMPURE) &&
	    overlay_get_own(l->fs, upper, "impure", value, sizeof(value)) == 1)
		overlay_set_state(dir, OVERLAY_IMPURE);
	if (count + (upper >= 0) > 1) {
		l->table_size = 1024;
		l->table = vfs_zalloc(l->fs->vfs,
				      l->table_size * sizeof(*l->table));
		if (!l->table)
			return -ENOMEM;
	}
	if (upper >= 0)
		err = add_layer(l, upper, OVERLAY_UPPER);
	for (uint32_t i = 0; !err && i < count; i++)
		err = add_layer(l, dir->lower[i].fd, dir->lower[i].layer);
	return err;
}

static int look_up(struct listing *l, struct entry *e)
{
	struct overlay_found found;
	int err =
		overlay_find(l->fs, l->dir, l->cache->names + e->name, &found);

	if (err == -ENOENT) {
		e->whiteout = 1; /* gone below us */
		return 0;
	}
	/* listed all the same, as something that cannot be looked at */
	if (err)
		return err == -ENOMEM ? err : 0;
	l->cache->impure |= e->ino != overlay_found_ino(l->fs, &found);
	e->ino = overlay_found_ino(l->fs, &found);
	overlay_found_fini(l->fs, &found);
	return 0;
}

/* What is hidden goes, what has another number gets it. */
static int finish(struct listing *l)
{
	struct overlay_cache *c = l->cache;
	uint32_t kept = 0;
	int err = 0;

	for (uint32_t i = 0; !err && i < c->count; i++) {
		struct entry *e = &c->entries[i];

		if (e->look_up)
			err = look_up(l, e);
		if (!e->whiteout)
			c->entries[kept++] = *e;
	}
	c->count = kept;
	return err;
}

/* A mark that is not true any more goes, as far as it can, when the directory
 * is listed. */
static void clear_impure(struct overlay_inode *dir,
			 const struct overlay_cache *cache)
{
	struct overlay_super *fs = dir->fs;

	if (cache->impure || overlay_has_lower(dir) ||
	    !(overlay_state(dir) & OVERLAY_IMPURE) ||
	    (fs->super->flags & VFS_SUPER_RDONLY) ||
	    (!fs->same_fs && !fs->xino_shift))
		return;
	(void)overlay_remove_own(fs, overlay_upper(dir), "impure");
	overlay_clear_state(dir, OVERLAY_IMPURE);
	overlay_stale(dir->inode);
}

static int build(struct overlay_inode *dir, struct overlay_cache **out)
{
	struct overlay_super *fs = dir->fs;
	struct listing l = {.fs = fs, .dir = dir};
	int err;

	l.cache = vfs_zalloc(fs->vfs, sizeof(*l.cache));
	if (!l.cache)
		return -ENOMEM;
	l.cache->ref = 1;
	l.cache->version = __atomic_load_n(&dir->version, __ATOMIC_ACQUIRE);
	err = add_layers(&l);
	vfs_free(fs->vfs, l.table, l.table_size * sizeof(*l.table));
	vfs_free(fs->vfs, l.marked, l.marked_room);
	if (!err)
		err = finish(&l);
	if (err)
		cache_free(fs, l.cache);
	else
		*out = l.cache;
	return err;
}

static struct overlay_cache *cache_ref(struct overlay_cache *cache)
{
	__atomic_fetch_add(&cache->ref, 1, __ATOMIC_RELAXED);
	return cache;
}

int overlay_get_cache(struct overlay_inode *oi, struct overlay_cache **out)
{
	struct overlay_cache *cache, *old;
	int err = 0;

	pthread_mutex_lock(&oi->lock);
	old = oi->cache;
	if (!old ||
	    old->version != __atomic_load_n(&oi->version, __ATOMIC_ACQUIRE)) {
		err = build(oi, &cache);
		if (!err) {
			oi->cache = cache;
			overlay_cache_unref(oi->fs, old);
		}
	}
	if (!err)
		*out = cache_ref(oi->cache);
	pthread_mutex_unlock(&oi->lock);
	return err;
}

/* ---- the operations ---- */

int overlay_dir_open(struct vfs_inode *inode, struct vfs_file *file)
{
	struct overlay_dirfile *open =
		vfs_zalloc(inode->super->vfs, sizeof(*open));

	if (!open)
		return -ENOMEM;
	vfs_file_set_private(file, open);
	return 0;
}

void overlay_dir_release(struct vfs_inode *inode, struct vfs_file *file)
{
	struct overlay_dirfile *open = vfs_file_private(file);

	overlay_cache_unref(overlay_super(inode->super), open->cache);
	vfs_free(inode->super->vfs, open, sizeof(*open));
}

/* The list that the file goes on with. */
static int choose_cache(struct overlay_inode *oi, struct overlay_dirfile *open,
			int64_t position)
{
	struct overlay_cache *cache;
	struct vfs_nesting nesting;
	int err;

	if (open->cache && position > POSITION_FIRST)
		return 0;
	vfs_nest_begin(oi->fs->vfs, &nesting);
	err = overlay_get_cache(oi, &cache);
	if (!err)
		clear_impure(oi, cache);
	vfs_nest_end(oi->fs->vfs, &nesting);
	if (err)
		return err;
	overlay_cache_unref(oi->fs, open->cache);
	open->cache = cache;
	return 0;
}

int overlay_iterate(struct vfs_inode *dir, struct vfs_file *file,
		    struct vfs_dir_context *context)
{
	struct overlay_dirfile *open = vfs_file_private(file);
	const struct overlay_cache *cache;
	uint64_t i;
	int err = choose_cache(overlay_inode(dir), open, context->position);

	if (err)
		return err;
	cache = open->cache;
	i = context->position > POSITION_FIRST
		    ? (uint64_t)(context->position - POSITION_FIRST)
		    : 0;
	for (; i < cache->count; i++) {
		const struct entry *e = &cache->entries[i];

		if (!vfs_dir_emit(context, cache->names + e->name, e->len,
				  e->ino, e->type,
				  (int64_t)i + 1 + POSITION_FIRST))
			break;
	}
	return 0;
}
