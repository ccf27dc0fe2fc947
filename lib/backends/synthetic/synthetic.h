/* SPDX-License-Identifier: MIT */
/*
 * Inside the synthetic layer. A synthetic inode keeps a copy of its node; a
 * directory keeps the inodes of its table, each made at its first look-up and
 * held until the directory is evicted, so that each file of a table has one
 * inode. What a lookup callback made lives as long as the core wants it.
 */
#ifndef SYNTHETIC_H
#define SYNTHETIC_H

#include <stdbool.h>
#include <stddef.h>

#include <vfs/sys/synthetic.h>

struct synthetic_inode {
	struct vfs_synthetic_node node; /* constant; name NULL */
	bool dynamic;			/* lookup filled node: drop it */
	uint32_t kid_count;		/* constant */
	struct vfs_inode **kids;	/* constant; each atomic, referenced */
};

_Static_assert(sizeof(struct synthetic_inode) <= VFS_SYNTHETIC_INODE_SIZE,
	       "inodes have room");

struct synthetic_super {
	const struct vfs_synthetic_tree *tree;
};

_Static_assert(sizeof(struct synthetic_super) <= VFS_SYNTHETIC_SUPER_SIZE,
	       "supers have room");

struct vfs_synthetic_text {
	struct vfs *vfs;
	char *data;
	size_t len, room;
	int err;
};

struct vfs_synthetic_listing {
	struct vfs_inode *dir;
	struct vfs_dir_context *context;
};

static inline struct synthetic_inode *
synthetic_inode(const struct vfs_inode *inode)
{
	return vfs_inode_private(inode);
}

static inline const struct vfs_synthetic_ops *
synthetic_ops(const struct vfs_inode *inode)
{
	return synthetic_inode(inode)->node.ops;
}

/* Does a table of operations, maybe of an older version or none, have it? */
#define SYNTHETIC_HAS(ops, op)                                                 \
	((ops) &&                                                              \
	 (ops)->size >=                                                        \
		 offsetof(struct vfs_synthetic_ops, op) + sizeof((ops)->op) && \
	 (ops)->op)

/* node.c */
void synthetic_call(const struct vfs_inode *inode,
		    struct vfs_synthetic_call *call);
uint64_t synthetic_ino(const struct vfs_synthetic_node *node, uint64_t dir,
		       const char *name, uint32_t len);
/* An inode for node; dir's number 0 for the root. NULL: out of memory. */
struct vfs_inode *synthetic_make(struct vfs_super *super,
				 const struct vfs_synthetic_node *node,
				 uint64_t dir, const char *name, uint32_t len,
				 bool dynamic);
void synthetic_evict(struct vfs_inode *inode);
int synthetic_getattr(struct vfs_inode *inode, struct vfs_stat *out);
int synthetic_setattr(struct vfs_inode *inode, const struct vfs_attr *attr);
/* The table's node of that name, and its place in the table; NULL: none. */
const struct vfs_synthetic_node *
synthetic_in_table(const struct vfs_synthetic_node *dir, const char *name,
		   uint32_t len, uint32_t *index);
const struct vfs_synthetic_node *
synthetic_next(const struct vfs_synthetic_node *node);

/* text.c */
void synthetic_text_init(struct vfs_synthetic_text *text, struct vfs *vfs);
void synthetic_text_fini(struct vfs_synthetic_text *text);
/* At most count bytes from offset on. */
int64_t synthetic_text_copy(const struct vfs_synthetic_text *text, void *buffer,
			    size_t count, int64_t offset);

/* dir.c, file.c */
extern const struct vfs_inode_ops synthetic_dir_ops, synthetic_closed_dir_ops;
extern const struct vfs_inode_ops synthetic_file_ops, synthetic_link_ops,
	synthetic_magic_ops, synthetic_node_ops;
int synthetic_open(struct vfs_inode *inode, struct vfs_file *file);

#endif
