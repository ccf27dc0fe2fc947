/* SPDX-License-Identifier: MIT */
/*
 * A file system as simple as can be, for tests: in memory, but without the
 * promises of VFS_FS_COMPLETE and VFS_FS_NONBLOCKING, so that names are looked
 * up, absences are remembered, and reading may sleep. Symlinks' targets are
 * asked for, files are all data.
 */
#ifndef TEST_PLAINFS_H
#define TEST_PLAINFS_H

#include <vfs/sys/backend.h>

extern const struct vfs_filesystem_type plainfs_type;

/* What went through the file systems of this process; atomic. */
struct plainfs_counts {
	uint64_t lookups;
	int64_t open_files; /* open without release yet */
	int64_t inodes;	    /* made and not evicted yet */
};
extern struct plainfs_counts plainfs_counts;

#endif
