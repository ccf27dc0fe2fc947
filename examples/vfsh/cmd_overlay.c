/* SPDX-License-Identifier: MIT */
/* diff, commit and discard: what the upper directory of an overlay has. */
#include <sys/mount.h>

#include "vfsh.h"

#define STATMOUNT_ROOM 65536

/* ---- diff ---- */

struct change {
	char *path, *from; /* from NULL: none */
	uint32_t kind, mode;
	bool has_size;
	int64_t size;
};

struct diff {
	bool nul, json, sizes;
	const char *top;
	struct change *changes;
	size_t count, room;
};

static const struct {
	char letter;
	const char *word;
} kinds[] = {
	{'?', "unknown"},  {'A', "added"},   {'M', "modified"},
	{'T', "metadata"}, {'D', "deleted"}, {'X', "replaced"},
	{'R', "renamed"},
};

static const struct {
	uint32_t type;
	char letter;
	const char *word;
} types[] = {
	{S_IFREG, 'f', "file"},		{S_IFDIR, 'd', "directory"},
	{S_IFLNK, 'l', "symlink"},	{S_IFIFO, 'p', "fifo"},
	{S_IFSOCK, 's', "socket"},	{S_IFCHR, 'c', "character device"},
	{S_IFBLK, 'b', "block device"},
};

static size_t type_of(uint32_t mode)
{
	size_t i = 0;

	while (i < sizeof(types) / sizeof(types[0]) &&
	       types[i].type != (mode & S_IFMT))
		i++;
	return i;
}

static bool has_type(uint32_t mode)
{
	return type_of(mode) < sizeof(types) / sizeof(types[0]);
}

/* A name beside the path, or a path from the overlay's root. */
static char *from_of(const struct vfs_overlay_change *change)
{
	const char *slash = strrchr(change->path, '/');
	size_t len = slash ? (size_t)(slash - change->path) + 1 : 0;
	char *from;

	if (!change->from)
		return NULL;
	if (change->from[0] == '/')
		return sh_strdup(change->from);
	from = sh_alloc(len + strlen(change->from) + 1);
	memcpy(from, change->path, len);
	strcpy(from + len, change->from);
	return from;
}

static void add_change(struct shell *sh, struct diff *diff,
		       const struct vfs_overlay_change *change)
{
	struct change c = {
		.path = sh_strdup(change->path),
		.from = from_of(change),
		.kind = change->kind,
		.mode = change->mode,
	};
	struct vfs_stat st;
	char *path;

	if (diff->sizes && S_ISREG(change->mode)) {
		path = sh_join(diff->top, change->path);
		c.has_size = vfs_lstat(sh->task, path, &st) == 0;
		c.size = c.has_size ? st.size : 0;
		free(path);
	}
	if (diff->count == diff->room) {
		diff->room = diff->room ? diff->room * 2 : 64;
		diff->changes =
			sh_realloc(diff->changes, diff->room * sizeof(c));
	}
	diff->changes[diff->count++] = c;
}

/* A directory right before what is in it. */
static int by_path(const void *a, const void *b)
{
	const unsigned char *x = (const void *)((const struct change *)a)->path;
	const unsigned char *y = (const void *)((const struct change *)b)->path;

	while (*x && *x == *y) {
		x++;
		y++;
	}
	return (*x == '/' ? 1
		: *x	  ? *x + 1
			  : 0) -
	       (*y == '/' ? 1
		: *y	  ? *y + 1
			  : 0);
}

/* Bytes of the UTF-8 character at s, or 0: it is none. */
static size_t utf8(const unsigned char *s)
{
	size_t n = *s < 0xc2   ? 0
		   : *s < 0xe0 ? 2
		   : *s < 0xf0 ? 3
		   : *s < 0xf5 ? 4
			       : 0;

	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* A byte that is no character is a lone surrogate, U+DC00 and the byte. */
static void print_json(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', out);
	while (*s) {
		size_t n = utf8(s);

		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\u%04x", *s);
		else if (*s < 0x80)
			fputc(*s, out);
		else if (n)
			fwrite(s, 1, n, out);
		else
			fprintf(out, "\\udc%02x", *s);
		s += n ? n : 1;
	}
	fputc('"', out);
}

static void print_object(FILE *out, const struct change *c)
{
	fprintf(out, "{\"change\":\"%s\",\"path\":", kinds[c->kind].word);
	print_json(out, c->path);
	if (has_type(c->mode))
		fprintf(out, ",\"type\":\"%s\",\"mode\":\"%04o\"",
			types[type_of(c->mode)].word, c->mode & 07777);
	if (c->has_size)
		fprintf(out, ",\"size\":%lld", (long long)c->size);
	if (c->from) {
		fputs(",\"from\":", out);
		print_json(out, c->from);
	}
	fputs("}\n", out);
}

static void print_change(FILE *out, const struct diff *diff,
			 const struct change *c)
{
	fprintf(out, "%c %c ", kinds[c->kind].letter,
		has_type(c->mode) ? types[type_of(c->mode)].letter : '-');
	if (diff->sizes && c->has_size)
		fprintf(out, "%10lld ", (long long)c->size);
	else if (diff->sizes)
		fprintf(out, "%10s ", "-");
	fputs(c->path, out);
	if (c->from && diff->nul)
		fprintf(out, "%c%s", '\0', c->from);
	else if (c->from)
		fprintf(out, " <- %s", c->from);
	fputc(diff->nul ? '\0' : '\n', out);
}

static int collect(struct shell *sh, struct diff *diff)
{
	const struct vfs_overlay_change *change;
	struct vfs_overlay_diff *iterator;
	int status = 0;
	int result = vfs_overlay_diff(sh->task, AT_FDCWD, diff->top, &iterator);

	if (result == -EINVAL)
		return sh_complain(sh, "%s: not in an overlay", diff->top);
	if (result)
		return sh_fail(sh, diff->top, result);
	while (!sh->interrupted &&
	       (result = vfs_overlay_diff_next(iterator, &change)) != 0) {
		if (result > 0)
			add_change(sh, diff, change);
		else
			status = sh_fail(sh, diff->top, result);
		if (result == -ENOMEM)
			break;
	}
	vfs_overlay_diff_close(iterator);
	return status;
}

static int run_diff(struct shell *sh, int argc, char **argv)
{
	struct diff diff = {.top = "."};
	int status, c;

	sh_options_start();
	while ((c = getopt(argc, argv, "+0js")) != -1) {
		if (c == '0')
			diff.nul = true;
		else if (c == 'j')
			diff.json = true;
		else if (c == 's')
			diff.sizes = true;
		else
			return sh_usage(sh);
	}
	if (argc - optind > 1)
		return sh_usage(sh);
	if (optind < argc)
		diff.top = argv[optind];
	status = collect(sh, &diff);
	if (diff.count)
		qsort(diff.changes, diff.count, sizeof(*diff.changes), by_path);
	for (size_t i = 0; i < diff.count; i++) {
		if (diff.json)
			print_object(sh->out, &diff.changes[i]);
		else
			print_change(sh->out, &diff, &diff.changes[i]);
		free(diff.changes[i].path);
		free(diff.changes[i].from);
	}
	free(diff.changes);
	return status;
}

/* ---- commit and discard ---- */

/* A mounted overlay, as it is to be mounted again. */
struct mounted {
	char *source, *point, *options;
	uint64_t flags;
	char *lower, *upper, *work; /* paths; NULL: none */
	bool several;		    /* lower directories */
	bool userxattr;
};

static void forget(struct mounted *m)
{
	free(m->source);
	free(m->point);
	free(m->options);
	free(m->lower);
	free(m->upper);
	free(m->work);
}

/* The text up to one of the characters in ends, where no backslash is before
 * it, without backslashes; *text is put behind it. */
static char *take(const char **text, const char *ends)
{
	char *word = sh_alloc(strlen(*text) + 1), *to = word;

	while (**text && !strchr(ends, **text)) {
		if (**text == '\\' && (*text)[1])
			(*text)++;
		*to++ = *(*text)++;
	}
	*to = '\0';
	return word;
}

static bool is_option(const char *text, const char *name)
{
	return strncmp(text, name, strlen(name)) == 0;
}

static void take_layer(struct mounted *m, const char **text, char **layer)
{
	*text = strchr(*text, '=') + 1;
	if (*layer) {
		m->several = true;
		free(*layer);
	}
	*layer = take(text, layer == &m->lower ? ":," : ",");
	if (**text == ':')
		m->several = true;
}

static void parse_options(struct mounted *m, const char *text)
{
	while (*text) {
		char *rest = NULL;

		if (is_option(text, "lowerdir=") ||
		    is_option(text, "lowerdir+="))
			take_layer(m, &text, &m->lower);
		else if (is_option(text, "upperdir="))
			take_layer(m, &text, &m->upper);
		else if (is_option(text, "workdir="))
			take_layer(m, &text, &m->work);
		rest = take(&text, ",");
		if (strcmp(rest, "userxattr") == 0)
			m->userxattr = true;
		free(rest);
		if (*text)
			text++;
	}
}

static uint64_t flags_of(const struct vfs_statmount *sm)
{
	static const struct {
		uint64_t attr, flag;
	} pairs[] = {
		{MOUNT_ATTR_RDONLY, MS_RDONLY},
		{MOUNT_ATTR_NOSUID, MS_NOSUID},
		{MOUNT_ATTR_NODEV, MS_NODEV},
		{MOUNT_ATTR_NOEXEC, MS_NOEXEC},
		{MOUNT_ATTR_NOATIME, MS_NOATIME},
		{MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
	};
	uint64_t flags = sm->sb_flags & MS_RDONLY;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (sm->mnt_attr & pairs[i].attr)
			flags |= pairs[i].flag;
	return flags;
}

/* The overlay that the path is in. */
static int find_overlay(struct shell *sh, const char *path, struct mounted *m)
{
	struct vfs_mnt_id_req req = {.size = sizeof(req)};
	struct vfs_statmount *sm;
	const char *strings;
	struct vfs_stat st;
	int result = vfs_stat(sh->task, path, &st);

	if (result)
		return sh_fail(sh, path, result);
	req.mnt_id = st.mnt_id;
	req.param = VFS_STATMOUNT_MNT_POINT | VFS_STATMOUNT_FS_TYPE |
		    VFS_STATMOUNT_MNT_OPTS | VFS_STATMOUNT_SB_SOURCE |
		    VFS_STATMOUNT_MNT_BASIC | VFS_STATMOUNT_SB_BASIC;
	sm = sh_alloc(STATMOUNT_ROOM);
	result = vfs_statmount(sh->task, &req, sm, STATMOUNT_ROOM, 0);
	strings = (const char *)(sm + 1);
	if (result) {
		sh_fail(sh, path, result);
	} else if (strcmp(strings + sm->fs_type, "overlay") != 0) {
		result = 1;
		sh_complain(sh, "%s: not in an overlay", path);
	} else {
		m->point = sh_strdup(strings + sm->mnt_point);
		m->options = sh_strdup(strings + sm->mnt_opts);
		m->source = sh_strdup(sm->mask & VFS_STATMOUNT_SB_SOURCE
					      ? strings + sm->sb_source
					      : "overlay");
		m->flags = flags_of(sm);
		parse_options(m, m->options);
	}
	free(sm);
	return result != 0;
}

typedef int layers_call(struct vfs_task *task,
			const struct vfs_overlay_layers *layers);

static int open_layer(struct shell *sh, const char *path, int32_t *out)
{
	int fd = path ? vfs_open(sh->task, path, O_PATH | O_DIRECTORY, 0) : -1;

	*out = fd;
	return path && fd < 0 ? sh_fail(sh, path, fd) : 0;
}

static int with_layers(struct shell *sh, const struct mounted *m,
		       layers_call *call)
{
	struct vfs_overlay_layers layers = {.size = sizeof(layers)};
	int failed, result;

	layers.userxattr = m->userxattr;
	failed = open_layer(sh, m->lower, &layers.lower) |
		 open_layer(sh, m->upper, &layers.upper) |
		 open_layer(sh, m->work, &layers.work);
	result = failed ? 0 : call(sh->task, &layers);
	vfs_close(sh->task, layers.lower);
	vfs_close(sh->task, layers.upper);
	vfs_close(sh->task, layers.work);
	return result ? sh_fail(sh, m->point, result) : failed;
}

/* Unmounts, does it, and mounts again, whatever came of it. */
static int change_layers(struct shell *sh, const struct mounted *m,
			 layers_call *call)
{
	int status, result = vfs_umount2(sh->task, m->point, UMOUNT_NOFOLLOW);

	if (result)
		return sh_fail(sh, m->point, result);
	status = with_layers(sh, m, call);
	result = vfs_mount(sh->task, m->source, m->point, "overlay", m->flags,
			   m->options);
	if (result)
		return sh_complain(sh, "%s: cannot be mounted again: %s",
				   m->point, vfs_strerror(result));
	return status;
}

static int run_layers(struct shell *sh, int argc, char **argv,
		      layers_call *call)
{
	struct mounted m = {0};
	int status;

	if (argc != 2 || argv[1][0] == '-')
		return sh_usage(sh);
	status = find_overlay(sh, argv[1], &m);
	if (!status && !m.upper)
		status = sh_complain(sh, "%s: there is no upper directory",
				     m.point);
	else if (!status && (!m.lower || m.several) &&
		 call == vfs_overlay_commit)
		status = sh_complain(sh, "%s: %s", m.point,
				     m.lower ? "there are several lower "
					       "directories"
					     : "the lower directory has no "
					       "path");
	if (!status)
		status = change_layers(sh, &m, call);
	forget(&m);
	return status;
}

static int run_commit(struct shell *sh, int argc, char **argv)
{
	return run_layers(sh, argc, argv, vfs_overlay_commit);
}

static int run_discard(struct shell *sh, int argc, char **argv)
{
	return run_layers(sh, argc, argv, vfs_overlay_discard);
}

const struct command sh_overlay_commands[] = {
	{"diff", run_diff, "[-0js] [DIRECTORY]",
	 "what an overlay changed; -s: sizes, -j: as JSON, -0: ends with NUL"},
	{"commit", run_commit, "DIRECTORY",
	 "bring what an overlay changed into its lower directory"},
	{"discard", run_discard, "DIRECTORY", "drop what an overlay changed"},
	{NULL, NULL, NULL, NULL},
};
