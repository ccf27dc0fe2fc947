/* SPDX-License-Identifier: MIT */
/*
 * The conformance kit: bodies of tests that any backend must pass, through
 * the public calls alone. A body works on an empty mount of the backend.
 *
 * A check that fails is recorded, not fatal, so that the same bodies run while
 * allocations fail: then a call that answers -ENOMEM because of that must have
 * changed nothing, and is made again.
 */
#ifndef TEST_KIT_H
#define TEST_KIT_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vfs/vfs.h>

#include "support/alloc.h"
#include "support/clock.h"

/* What a backend can do beyond what every backend must. */
#define KIT_FALLOCATE 0x1u
#define KIT_HOLES 0x2u /* SEEK_HOLE finds holes; they cost nothing */
#define KIT_XATTR 0x4u
#define KIT_ACL 0x8u
#define KIT_TMPFILE 0x10u
#define KIT_WHITEOUT 0x20u
#define KIT_MMAP 0x40u
#define KIT_HANDLES 0x80u
#define KIT_SOCKETS 0x100u /* endpoints: VFS_FS_COMPLETE */
#define KIT_NAMES 0x200u   /* names can be made: what most bodies need */
#define KIT_GIVEN 0x400u   /* names are there, and none can be made */
#define KIT_MOVING 0x800u  /* looking at the tree changes it */

struct kit_backend {
	const char *name;
	const struct vfs_filesystem_type *type; /* NULL: built in */
	const char *root_type;
	const char *options;
	const char *overlay; /* options of one that becomes the tasks' root: its
			      * layers are /l, /u and /w; NULL: none */
	uint32_t flags;	     /* VFS_CONFIG_* */
	uint64_t cached_names; /* max_cached_names */
	uint32_t features;
};

struct kit {
	const struct kit_backend *backend;
	struct vfs *vfs;
	struct vfs_task *task; /* root, umask 0 */
	struct vfs_task *user; /* 1000:1000, umask 0 */
	struct test_alloc alloc;
	struct test_clock clock;
	bool failing;	   /* allocations are made to fail */
	uint64_t state;	   /* what the tree looked like, when failing */
	uint64_t refusals; /* calls that answered -ENOMEM */
	uint32_t problems; /* checks that failed */
	char first[256];   /* the first of them */
};

struct kit_body {
	const char *name;
	void (*run)(struct kit *kit);
	uint32_t needs; /* KIT_*; skipped without */
};

extern const struct kit_backend kit_backends[];
extern const size_t kit_backend_count;
extern const struct kit_body kit_bodies[];
extern const size_t kit_body_count;

/* 0 or a negative errno, then nothing is open. alloc must be initialised. */
int kit_open(struct kit *kit, const struct kit_backend *backend);
/* Gives all back; records a leak. */
void kit_close(struct kit *kit);
/* Walks the whole tree: entries agree with what they name, counts of links
 * with the tree, `..` with the parent. No descriptor may be open. */
void kit_check_tree(struct kit *kit);

/* The call's result is this, or one of the checks has failed. */
#define KIT(kit, call, expected)                                               \
	do {                                                                   \
		int64_t kit_got;                                               \
                                                                               \
		kit__before(kit);                                              \
		kit_got = (int64_t)(call);                                     \
		if (kit__refused(kit, kit_got, #call, __LINE__))               \
			kit_got = (int64_t)(call);                             \
		kit__equal(kit, kit_got, (int64_t)(expected), #call, __FILE__, \
			   __LINE__);                                          \
	} while (0)
/* The same for a call whose result is wanted; it may not be negative. */
#define KIT_GET(kit, variable, call)                                           \
	do {                                                                   \
		kit__before(kit);                                              \
		(variable) = (call);                                           \
		if (kit__refused(kit, (int64_t)(variable), #call, __LINE__))   \
			(variable) = (call);                                   \
		kit__equal(kit, (variable) < 0, 0, #call, __FILE__, __LINE__); \
	} while (0)
#define KIT_TRUE(kit, condition) \
	kit__equal(kit, (condition) ? 1 : 0, 1, #condition, __FILE__, __LINE__)

void kit__before(struct kit *kit);
bool kit__refused(struct kit *kit, int64_t result, const char *what, int line);
void kit__equal(struct kit *kit, int64_t got, int64_t expected,
		const char *what, const char *file, int line);

/* Helpers on top. */
void kit_put(struct kit *kit, const char *path, const char *text);
void kit_see(struct kit *kit, const char *path, const char *text);
void kit_write(struct kit *kit, int fd, const void *data, size_t size,
	       int64_t offset);
struct vfs_stat kit_stat(struct kit *kit, const char *path);
bool kit_exists(struct kit *kit, const char *path);
/* How many entries a directory has besides `.` and `..`. */
int kit_entries(struct kit *kit, const char *path, size_t buffer);

void kit_names(struct kit *kit);
void kit_links(struct kit *kit);
void kit_rename_files(struct kit *kit);
void kit_rename_directories(struct kit *kit);
void kit_rename_flags(struct kit *kit);
void kit_whiteout(struct kit *kit);
void kit_symlinks(struct kit *kit);
void kit_special(struct kit *kit);
void kit_absences(struct kit *kit);
void kit_long_names(struct kit *kit);
void kit_permissions(struct kit *kit);
void kit_removed_directory(struct kit *kit);
void kit_unlinked_open(struct kit *kit);
void kit_tmpfile(struct kit *kit);
void kit_listing(struct kit *kit);
void kit_listing_churn(struct kit *kit);
void kit_positions(struct kit *kit);
void kit_data(struct kit *kit);
void kit_truncate(struct kit *kit);
void kit_append(struct kit *kit);
void kit_large(struct kit *kit);
void kit_vectors(struct kit *kit);
void kit_copy(struct kit *kit);
void kit_edges(struct kit *kit);
void kit_holes(struct kit *kit);
void kit_fallocate(struct kit *kit);
void kit_attributes(struct kit *kit);
void kit_times(struct kit *kit);
void kit_xattrs(struct kit *kit);
void kit_acls(struct kit *kit);
void kit_statfs(struct kit *kit);
void kit_locks(struct kit *kit);
void kit_fifo(struct kit *kit);
void kit_tasks(struct kit *kit);
void kit_mountpoints(struct kit *kit);
void kit_given(struct kit *kit);
void kit_mmap(struct kit *kit);
void kit_mmap_sparse(struct kit *kit);
void kit_memfd(struct kit *kit);
void kit_handles(struct kit *kit);
void kit_sockets(struct kit *kit);
void kit_watches(struct kit *kit);

#endif
