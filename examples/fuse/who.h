/* SPDX-License-Identifier: MIT */
/*
 * What /proc knows of a thread that asks: supplementary groups, capabilities,
 * and, when it is in another user namespace than the server, that one's maps.
 */
#ifndef WHO_H
#define WHO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vfs/vfs.h>

struct who {
	uint32_t uid, gid; /* for files; numbers of the server's namespace */
	uint64_t effective, permitted; /* capabilities */
	uint32_t *groups;
	size_t group_count;
	bool foreign; /* in another user namespace, whose maps these are */
	struct vfs_id_map *maps[2]; /* of users, of groups */
	size_t map_counts[2];
};

/*
 * Finds out who thread tid is, which asks as uid:gid. Of a thread that cannot
 * be looked at nothing is known but that: no groups, and capabilities (all)
 * for user 0 alone, when the kernel itself asks (tid 0, or on behalf of
 * somebody else). 0 or -ENOMEM, and then there is nothing to be freed.
 */
int who_read(struct who *who, uid_t uid, gid_t gid, pid_t tid);
/* Whether threads have the numbers in /proc that the kernel gives; where /proc
 * is not of this process's pid namespace they have others. */
bool who_knows_numbers(void);
void who_free(struct who *who);
bool who_equal(const struct who *a, const struct who *b);

/* The namespace's number for one of the server's, or UINT32_MAX; which: 0 a
 * user's, 1 a group's. Not foreign: the same. */
uint32_t who_inside(const struct who *who, int which, uint32_t id);

#endif
