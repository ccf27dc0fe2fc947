/* SPDX-License-Identifier: MIT */
/*
 * Lists of names, and the expansion of * ? [..] over the virtual tree. A word
 * that begins with `host:` is expanded over the host's.
 */
#include <fnmatch.h>
#include <glob.h>

#include "vfsh.h"

void sh_names_add(struct names *names, char *owned, unsigned char type)
{
	if (names->count == names->room) {
		names->room = names->room ? 2 * names->room : 16;
		names->items =
			sh_realloc(names->items, names->room * sizeof(char *));
		names->types = sh_realloc(names->types, names->room);
	}
	names->items[names->count] = owned;
	names->types[names->count++] = type;
}

struct typed_name {
	char *name;
	unsigned char type;
};

static int compare_names(const void *a, const void *b)
{
	const struct typed_name *first = a;
	const struct typed_name *second = b;

	return strcmp(first->name, second->name);
}

void sh_names_sort(struct names *names)
{
	struct typed_name *pairs;

	if (names->count < 2)
		return;
	pairs = sh_alloc(names->count * sizeof(*pairs));
	for (size_t i = 0; i < names->count; i++) {
		pairs[i].name = names->items[i];
		pairs[i].type = names->types[i];
	}
	qsort(pairs, names->count, sizeof(*pairs), compare_names);
	for (size_t i = 0; i < names->count; i++) {
		names->items[i] = pairs[i].name;
		names->types[i] = pairs[i].type;
	}
	free(pairs);
}

void sh_names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	free(names->types);
	*names = (struct names){0};
}

int sh_list(struct shell *sh, const char *path, struct names *out)
{
	const struct vfs_dirent *entry;
	struct vfs_dir *dir;
	int error = vfs_opendir(sh->task, path, &dir);

	if (error)
		return error;
	while ((error = vfs_readdir(dir, &entry)) > 0) {
		if (strcmp(entry->name, ".") == 0 ||
		    strcmp(entry->name, "..") == 0)
			continue;
		sh_names_add(out, sh_strdup(entry->name), entry->type);
	}
	vfs_closedir(dir);
	if (error)
		sh_names_free(out);
	else
		sh_names_sort(out);
	return error;
}

/* A component of a pattern with its backslashes taken off. */
static char *unquote(const char *component)
{
	char *text = sh_strdup(component);
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return text;
}

static char *concat(const char *first, const char *second)
{
	size_t length = strlen(first);
	char *text = sh_alloc(length + strlen(second) + 1);

	memcpy(text, first, length);
	strcpy(text + length, second);
	return text;
}

static bool exists(struct shell *sh, const char *path)
{
	struct vfs_stat stat;

	return vfs_lstat(sh->task, path, &stat) == 0;
}

static void expand_from(struct shell *sh, const char *base, const char *pattern,
			struct names *out);

/* Goes on behind base + name: rest begins with slashes or is empty. */
static void expand_next(struct shell *sh, const char *base, const char *name,
			const char *rest, struct names *out)
{
	char *path = concat(base, name);
	size_t slashes = strspn(rest, "/");

	if (slashes > 0) {
		char *with_slash = concat(path, "/");

		free(path);
		path = with_slash;
	}
	if (rest[slashes] != '\0')
		expand_from(sh, path, rest + slashes, out);
	else if (exists(sh, path))
		sh_names_add(out, sh_strdup(path), DT_UNKNOWN);
	free(path);
}

/* base: what has matched so far, empty or with a slash at its end. */
static void expand_from(struct shell *sh, const char *base, const char *pattern,
			struct names *out)
{
	size_t length = strcspn(pattern, "/");
	char *component = sh_strdup(pattern);
	struct names names = {0};

	component[length] = '\0';
	if (!strpbrk(component, "*?[")) {
		char *name = unquote(component);

		expand_next(sh, base, name, pattern + length, out);
		free(name);
	} else if (sh_list(sh, *base ? base : ".", &names) == 0) {
		for (size_t i = 0; i < names.count; i++)
			if (fnmatch(component, names.items[i], FNM_PERIOD) == 0)
				expand_next(sh, base, names.items[i],
					    pattern + length, out);
		sh_names_free(&names);
	}
	free(component);
}

static void expand_host(const char *pattern, struct names *out)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		sh_names_add(out, concat("host:", found.gl_pathv[i]),
			     DT_UNKNOWN);
	globfree(&found);
}

void sh_expand(struct shell *sh, const struct word *word, struct names *out)
{
	size_t before = out->count;
	const char *pattern = word->pattern;

	if (pattern && strncmp(pattern, "host:", 5) == 0) {
		expand_host(pattern + 5, out);
	} else if (pattern) {
		size_t slashes = strspn(pattern, "/");

		expand_from(sh, slashes ? "/" : "", pattern + slashes, out);
	}
	if (out->count == before)
		sh_names_add(out, sh_strdup(word->text), DT_UNKNOWN);
}
