/* SPDX-License-Identifier: MIT */
/* stat, df, du. */
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "vfsh.h"

/* ---- stat ---- */

static const char *type_words(const struct vfs_stat *stat)
{
	switch (stat->mode & S_IFMT) {
	case S_IFREG:
		return stat->size ? "regular file" : "regular empty file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symbolic link";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	case S_IFCHR:
		return "character special file";
	case S_IFBLK:
		return "block special file";
	default:
		return "unknown";
	}
}

static void put_time(FILE *out, const struct vfs_timespec *when)
{
	time_t seconds = (time_t)when->sec;
	char text[40] = "?";
	char zone[8] = "";
	struct tm parts;

	if (localtime_r(&seconds, &parts)) {
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
		strftime(zone, sizeof(zone), "%z", &parts);
	}
	fprintf(out, "%s.%09u %s", text, when->nsec, zone);
}

struct stat_subject {
	const char *path;
	const struct vfs_stat *stat;
};

static void put_number(FILE *out, uint64_t number)
{
	fprintf(out, "%llu", (unsigned long long)number);
}

/* The quoted name and, of a symbolic link, its target. */
static void put_name(struct shell *sh, const struct stat_subject *subject)
{
	char *target = S_ISLNK(subject->stat->mode)
			       ? sh_readlink(sh, subject->path)
			       : NULL;

	fputs(subject->path, sh->out);
	if (target)
		fprintf(sh->out, " -> %s", target);
	free(target);
}

static void put_times(FILE *out, const struct vfs_stat *stat, char letter)
{
	const struct vfs_timespec *when = &stat->ctime;

	if (letter == 'x' || letter == 'X')
		when = &stat->atime;
	else if (letter == 'y' || letter == 'Y')
		when = &stat->mtime;
	else if (letter == 'w' || letter == 'W')
		when = &stat->btime;
	if (letter >= 'a')
		put_time(out, when);
	else
		fprintf(out, "%lld", (long long)when->sec);
}

/* One letter behind % of a format; false: there is no such letter. */
static bool put_field(struct shell *sh, const struct stat_subject *subject,
		      char letter)
{
	const struct vfs_stat *stat = subject->stat;
	char text[SH_NAME_SIZE];

	sh_mode_text(stat->mode, text);
	if (letter == 'a')
		fprintf(sh->out, "%o", stat->mode & 07777);
	else if (letter == 'A')
		fputs(text, sh->out);
	else if (letter == 'b')
		put_number(sh->out, (uint64_t)stat->blocks);
	else if (letter == 'd')
		put_number(sh->out, stat->dev);
	else if (letter == 'f')
		fprintf(sh->out, "%x", stat->mode);
	else if (letter == 'F')
		fputs(type_words(stat), sh->out);
	else if (letter == 'g')
		put_number(sh->out, stat->gid);
	else if (letter == 'G')
		fputs(sh_group_name(sh, stat->gid, text), sh->out);
	else if (letter == 'h')
		put_number(sh->out, stat->nlink);
	else if (letter == 'i')
		put_number(sh->out, stat->ino);
	else if (letter == 'n')
		fputs(subject->path, sh->out);
	else if (letter == 'N')
		put_name(sh, subject);
	else if (letter == 'o')
		put_number(sh->out, stat->blksize);
	else if (letter == 's')
		fprintf(sh->out, "%lld", (long long)stat->size);
	else if (letter == 't' || letter == 'T')
		fprintf(sh->out, "%x",
			letter == 't' ? major(stat->rdev) : minor(stat->rdev));
	else if (letter == 'u')
		put_number(sh->out, stat->uid);
	else if (letter == 'U')
		fputs(sh_user_name(sh, stat->uid, text), sh->out);
	else if (letter == '%')
		fputc('%', sh->out);
	else if (letter && strchr("wWxXyYzZ", letter))
		put_times(sh->out, stat, letter);
	else
		return false;
	return true;
}

static void put_format(struct shell *sh, const struct stat_subject *subject,
		       const char *format)
{
	for (const char *at = format; *at; at++) {
		if (*at != '%' || !put_field(sh, subject, at[1]))
			fputc(*at, sh->out);
		else
			at++;
	}
	fputc('\n', sh->out);
}

static void put_all(struct shell *sh, const struct stat_subject *subject)
{
	static const char common[] =
		"  File: %N\n"
		"  Size: %s\tBlocks: %b\tIO Block: %o\t%F\n"
		"Device: %d\tInode: %i\tLinks: %h";
	const struct vfs_stat *stat = subject->stat;

	put_format(sh, subject, common);
	if (S_ISCHR(stat->mode) || S_ISBLK(stat->mode))
		fprintf(sh->out, "Number: %u,%u\n", major(stat->rdev),
			minor(stat->rdev));
	fprintf(sh->out, "Access: (%04o/", stat->mode & 07777);
	put_format(sh, subject,
		   "%A)  Uid: (%u/%U)  Gid: (%g/%G)\n"
		   "Access: %x\nModify: %y\nChange: %z\n Birth: %w");
}

static int run_stat(struct shell *sh, int argc, char **argv)
{
	const char *format = NULL;
	bool follow = false;
	int status = 0;
	int letter;

	while ((letter = getopt(argc, argv, "c:L")) != -1) {
		if (letter == 'c')
			format = optarg;
		else if (letter == 'L')
			follow = true;
		else
			return sh_usage(sh);
	}
	if (optind == argc)
		return sh_usage(sh);
	for (int i = optind; i < argc; i++) {
		struct vfs_stat stat;
		struct stat_subject subject = {argv[i], &stat};
		int error = follow ? vfs_stat(sh->task, argv[i], &stat)
				   : vfs_lstat(sh->task, argv[i], &stat);

		if (error)
			status = sh_fail(sh, argv[i], error);
		else if (format)
			put_format(sh, &subject, format);
		else
			put_all(sh, &subject);
	}
	return status;
}

/* ---- df ---- */

static void put_amount(FILE *out, uint64_t bytes, bool human, bool count)
{
	char text[24];

	if (human)
		sh_human(bytes, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)(count ? bytes : bytes / 1024));
	fprintf(out, " %12s", text);
}

static void put_df_row(struct shell *sh, const char *path,
		       const struct vfs_statfs *fs, bool human, bool inodes)
{
	uint64_t unit = inodes ? 1 : fs->frsize ? fs->frsize : fs->bsize;
	uint64_t total = inodes ? fs->files : fs->blocks;
	uint64_t unused = inodes ? fs->ffree : fs->bfree;
	uint64_t available = inodes ? fs->ffree : fs->bavail;
	uint64_t used = total - unused;
	char percent[8] = "-";

	if (used + available > 0)
		snprintf(percent, sizeof(percent), "%u%%",
			 (unsigned)((double)used * 100 /
					    (double)(used + available) +
				    0.999));
	put_amount(sh->out, total * unit, human, inodes);
	put_amount(sh->out, used * unit, human, inodes);
	put_amount(sh->out, available * unit, human, inodes);
	fprintf(sh->out, " %5s %s%s\n", percent, path,
		fs->flags & ST_RDONLY ? " (read-only)" : "");
}

static int run_df(struct shell *sh, int argc, char **argv)
{
	char root[] = "/";
	bool human = false;
	bool inodes = false;
	int status = 0;
	int letter;

	while ((letter = getopt(argc, argv, "hi")) != -1) {
		if (letter == 'h')
			human = true;
		else if (letter == 'i')
			inodes = true;
		else
			return sh_usage(sh);
	}
	fprintf(sh->out, " %12s %12s %12s %5s %s\n",
		inodes	? "Inodes"
		: human ? "Size"
			: "1K-blocks",
		inodes ? "IUsed" : "Used", inodes ? "IFree" : "Available",
		inodes ? "IUse%" : "Use%", "Path");
	for (int i = optind; i < argc || i == optind; i++) {
		const char *path = i < argc ? argv[i] : root;
		struct vfs_statfs fs;
		int error = vfs_statfs(sh->task, path, &fs);

		if (error)
			status = sh_fail(sh, path, error);
		else
			put_df_row(sh, path, &fs, human, inodes);
	}
	return status;
}

/* ---- du ---- */

struct du {
	bool all, apparent, human;
	int max_depth;
	struct link_map links;
	uint64_t *totals; /* bytes under the directory open at each depth */
	int depths;
};

static void du_print(struct shell *sh, const struct du *du, uint64_t bytes,
		     const char *path)
{
	char text[24];

	if (du->human)
		sh_human(bytes, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)(du->apparent
						      ? bytes
						      : (bytes + 1023) / 1024));
	fprintf(sh->out, "%s\t%s\n", text, path);
}

/* The entry's own bytes; a file with several names counts once. */
static uint64_t du_own(struct du *du, const struct walk_entry *entry)
{
	const struct vfs_stat *stat = entry->stat;

	if (!S_ISDIR(stat->mode) && stat->nlink > 1) {
		if (sh_links_find(&du->links, stat->dev, stat->ino))
			return 0;
		sh_links_add(&du->links, stat->dev, stat->ino, "");
	}
	if (du->apparent)
		return (uint64_t)stat->size;
	return (uint64_t)stat->blocks * 512;
}

static int du_visit(struct shell *sh, struct walk *walk,
		    const struct walk_entry *entry)
{
	struct du *du = walk->context;
	bool directory = S_ISDIR(entry->stat->mode);

	if (entry->depth >= du->depths) {
		du->depths = entry->depth + 16;
		du->totals = sh_realloc(du->totals,
					(size_t)du->depths * sizeof(uint64_t));
	}
	if (!entry->after)
		du->totals[entry->depth] = du_own(du, entry);
	if (directory && !entry->after)
		return 0;
	if (entry->depth > 0)
		du->totals[entry->depth - 1] += du->totals[entry->depth];
	if (entry->depth == 0 ||
	    ((directory || du->all) && entry->depth <= du->max_depth))
		du_print(sh, du, du->totals[entry->depth], entry->path);
	return 0;
}

static int run_du(struct shell *sh, int argc, char **argv)
{
	struct du du = {.max_depth = INT32_MAX};
	struct walk walk = {.visit = du_visit,
			    .context = &du,
			    .max_depth = -1,
			    .after = true};
	char here[] = ".";
	int letter;

	while ((letter = getopt(argc, argv, "abd:hs")) != -1) {
		uint64_t depth;

		if (letter == 'a')
			du.all = true;
		else if (letter == 'b')
			du.apparent = true;
		else if (letter == 'h')
			du.human = true;
		else if (letter == 's')
			du.max_depth = 0;
		else if (letter == 'd' &&
			 sh_parse_number(optarg, 1000000, &depth))
			du.max_depth = (int)depth;
		else
			return sh_usage(sh);
	}
	for (int i = optind; i < argc || i == optind; i++)
		sh_walk(sh, &walk, i < argc ? argv[i] : here);
	sh_links_free(&du.links);
	free(du.totals);
	return walk.status;
}

const struct command sh_info_commands[] = {
	{"stat", run_stat, "[-L] [-c FORMAT] PATH...",
	 "everything about a file; FORMAT: %a %A %b %F %g %h %i %n %s %u %y"},
	{"df", run_df, "[-hi] [PATH]...", "free space; -i: inodes"},
	{"du", run_du, "[-abhs] [-d DEPTH] [PATH]...",
	 "space under a directory; -b: sizes in bytes"},
	{0},
};
