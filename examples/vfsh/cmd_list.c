/* SPDX-License-Identifier: MIT */
/* ls. */
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "vfsh.h"

struct ls_options {
	bool all, almost_all, directory, human, inode, longs, numeric, one;
	bool recursive, reverse;
	char sort; /* n: name, t: time, S: size */
};

struct ls_entry {
	char *name;
	char *target; /* of a symbolic link, when it is shown */
	struct vfs_stat stat;
	bool known; /* stat could be read */
};

struct ls_list {
	struct ls_entry *entries;
	size_t count;
	size_t room;
};

static int compare_time(const struct vfs_timespec *a,
			const struct vfs_timespec *b)
{
	if (a->sec != b->sec)
		return a->sec < b->sec ? 1 : -1;
	return a->nsec < b->nsec ? 1 : a->nsec > b->nsec ? -1 : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ls_entry *)a)->name,
		      ((const struct ls_entry *)b)->name);
}

static int by_time(const void *a, const void *b)
{
	const struct ls_entry *first = a;
	const struct ls_entry *second = b;
	int order = compare_time(&first->stat.mtime, &second->stat.mtime);

	return order ? order : by_name(a, b);
}

static int by_size(const void *a, const void *b)
{
	const struct ls_entry *first = a;
	const struct ls_entry *second = b;

	if (first->stat.size != second->stat.size)
		return first->stat.size < second->stat.size ? 1 : -1;
	return by_name(a, b);
}

static void sort_list(const struct ls_options *options, struct ls_list *list)
{
	if (list->count < 2)
		return;
	qsort(list->entries, list->count, sizeof(*list->entries),
	      options->sort == 't'   ? by_time
	      : options->sort == 'S' ? by_size
				     : by_name);
	for (size_t i = 0; options->reverse && i < list->count / 2; i++) {
		struct ls_entry *other = &list->entries[list->count - 1 - i];
		struct ls_entry swapped = list->entries[i];

		list->entries[i] = *other;
		*other = swapped;
	}
}

/* path: where the entry is; name: how it is shown. */
static int add_entry(struct shell *sh, const struct ls_options *options,
		     struct ls_list *list, const char *path, const char *name)
{
	struct ls_entry entry = {.name = sh_strdup(name)};
	int error = 0;

	if (options->longs || options->inode || options->sort != 'n' ||
	    options->recursive) {
		error = vfs_lstat(sh->task, path, &entry.stat);
		entry.known = error == 0;
		if (error)
			sh_fail(sh, path, error);
		if (entry.known && options->longs && S_ISLNK(entry.stat.mode))
			entry.target = sh_readlink(sh, path);
	}
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 32;
		list->entries =
			sh_realloc(list->entries, list->room * sizeof(entry));
	}
	list->entries[list->count++] = entry;
	return error ? 1 : 0;
}

static void list_free(struct ls_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->entries[i].name);
		free(list->entries[i].target);
	}
	free(list->entries);
}

/* ---- printing ---- */

struct widths {
	int inode, links, user, group, size;
};

static void widen(int *width, const char *text)
{
	int length = (int)strlen(text);

	if (length > *width)
		*width = length;
}

struct row {
	char inode[24], links[16], size[40];
	char user[SH_NAME_SIZE], group[SH_NAME_SIZE];
};

static void make_row(struct shell *sh, const struct ls_options *options,
		     const struct ls_entry *entry, struct row *row)
{
	const struct vfs_stat *stat = &entry->stat;

	if (!entry->known) {
		*row = (struct row){"?", "?", "?", "?", "?"};
		return;
	}
	snprintf(row->inode, sizeof(row->inode), "%llu",
		 (unsigned long long)stat->ino);
	snprintf(row->links, sizeof(row->links), "%u", stat->nlink);
	if (S_ISCHR(stat->mode) || S_ISBLK(stat->mode))
		snprintf(row->size, sizeof(row->size), "%u, %u",
			 major(stat->rdev), minor(stat->rdev));
	else if (options->human)
		sh_human((uint64_t)stat->size, row->size, sizeof(row->size));
	else
		snprintf(row->size, sizeof(row->size), "%lld",
			 (long long)stat->size);
	if (options->numeric) {
		snprintf(row->user, sizeof(row->user), "%u", stat->uid);
		snprintf(row->group, sizeof(row->group), "%u", stat->gid);
	} else {
		sh_user_name(sh, stat->uid, row->user);
		sh_group_name(sh, stat->gid, row->group);
	}
}

static void print_time(FILE *out, const struct vfs_timespec *time_of)
{
	const time_t half_year = 182 * 86400;
	time_t now = time(NULL);
	time_t then = (time_t)time_of->sec;
	char text[32] = "?";
	struct tm parts;

	if (localtime_r(&then, &parts))
		strftime(text, sizeof(text),
			 then <= now && now - then < half_year ? "%b %e %H:%M"
							       : "%b %e  %Y",
			 &parts);
	fputs(text, out);
}

/* Names stand on the left of their column, numbers on the right. */
static int owner_width(int width, const char *owner)
{
	return owner[0] >= '0' && owner[0] <= '9' ? width : -width;
}

static void print_long(struct shell *sh, const struct ls_options *options,
		       const struct ls_entry *entry,
		       const struct widths *widths)
{
	char mode[11] = "??????????";
	struct row row;

	make_row(sh, options, entry, &row);
	if (options->inode)
		fprintf(sh->out, "%*s ", widths->inode, row.inode);
	if (entry->known)
		sh_mode_text(entry->stat.mode, mode);
	fprintf(sh->out, "%s %*s %*s %*s %*s ", mode, widths->links, row.links,
		owner_width(widths->user, row.user), row.user,
		owner_width(widths->group, row.group), row.group, widths->size,
		row.size);
	if (entry->known)
		print_time(sh->out, &entry->stat.mtime);
	else
		fprintf(sh->out, "%12s", "?");
	fprintf(sh->out, " %s", entry->name);
	if (entry->target)
		fprintf(sh->out, " -> %s", entry->target);
	fputc('\n', sh->out);
}

static void print_long_list(struct shell *sh, const struct ls_options *options,
			    const struct ls_list *list)
{
	struct widths widths = {0};
	struct row row;

	for (size_t i = 0; i < list->count; i++) {
		make_row(sh, options, &list->entries[i], &row);
		widen(&widths.inode, row.inode);
		widen(&widths.links, row.links);
		widen(&widths.user, row.user);
		widen(&widths.group, row.group);
		widen(&widths.size, row.size);
	}
	for (size_t i = 0; i < list->count; i++)
		print_long(sh, options, &list->entries[i], &widths);
}

static void print_short(struct shell *sh, const struct ls_options *options,
			const struct ls_entry *entry, int width)
{
	if (options->inode)
		fprintf(sh->out, "%10llu ",
			(unsigned long long)entry->stat.ino);
	fprintf(sh->out, "%-*s", width, entry->name);
}

/* 0: the output is no terminal. */
static int terminal_width(struct shell *sh)
{
	struct winsize size;

	if (sh->out != stdout || !isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

static void print_short_list(struct shell *sh, const struct ls_options *options,
			     const struct ls_list *list)
{
	int screen = options->one ? 0 : terminal_width(sh);
	int extra = options->inode ? 13 : 2;
	size_t columns = 1;
	size_t rows;
	int width = 0;

	for (size_t i = 0; i < list->count; i++)
		widen(&width, list->entries[i].name);
	if (screen > width + extra)
		columns = (size_t)(screen / (width + extra));
	rows = (list->count + columns - 1) / columns;
	for (size_t row = 0; row < rows; row++) {
		for (size_t i = row; i < list->count; i += rows) {
			bool last = i + rows >= list->count;

			print_short(sh, options, &list->entries[i],
				    last ? 0 : width + 2);
		}
		fputc('\n', sh->out);
	}
}

static void print_list(struct shell *sh, const struct ls_options *options,
		       const struct ls_list *list)
{
	if (options->longs)
		print_long_list(sh, options, list);
	else
		print_short_list(sh, options, list);
}

static void print_total(struct shell *sh, const struct ls_options *options,
			const struct ls_list *list)
{
	uint64_t blocks = 0;
	char text[24];

	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].known)
			blocks += (uint64_t)list->entries[i].stat.blocks;
	if (options->human)
		sh_human(blocks * 512, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)(blocks / 2));
	fprintf(sh->out, "total %s\n", text);
}

/* ---- reading ---- */

/* 0 or 1, or a negative errno when it cannot be opened; all have been said. */
static int read_directory(struct shell *sh, const struct ls_options *options,
			  const char *path, struct ls_list *list)
{
	static const char *const dots[] = {".", ".."};
	struct names names = {0};
	int status = 0;
	int error = sh_list(sh, path, &names);

	if (error) {
		sh_fail(sh, path, error);
		return error;
	}
	for (size_t i = 0; i < names.count + 2; i++) {
		const char *name = i < 2 ? dots[i] : names.items[i - 2];
		char *child;

		if (i < 2 && !options->all)
			continue;
		if (name[0] == '.' && !options->all && !options->almost_all)
			continue;
		child = sh_join(path, name);
		status |= add_entry(sh, options, list, child, name);
		free(child);
	}
	sh_names_free(&names);
	sort_list(options, list);
	return status;
}

static int list_directory(struct shell *sh, const struct ls_options *options,
			  const char *path, bool title, bool *first)
{
	struct ls_list list = {0};
	int status = read_directory(sh, options, path, &list);

	if (status < 0)
		return 1;
	if (!*first)
		fputc('\n', sh->out);
	*first = false;
	if (title)
		fprintf(sh->out, "%s:\n", path);
	if (options->longs)
		print_total(sh, options, &list);
	print_list(sh, options, &list);
	for (size_t i = 0; options->recursive && i < list.count; i++) {
		const struct ls_entry *entry = &list.entries[i];
		char *child;

		if (!S_ISDIR(entry->stat.mode) ||
		    strcmp(entry->name, ".") == 0 ||
		    strcmp(entry->name, "..") == 0 ||
		    atomic_load(&sh->interrupted))
			continue;
		child = sh_join(path, entry->name);
		status |= list_directory(sh, options, child, true, first);
		free(child);
	}
	list_free(&list);
	return status;
}

static bool parse_options(int argc, char **argv, struct ls_options *options)
{
	int letter;

	while ((letter = getopt(argc, argv, "1AadhilnRrSt")) != -1) {
		switch (letter) {
		case '1':
			options->one = true;
			break;
		case 'A':
			options->almost_all = true;
			break;
		case 'a':
			options->all = true;
			break;
		case 'd':
			options->directory = true;
			break;
		case 'h':
			options->human = true;
			break;
		case 'i':
			options->inode = true;
			break;
		case 'n':
			options->numeric = true;
			options->longs = true;
			break;
		case 'l':
			options->longs = true;
			break;
		case 'R':
			options->recursive = true;
			break;
		case 'r':
			options->reverse = true;
			break;
		case 'S':
		case 't':
			options->sort = (char)letter;
			break;
		default:
			return false;
		}
	}
	return true;
}

/* True when the argument's entries are to be listed rather than itself. */
static bool opens(struct shell *sh, const struct ls_options *options,
		  const char *path)
{
	struct vfs_stat stat;
	size_t length = strlen(path);
	int error;

	if (options->directory)
		return false;
	if (options->longs && length > 0 && path[length - 1] != '/')
		error = vfs_lstat(sh->task, path, &stat);
	else
		error = vfs_stat(sh->task, path, &stat);
	return error == 0 && S_ISDIR(stat.mode);
}

static int run_ls(struct shell *sh, int argc, char **argv)
{
	struct ls_options options = {.sort = 'n'};
	struct ls_list files = {0};
	struct names directories = {0};
	struct vfs_stat stat;
	char here[] = ".";
	bool first = true;
	int status = 0;

	if (!parse_options(argc, argv, &options))
		return sh_usage(sh);
	for (int i = optind; i < argc || i == optind; i++) {
		char *path = i < argc ? argv[i] : here;
		int error = vfs_lstat(sh->task, path, &stat);

		if (error)
			status = sh_fail(sh, path, error);
		else if (opens(sh, &options, path))
			sh_names_add(&directories, sh_strdup(path), 0);
		else
			status |= add_entry(sh, &options, &files, path, path);
	}
	sort_list(&options, &files);
	if (files.count > 0) {
		print_list(sh, &options, &files);
		first = false;
	}
	for (size_t i = 0; i < directories.count; i++)
		status |= list_directory(sh, &options, directories.items[i],
					 options.recursive || argc - optind > 1,
					 &first);
	list_free(&files);
	sh_names_free(&directories);
	return status;
}

const struct command sh_list_commands[] = {
	{"ls", run_ls, "[-1AadhilnRrSt] [PATH]...",
	 "list directories; -l long, -n with numbers, -h readable sizes"},
	{0},
};
