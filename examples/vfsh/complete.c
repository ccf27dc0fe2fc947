/* SPDX-License-Identifier: MIT */
/*
 * The Tab key: names of commands at a line's start, and paths of the virtual
 * tree (of the host behind `host:`) everywhere else. Compiled when libedit is
 * there. Its callbacks carry no context, hence the two variables below; they
 * belong to the thread that reads lines.
 */
#include <editline/readline.h>

#include "vfsh.h"

static struct shell *shell;
static struct names matches;

static void add_commands(const char *text)
{
	for (const struct command *const *family = sh_families; *family;
	     family++)
		for (const struct command *at = *family; at->name; at++)
			if (strncmp(at->name, text, strlen(text)) == 0)
				sh_names_add(&matches, sh_strdup(at->name), 0);
}

static bool leads_to_directory(const struct side *side, const char *path)
{
	struct vfs_stat stat;

	return side->stat(shell, path, true, &stat) == 0 && S_ISDIR(stat.mode);
}

/* text is prefix + path; every match begins with prefix as well. */
static void add_paths(const struct side *side, const char *prefix,
		      const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t length = (size_t)(name - path);
	char *dir = sh_strdup(path);
	struct names names = {0};

	dir[length] = '\0';
	if (side->list(shell, length ? dir : ".", &names))
		goto free_dir;
	for (size_t i = 0; i < names.count; i++) {
		size_t size =
			strlen(prefix) + length + strlen(names.items[i]) + 2;
		char *match;

		if (strncmp(names.items[i], name, strlen(name)) != 0 ||
		    (names.items[i][0] == '.' && name[0] != '.'))
			continue;
		match = sh_alloc(size);
		snprintf(match, size, "%s%s%s", prefix, dir, names.items[i]);
		if (leads_to_directory(side, match + strlen(prefix)))
			strcat(match, "/");
		sh_names_add(&matches, match, 0);
	}
	sh_names_free(&names);
free_dir:
	free(dir);
}

static char *next_match(const char *text, int state)
{
	(void)text;
	return (size_t)state < matches.count ? sh_strdup(matches.items[state])
					     : NULL;
}

static char **complete(const char *text, int start, int end)
{
	char **found = NULL;

	(void)end;
	if (start == 0)
		add_commands(text);
	else if (strncmp(text, "host:", 5) == 0)
		add_paths(&sh_host_side, "host:", text + 5);
	else
		add_paths(&sh_virtual_side, "", text);
	rl_completion_append_character = ' ';
	if (matches.count == 1) {
		const char *only = matches.items[0];

		if (only[strlen(only) - 1] == '/')
			rl_completion_append_character = '\0';
	}
	if (matches.count > 0)
		found = rl_completion_matches(text, next_match);
	sh_names_free(&matches);
	/* No match: nothing, rather than a name of the host's. */
	rl_attempted_completion_over = 1;
	return found;
}

void sh_complete_init(struct shell *sh)
{
	shell = sh;
	rl_attempted_completion_function = complete;
}
