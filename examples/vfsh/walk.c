/* SPDX-License-Identifier: MIT */
/* Visits a path and everything under it, in the order of the names. */
#include "vfsh.h"

static int walk_entry(struct shell *sh, struct walk *walk, const char *path,
		      const char *name, int depth);

static int walk_children(struct shell *sh, struct walk *walk, const char *path,
			 int depth)
{
	struct names names = {0};
	int error = sh_list(sh, path, &names);
	int result = 0;

	if (error)
		walk->status = sh_fail(sh, path, error);
	for (size_t i = 0; i < names.count && result == 0; i++) {
		char *child = sh_join(path, names.items[i]);

		result = walk_entry(sh, walk, child, names.items[i], depth + 1);
		free(child);
	}
	sh_names_free(&names);
	return result;
}

static int walk_entry(struct shell *sh, struct walk *walk, const char *path,
		      const char *name, int depth)
{
	struct vfs_stat stat;
	struct walk_entry entry = {path, name, &stat, depth, false};
	int error = walk->follow && depth == 0
			    ? vfs_stat(sh->task, path, &stat)
			    : vfs_lstat(sh->task, path, &stat);
	int result;

	if (atomic_load(&sh->interrupted))
		return 130;
	if (error) {
		walk->status = sh_fail(sh, path, error);
		return 0;
	}
	result = walk->visit(sh, walk, &entry);
	if (result != 0)
		return result == WALK_SKIP ? 0 : result;
	if (!S_ISDIR(stat.mode))
		return 0;
	if (walk->max_depth < 0 || depth < walk->max_depth)
		result = walk_children(sh, walk, path, depth);
	if (result == 0 && walk->after) {
		entry.after = true;
		result = walk->visit(sh, walk, &entry);
	}
	return result;
}

int sh_walk(struct shell *sh, struct walk *walk, const char *path)
{
	int result = walk_entry(sh, walk, path, sh_basename(path), 0);

	if (result > 0)
		walk->status = result;
	return walk->status;
}
