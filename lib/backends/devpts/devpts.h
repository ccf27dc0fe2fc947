/* SPDX-License-Identifier: MIT */
/*
 * Inside devpts: a directory with ptmx and the slaves of the terminals that
 * were made by it.
 *
 * Life. A terminal is made when ptmx is opened and ends when that open file is
 * closed. As long it holds its slave's inode, so that the slave has one; the
 * master's descriptor is the open file's, and closed after the terminal is out
 * of the list. The inode may last longer, without a name: opening it is -EIO
 * then.
 *
 * Locks. `lock` is behind the locks of inodes and protects the list of
 * terminals, and that a terminal's master is open. Nothing of the core is
 * called under it but for a reference taken.
 */
#ifndef DEVPTS_H
#define DEVPTS_H

#include <pthread.h>
#include <stdbool.h>
#include <vfs/sys/backend.h>

#define DEVPTS_MAX (1u << 20) /* what the kernel has as its ceiling */
#define DEVPTS_PTMX_INO 2u
#define DEVPTS_FIRST_INO 3u /* of the slave with number 0 */

struct devpts_options {
	bool has_uid, has_gid;
	uint32_t uid, gid;
	uint32_t mode;
	uint32_t ptmxmode;
	uint32_t max;
};

struct devpts_pty {
	struct devpts_pty *next; /* by number */
	uint32_t number;
	int master;		 /* the open file's */
	struct vfs_inode *slave; /* referenced */
};

struct devpts_super {
	struct vfs *vfs;
	pthread_mutex_t lock;
	struct devpts_options options; /* lock, after mount */
	struct devpts_pty *ptys;       /* lock */
	uint32_t count;		       /* lock */
	struct vfs_inode *ptmx;	       /* constant; referenced */
};

static inline struct devpts_super *devpts_super(const struct vfs_super *super)
{
	return vfs_super_private(super);
}

/* options.c */
/* - 0; -EINVAL, and a line to the log. ids: what uid= and gid= are numbers of.
 */
int devpts_parse_options(struct vfs *vfs, const char *text,
			 const struct vfs_userns *userns,
			 struct devpts_options *out);
int devpts_show_options(struct vfs_super *super, char *out, size_t size);

/* pty.c */
extern const struct vfs_inode_ops devpts_ptmx_ops;
/* - The slave of that number, referenced; NULL: none. */
struct vfs_inode *devpts_find(struct devpts_super *s, uint32_t number);

/* - Whether it is that one. */
bool devpts_is(struct devpts_super *s, uint32_t number,
	       const struct vfs_inode *slave);

#endif
