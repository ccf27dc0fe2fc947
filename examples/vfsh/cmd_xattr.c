/* SPDX-License-Identifier: MIT */
/* xattr. */
#include "vfsh.h"

/* Calls that give a length first and the data next; -ERANGE: it grew. */
struct reader {
	int64_t (*read)(struct shell *sh, const struct reader *reader,
			void *buffer, size_t size);
	const char *path;
	const char *name;
	bool link; /* the link itself */
};

static int64_t read_names(struct shell *sh, const struct reader *reader,
			  void *buffer, size_t size)
{
	return reader->link
		       ? vfs_llistxattr(sh->task, reader->path, buffer, size)
		       : vfs_listxattr(sh->task, reader->path, buffer, size);
}

static int64_t read_value(struct shell *sh, const struct reader *reader,
			  void *buffer, size_t size)
{
	return reader->link ? vfs_lgetxattr(sh->task, reader->path,
					    reader->name, buffer, size)
			    : vfs_getxattr(sh->task, reader->path, reader->name,
					   buffer, size);
}

/* The length or a negative errno; *out is the caller's. */
static int64_t read_whole(struct shell *sh, const struct reader *reader,
			  char **out)
{
	char *buffer = NULL;
	int64_t length;

	do {
		length = reader->read(sh, reader, NULL, 0);
		if (length < 0)
			break;
		buffer = sh_realloc(buffer, (size_t)length + 1);
		length = reader->read(sh, reader, buffer, (size_t)length);
	} while (length == -ERANGE);
	if (length < 0) {
		free(buffer);
		return length;
	}
	buffer[length] = '\0';
	*out = buffer;
	return length;
}

static bool is_text(const char *value, int64_t length)
{
	for (int64_t i = 0; i < length; i++)
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
			return false;
	return true;
}

static void print_value(FILE *out, const char *value, int64_t length)
{
	if (is_text(value, length)) {
		fprintf(out, "%.*s", (int)length, value);
		return;
	}
	fputs("0x", out);
	for (int64_t i = 0; i < length; i++)
		fprintf(out, "%02x", (unsigned char)value[i]);
}

static int run_get(struct shell *sh, const char *path, const char *name,
		   bool link)
{
	struct reader reader = {read_value, path, name, link};
	char *value;
	int64_t length = read_whole(sh, &reader, &value);

	if (length < 0)
		return sh_fail(sh, path, (int)length);
	print_value(sh->out, value, length);
	fputc('\n', sh->out);
	free(value);
	return 0;
}

static int run_names(struct shell *sh, const char *path, bool link)
{
	struct reader reader = {read_names, path, NULL, link};
	char *names;
	int64_t length = read_whole(sh, &reader, &names);
	int status = 0;

	if (length < 0)
		return sh_fail(sh, path, (int)length);
	for (int64_t at = 0; at < length; at += (int64_t)strlen(names + at) + 1)
		fprintf(sh->out, "%s\n", names + at);
	free(names);
	return status;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Turns 0x0102 into bytes, in place; anything else stays as it is. */
static size_t value_bytes(char *value)
{
	size_t length = strlen(value);
	size_t bytes = 0;

	if (length % 2 || strncmp(value, "0x", 2) != 0)
		return length;
	for (size_t i = 2; i < length; i++)
		if (hex_digit(value[i]) < 0)
			return length;
	for (size_t i = 2; i < length; i += 2)
		value[bytes++] = (char)(hex_digit(value[i]) << 4 |
					hex_digit(value[i + 1]));
	return bytes;
}

static int run_set(struct shell *sh, char **words, int flags, bool link)
{
	const char *path = words[0];
	char *value = sh_strdup(words[2]);
	size_t size = value_bytes(value);
	int error = link ? vfs_lsetxattr(sh->task, path, words[1], value, size,
					 flags)
			 : vfs_setxattr(sh->task, path, words[1], value, size,
					flags);

	free(value);
	return error ? sh_fail(sh, path, error) : 0;
}

static int run_remove(struct shell *sh, char **words, bool link)
{
	int error = link ? vfs_lremovexattr(sh->task, words[0], words[1])
			 : vfs_removexattr(sh->task, words[0], words[1]);

	return error ? sh_fail(sh, words[0], error) : 0;
}

static int run_xattr(struct shell *sh, int argc, char **argv)
{
	const char *verb;
	bool link = false;
	int at = 1;
	int count;
	char **words;

	if (at < argc && strcmp(argv[at], "-h") == 0) {
		link = true;
		at++;
	}
	if (argc - at < 2)
		return sh_usage(sh);
	verb = argv[at++];
	words = argv + at;
	count = argc - at;
	if (strcmp(verb, "list") == 0 && count == 1)
		return run_names(sh, words[0], link);
	if (strcmp(verb, "get") == 0 && count == 2)
		return run_get(sh, words[0], words[1], link);
	if (strcmp(verb, "set") == 0 && count == 3)
		return run_set(sh, words, 0, link);
	if (strcmp(verb, "remove") == 0 && count == 2)
		return run_remove(sh, words, link);
	return sh_usage(sh);
}

const struct command sh_xattr_commands[] = {
	{"xattr", run_xattr,
	 "[-h] list PATH | get PATH NAME | set PATH NAME VALUE | "
	 "remove PATH NAME",
	 "extended attributes; VALUE: text or 0x and hex digits"},
	{0},
};
