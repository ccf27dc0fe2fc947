/* SPDX-License-Identifier: MIT */
/*
 * cp. `host:` before a path means the host's file system. Within one side it
 * follows cp(1): contents and, less the umask, modes; -p keeps everything. A
 * copy from one side to the other is an import or export of a tree: modes,
 * times and hard links are kept as well, owners only with -p or -a.
 */
#include "copy.h"

struct place {
	const struct side *side;
	char *path;
};

static void copy_entry(struct shell *sh, struct copy *copy, const char *source,
		       const char *target, bool top);

/* ---- one entry of each kind ---- */

static bool same_file(const struct copy *copy, const struct vfs_stat *from,
		      const struct vfs_stat *to)
{
	return copy->from == copy->to && from->dev == to->dev &&
	       from->ino == to->ino;
}

static void copy_directory(struct shell *sh, struct copy *copy,
			   const char *source, const char *target,
			   const struct vfs_stat *stat)
{
	struct names names = {0};
	struct vfs_stat made;
	int error = copy->from->list(sh, source, &names);
	bool existed = false;

	if (error) {
		sh_copy_fail(sh, copy, copy->from, source, error);
		return;
	}
	error = copy->to->mkdir(sh, target, (stat->mode & 0777) | 0700);
	existed = error == -EEXIST;
	if (error == 0 || existed)
		error = copy->to->stat(sh, target, false, &made);
	if (error == 0 && !S_ISDIR(made.mode))
		error = -ENOTDIR;
	if (error) {
		sh_copy_fail(sh, copy, copy->to, target, error);
		goto free_names;
	}
	if (!existed && !copy->top_known) {
		copy->top_known = true;
		copy->top_dev = made.dev;
		copy->top_ino = made.ino;
	}
	copy->directories++;
	for (size_t i = 0; i < names.count; i++) {
		char *from = sh_join(source, names.items[i]);
		char *to = sh_join(target, names.items[i]);

		copy_entry(sh, copy, from, to, false);
		free(from);
		free(to);
	}
	if (!existed || copy->owners)
		sh_copy_attributes(sh, copy, source, target, stat);
	/* The bits that were added for the time of the copy. */
	if (!copy->exact && !existed && (stat->mode & 0700) != 0700) {
		error = copy->to->chmod(
			sh, target, made.mode & (stat->mode | ~0700u) & 07777);
		if (error)
			sh_copy_fail(sh, copy, copy->to, target, error);
	}
free_names:
	sh_names_free(&names);
}

static bool copy_link(struct shell *sh, struct copy *copy, const char *source,
		      const char *target)
{
	char *text = copy->from->readlink(sh, source);
	int error;

	if (!text) {
		sh_copy_fail(sh, copy, copy->from, source, -EIO);
		return false;
	}
	error = copy->to->symlink(sh, text, target);
	if (error == -EEXIST && copy->to->unlink(sh, target) == 0)
		error = copy->to->symlink(sh, text, target);
	free(text);
	if (error)
		sh_copy_fail(sh, copy, copy->to, target, error);
	return error == 0;
}

static bool copy_node(struct shell *sh, struct copy *copy, const char *target,
		      const struct vfs_stat *stat)
{
	int error = copy->to->mknod(sh, target, stat->mode & (S_IFMT | 0777),
				    stat->rdev);

	if (error == -EEXIST && copy->to->unlink(sh, target) == 0)
		error = copy->to->mknod(
			sh, target, stat->mode & (S_IFMT | 0777), stat->rdev);
	if (error)
		sh_copy_fail(sh, copy, copy->to, target, error);
	return error == 0;
}

/* True when the source was another name of something already copied, and the
 * copy has got this name as well. */
static bool linked(struct shell *sh, struct copy *copy, const char *target,
		   const struct vfs_stat *stat)
{
	const char *first;
	int error;

	if (!copy->links || stat->nlink < 2)
		return false;
	first = sh_links_find(&copy->seen, stat->dev, stat->ino);
	if (!first)
		return false;
	error = copy->to->link(sh, first, target);
	if (error == -EEXIST && copy->to->unlink(sh, target) == 0)
		error = copy->to->link(sh, first, target);
	if (error)
		sh_copy_fail(sh, copy, copy->to, target, error);
	else
		copy->files++;
	return true;
}

static void copy_file(struct shell *sh, struct copy *copy, const char *source,
		      const char *target, const struct vfs_stat *stat)
{
	bool good;

	if (linked(sh, copy, target, stat))
		return;
	if (S_ISLNK(stat->mode)) {
		good = copy_link(sh, copy, source, target);
		copy->others += good;
	} else if (S_ISREG(stat->mode) || !copy->recursive) {
		good = sh_copy_contents(sh, copy, source, target, stat);
		copy->files += good;
	} else {
		good = copy_node(sh, copy, target, stat);
		copy->others += good;
	}
	if (!good)
		return;
	if (copy->links && stat->nlink > 1)
		sh_links_add(&copy->seen, stat->dev, stat->ino, target);
	sh_copy_attributes(sh, copy, source, target, stat);
	sh_copy_report(copy);
}

static void copy_entry(struct shell *sh, struct copy *copy, const char *source,
		       const char *target, bool top)
{
	bool follow = !copy->recursive && !copy->no_dereference;
	struct vfs_stat stat;
	struct vfs_stat old;
	int error = copy->from->stat(sh, source, follow, &stat);

	if (atomic_load(&sh->interrupted)) {
		copy->status = 130;
		return;
	}
	if (error) {
		sh_copy_fail(sh, copy, copy->from, source, error);
		return;
	}
	if (S_ISDIR(stat.mode) && !copy->recursive) {
		copy->status = sh_complain(sh,
					   "%s: is a directory (-r copies "
					   "it)",
					   source);
		return;
	}
	if (copy->top_known && !top && copy->from == copy->to &&
	    stat.dev == copy->top_dev && stat.ino == copy->top_ino) {
		copy->status =
			sh_complain(sh, "%s: not copied into itself", source);
		return;
	}
	if (copy->to->stat(sh, target, false, &old) == 0) {
		if (same_file(copy, &stat, &old)) {
			copy->status =
				sh_complain(sh, "%s and %s are the same file",
					    source, target);
			return;
		}
		if (copy->keep && !S_ISDIR(stat.mode))
			return;
		if (S_ISDIR(old.mode) && !S_ISDIR(stat.mode)) {
			sh_copy_fail(sh, copy, copy->to, target, -EISDIR);
			return;
		}
	}
	if (copy->verbose)
		fprintf(sh->out, "%s -> %s\n", source, target);
	if (S_ISDIR(stat.mode))
		copy_directory(sh, copy, source, target, &stat);
	else
		copy_file(sh, copy, source, target, &stat);
}

/* ---- the command ---- */

static struct place parse_place(char *word)
{
	if (strncmp(word, "host:", 5) == 0)
		return (struct place){&sh_host_side, word + 5};
	return (struct place){&sh_virtual_side, word};
}

static bool parse_options(int argc, char **argv, struct copy *copy)
{
	static const struct option longs[] = {
		{"stats", no_argument, NULL, 's'},
		{0},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "adfnPpRrTv", longs, NULL)) !=
	       -1) {
		switch (letter) {
		case 'a':
			copy->recursive = copy->no_dereference = true;
			copy->owners = copy->attributes = copy->exact = true;
			copy->links = true;
			break;
		case 'd':
			copy->links = true;
			copy->no_dereference = true;
			break;
		case 'P':
			copy->no_dereference = true;
			break;
		case 'f':
			copy->force = true;
			break;
		case 'n':
			copy->keep = true;
			break;
		case 'p':
			copy->owners = copy->exact = true;
			break;
		case 'R':
		case 'r':
			copy->recursive = true;
			break;
		case 's':
			copy->statistics = true;
			break;
		case 'T':
			copy->plain = true;
			break;
		case 'v':
			copy->verbose = true;
			break;
		default:
			return false;
		}
	}
	return argc - optind >= 2 && !(copy->plain && argc - optind > 2);
}

static void copy_one(struct shell *sh, struct copy *copy, const char *source,
		     const char *target, bool into)
{
	const char *name = sh_basename(source);
	size_t length = strcspn(name, "/");
	char *inner;
	char *own;

	if (!into) {
		copy_entry(sh, copy, source, target, true);
		return;
	}
	/* The contents of `.` and `..` go into the target itself. */
	own = sh_strdup(length == 2 && name[0] == '.' && name[1] == '.' ? "."
									: name);
	own[strcspn(own, "/")] = '\0';
	inner = sh_join(target, *own ? own : ".");
	copy_entry(sh, copy, source, inner, true);
	free(own);
	free(inner);
}

static void print_statistics(struct shell *sh, const struct copy *copy)
{
	double seconds = sh_now() - copy->start;

	fprintf(sh->out,
		"%llu files, %llu directories, %llu others, %llu bytes in "
		"%.3f s: %.0f files/s\n",
		(unsigned long long)copy->files,
		(unsigned long long)copy->directories,
		(unsigned long long)copy->others,
		(unsigned long long)copy->bytes, seconds,
		(double)(copy->files + copy->directories + copy->others) /
			(seconds > 0 ? seconds : 1e-9));
}

static void copy_source(struct shell *sh, struct copy *copy, char *word,
			const struct place *target, bool into)
{
	struct place source = parse_place(word);
	bool exact = copy->exact;
	bool links = copy->links;

	if (source.side == &sh_host_side && target->side == &sh_host_side) {
		copy->status =
			sh_complain(sh, "%s: one side has to be virtual", word);
		return;
	}
	copy->from = source.side;
	copy->to = target->side;
	copy->exact = exact || source.side != target->side;
	copy->links = links || source.side != target->side;
	copy->top_known = false;
	copy_one(sh, copy, source.path, target->path, into);
	copy->exact = exact;
	copy->links = links;
}

static int run_cp(struct shell *sh, int argc, char **argv)
{
	struct copy copy = {.progress = isatty(STDERR_FILENO) == 1};
	struct place target;
	struct vfs_stat stat;
	bool into;

	if (!parse_options(argc, argv, &copy))
		return sh_usage(sh);
	target = parse_place(argv[argc - 1]);
	into = !copy.plain &&
	       target.side->stat(sh, target.path, true, &stat) == 0 &&
	       S_ISDIR(stat.mode);
	if (!into && argc - optind > 2)
		return sh_fail(sh, argv[argc - 1], -ENOTDIR);
	copy.buffer = sh_alloc(COPY_BUFFER_SIZE);
	copy.start = copy.last_report = sh_now();
	for (int i = optind; i < argc - 1; i++)
		copy_source(sh, &copy, argv[i], &target, into);
	if (copy.last_report > copy.start)
		fputc('\n', stderr);
	if (copy.statistics)
		print_statistics(sh, &copy);
	sh_links_free(&copy.seen);
	free(copy.buffer);
	return copy.status;
}

const struct command sh_copy_commands[] = {
	{"cp", run_cp, "[-adfnPprTv] [--stats] SOURCE... TARGET",
	 "copy; host:PATH is the host's file system; -a: trees with all"},
	{0},
};
