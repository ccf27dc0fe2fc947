/* SPDX-License-Identifier: MIT */
/* find and tree. */
#include <fnmatch.h>

#include "vfsh.h"

/* ---- find ---- */

enum test_kind {
	TEST_NAME,
	TEST_INAME,
	TEST_PATH,
	TEST_TYPE,
	TEST_USER,
	TEST_GROUP,
	TEST_PERM,
	TEST_LINKS,
	TEST_EMPTY
};

struct test {
	enum test_kind kind;
	const char *text;
	uint32_t number;
	bool negated;
};

struct find {
	struct test *tests;
	size_t count;
	int min_depth;
	bool nul; /* -print0 */
};

static const struct {
	const char *name;
	enum test_kind kind;
	bool argument;
} find_tests[] = {
	{"-name", TEST_NAME, true},    {"-iname", TEST_INAME, true},
	{"-path", TEST_PATH, true},    {"-type", TEST_TYPE, true},
	{"-user", TEST_USER, true},    {"-uid", TEST_USER, true},
	{"-group", TEST_GROUP, true},  {"-gid", TEST_GROUP, true},
	{"-perm", TEST_PERM, true},    {"-links", TEST_LINKS, true},
	{"-empty", TEST_EMPTY, false},
};

static bool is_type(uint32_t mode, const char *types)
{
	char text[11];

	sh_mode_text(mode, text);
	if (text[0] == '-')
		text[0] = 'f';
	return strchr(types, text[0]) != NULL;
}

static bool is_empty(struct shell *sh, const struct walk_entry *entry)
{
	struct names names = {0};
	bool empty;

	if (!S_ISDIR(entry->stat->mode))
		return S_ISREG(entry->stat->mode) && entry->stat->size == 0;
	if (sh_list(sh, entry->path, &names))
		return false;
	empty = names.count == 0;
	sh_names_free(&names);
	return empty;
}

/* -perm MODE: exactly; -MODE: all of these bits; /MODE: any of them. */
static bool has_mode(uint32_t mode, const struct test *test)
{
	mode &= 07777;
	if (test->text[0] == '-')
		return (mode & test->number) == test->number;
	if (test->text[0] == '/')
		return test->number == 0 || (mode & test->number);
	return mode == test->number;
}

static bool passes(struct shell *sh, const struct test *test,
		   const struct walk_entry *entry)
{
	const struct vfs_stat *stat = entry->stat;

	switch (test->kind) {
	case TEST_NAME:
		return fnmatch(test->text, entry->name, 0) == 0;
	case TEST_INAME:
		return fnmatch(test->text, entry->name, FNM_CASEFOLD) == 0;
	case TEST_PATH:
		return fnmatch(test->text, entry->path, 0) == 0;
	case TEST_TYPE:
		return is_type(stat->mode, test->text);
	case TEST_USER:
		return stat->uid == test->number;
	case TEST_GROUP:
		return stat->gid == test->number;
	case TEST_PERM:
		return has_mode(stat->mode, test);
	case TEST_LINKS:
		return stat->nlink == test->number;
	case TEST_EMPTY:
		return is_empty(sh, entry);
	}
	return false;
}

static int find_visit(struct shell *sh, struct walk *walk,
		      const struct walk_entry *entry)
{
	const struct find *find = walk->context;

	if (entry->depth < find->min_depth)
		return 0;
	for (size_t i = 0; i < find->count; i++) {
		const struct test *test = &find->tests[i];

		if (passes(sh, test, entry) == test->negated)
			return 0;
	}
	fputs(entry->path, sh->out);
	fputc(find->nul ? '\0' : '\n', sh->out);
	return 0;
}

static bool prepare_test(struct shell *sh, struct test *test)
{
	const char *text = test->text;
	uint64_t number = 0;

	switch (test->kind) {
	case TEST_TYPE:
		return *text && strspn(text, "bcdpfls,") == strlen(text);
	case TEST_USER:
		return sh_user_id(sh, text, &test->number);
	case TEST_GROUP:
		return sh_group_id(sh, text, &test->number);
	case TEST_PERM:
		return sh_parse_mode(text + (*text == '-' || *text == '/'), 0,
				     0, &test->number);
	case TEST_LINKS:
		if (!sh_parse_number(text, UINT32_MAX, &number))
			return false;
		test->number = (uint32_t)number;
		return true;
	default:
		return true;
	}
}

static bool parse_test(struct shell *sh, struct find *find, char **argv, int *i,
		       bool negated)
{
	const size_t kinds = sizeof(find_tests) / sizeof(find_tests[0]);
	struct test test = {.negated = negated};
	size_t kind = 0;

	while (kind < kinds && strcmp(argv[*i], find_tests[kind].name) != 0)
		kind++;
	if (kind == kinds) {
		sh_complain(sh, "%s: unknown test", argv[*i]);
		return false;
	}
	test.kind = find_tests[kind].kind;
	test.text = find_tests[kind].argument ? argv[++*i] : "";
	if (!test.text || !prepare_test(sh, &test)) {
		sh_complain(sh, "%s: bad argument", find_tests[kind].name);
		return false;
	}
	find->tests = sh_realloc(find->tests, (find->count + 1) * sizeof(test));
	find->tests[find->count++] = test;
	return true;
}

static bool parse_expression(struct shell *sh, struct find *find,
			     struct walk *walk, char **argv, int i)
{
	bool negated = false;
	uint64_t depth;

	for (; argv[i]; i++) {
		bool minimum = strcmp(argv[i], "-mindepth") == 0;

		if (strcmp(argv[i], "!") == 0 || strcmp(argv[i], "-not") == 0) {
			negated = !negated;
			continue;
		}
		if (minimum || strcmp(argv[i], "-maxdepth") == 0) {
			if (!argv[i + 1] ||
			    !sh_parse_number(argv[++i], 1000000, &depth)) {
				sh_complain(sh, "a depth is missing");
				return false;
			}
			if (minimum)
				find->min_depth = (int)depth;
			else
				walk->max_depth = (int)depth;
		} else if (strcmp(argv[i], "-print0") == 0) {
			find->nul = true;
		} else if (strcmp(argv[i], "-print") != 0 &&
			   !parse_test(sh, find, argv, &i, negated)) {
			return false;
		}
		negated = false;
	}
	return true;
}

static int run_find(struct shell *sh, int argc, char **argv)
{
	struct find find = {0};
	struct walk walk = {
		.visit = find_visit, .context = &find, .max_depth = -1};
	int paths = 1;

	while (paths < argc && argv[paths][0] != '-' &&
	       strcmp(argv[paths], "!") != 0)
		paths++;
	if (!parse_expression(sh, &find, &walk, argv, paths)) {
		free(find.tests);
		return sh_usage(sh);
	}
	if (paths == 1)
		sh_walk(sh, &walk, ".");
	for (int i = 1; i < paths; i++)
		sh_walk(sh, &walk, argv[i]);
	free(find.tests);
	return walk.status;
}

/* ---- tree ---- */

struct tree {
	bool all, directories_only;
	int max_depth;
	unsigned long directories, files;
	int status;
};

/* What tree shows of a directory: type is DT_DIR for directories. */
static int tree_names(struct shell *sh, const struct tree *tree,
		      const char *path, struct names *shown)
{
	struct names names = {0};
	int error = sh_list(sh, path, &names);

	for (size_t i = 0; i < names.count; i++) {
		bool hidden = names.items[i][0] == '.' && !tree->all;
		bool file = names.types[i] != DT_DIR && tree->directories_only;

		if (!hidden && !file)
			sh_names_add(shown, sh_strdup(names.items[i]),
				     names.types[i]);
	}
	sh_names_free(&names);
	return error;
}

static void tree_directory(struct shell *sh, struct tree *tree,
			   const char *path, const char *prefix, int depth)
{
	struct names names = {0};
	int error = tree_names(sh, tree, path, &names);

	if (error)
		tree->status = sh_fail(sh, path, error);
	for (size_t i = 0; i < names.count; i++) {
		bool last = i + 1 == names.count;
		bool directory = names.types[i] == DT_DIR;
		char *child = sh_join(path, names.items[i]);
		char *target = names.types[i] == DT_LNK ? sh_readlink(sh, child)
							: NULL;

		fprintf(sh->out, "%s%s%s%s%s\n", prefix, last ? "`-- " : "|-- ",
			names.items[i], target ? " -> " : "",
			target ? target : "");
		if (directory)
			tree->directories++;
		else
			tree->files++;
		if (directory &&
		    (tree->max_depth < 0 || depth + 1 < tree->max_depth) &&
		    !atomic_load(&sh->interrupted)) {
			size_t size = strlen(prefix) + 5;
			char *deeper = sh_alloc(size);

			snprintf(deeper, size, "%s%s", prefix,
				 last ? "    " : "|   ");
			tree_directory(sh, tree, child, deeper, depth + 1);
			free(deeper);
		}
		free(target);
		free(child);
	}
	sh_names_free(&names);
}

static int run_tree(struct shell *sh, int argc, char **argv)
{
	struct tree tree = {.max_depth = -1};
	char here[] = ".";
	uint64_t depth;
	int letter;

	while ((letter = getopt(argc, argv, "adL:")) != -1) {
		if (letter == 'a')
			tree.all = true;
		else if (letter == 'd')
			tree.directories_only = true;
		else if (letter == 'L' &&
			 sh_parse_number(optarg, 1000000, &depth) && depth > 0)
			tree.max_depth = (int)depth;
		else
			return sh_usage(sh);
	}
	for (int i = optind; i < argc || i == optind; i++) {
		const char *path = i < argc ? argv[i] : here;

		fprintf(sh->out, "%s\n", path);
		tree_directory(sh, &tree, path, "", 0);
	}
	fprintf(sh->out, "\n%lu directories, %lu files\n", tree.directories,
		tree.files);
	return tree.status;
}

const struct command sh_find_commands[] = {
	{"find", run_find,
	 "[PATH]... [-maxdepth N] [-mindepth N] [!] [-name P] [-iname P] "
	 "[-path P] [-type T] [-user U] [-group G] [-perm M] [-links N] "
	 "[-empty] [-print0]",
	 "print the paths that pass every test"},
	{"tree", run_tree, "[-ad] [-L DEPTH] [PATH]...",
	 "draw what is under a directory"},
	{0},
};
