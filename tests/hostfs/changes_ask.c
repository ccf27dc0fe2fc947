/* SPDX-License-Identifier: MIT */
/* Asking libvfs and the host the same. Contract: changes.h. */
#include "hostfs/changes.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/xattr.h>

const char *const question_names[QUESTIONS] = {
	"lstat", "stat",     "access R", "access W", "access X",
	"open",	 "readlink", "getxattr", "readdir"};

void path_of(unsigned i, char path[PATH_SIZE])
{
	static const char letters[] = "abc";

	if (i < NAMES)
		snprintf(path, PATH_SIZE, "%c", letters[i]);
	else if ((i -= NAMES) < NAMES * NAMES)
		snprintf(path, PATH_SIZE, "%c/%c", letters[i / NAMES],
			 letters[i % NAMES]);
	else if ((i -= NAMES * NAMES) < NAMES * NAMES * NAMES)
		snprintf(path, PATH_SIZE, "%c/%c/%c",
			 letters[i / NAMES / NAMES], letters[i / NAMES % NAMES],
			 letters[i % NAMES]);
	else
		abort();
}

static uint64_t mix(uint64_t state, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size--)
		state = (state ^ *at++) * UINT64_C(0x100000001b3);
	return state;
}

static uint64_t number(uint64_t state, uint64_t n)
{
	return mix(state, &n, sizeof(n));
}

/* Names in any order. */
static uint64_t name_value(const char *name, uint64_t ino, uint32_t type)
{
	return number(number(mix(7, name, strlen(name)), ino), type);
}

/* ---- asking libvfs ---- */

uint64_t vfs_value(const struct vfs_stat *st)
{
	uint64_t v = number(number(1, st->ino), st->mode);

	v = number(number(v, st->uid), st->gid);
	v = number(number(v, st->nlink), (uint64_t)st->size);
	v = number(number(v, (uint64_t)st->mtime.sec), st->mtime.nsec);
	return number(number(v, (uint64_t)st->ctime.sec), st->ctime.nsec);
}

static struct answer vfs_stat_answer(struct vfs_task *t, int dirfd,
				     const char *path, int flags)
{
	struct vfs_stat st;
	struct answer a = {vfs_fstatat(t, dirfd, path, &st, flags), 0};

	if (!a.error)
		a.value = vfs_value(&st);
	return a;
}

static struct answer vfs_bytes(struct vfs_task *t, int dirfd, const char *path)
{
	char text[64];
	struct vfs_stat st;
	struct answer a = {0, 0};
	int64_t n;
	int fd;

	/* the host's FIFOs are not for opening */
	if (!vfs_fstatat(t, dirfd, path, &st, 0) && S_ISFIFO(st.mode))
		return a;
	fd = vfs_openat(t, dirfd, path, O_RDONLY, 0);
	a.error = fd < 0 ? fd : 0;
	if (fd < 0)
		return a;
	n = vfs_read(t, fd, text, sizeof(text));
	a.value = n < 0 ? (uint64_t)n : mix(2, text, (size_t)n);
	if (!vfs_fstat(t, fd, &st))
		a.value = number(a.value, vfs_value(&st));
	vfs_close(t, fd);
	return a;
}

static struct answer vfs_target(struct vfs_task *t, int dirfd, const char *path)
{
	char text[64];
	int64_t n = vfs_readlinkat(t, dirfd, path, text, sizeof(text));

	return n < 0 ? (struct answer){(int)n, 0}
		     : (struct answer){0, mix(3, text, (size_t)n)};
}

static struct answer vfs_attribute(struct vfs_task *t, const char *path)
{
	char text[64], whole[PATH_SIZE + 4];
	int64_t n;

	snprintf(whole, sizeof(whole), "/h/%s", path);
	n = vfs_lgetxattr(t, whole, "user.x", text, sizeof(text));
	return n < 0 ? (struct answer){(int)n, 0}
		     : (struct answer){0, mix(4, text, (size_t)n)};
}

static struct answer vfs_listing(struct vfs_task *t, int dirfd,
				 const char *path)
{
	int fd = vfs_openat(t, dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	_Alignas(8) char records[1024];
	struct answer a = {fd < 0 ? fd : 0, 0};
	int64_t n;

	if (fd < 0)
		return a;
	while ((n = vfs_getdents(t, fd, records, sizeof(records))) > 0) {
		for (int64_t at = 0; at < n;) {
			struct vfs_dirent *d =
				(struct vfs_dirent *)(records + at);

			at += d->reclen;
			if (strcmp(d->name, ".") && strcmp(d->name, ".."))
				a.value += name_value(d->name, d->ino, d->type);
		}
	}
	a.error = (int)n;
	vfs_close(t, fd);
	return a;
}

void ask_vfs(struct vfs_task *t, int dirfd, const char *path,
	     struct answer of[QUESTIONS])
{
	of[LSTAT] = vfs_stat_answer(t, dirfd, path, AT_SYMLINK_NOFOLLOW);
	of[STAT] = vfs_stat_answer(t, dirfd, path, 0);
	of[READABLE].error = vfs_faccessat(t, dirfd, path, R_OK);
	of[WRITABLE].error = vfs_faccessat(t, dirfd, path, W_OK);
	of[SEARCHABLE].error = vfs_faccessat(t, dirfd, path, X_OK);
	of[BYTES] = vfs_bytes(t, dirfd, path);
	of[TARGET] = vfs_target(t, dirfd, path);
	of[ATTRIBUTE] = vfs_attribute(t, path);
	of[LISTING] = vfs_listing(t, dirfd, path);
}

/* ---- asking the host ---- */

static int result(int64_t value)
{
	return value < 0 ? -errno : 0;
}

uint64_t host_value(const struct stat *st)
{
	uint64_t v = number(number(1, st->st_ino), st->st_mode);

	v = number(number(v, st->st_uid), st->st_gid);
	v = number(number(v, st->st_nlink), (uint64_t)st->st_size);
	v = number(number(v, (uint64_t)st->st_mtim.tv_sec),
		   (uint64_t)st->st_mtim.tv_nsec);
	return number(number(v, (uint64_t)st->st_ctim.tv_sec),
		      (uint64_t)st->st_ctim.tv_nsec);
}

static struct answer host_stat_answer(int dirfd, const char *path, int flags)
{
	struct stat st;
	struct answer a = {result(fstatat(dirfd, path, &st, flags)), 0};

	if (!a.error)
		a.value = host_value(&st);
	return a;
}

static struct answer host_bytes(int dirfd, const char *path)
{
	struct answer a = {0, 0};
	struct stat st;
	char text[64];
	ssize_t n;
	int fd;

	if (!fstatat(dirfd, path, &st, 0) && S_ISFIFO(st.st_mode))
		return a;
	fd = openat(dirfd, path, O_RDONLY);
	a.error = result(fd);
	if (fd < 0)
		return a;
	n = read(fd, text, sizeof(text));
	a.value = n < 0 ? (uint64_t)-errno : mix(2, text, (size_t)n);
	if (!fstat(fd, &st))
		a.value = number(a.value, host_value(&st));
	close(fd);
	return a;
}

struct answer host_target(int dirfd, const char *path)
{
	char text[64];
	ssize_t n = readlinkat(dirfd, path, text, sizeof(text));

	return n < 0 ? (struct answer){-errno, 0}
		     : (struct answer){0, mix(3, text, (size_t)n)};
}

static struct answer host_attribute(int dirfd, const char *path)
{
	char text[64], whole[64];
	ssize_t n;

	snprintf(whole, sizeof(whole), "/proc/self/fd/%d/%s", dirfd, path);
	n = lgetxattr(whole, "user.x", text, sizeof(text));
	return n < 0 ? (struct answer){-errno, 0}
		     : (struct answer){0, mix(4, text, (size_t)n)};
}

static struct answer host_listing(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY);
	struct answer a = {result(fd), 0};
	struct dirent *d;
	DIR *stream;

	if (fd < 0)
		return a;
	stream = fdopendir(fd);
	if (!stream)
		abort();
	while ((d = readdir(stream)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			a.value += name_value(d->d_name, d->d_ino, d->d_type);
	closedir(stream);
	return a;
}

void ask_host(int dirfd, const char *path, struct answer of[QUESTIONS])
{
	of[LSTAT] = host_stat_answer(dirfd, path, AT_SYMLINK_NOFOLLOW);
	of[STAT] = host_stat_answer(dirfd, path, 0);
	of[READABLE].error = result(faccessat(dirfd, path, R_OK, 0));
	of[WRITABLE].error = result(faccessat(dirfd, path, W_OK, 0));
	of[SEARCHABLE].error = result(faccessat(dirfd, path, X_OK, 0));
	of[BYTES] = host_bytes(dirfd, path);
	of[TARGET] = host_target(dirfd, path);
	of[ATTRIBUTE] = host_attribute(dirfd, path);
	of[LISTING] = host_listing(dirfd, path);
}

void ask_host_all(int dirfd, struct answers *out)
{
	char path[PATH_SIZE];

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < PATHS; i++) {
		path_of(i, path);
		ask_host(dirfd, path, out->of[i]);
	}
}
