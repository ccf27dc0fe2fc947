/* SPDX-License-Identifier: MIT */
/*
 * Inodes by their files, so that one file has one inode, whatever name it is
 * found by, and however often its names fell out of the cache.
 *
 * The key is the lower file that an inode's number is of, or else the upper
 * one. A lower file with several names that will be copied up one by one is as
 * many files: those are told apart by their homes, and so are directories.
 * Contract: overlay.h.
 */
#include <string.h>

#include "overlay.h"

#define TABLE_MIN 64u

static uint64_t hash_key(uint64_t dev, uint64_t ino)
{
	uint64_t x = (ino ^ dev << 40) * UINT64_C(0x9e3779b97f4a7c15);

	return x ^ x >> 29;
}

/* Room for one more; without, chains get longer. table_lock. */
static void grow(struct overlay_super *fs)
{
	uint32_t size = fs->table_size ? fs->table_size * 2 : TABLE_MIN;
	struct overlay_inode **table;

	if (fs->table_count < fs->table_size)
		return;
	table = vfs_zalloc(fs->vfs, size * sizeof(*table));
	if (!table)
		return;
	for (uint32_t i = 0; i < fs->table_size; i++) {
		struct overlay_inode *oi, *next;

		for (oi = fs->table[i]; oi; oi = next) {
			uint64_t at =
				hash_key(oi->key_dev, oi->key_ino) & (size - 1);

			next = oi->next;
			oi->next = table[at];
			table[at] = oi;
		}
	}
	vfs_free(fs->vfs, fs->table, fs->table_size * sizeof(*table));
	fs->table = table;
	fs->table_size = size;
}

static struct overlay_inode **chain_of(struct overlay_super *fs, uint64_t dev,
				       uint64_t ino)
{
	return &fs->table[hash_key(dev, ino) & (fs->table_size - 1)];
}

/* table_lock. */
static void add(struct overlay_inode *oi)
{
	struct overlay_super *fs = oi->fs;
	struct overlay_inode **chain;

	grow(fs);
	if (!fs->table)
		return; /* then by its dentry alone */
	chain = chain_of(fs, oi->key_dev, oi->key_ino);
	oi->next = *chain;
	*chain = oi;
	fs->table_count++;
	overlay_set_state(oi, OVERLAY_HASHED);
}

/* table_lock. */
static void take_out(struct overlay_inode *oi)
{
	struct overlay_super *fs = oi->fs;
	struct overlay_inode **link;

	if (!(overlay_state(oi) & OVERLAY_HASHED))
		return;
	link = chain_of(fs, oi->key_dev, oi->key_ino);
	while (*link != oi)
		link = &(*link)->next;
	*link = oi->next;
	fs->table_count--;
	overlay_clear_state(oi, OVERLAY_HASHED);
}

void overlay_table_remove(struct overlay_inode *oi)
{
	pthread_mutex_lock(&oi->fs->table_lock);
	take_out(oi);
	pthread_mutex_unlock(&oi->fs->table_lock);
}

/* ---- finding ---- */

void overlay_key_of(const struct overlay_super *fs,
		    const struct overlay_found *found,
		    struct overlay_wanted *wanted)
{
	bool lower = found->lower_count && !found->is_dir;

	wanted->one_name = found->is_dir;
	/* a lower file whose names become files of their own */
	if (lower && !found->indexed && fs->has_upper &&
	    (found->upper >= 0 || !fs->index) && found->lower_st.nlink > 1)
		lower = false;
	/* or one that its copy cannot name */
	if (lower && fs->has_upper && !overlay_is_known(fs, found))
		lower = false;
	if (!lower && found->upper < 0) {
		wanted->one_name = true;
		lower = true;
	}
	wanted->dev = lower ? found->lower_st.dev : found->st.dev;
	wanted->ino = lower ? found->lower_st.ino : found->st.ino;
}

static bool is_home(struct overlay_inode *oi,
		    const struct overlay_wanted *wanted)
{
	bool same;

	pthread_mutex_lock(&oi->fs->names_lock);
	same = oi->parent == wanted->dir && !strcmp(oi->name, wanted->name);
	pthread_mutex_unlock(&oi->fs->names_lock);
	return same;
}

static bool is_wanted(struct overlay_inode *oi,
		      const struct overlay_wanted *wanted)
{
	bool one_name = overlay_state(oi) & OVERLAY_ONE_NAME;

	if (oi->key_dev != wanted->dev || oi->key_ino != wanted->ino ||
	    one_name != wanted->one_name)
		return false;
	/* what is left of a file that is gone, whose number the layer's file
	 * system may have given to another */
	if (overlay_state(oi) & OVERLAY_UNLINKED)
		return false;
	/* two copies of one lower file are two files, but in the index there is
	 * one, although the inode may not have heard of it yet */
	if (wanted->has_upper && !wanted->indexed &&
	    (overlay_upper(oi) < 0 ||
	     VFS_READ_ONCE(oi->upper_ino) != wanted->upper_ino))
		return false;
	return !one_name || is_home(oi, wanted);
}

/* table_lock. */
static struct vfs_inode *find(struct overlay_super *fs,
			      const struct overlay_wanted *wanted)
{
	struct overlay_inode *oi = NULL;

	if (fs->table)
		oi = *chain_of(fs, wanted->dev, wanted->ino);
	for (; oi; oi = oi->next)
		if (is_wanted(oi, wanted) && vfs_inode_tryref(oi->inode))
			return oi->inode;
	return NULL;
}

struct vfs_inode *overlay_table_find(struct overlay_super *fs,
				     const struct overlay_wanted *wanted)
{
	struct vfs_inode *inode;

	pthread_mutex_lock(&fs->table_lock);
	inode = find(fs, wanted);
	pthread_mutex_unlock(&fs->table_lock);
	return inode;
}

struct vfs_inode *overlay_table_enter(struct overlay_inode *oi,
				      const struct overlay_wanted *wanted)
{
	struct overlay_super *fs = oi->fs;
	struct vfs_inode *other;

	oi->key_dev = wanted->dev;
	oi->key_ino = wanted->ino;
	if (wanted->one_name)
		overlay_set_state(oi, OVERLAY_ONE_NAME);
	pthread_mutex_lock(&fs->table_lock);
	other = find(fs, wanted);
	if (!other)
		add(oi);
	pthread_mutex_unlock(&fs->table_lock);
	return other;
}

void overlay_table_move(struct overlay_inode *oi, const struct vfs_stat *upper)
{
	struct overlay_super *fs = oi->fs;

	/* seen by whoever sees that there is an upper file */
	VFS_WRITE_ONCE(oi->upper_ino, upper->ino);
	if (!(overlay_state(oi) & OVERLAY_ONE_NAME))
		return;
	pthread_mutex_lock(&fs->table_lock);
	take_out(oi);
	oi->key_dev = upper->dev;
	oi->key_ino = upper->ino;
	if (!S_ISDIR(upper->mode))
		overlay_clear_state(oi, OVERLAY_ONE_NAME);
	add(oi);
	pthread_mutex_unlock(&fs->table_lock);
}
