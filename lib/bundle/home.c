/* SPDX-License-Identifier: MIT */
/* HOME, from the tree's own /etc/passwd. Contract: home.h. */
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <vfs/file.h>
#include <vfs/stat.h>

/* What is read at once, and the longest line that is looked at. */
#define BUFFER 4096u
#define PASSWD "/etc/passwd"

/* The field behind n colons; NULL: there are not so many. */
static char *field(char *line, unsigned n)
{
	while (line && n--) {
		line = strchr(line, ':');
		if (line)
			line++;
	}
	return line;
}

/* name:password:uid:gid:comment:home:shell */
static char *home_of(struct bundle_load *b, char *line)
{
	char *uid = field(line, 2), *home = field(line, 5), *end;
	unsigned long number;

	if (!home || *uid < '0' || *uid > '9')
		return NULL;
	number = strtoul(uid, &end, 10);
	if (*end != ':' || number != b->spec->uid || *home != '/')
		return NULL;
	home[strcspn(home, ":")] = 0;
	return home;
}

/* Lines that do not fit are passed over. *out stays as it is without a line. */
static int search(struct bundle_load *b, int fd, char *buffer, const char **out)
{
	size_t have = 0;
	bool skip = false;
	char *home, *newline;
	int64_t n;

	do {
		n = vfs_read(b->task, fd, buffer + have, BUFFER - 1 - have);
		have += n > 0 ? (size_t)n : 0;
		buffer[have] = 0;
		while ((newline = memchr(buffer, '\n', have)) ||
		       (n <= 0 && have)) {
			size_t len =
				newline ? (size_t)(newline - buffer) : have;

			buffer[len] = 0;
			home = skip ? NULL : home_of(b, buffer);
			if (home) {
				*out = home;
				return 0;
			}
			skip = false;
			have -= newline ? len + 1 : len;
			memmove(buffer, buffer + len + 1, have);
		}
		if (have == BUFFER - 1) {
			have = 0;
			skip = true;
		}
	} while (n > 0);
	return (int)n;
}

static bool is_no_list(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -EACCES ||
	       err == -ELOOP || err == -EISDIR;
}

int bundle_home(struct bundle_load *b, const char **out)
{
	char *buffer = bundle_alloc(&b->arena, BUFFER);
	const char *home = "/";
	struct vfs_stat st;
	int fd, err;

	if (!buffer)
		return -ENOMEM;
	/* what would make one wait, or does something when it is read, is none
	 */
	err = vfs_stat(b->task, PASSWD, &st);
	fd = err ? err : -EISDIR;
	if (!err && S_ISREG(st.mode))
		fd = vfs_open(b->task, PASSWD, O_RDONLY | O_CLOEXEC, 0);
	err = fd < 0 ? fd : search(b, fd, buffer, &home);
	if (fd >= 0)
		vfs_close(b->task, fd);
	if (err && !is_no_list(err))
		return err;
	*out = home;
	return 0;
}
