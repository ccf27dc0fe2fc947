/* SPDX-License-Identifier: MIT */
/* One run of cp: what was asked for and how far it is. */
#ifndef VFSH_COPY_H
#define VFSH_COPY_H

#include "vfsh.h"

#define COPY_BUFFER_SIZE ((size_t)256 * 1024)

struct copy {
	bool recursive, no_dereference, owners, attributes, exact, links;
	bool force, keep, plain, verbose, statistics, progress;
	const struct side *from;
	const struct side *to;
	struct link_map seen; /* (dev, ino) of sources -> path of the copy */
	char *buffer;
	int status;
	/* The first directory made, not to be copied into itself. */
	bool top_known;
	uint64_t top_dev;
	uint64_t top_ino;
	uint64_t files, directories, others, bytes;
	double start;
	double last_report;
};

/* "cp: host:PATH: why" for the side it happened on. */
void sh_copy_fail(struct shell *sh, struct copy *copy, const struct side *side,
		  const char *path, int error);
/* The line on the terminal that says how far it is, now and then. */
void sh_copy_report(struct copy *copy);
/* A file's data. False: it could not be opened, which has been said. */
bool sh_copy_contents(struct shell *sh, struct copy *copy, const char *source,
		      const char *target, const struct vfs_stat *stat);
/* Owner, extended attributes, mode and times, as far as they are to be kept.
 */
void sh_copy_attributes(struct shell *sh, struct copy *copy, const char *source,
			const char *target, const struct vfs_stat *stat);

#endif
