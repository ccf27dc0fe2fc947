/* SPDX-License-Identifier: MIT */
/* chmod and chown. */
#include "vfsh.h"

/* ---- chmod ---- */

static int chmod_one(struct shell *sh, const char *path, const char *mode,
		     uint32_t old)
{
	uint32_t made;
	int error;

	if (!sh_parse_mode(mode, old, sh_umask(sh), &made))
		return sh_complain(sh, "%s: not a mode", mode);
	error = vfs_chmod(sh->task, path, made);
	return error ? sh_fail(sh, path, error) : 0;
}

static int chmod_visit(struct shell *sh, struct walk *walk,
		       const struct walk_entry *entry)
{
	/* A link below the path: neither itself nor what it points to. */
	if (!S_ISLNK(entry->stat->mode) &&
	    chmod_one(sh, entry->path, walk->context, entry->stat->mode))
		walk->status = 1;
	return 0;
}

/* -w and -rwx are modes, as chmod(1) takes them; -R is the one option. */
static bool is_mode(const char *word)
{
	return word[0] != '-' || (word[1] && !strchr("R-", word[1]));
}

static int run_chmod(struct shell *sh, int argc, char **argv)
{
	struct walk walk = {
		.visit = chmod_visit, .max_depth = 0, .follow = true};
	uint32_t ignored;
	int at = 1;

	for (; at < argc && !is_mode(argv[at]); at++) {
		if (strcmp(argv[at], "-R") == 0) {
			walk.max_depth = -1;
		} else if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		} else {
			return sh_usage(sh);
		}
	}
	if (argc - at < 2)
		return sh_usage(sh);
	walk.context = argv[at];
	if (!sh_parse_mode(argv[at], 0, 0, &ignored))
		return sh_complain(sh, "%s: not a mode", argv[at]);
	for (int i = at + 1; i < argc; i++)
		sh_walk(sh, &walk, argv[i]);
	return walk.status;
}

/* ---- chown ---- */

struct owner {
	uint32_t uid; /* UINT32_MAX: stays */
	uint32_t gid;
	bool link; /* the link itself */
};

static int chown_visit(struct shell *sh, struct walk *walk,
		       const struct walk_entry *entry)
{
	const struct owner *owner = walk->context;
	bool follow = !owner->link && entry->depth == 0;
	int error = vfs_fchownat(sh->task, AT_FDCWD, entry->path, owner->uid,
				 owner->gid, follow ? 0 : AT_SYMLINK_NOFOLLOW);

	if (error)
		walk->status = sh_fail(sh, entry->path, error);
	return 0;
}

/* USER, USER:GROUP or :GROUP; names are those of the virtual /etc/passwd. */
static bool parse_owner(struct shell *sh, const char *text, struct owner *owner)
{
	char *user = sh_strdup(text);
	char *group = strchr(user, ':');
	bool good = true;

	owner->uid = owner->gid = UINT32_MAX;
	if (group)
		*group++ = '\0';
	if (*user)
		good = sh_user_id(sh, user, &owner->uid);
	if (good && group && *group)
		good = sh_group_id(sh, group, &owner->gid);
	free(user);
	return good;
}

static int run_chown(struct shell *sh, int argc, char **argv)
{
	struct owner owner = {.link = false};
	struct walk walk = {.visit = chown_visit, .context = &owner};
	int letter;

	while ((letter = getopt(argc, argv, "hR")) != -1) {
		if (letter == 'h')
			owner.link = true;
		else if (letter == 'R')
			walk.max_depth = -1;
		else
			return sh_usage(sh);
	}
	if (argc - optind < 2)
		return sh_usage(sh);
	if (!parse_owner(sh, argv[optind], &owner))
		return sh_complain(sh, "%s: no such owner", argv[optind]);
	walk.follow = !owner.link;
	for (int i = optind + 1; i < argc; i++)
		sh_walk(sh, &walk, argv[i]);
	return walk.status;
}

const struct command sh_attr_commands[] = {
	{"chmod", run_chmod, "[-R] MODE PATH...",
	 "set modes: 755, u+x,go-w, a=rX"},
	{"chown", run_chown, "[-hR] [USER][:GROUP] PATH...",
	 "set owners; -h: of the link itself"},
	{0},
};
