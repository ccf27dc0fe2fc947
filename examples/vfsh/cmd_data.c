/* SPDX-License-Identifier: MIT */
/* cat, write, append, truncate, touch: contents and times. */
#include <time.h>

#include "vfsh.h"

#define BUFFER_SIZE ((size_t)64 * 1024)

/* ---- cat ---- */

static int cat_virtual(struct shell *sh, const char *path, char *buffer)
{
	int fd = vfs_open(sh->task, path, O_RDONLY, 0);
	int64_t count;

	if (fd < 0)
		return sh_fail(sh, path, fd);
	while ((count = vfs_read(sh->task, fd, buffer, BUFFER_SIZE)) > 0)
		if (fwrite(buffer, 1, (size_t)count, sh->out) != (size_t)count)
			break;
	vfs_close(sh->task, fd);
	if (count < 0)
		return sh_fail(sh, path, (int)count);
	return ferror(sh->out) ? 1 : 0;
}

/* The shell's own input, as `cat > FILE` is used. */
static int cat_input(struct shell *sh, char *buffer)
{
	size_t count;

	while ((count = fread(buffer, 1, BUFFER_SIZE, stdin)) > 0)
		if (fwrite(buffer, 1, count, sh->out) != count)
			break;
	clearerr(stdin);
	return ferror(sh->out) ? 1 : 0;
}

static int run_cat(struct shell *sh, int argc, char **argv)
{
	char *buffer;
	int status = 0;

	if (getopt(argc, argv, "") != -1)
		return sh_usage(sh);
	buffer = sh_alloc(BUFFER_SIZE);
	if (optind == argc)
		status = cat_input(sh, buffer);
	for (int i = optind; i < argc; i++) {
		if (strcmp(argv[i], "-") == 0)
			status |= cat_input(sh, buffer);
		else
			status |= cat_virtual(sh, argv[i], buffer);
	}
	free(buffer);
	return status;
}

/* ---- write, append ---- */

static int write_words(struct shell *sh, int fd, int argc, char **argv,
		       bool newline)
{
	size_t size = 1;
	size_t length = 0;
	char *text;
	int error;

	for (int i = 0; i < argc; i++)
		size += strlen(argv[i]) + 1;
	text = sh_alloc(size);
	for (int i = 0; i < argc; i++) {
		size_t word = strlen(argv[i]);

		if (i > 0)
			text[length++] = ' ';
		memcpy(text + length, argv[i], word);
		length += word;
	}
	if (newline)
		text[length++] = '\n';
	error = sh_write_all(sh, fd, text, length);
	free(text);
	return error;
}

static int write_file(struct shell *sh, int argc, char **argv, int flag)
{
	bool newline = true;
	int at = 1;
	int error;
	int fd;

	if (at < argc && strcmp(argv[at], "-n") == 0) {
		newline = false;
		at++;
	}
	if (argc - at < 1)
		return sh_usage(sh);
	fd = vfs_open(sh->task, argv[at], O_WRONLY | O_CREAT | flag, 0666);
	if (fd < 0)
		return sh_fail(sh, argv[at], fd);
	error = write_words(sh, fd, argc - at - 1, argv + at + 1, newline);
	vfs_close(sh->task, fd);
	return error ? sh_fail(sh, argv[at], error) : 0;
}

static int run_write(struct shell *sh, int argc, char **argv)
{
	return write_file(sh, argc, argv, O_TRUNC);
}

static int run_append(struct shell *sh, int argc, char **argv)
{
	return write_file(sh, argc, argv, O_APPEND);
}

/* ---- truncate ---- */

struct resize {
	int64_t size;
	char sign; /* + or -: by so much; 0: to this size */
	bool no_create;
};

static int resize_file(struct shell *sh, const struct resize *resize,
		       const char *path)
{
	int flags = O_WRONLY | O_NONBLOCK | (resize->no_create ? 0 : O_CREAT);
	int64_t size = resize->size;
	struct vfs_stat stat;
	int error;
	int fd = vfs_open(sh->task, path, flags, 0666);

	if (fd == -ENOENT && resize->no_create)
		return 0;
	if (fd < 0)
		return sh_fail(sh, path, fd);
	error = vfs_fstat(sh->task, fd, &stat);
	if (error == 0 && resize->sign == '+')
		size = size > INT64_MAX - stat.size ? INT64_MAX
						    : stat.size + size;
	else if (error == 0 && resize->sign == '-')
		size = size > stat.size ? 0 : stat.size - size;
	if (error == 0)
		error = vfs_ftruncate(sh->task, fd, size);
	vfs_close(sh->task, fd);
	return error ? sh_fail(sh, path, error) : 0;
}

static int run_truncate(struct shell *sh, int argc, char **argv)
{
	struct resize resize = {.size = -1};
	int status = 0;
	int letter;

	while ((letter = getopt(argc, argv, "cs:")) != -1) {
		if (letter == 'c') {
			resize.no_create = true;
		} else if (letter == 's') {
			if (*optarg == '+' || *optarg == '-')
				resize.sign = *optarg++;
			if (!sh_parse_size(optarg, &resize.size) ||
			    resize.size < 0)
				return sh_complain(sh, "%s: not a size",
						   optarg);
		} else {
			return sh_usage(sh);
		}
	}
	if (resize.size < 0 || optind == argc)
		return sh_usage(sh);
	for (int i = optind; i < argc; i++)
		status |= resize_file(sh, &resize, argv[i]);
	return status;
}

/* ---- touch ---- */

struct touch {
	struct vfs_timespec times[2];
	bool explicit_time;
	bool no_create;
	int follow; /* 0 or AT_SYMLINK_NOFOLLOW */
};

/* @SECONDS[.FRACTION], or YYYY-MM-DD[ HH:MM[:SS]] (also with T) in local
 * time. */
static bool parse_date(const char *text, struct vfs_timespec *out)
{
	static const char *const formats[] = {
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S",
		"%Y-%m-%dT%H:%M",    "%Y-%m-%d",
	};
	uint32_t unit = 100000000;
	struct tm parts;
	char *end;

	*out = (struct vfs_timespec){0};
	if (*text == '@') {
		out->sec = strtoll(text + 1, &end, 10);
		if (end == text + 1)
			return false;
		if (*end == '.')
			while (*++end >= '0' && *end <= '9' && unit > 0) {
				out->nsec += unit * (uint32_t)(*end - '0');
				unit /= 10;
			}
		return *end == '\0';
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		parts = (struct tm){.tm_isdst = -1};
		end = strptime(text, formats[i], &parts);
		if (end && *end == '\0') {
			out->sec = mktime(&parts);
			return true;
		}
	}
	return false;
}

static int touch_file(struct shell *sh, const struct touch *touch,
		      const char *path)
{
	int error = vfs_utimensat(sh->task, AT_FDCWD, path, touch->times,
				  touch->follow);
	int fd;

	if (error != -ENOENT)
		return error ? sh_fail(sh, path, error) : 0;
	if (touch->no_create)
		return 0;
	fd = vfs_open(sh->task, path, O_WRONLY | O_CREAT, 0666);
	if (fd < 0)
		return sh_fail(sh, path, fd);
	if (touch->explicit_time)
		error = vfs_futimens(sh->task, fd, touch->times);
	else
		error = 0;
	vfs_close(sh->task, fd);
	return error ? sh_fail(sh, path, error) : 0;
}

static bool touch_times(struct shell *sh, struct touch *touch, char letter)
{
	struct vfs_stat stat;
	int error = 0;

	touch->explicit_time = true;
	if (letter == 'r') {
		error = vfs_stat(sh->task, optarg, &stat);
		if (error) {
			sh_fail(sh, optarg, error);
			return false;
		}
		touch->times[0] = stat.atime;
		touch->times[1] = stat.mtime;
		return true;
	}
	if (!parse_date(optarg, &touch->times[0])) {
		sh_complain(sh, "%s: not a date", optarg);
		return false;
	}
	touch->times[1] = touch->times[0];
	return true;
}

static int run_touch(struct shell *sh, int argc, char **argv)
{
	struct touch touch = {.times = {{0, UTIME_NOW, 0}, {0, UTIME_NOW, 0}}};
	bool access_only = false;
	bool modify_only = false;
	int status = 0;
	int letter;

	while ((letter = getopt(argc, argv, "acd:hmr:")) != -1) {
		if (letter == 'a')
			access_only = true;
		else if (letter == 'c')
			touch.no_create = true;
		else if (letter == 'h')
			touch.follow = AT_SYMLINK_NOFOLLOW;
		else if (letter == 'm')
			modify_only = true;
		else if (letter != 'd' && letter != 'r')
			return sh_usage(sh);
		else if (!touch_times(sh, &touch, (char)letter))
			return 1;
	}
	if (optind == argc)
		return sh_usage(sh);
	if (access_only && !modify_only)
		touch.times[1].nsec = UTIME_OMIT;
	if (modify_only && !access_only)
		touch.times[0].nsec = UTIME_OMIT;
	for (int i = optind; i < argc; i++)
		status |= touch_file(sh, &touch, argv[i]);
	return status;
}

const struct command sh_data_commands[] = {
	{"cat", run_cat, "[FILE]...", "print files; without one, the input"},
	{"write", run_write, "[-n] FILE TEXT...",
	 "make a file of a line of text; -n: without the newline"},
	{"append", run_append, "[-n] FILE TEXT...", "add a line to a file"},
	{"truncate", run_truncate, "[-c] -s [+-]SIZE FILE...",
	 "set sizes; k, m and g are understood"},
	{"touch", run_touch, "[-achm] [-d DATE] [-r FILE] FILE...",
	 "set times; DATE: YYYY-MM-DD HH:MM:SS or @SECONDS"},
	{0},
};
