/* SPDX-License-Identifier: MIT */
/*
 * The tree that is served, as a list of mounts: any type that the instance
 * knows, with source, place and options as in fstab(5). They are made by
 * vfs_mount, in their order, parents first; what is missing of the places is
 * made, too.
 */
#ifndef TREE_H
#define TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct layers;
struct server;

struct tree_mount {
	char *type, *source, *target;
	char *data;	/* options for the type, or NULL */
	uint64_t flags; /* MS_* */
};

struct tree {
	struct tree_mount *mounts;
	size_t count;
	/* NULL, or what the overlay at "/" is made of: the host's directories;
	 * the owner's */
	const struct layers *layers;
};

/*
 * What option means to mount(2): adds to and takes from *flags. 1: it was one
 * of those; 2: it means something to mount(8) alone; 0: it is none of them.
 */
int tree_flag(const char *option, size_t length, uint64_t *flags);

/* Adds a mount; options as in fstab(5), or NULL. Ends the program when there is
 * no memory. */
void tree_add(struct tree *tree, const char *type, const char *source,
	      const char *target, const char *options);
/* Adds the mounts of a file like fstab(5). 0, or an errno, and stderr says
 * where and what. */
int tree_load(struct tree *tree, const char *path);
/* Is something at more than one place? */
bool tree_has_binds(const struct tree *tree);
/* For server_create: makes all of the mounts of the struct tree; its root is
 * tmpfs when the list has no "/". 0, or a negative errno, and stderr says which
 * mount. */
int tree_make(struct server *server, const void *tree);
void tree_free(struct tree *tree);

#endif
