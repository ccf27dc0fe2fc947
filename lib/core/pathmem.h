/* SPDX-License-Identifier: MIT */
/*
 * Path memory: where the paths lead that a thread walks again and again, so
 * that it need not walk them.
 *
 * Each thread has a few entries, found by a path's length and its last bytes,
 * which nobody else reads or writes. An entry holds pointers and no reference.
 * It is believed while nothing has changed by which its path leads where it
 * does: `renames` (names that moved, all that has to do with mounts) and
 * `changes` of the name cache, both as they were before the path was walked.
 * What counts as a change: a remembered dentry is taken out of the cache, a
 * name is inserted into a directory of which an absence is remembered (flags
 * of the dentries say so, set before the cache is looked at once more under
 * the bucket's lock); who may search some directory changes; a map of ids is
 * set; a mount ends. Whoever frees what an entry points to has counted a change
 * before, so that in a section in which the entry is believed it is there.
 *
 * Remembered is what was found without symlinks and without "..", for the same
 * credentials, in file systems that nobody else changes: those that are
 * complete, overlays, and a host's that are cached exclusively. (There what a
 * remembered dentry is below of cannot be evicted, and absences, which can, are
 * not remembered.)
 */
#ifndef VFS__PATHMEM_H
#define VFS__PATHMEM_H

#include <string.h>

#include "core/instance.h"
#include "core/path.h"
#include "core/pathname.h"
#include "core/walk.h"
#include "util/epoch.h"

/* Walking a shorter one costs no more. With debug_locks the tests are shown
 * all, and as often as can be. */
#ifdef VFS__DEBUG_LOCKS
#define VFS__PATHMEM_MIN 1u
#define VFS__PATHMEM_PATIENCE UINT8_C(0)
#else
#define VFS__PATHMEM_MIN 12u
#define VFS__PATHMEM_PATIENCE UINT8_MAX
#endif

/* - A path's tag, not 0, or 0: it is not one to remember. */
static inline uint64_t vfs__pathmem_tag(const struct vfs *vfs, const char *path,
					size_t len, uint32_t flags)
{
	const uint32_t plain =
		VFS__WALK_FOLLOW | VFS__WALK_DIRECTORY | VFS__WALK_EMPTY;
	const uint64_t *seed = vfs->dcache.seed;
	uint64_t last;

	if (len - VFS__PATHMEM_MIN > VFS__REMEMBERED_PATH - VFS__PATHMEM_MIN ||
	    (flags & ~plain) || (vfs->flags & VFS_CONFIG_NO_PATH_MEMORY))
		return 0;
	last = len >= 8 ? vfs__load_le(path + len - 8, 8)
			: vfs__load_le(path, len);
	return vfs__mix(seed[0] ^ last, seed[1] ^ len) | 1;
}

static inline struct vfs__remembered *
vfs__pathmem_entry(struct vfs__thread *thread, uint64_t tag)
{
	return &thread->remembered[tag >> 60];
}

_Static_assert(VFS__REMEMBERED == 16, "the top bits of a tag");

/* Two strings of one length. */
static inline bool vfs__pathmem_same(const char *a, const char *b, size_t len)
{
	size_t i;

	if (__builtin_expect(len < 8, 0))
		return memcmp(a, b, len) == 0;
	for (i = 0; i + 8 < len; i += 8)
		if (vfs__load_le(a + i, 8) != vfs__load_le(b + i, 8))
			return false;
	return vfs__load_le(a + len - 8, 8) == vfs__load_le(b + len - 8, 8);
}

/* Where a walk begins, and when: what it and its entry must agree on. */
struct vfs__pathmem_start {
	uint64_t renames, changes;
	struct vfs__path at;
	const struct vfs_cred *cred;
};

/* - Whether e is this path's, and still true. Inside a section. */
static inline bool vfs__pathmem_holds(const struct vfs__remembered *e,
				      uint64_t tag, const char *path,
				      size_t len,
				      const struct vfs__pathmem_start *s)
{
	return e->tag == tag && e->len == len && e->renames == s->renames &&
	       e->changes == s->changes && e->start == s->at.dentry &&
	       e->start_mnt == s->at.mnt && e->cred == s->cred->id &&
	       vfs__pathmem_same(e->path, path, len);
}

/*
 * - The path was walked without a symlink, to `at`, or to the directory in
 *   which its last name is not: remembers it, if it was walked before, and if
 *   it can be. Inside the walk's section; the entry is true if the walk is.
 */
void vfs__pathmem_walked(struct vfs__remembered *e, struct vfs *vfs,
			 uint64_t tag, const char *path, size_t len,
			 const struct vfs__pathmem_start *s,
			 const struct vfs__path *at, bool absent);

#endif
