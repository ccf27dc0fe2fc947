/* SPDX-License-Identifier: MIT */
/*
 * Directories of the host as the layers of an overlay. Those on one mount of
 * the host's are seen through one hostfs, from the directory that is above all
 * of them, so that they are one file system inside as well: names move between
 * the upper and the work directory, and copies may share what is on the disk.
 */
#ifndef LAYERS_H
#define LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfs/vfs.h>

struct layer;

struct layers {
	/* as in the options: with colons between, and a backslash before one
	 * of a name's own; NULL: none */
	char *lower, *upper, *work;
	bool squash_root;
	int64_t squash[2]; /* whose everything is: user, group; -1: no */
	/* of ids on the disk (inside) to those that are shown (outside) */
	struct vfs_id_map *maps[2];
	size_t map_counts[2];
	const char *owner; /* of hostfs; NULL: the host's */

	/* layers_find: the lower ones, topmost first, then upper and work */
	struct layer *found;
	size_t count;
};

/* None yet. Ends the program when there is no memory. */
struct layers *layers_create(void);
void layers_free(struct layers *layers);

/* Looks for the directories, from the working directory. 0, or -1, and stderr
 * says which cannot be had. */
int layers_find(struct layers *layers);

/* Mounts the overlay in the tree of task, which may do anything there, on
 * target; options: the type's, without those above. 0 or a negative errno, and
 * stderr says what. */
int layers_mount(struct vfs_task *task, const struct layers *layers,
		 const char *options, uint64_t flags, const char *target);

/* Whether the process may use attributes called trusted.*. */
bool layers_may_trust(void);

#endif
