/* SPDX-License-Identifier: MIT */
/* What the kernel side needs for user namespaces, inode flags and emptying. */
#ifndef ORACLE_KUSER_H
#define ORACLE_KUSER_H

#include "ktask.h"

/* Writes a map of process's user namespace, as writer. proc: a descriptor of
 * /proc, which the tree does not have. 0 or a negative errno. */
int kuser_write_map(struct ktask *writer, int proc, pid_t process,
		    const char *file, const struct vfs_id_map *maps,
		    size_t count);

/* Makes a file removable again; name NULL: dir itself. */
void kuser_clear_flags(int dir, const char *name);
/* Empties a directory, whatever is in it. */
void kuser_purge(int dir);

#endif
