/* SPDX-License-Identifier: MIT */
/*
 * owner=xattr: owner, mode, type and device number of a file in one attribute,
 * so that a process without privilege can keep any tree. Contract: hostfs.h.
 *
 * The record is text, "UID:GID:MODE", MODE in octal with the type, and for
 * devices ":MAJOR:MINOR" behind it. Attributes of users exist on regular files
 * and directories alone, so a symlink, a device, a FIFO and a socket is a
 * regular file on the host whose record says what it is; a symlink's bytes are
 * its target. A file without a record is what the host says that it is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "hostfs.h"

#define TEXT_MAX 80

struct record {
	uint32_t uid, gid, mode, major, minor;
	bool device; /* with a number */
};

/* A number at *at in base, and what stands behind it, which is passed. */
static bool take_number(const char **at, uint32_t base, char end, uint32_t *out)
{
	uint64_t value = 0;
	const char *p = *at;

	while (*p >= '0' && *p < (char)('0' + base)) {
		value = value * base + (uint64_t)(*p++ - '0');
		if (value > UINT32_MAX)
			return false;
	}
	if (p == *at || *p != end)
		return false;
	*at = p + (end != '\0');
	*out = (uint32_t)value;
	return true;
}

static bool parse(const char *text, struct record *r)
{
	memset(r, 0, sizeof(*r));
	if (!take_number(&text, 10, ':', &r->uid) ||
	    !take_number(&text, 10, ':', &r->gid))
		return false;
	r->device = strchr(text, ':');
	if (!take_number(&text, 8, r->device ? ':' : '\0', &r->mode))
		return false;
	return !r->device || (take_number(&text, 10, ':', &r->major) &&
			      take_number(&text, 10, '\0', &r->minor));
}

/* A directory is one on the host, too, and nothing else is. */
static bool fits(const struct record *r, uint32_t host_mode)
{
	if (r->mode & ~(uint32_t)(S_IFMT | 07777) || r->uid == UINT32_MAX ||
	    r->gid == UINT32_MAX)
		return false;
	if (r->device != (S_ISCHR(r->mode) || S_ISBLK(r->mode)))
		return false;
	if (S_ISDIR(host_mode) || S_ISDIR(r->mode))
		return S_ISDIR(host_mode) && S_ISDIR(r->mode);
	return S_ISREG(r->mode) || S_ISLNK(r->mode) || S_ISCHR(r->mode) ||
	       S_ISBLK(r->mode) || S_ISFIFO(r->mode) || S_ISSOCK(r->mode);
}

static int malformed(struct hostfs_super *s)
{
	vfs_log(s->vfs, VFS_LOG_WARNING,
		"hostfs: a file's %s is no record of an owner",
		HOSTFS_OWNER_ATTRIBUTE);
	return 0;
}

/* 1: there is one; 0: none, or one that is none. */
static int load(struct hostfs_super *s, int fd, uint32_t host_mode,
		struct record *r)
{
	char text[TEXT_MAX];
	int64_t n = hostfs_fgetxattr(s, fd, HOSTFS_OWNER_ATTRIBUTE, text,
				     TEXT_MAX - 1);

	/* what this process may not read it has not recorded */
	if (n == -ENODATA || n == -EOPNOTSUPP || n == -EACCES)
		return 0;
	if (n == -ERANGE)
		return malformed(s);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	if (strlen(text) == (size_t)n && parse(text, r) && fits(r, host_mode))
		return 1;
	return malformed(s);
}

int hostfs_owner_load(struct hostfs_super *s, int fd, struct vfs_stat *stat)
{
	struct record r = {.mode = 0};
	int found = load(s, fd, stat->mode, &r);

	if (found <= 0)
		return found;
	stat->uid = r.uid;
	stat->gid = r.gid;
	stat->mode = r.mode;
	stat->rdev = makedev(r.major, r.minor);
	if (!S_ISREG(r.mode) && !S_ISDIR(r.mode)) {
		stat->blocks = 0;
		if (!S_ISLNK(r.mode))
			stat->size = 0;
	}
	return 0;
}

int hostfs_owner_store(struct hostfs_super *s, int fd, uint32_t mode,
		       uint32_t uid, uint32_t gid, uint64_t rdev)
{
	char text[TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%" PRIu32 ":%" PRIu32 ":%" PRIo32,
			 uid, gid, mode);

	if (S_ISCHR(mode) || S_ISBLK(mode))
		n += snprintf(text + n, sizeof(text) - (size_t)n, ":%u:%u",
			      major(rdev), minor(rdev));
	return hostfs_fsetxattr(s, fd, HOSTFS_OWNER_ATTRIBUTE, text, (size_t)n,
				0);
}

uint32_t hostfs_owner_mode(uint32_t mode)
{
	/* what we must be able to do whatever others may */
	if (S_ISDIR(mode))
		return (mode & 0777) | 0700;
	return S_ISREG(mode) ? (mode & 0777) | 0600 : 0600;
}

uint32_t hostfs_owner_type(struct hostfs_super *s, int dir, const char *name)
{
	uint32_t type = DT_REG;
	struct record r = {.mode = 0};
	int fd = hostfs_openat2(s, dir, name, O_PATH | O_NOFOLLOW, 0);

	if (fd < 0)
		return DT_UNKNOWN;
	/* what is not regular any more has no record of a type */
	if (load(s, fd, S_IFREG, &r) > 0)
		type = IFTODT(r.mode);
	hostfs_close(s->vfs, fd);
	return type;
}
