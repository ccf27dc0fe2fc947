/* SPDX-License-Identifier: MIT */
/*
 * Nodes: the files that the kernel knows by number. A node is there as long as
 * the kernel's count of look-ups is not 0, and holds an O_PATH descriptor, so
 * that a file that was removed or renamed is still the same file, and its
 * number is nobody else's. One file has one node, whatever names it was found
 * by: the table's key is vfs_fidentity's, because device and number do not tell
 * all files of an overlay apart. Where the kernel keeps nothing of a file it
 * has a node for each mount of the tree that it was found by: what a read-only
 * one does not let do, another may.
 *
 * The kernel's number of a node is its address, and with the generation no
 * other node's, ever (file handles); the root's is FUSE_ROOT_ID, and it stays
 * until the end. Thread safe; the table has one lock, under which nothing is
 * called.
 */
#ifndef NODES_H
#define NODES_H

#include <stdbool.h>
#include <stdint.h>

#include <fuse_lowlevel.h>

#include <vfs/vfs.h>

struct server;
struct nodes;

struct node {
	uint64_t identity;	 /* the key, with the next */
	uint64_t mount;		 /* the tree's, or 0: any */
	uint64_t dev, shown_ino; /* as it was found first */
	uint32_t generation;
	uint32_t mode;	  /* as the kernel was told last: atomic */
	int fd;		  /* O_PATH, in the shared table */
	bool shared;	  /* others than we may change it: constant */
	uint64_t lookups; /* under the table's lock */
	/* under the lock of the session's handles: see ops_files.c */
	unsigned int kept, through;
	bool mixed;
	struct node *next; /* of the bucket */
};

/* The root's node takes over fd; by_mount: a file has one for each mount. NULL:
 * no memory. */
struct nodes *nodes_create(struct server *server, int fd, bool by_mount);
void nodes_destroy(struct nodes *nodes);

struct node *node_of(struct nodes *nodes, fuse_ino_t number);
fuse_ino_t node_number(const struct nodes *nodes, const struct node *node);

/*
 * The node of the file that fd, an O_PATH descriptor, leads to and stat is of,
 * with one more look-up: a new one, or one that is known already. Takes fd
 * over, also on failure. NULL: no memory.
 */
struct node *node_insert(struct nodes *nodes, int fd,
			 const struct vfs_stat *stat);
/* Takes count look-ups back; the node ends with the last one. */
void node_forget(struct nodes *nodes, struct node *node, uint64_t count);

/*
 * The number that programs see, for a name in a listing; a node keeps the one
 * that it had at first, though that of a file on an overlay may change when it
 * is copied up. A mount of the host's has one device, so files
 * of other file systems in the tree get the file system's place in the order
 * of discovery mixed in: two files never show as one.
 */
uint64_t node_shown_ino(struct nodes *nodes, uint64_t dev, uint64_t ino);

#endif
