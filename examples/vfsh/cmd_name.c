/* SPDX-License-Identifier: MIT */
/* mv, rm, ln, mkdir, rmdir, mkfifo, mknod: names. */
#include <sys/sysmacros.h>

#include "vfsh.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#endif

static bool is_directory(struct shell *sh, const char *path)
{
	struct vfs_stat stat;

	return vfs_stat(sh->task, path, &stat) == 0 && S_ISDIR(stat.mode);
}

/*
 * `mv A B`, `mv A... DIR` and the same of ln: where the source is to appear.
 * NULL: the target is no directory though it has to be.
 */
static char *target_of(struct shell *sh, const char *source, const char *target,
		       bool many, bool plain)
{
	char *name;
	char *path;

	if (plain || !is_directory(sh, target)) {
		if (!many)
			return sh_strdup(target);
		sh_fail(sh, target, -ENOTDIR);
		return NULL;
	}
	name = sh_strdup(sh_basename(source));
	for (size_t end = strlen(name); end > 1 && name[end - 1] == '/'; end--)
		name[end - 1] = '\0';
	path = sh_join(target, name);
	free(name);
	return path;
}

/* ---- mv ---- */

static int move(struct shell *sh, const char *source, const char *target,
		bool keep)
{
	char *both;
	size_t size;
	int error = vfs_renameat2(sh->task, AT_FDCWD, source, AT_FDCWD, target,
				  keep ? RENAME_NOREPLACE : 0);

	if (error == 0 || (keep && error == -EEXIST))
		return 0;
	size = strlen(source) + strlen(target) + 8;
	both = sh_alloc(size);
	snprintf(both, size, "%s -> %s", source, target);
	sh_fail(sh, both, error);
	free(both);
	return 1;
}

static int run_mv(struct shell *sh, int argc, char **argv)
{
	bool keep = false;
	bool plain = false;
	int status = 0;
	int letter;

	while ((letter = getopt(argc, argv, "fnT")) != -1) {
		if (letter == 'n')
			keep = true;
		else if (letter == 'T')
			plain = true;
		else if (letter != 'f')
			return sh_usage(sh);
	}
	if (argc - optind < 2 || (plain && argc - optind > 2))
		return sh_usage(sh);
	for (int i = optind; i < argc - 1; i++) {
		char *target = target_of(sh, argv[i], argv[argc - 1],
					 argc - optind > 2, plain);

		if (!target)
			return 1;
		status |= move(sh, argv[i], target, keep);
		free(target);
	}
	return status;
}

/* ---- rm ---- */

static int remove_visit(struct shell *sh, struct walk *walk,
			const struct walk_entry *entry)
{
	bool directory = S_ISDIR(entry->stat->mode);
	int error;

	if (directory && !entry->after)
		return 0;
	error = directory ? vfs_rmdir(sh->task, entry->path)
			  : vfs_unlink(sh->task, entry->path);
	if (error)
		walk->status = sh_fail(sh, entry->path, error);
	return 0;
}

static int remove_path(struct shell *sh, const char *path, bool recursive,
		       bool force, bool empty)
{
	struct walk walk = {
		.visit = remove_visit, .max_depth = -1, .after = true};
	struct vfs_stat stat;
	const char *name = sh_basename(path);
	size_t length = strcspn(name, "/");
	int error = vfs_lstat(sh->task, path, &stat);

	if (error == -ENOENT && force)
		return 0;
	if (error)
		return sh_fail(sh, path, error);
	if (!S_ISDIR(stat.mode)) {
		error = vfs_unlink(sh->task, path);
		return error ? sh_fail(sh, path, error) : 0;
	}
	if (!recursive && empty) {
		error = vfs_rmdir(sh->task, path);
		return error ? sh_fail(sh, path, error) : 0;
	}
	if (!recursive)
		return sh_fail(sh, path, -EISDIR);
	if (length == 0 || (length == 1 && name[0] == '.') ||
	    (length == 2 && name[0] == '.' && name[1] == '.'))
		return sh_complain(sh, "%s: refusing to remove", path);
	return sh_walk(sh, &walk, path);
}

static int run_rm(struct shell *sh, int argc, char **argv)
{
	bool recursive = false;
	bool force = false;
	bool empty = false;
	int status = 0;
	int letter;

	while ((letter = getopt(argc, argv, "dfRr")) != -1) {
		if (letter == 'r' || letter == 'R')
			recursive = true;
		else if (letter == 'f')
			force = true;
		else if (letter == 'd')
			empty = true;
		else
			return sh_usage(sh);
	}
	if (optind == argc && !force)
		return sh_usage(sh);
	for (int i = optind; i < argc; i++)
		status |= remove_path(sh, argv[i], recursive, force, empty);
	return status;
}

static int run_rmdir(struct shell *sh, int argc, char **argv)
{
	bool parents = false;
	int status = 0;
	int letter;

	while ((letter = getopt(argc, argv, "p")) != -1) {
		if (letter != 'p')
			return sh_usage(sh);
		parents = true;
	}
	if (optind == argc)
		return sh_usage(sh);
	for (int i = optind; i < argc; i++) {
		char *slash = argv[i];
		int error = vfs_rmdir(sh->task, argv[i]);

		while (error == 0 && parents &&
		       (slash = strrchr(argv[i], '/')) && slash != argv[i]) {
			*slash = '\0';
			error = vfs_rmdir(sh->task, argv[i]);
		}
		if (error)
			status = sh_fail(sh, argv[i], error);
	}
	return status;
}

/* ---- ln ---- */

static int link_one(struct shell *sh, const char *source, const char *target,
		    bool symbolic, bool force)
{
	struct vfs_stat from;
	struct vfs_stat to;
	int error;

	if (force && vfs_lstat(sh->task, target, &to) == 0) {
		if (!symbolic && vfs_lstat(sh->task, source, &from) == 0 &&
		    from.dev == to.dev && from.ino == to.ino)
			return sh_complain(sh, "%s and %s are the same file",
					   source, target);
		error = vfs_unlink(sh->task, target);
		if (error)
			return sh_fail(sh, target, error);
	}
	error = symbolic ? vfs_symlink(sh->task, source, target)
			 : vfs_link(sh->task, source, target);
	if (error == 0)
		return 0;
	if (!symbolic && vfs_lstat(sh->task, source, &from))
		return sh_fail(sh, source, error);
	return sh_fail(sh, target, error);
}

static int run_ln(struct shell *sh, int argc, char **argv)
{
	char here[] = ".";
	bool symbolic = false;
	bool force = false;
	bool plain = false;
	int status = 0;
	int letter;
	int last;

	while ((letter = getopt(argc, argv, "fnsT")) != -1) {
		if (letter == 's')
			symbolic = true;
		else if (letter == 'f')
			force = true;
		else if (letter == 'T' || letter == 'n')
			plain = true;
		else
			return sh_usage(sh);
	}
	if (optind == argc)
		return sh_usage(sh);
	/* One path alone appears here, under its own name. */
	last = argc - optind == 1 ? argc : argc - 1;
	for (int i = optind; i < last; i++) {
		char *target =
			target_of(sh, argv[i], last == argc ? here : argv[last],
				  last - optind > 1, plain);

		if (!target)
			return 1;
		status |= link_one(sh, argv[i], target, symbolic, force);
		free(target);
	}
	return status;
}

/* ---- mkdir, mkfifo, mknod ---- */

static int make_parents(struct shell *sh, char *path)
{
	for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
		int error;

		*slash = '\0';
		error = vfs_mkdir(sh->task, path, 0777);
		if (error && !(error == -EEXIST && is_directory(sh, path)) &&
		    path[0] != '\0')
			return sh_fail(sh, path, error);
		*slash = '/';
		slash += strspn(slash, "/") - 1;
	}
	return 0;
}

static int make_directory(struct shell *sh, char *path, bool parents,
			  const uint32_t *mode)
{
	int error;

	if (parents && make_parents(sh, path))
		return 1;
	error = vfs_mkdir(sh->task, path, mode ? *mode & 0777 : 0777);
	if (parents && error == -EEXIST && is_directory(sh, path))
		return 0;
	if (error == 0 && mode)
		error = vfs_chmod(sh->task, path, *mode);
	return error ? sh_fail(sh, path, error) : 0;
}

/* -m MODE of mkdir, mkfifo and mknod, in optarg. */
static bool mode_option(struct shell *sh, uint32_t base, uint32_t *mode)
{
	if (sh_parse_mode(optarg, base, sh_umask(sh), mode))
		return true;
	sh_complain(sh, "%s: not a mode", optarg);
	return false;
}

static int run_mkdir(struct shell *sh, int argc, char **argv)
{
	bool parents = false;
	bool has_mode = false;
	uint32_t mode = 0;
	int status = 0;
	int letter;

	while ((letter = getopt(argc, argv, "m:p")) != -1) {
		if (letter == 'p')
			parents = true;
		else if (letter != 'm')
			return sh_usage(sh);
		else if (mode_option(sh, S_IFDIR | 0777, &mode))
			has_mode = true;
		else
			return 1;
	}
	if (optind == argc)
		return sh_usage(sh);
	for (int i = optind; i < argc; i++)
		status |= make_directory(sh, argv[i], parents,
					 has_mode ? &mode : NULL);
	return status;
}

static int make_node(struct shell *sh, const char *path, uint32_t type,
		     uint64_t dev, const uint32_t *mode)
{
	int error =
		vfs_mknod(sh->task, path, type | (mode ? *mode : 0666), dev);

	if (error == 0 && mode)
		error = vfs_chmod(sh->task, path, *mode);
	return error ? sh_fail(sh, path, error) : 0;
}

/* 0; or the status to return with. */
static int node_options(struct shell *sh, int argc, char **argv, uint32_t *mode,
			bool *has_mode)
{
	int letter;

	while ((letter = getopt(argc, argv, "m:")) != -1) {
		if (letter != 'm')
			return sh_usage(sh);
		if (!mode_option(sh, 0666, mode))
			return 1;
		*has_mode = true;
	}
	return optind == argc ? sh_usage(sh) : 0;
}

static int run_mkfifo(struct shell *sh, int argc, char **argv)
{
	bool has_mode = false;
	uint32_t mode = 0;
	int status = node_options(sh, argc, argv, &mode, &has_mode);

	for (int i = optind; status < 2 && i < argc; i++)
		status |= make_node(sh, argv[i], S_IFIFO, 0,
				    has_mode ? &mode : NULL);
	return status;
}

static int run_mknod(struct shell *sh, int argc, char **argv)
{
	bool has_mode = false;
	uint32_t mode = 0;
	uint64_t numbers[2] = {0, 0};
	int status = node_options(sh, argc, argv, &mode, &has_mode);
	char **words = argv + optind;
	int count = argc - optind;
	uint32_t type;

	if (status)
		return status;
	if (count < 2 || strlen(words[1]) != 1 || !strchr("bcups", *words[1]))
		return sh_usage(sh);
	type = *words[1] == 'b'	  ? S_IFBLK
	       : *words[1] == 'p' ? S_IFIFO
	       : *words[1] == 's' ? S_IFSOCK
				  : S_IFCHR;
	if (type == S_IFBLK || type == S_IFCHR) {
		if (count != 4 ||
		    !sh_parse_number(words[2], 0xfff, &numbers[0]) ||
		    !sh_parse_number(words[3], 0xfffff, &numbers[1]))
			return sh_usage(sh);
	} else if (count != 2) {
		return sh_usage(sh);
	}
	return make_node(sh, words[0], type,
			 makedev((unsigned)numbers[0], (unsigned)numbers[1]),
			 has_mode ? &mode : NULL);
}

const struct command sh_name_commands[] = {
	{"mv", run_mv, "[-fn] [-T] SOURCE... TARGET",
	 "rename; -n: never replace; -T: the target is no directory to "
	 "move into"},
	{"rm", run_rm, "[-dfr] PATH...", "remove; -r: with all below"},
	{"ln", run_ln, "[-fnsT] SOURCE... TARGET",
	 "make links; -s: symbolic ones"},
	{"mkdir", run_mkdir, "[-p] [-m MODE] DIRECTORY...",
	 "make directories; -p: and their parents"},
	{"rmdir", run_rmdir, "[-p] DIRECTORY...", "remove empty directories"},
	{"mkfifo", run_mkfifo, "[-m MODE] PATH...", "make named pipes"},
	{"mknod", run_mknod, "[-m MODE] PATH (b|c) MAJOR MINOR | PATH (p|s)",
	 "make device nodes, named pipes and sockets' names"},
	{0},
};
