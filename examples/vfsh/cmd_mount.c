/* SPDX-License-Identifier: MIT */
/* mount, umount, mounts, unshare, pivot_root. */
#include <sys/mount.h>

#include "vfsh.h"

/* ---- options ---- */

void sh_take_flags(char *text, uint64_t *flags)
{
	char *save = NULL, *copy = sh_strdup(text);

	*text = '\0';
	for (char *word = strtok_r(copy, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		if (vfs_mount_option(word, strlen(word), flags) == 1)
			continue;
		if (*text)
			strcat(text, ",");
		strcat(text, word);
	}
	free(copy);
}

/* ---- showing ---- */

static char *read_mounts(struct shell *sh, uint32_t form)
{
	int64_t len = vfs_mountinfo(sh->task, form, NULL, 0);
	char *text;

	if (len < 0) {
		sh_fail(sh, "mounts", (int)len);
		return NULL;
	}
	/* other threads do not mount here */
	text = sh_alloc((size_t)len + 1);
	len = vfs_mountinfo(sh->task, form, text, (size_t)len + 1);
	if (len >= 0)
		return text;
	sh_fail(sh, "mounts", (int)len);
	free(text);
	return NULL;
}

struct mount_line {
	unsigned long id, parent;
	char *root, *point, *options, *tags, *type, *source;
};

static bool parse_line(char *text, struct mount_line *line)
{
	char *save = NULL, *dash = strstr(text, " - ");
	int used = 0;

	if (!dash || sscanf(text, "%lu %lu %*u:%*u %n", &line->id,
			    &line->parent, &used) < 2)
		return false;
	*dash = '\0';
	line->type = strtok_r(dash + 3, " ", &save);
	line->source = strtok_r(NULL, " ", &save);
	line->root = strtok_r(text + used, " ", &save);
	line->point = strtok_r(NULL, " ", &save);
	line->options = strtok_r(NULL, " ", &save);
	line->tags = save;
	return line->options && line->source;
}

static void put_mount(struct shell *sh, const struct mount_line *line,
		      int depth)
{
	fprintf(sh->out, "%*s%s %s%s%s%s %s %s%s%s\n", depth * 2, "",
		line->point, line->source, strcmp(line->root, "/") ? "[" : "",
		strcmp(line->root, "/") ? line->root : "",
		strcmp(line->root, "/") ? "]" : "", line->type, line->options,
		line->tags && *line->tags ? " " : "",
		line->tags ? line->tags : "");
}

static void put_tree(struct shell *sh, const struct mount_line *lines,
		     size_t count, size_t at, int depth)
{
	put_mount(sh, &lines[at], depth);
	for (size_t i = 0; i < count; i++)
		if (i != at && lines[i].parent == lines[at].id)
			put_tree(sh, lines, count, i, depth + 1);
}

/* Those whose parent is not seen are at the top. */
static bool is_top(const struct mount_line *lines, size_t count, size_t at)
{
	for (size_t i = 0; i < count; i++)
		if (i != at && lines[i].id == lines[at].parent)
			return false;
	return true;
}

static void show(struct shell *sh, char *text, bool tree)
{
	struct mount_line *lines = NULL;
	char *save = NULL;
	size_t count = 0;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		lines = sh_realloc(lines, (count + 1) * sizeof(*lines));
		if (parse_line(line, &lines[count]))
			count++;
	}
	for (size_t i = 0; i < count; i++)
		if (!tree)
			put_mount(sh, &lines[i], 0);
		else if (is_top(lines, count, i))
			put_tree(sh, lines, count, i, 0);
	free(lines);
}

static int run_mounts(struct shell *sh, int argc, char **argv)
{
	bool tree = false;
	char *text;
	int c;

	sh_options_start();
	while ((c = getopt(argc, argv, "+t")) != -1) {
		if (c != 't')
			return sh_usage(sh);
		tree = true;
	}
	if (optind != argc)
		return sh_usage(sh);
	text = read_mounts(sh, VFS_MOUNTINFO_FULL);
	if (!text)
		return 1;
	show(sh, text, tree);
	free(text);
	return 0;
}

/* ---- mount and umount ---- */

#define ALONE                                                              \
	(UINT64_C(0) | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE | \
	 MS_REMOUNT)

static int do_mount(struct shell *sh, const char *type, char *options,
		    uint64_t flags, char **words, int count)
{
	const char *source = count == 2 ? words[0] : NULL;
	const char *target = words[count - 1];
	uint64_t later = flags & ~(UINT64_C(0) | MS_BIND | MS_REC);
	int result;

	if (!(flags & ALONE) && !source)
		return sh_usage(sh);
	result = vfs_mount(sh->task, source, target, type, flags, options);
	/* a bind is made first, and its flags are set then */
	if (!result && (flags & MS_BIND) && !(flags & MS_REMOUNT) && later)
		result = vfs_mount(sh->task, NULL, target, NULL,
				   MS_REMOUNT | MS_BIND | later, NULL);
	return result ? sh_fail(sh, target, result) : 0;
}

static int list_mounts(struct shell *sh)
{
	char *text = read_mounts(sh, VFS_MOUNTINFO_SHORT);

	if (!text)
		return 1;
	fputs(text, sh->out);
	free(text);
	return 0;
}

/* As mount(8) has them: letters, or flags, which are more than any letter. */
static const struct option mount_longs[] = {
	{"bind", no_argument, NULL, 'B'},
	{"rbind", no_argument, NULL, 'R'},
	{"move", no_argument, NULL, 'M'},
	{"types", required_argument, NULL, 't'},
	{"options", required_argument, NULL, 'o'},
	{"make-shared", no_argument, NULL, MS_SHARED},
	{"make-rshared", no_argument, NULL, MS_SHARED | MS_REC},
	{"make-slave", no_argument, NULL, MS_SLAVE},
	{"make-rslave", no_argument, NULL, MS_SLAVE | MS_REC},
	{"make-private", no_argument, NULL, MS_PRIVATE},
	{"make-rprivate", no_argument, NULL, MS_PRIVATE | MS_REC},
	{"make-unbindable", no_argument, NULL, MS_UNBINDABLE},
	{"make-runbindable", no_argument, NULL, MS_UNBINDABLE | MS_REC},
	{NULL, 0, NULL, 0},
};

static int run_mount(struct shell *sh, int argc, char **argv)
{
	const char *type = NULL;
	char *options = sh_strdup("");
	uint64_t flags = 0;
	int c, status;

	sh_options_start();
	while ((c = getopt_long(argc, argv, "BMRt:o:", mount_longs, NULL)) !=
	       -1) {
		if (c == 't') {
			type = optarg;
		} else if (c == 'B') {
			flags |= MS_BIND;
		} else if (c == 'R') {
			flags |= MS_BIND | MS_REC;
		} else if (c == 'M') {
			flags |= MS_MOVE;
		} else if (c == 'o') {
			free(options);
			options = sh_strdup(optarg);
			sh_take_flags(options, &flags);
		} else if (c >= MS_UNBINDABLE) {
			flags |= (uint64_t)c;
		} else {
			free(options);
			return sh_usage(sh);
		}
	}
	/* mount hostfs DIR TARGET */
	if (!type && argc - optind == 3)
		type = argv[optind++];
	if (optind == argc)
		status = list_mounts(sh);
	else if (argc - optind > 2)
		status = sh_usage(sh);
	else
		status = do_mount(sh, type, options, flags, argv + optind,
				  argc - optind);
	free(options);
	return status;
}

static int run_umount(struct shell *sh, int argc, char **argv)
{
	int flags = 0, status = 0, c;

	sh_options_start();
	while ((c = getopt(argc, argv, "+fl")) != -1) {
		if (c == 'f')
			flags |= MNT_FORCE;
		else if (c == 'l')
			flags |= MNT_DETACH;
		else
			return sh_usage(sh);
	}
	if (optind == argc)
		return sh_usage(sh);
	for (; optind < argc; optind++) {
		int result = vfs_umount2(sh->task, argv[optind], flags);

		if (result)
			status = sh_fail(sh, argv[optind], result);
	}
	return status;
}

static int run_bind(struct shell *sh, int argc, char **argv)
{
	uint64_t flags = MS_BIND;
	int result, c;

	sh_options_start();
	while ((c = getopt(argc, argv, "+r")) != -1) {
		if (c != 'r')
			return sh_usage(sh);
		flags |= MS_REC;
	}
	if (argc - optind != 2)
		return sh_usage(sh);
	result = vfs_mount(sh->task, argv[optind], argv[optind + 1], NULL,
			   flags, NULL);
	return result ? sh_fail(sh, argv[optind + 1], result) : 0;
}

static int run_unshare(struct shell *sh, int argc, char **argv)
{
	uint64_t flags = VFS_CLONE_NEWNS;
	int result, c;

	sh_options_start();
	while ((c = getopt(argc, argv, "+mU")) != -1) {
		if (c == 'U')
			flags |= VFS_CLONE_NEWUSER;
		else if (c != 'm')
			return sh_usage(sh);
	}
	if (optind != argc)
		return sh_usage(sh);
	result = vfs_unshare(sh->task, flags);
	return result ? sh_fail(sh, "namespace", result) : 0;
}

static int run_pivot_root(struct shell *sh, int argc, char **argv)
{
	int result;

	if (argc != 3)
		return sh_usage(sh);
	result = vfs_pivot_root(sh->task, argv[1], argv[2]);
	return result ? sh_fail(sh, argv[1], result) : 0;
}

const struct command sh_mount_commands[] = {
	{"mount", run_mount,
	 "[-BMR] [-o OPTION,...] [[-t] TYPE] [SOURCE] [TARGET]",
	 "mount; -B: bind, -R: with all below, -M: move; --make-shared..."},
	{"umount", run_umount, "[-fl] TARGET...", "unmount; -l: lazily"},
	{"bind", run_bind, "[-r] SOURCE TARGET",
	 "make a tree appear elsewhere; -r: with mounts below"},
	{"mounts", run_mounts, "[-t]", "what is mounted; -t: as a tree"},
	{"unshare", run_unshare, "[-mU]",
	 "go on in a mount namespace of one's own; -U: and a user namespace"},
	{"pivot_root", run_pivot_root, "NEW_ROOT PUT_OLD", "change the root"},
	{NULL, NULL, NULL, NULL},
};
