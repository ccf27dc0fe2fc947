/* SPDX-License-Identifier: MIT */
/*
 * The order of a directory's entries: an append-only log of records, for
 * listings. Finding a name is the core's business; the log never searches by
 * name.
 *
 * Positions. A record's position is fixed when it is appended, grows from
 * record to record and is never given to another record that a listing could
 * confuse with it: what exists during a whole scan is met exactly once. It is
 * also the cookie by which a name's record is found again.
 *
 * Storage. Records lie in chunks of up to 4 KiB; a small directory has one
 * small chunk. Removing marks a record dead; a chunk that is mostly dead is
 * rewritten smaller, one that is wholly dead is freed; records keep their
 * positions throughout. So adding and removing cost O(1) amortised, and memory
 * follows the number of living entries however long the directory is in use.
 *
 * Locks. The directory's inode lock: shared for tmpfs_log_iterate and
 * tmpfs_log_empty, exclusive for the rest. Nothing here is looked at without
 * it, so memory is freed directly. A log pointer may be NULL: empty.
 */
#ifndef TMPFS_LOG_H
#define TMPFS_LOG_H

#include <stdbool.h>

#include <vfs/sys/backend.h>

struct tmpfs_log;

/* True when no entry is left. */
bool tmpfs_log_empty(const struct tmpfs_log *log);

/*
 * Makes room for one name of name_len bytes, so that the next append of such a
 * name (or a shorter one) cannot fail; making *log when it is NULL. Records
 * may move, positions do not. 0, -ENOMEM, -ENOSPC (positions used up).
 */
int tmpfs_log_reserve(struct vfs *vfs, struct tmpfs_log **log,
		      uint32_t name_len);

/* Appends after a tmpfs_log_reserve; returns the cookie. type: DT_*. */
uint64_t tmpfs_log_append(struct tmpfs_log *log, const char *name,
			  uint32_t name_len, uint64_t ino, uint32_t type);

/* Takes the record at cookie away. Cannot fail. */
void tmpfs_log_remove(struct vfs *vfs, struct tmpfs_log *log, uint64_t cookie);

/* The record at cookie now stands for another inode. */
void tmpfs_log_retarget(struct tmpfs_log *log, uint64_t cookie, uint64_t ino,
			uint32_t type);

/* The record at cookie gets another name, when that fits into its place: true.
 * Its position stays. */
bool tmpfs_log_rename(struct tmpfs_log *log, uint64_t cookie, const char *name,
		      uint32_t name_len);

/* Emits from context->position on, until the end or a full buffer. */
void tmpfs_log_iterate(const struct tmpfs_log *log,
		       struct vfs_dir_context *context);

/* Frees all. NULL is accepted. */
void tmpfs_log_destroy(struct vfs *vfs, struct tmpfs_log *log);

#endif
