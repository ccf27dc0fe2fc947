/* SPDX-License-Identifier: MIT */
/* Contract: snapshot.h. */
#include "hostfs/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vfs/vfs.h>

/* ---- a number ---- */

static uint64_t mix(uint64_t state, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size--)
		state = (state ^ *at++) * UINT64_C(0x100000001b3);
	return state;
}

static uint64_t mix_number(uint64_t state, uint64_t number)
{
	return mix(state, &number, sizeof(number));
}

static uint64_t mix_stat(uint64_t state, const struct stat *st, bool times)
{
	state = mix_number(state, st->st_mode);
	state = mix_number(state, (uint64_t)st->st_uid << 32 | st->st_gid);
	state = mix_number(state, st->st_nlink);
	state = mix_number(state, st->st_rdev);
	if (!S_ISDIR(st->st_mode))
		state = mix_number(state, (uint64_t)st->st_size);
	if (!times)
		return state;
	state = mix(state, &st->st_atim, sizeof(st->st_atim));
	state = mix(state, &st->st_mtim, sizeof(st->st_mtim));
	return mix(state, &st->st_ctim, sizeof(st->st_ctim));
}

static uint64_t mix_attributes(uint64_t state, const char *path)
{
	char names[1024], value[1024];
	ssize_t n = llistxattr(path, names, sizeof(names));

	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t size =
			lgetxattr(path, names + at, value, sizeof(value));

		state = mix(state, names + at, strlen(names + at));
		if (size > 0)
			state = mix(state, value, (size_t)size);
	}
	return state;
}

static uint64_t mix_bytes(uint64_t state, int dirfd, const char *name,
			  const struct stat *st)
{
	char bytes[4096];
	ssize_t n = 0;
	int fd;

	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dirfd, name, bytes, sizeof(bytes));
	} else if (S_ISREG(st->st_mode)) {
		fd = openat(dirfd, name,
			    O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK);
		n = fd < 0 ? 0 : read(fd, bytes, sizeof(bytes));
		if (fd >= 0)
			close(fd);
	}
	return n > 0 ? mix(state, bytes, (size_t)n) : state;
}

struct name {
	char text[256];
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text,
		      ((const struct name *)b)->text);
}

/* The names in a directory, sorted; the caller frees. */
static struct name *names_of(int dirfd, size_t *count)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_NOATIME);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct name *names = NULL;
	struct dirent *d;

	*count = 0;
	if (!stream)
		return NULL;
	while ((d = readdir(stream))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		names = realloc(names, (*count + 1) * sizeof(*names));
		if (!names)
			abort();
		snprintf(names[(*count)++].text, sizeof(names->text), "%s",
			 d->d_name);
	}
	closedir(stream);
	if (names)
		qsort(names, *count, sizeof(*names), by_name);
	return names;
}

static uint64_t mix_entry(uint64_t state, int dirfd, dev_t dev,
			  const char *name, bool times);

static uint64_t mix_directory(uint64_t state, int dirfd, dev_t dev, bool times)
{
	size_t count;
	struct name *names = names_of(dirfd, &count);

	for (size_t i = 0; i < count; i++)
		state = mix_entry(state, dirfd, dev, names[i].text, times);
	free(names);
	return state;
}

static uint64_t mix_entry(uint64_t state, int dirfd, dev_t dev,
			  const char *name, bool times)
{
	char path[320];
	struct stat st;
	int fd;

	state = mix(state, name, strlen(name));
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return mix_number(state, (uint64_t)errno);
	state = mix_stat(state, &st, times);
	state = mix_bytes(state, dirfd, name, &st);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	state = mix_attributes(state, path);
	if (!S_ISDIR(st.st_mode) || st.st_dev != dev)
		return state;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOATIME);
	if (fd < 0)
		return mix_number(state, (uint64_t)errno);
	state = mix_directory(state, fd, dev, times);
	close(fd);
	return state;
}

uint64_t snapshot_host(int dirfd, bool times)
{
	uint64_t state = UINT64_C(0xcbf29ce484222325);
	struct stat st;

	if (fstat(dirfd, &st))
		return 0;
	state = mix_stat(state, &st, times);
	return mix_directory(state, dirfd, st.st_dev, times);
}

/* ---- the same ---- */

struct sameness {
	struct vfs_task *task;
	char *why;
	size_t size;
	bool good;
};

static void differs(struct sameness *s, const char *path, const char *how,
		    int64_t ours, int64_t hosts)
{
	if (s->good)
		snprintf(s->why, s->size, "%s: %s is %lld, not %lld", path, how,
			 (long long)ours, (long long)hosts);
	s->good = false;
}

#define SAME(s, path, how, ours, hosts)                             \
	do {                                                        \
		int64_t ours_ = (int64_t)(ours);                    \
		int64_t hosts_ = (int64_t)(hosts);                  \
                                                                    \
		if (ours_ != hosts_)                                \
			differs((s), (path), (how), ours_, hosts_); \
	} while (0)

static void same_stat(struct sameness *s, const char *path,
		      const struct vfs_stat *v, const struct stat *h)
{
	SAME(s, path, "ino", v->ino, h->st_ino);
	SAME(s, path, "mode", v->mode, h->st_mode);
	SAME(s, path, "nlink", v->nlink, h->st_nlink);
	SAME(s, path, "uid", v->uid, h->st_uid);
	SAME(s, path, "gid", v->gid, h->st_gid);
	SAME(s, path, "size", v->size, h->st_size);
	SAME(s, path, "mtime", v->mtime.sec, h->st_mtim.tv_sec);
	SAME(s, path, "mtime's ns", v->mtime.nsec, h->st_mtim.tv_nsec);
	SAME(s, path, "ctime", v->ctime.sec, h->st_ctim.tv_sec);
	SAME(s, path, "ctime's ns", v->ctime.nsec, h->st_ctim.tv_nsec);
	if (S_ISCHR(h->st_mode) || S_ISBLK(h->st_mode))
		SAME(s, path, "rdev", v->rdev, h->st_rdev);
}

static void same_bytes(struct sameness *s, const char *path, int dirfd,
		       const char *name, const struct stat *h)
{
	char ours[4096], hosts[4096];
	int64_t n = 0, m = 0;
	int fd;

	if (S_ISLNK(h->st_mode)) {
		n = vfs_readlink(s->task, path, ours, sizeof(ours));
		m = readlinkat(dirfd, name, hosts, sizeof(hosts));
	} else if (S_ISREG(h->st_mode)) {
		fd = vfs_open(s->task, path, O_RDONLY | O_NOATIME, 0);
		n = fd < 0 ? fd : vfs_read(s->task, fd, ours, sizeof(ours));
		if (fd >= 0)
			vfs_close(s->task, fd);
		fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);
		m = fd < 0 ? -errno : read(fd, hosts, sizeof(hosts));
		if (fd >= 0)
			close(fd);
	}
	SAME(s, path, "length", n, m);
	if (n == m && n > 0 && memcmp(ours, hosts, (size_t)n))
		differs(s, path, "bytes", 0, 1);
}

/* How many names there are for us, and that each is the host's. */
static void same_listing(struct sameness *s, const char *path,
			 const struct name *names, size_t count)
{
	const struct vfs_dirent *d;
	struct vfs_dir *stream;
	size_t found = 0;
	int err = vfs_opendir(s->task, path, &stream);

	if (err) {
		differs(s, path, "opendir", err, 0);
		return;
	}
	while ((err = vfs_readdir(stream, &d)) == 1) {
		struct name key;

		if (!strcmp(d->name, ".") || !strcmp(d->name, ".."))
			continue;
		found++;
		snprintf(key.text, sizeof(key.text), "%s", d->name);
		if (!names ||
		    !bsearch(&key, names, count, sizeof(*names), by_name))
			differs(s, path, d->name, 1, 0);
	}
	SAME(s, path, "readdir", err, 0);
	SAME(s, path, "entries", found, count);
	vfs_closedir(stream);
}

static void same_directory(struct sameness *s, const char *path, int dirfd)
{
	size_t count;
	struct name *names = names_of(dirfd, &count);
	char below[4096];
	struct vfs_stat v;
	struct stat h;
	int fd, err;

	same_listing(s, path, names, count);
	for (size_t i = 0; i < count && s->good; i++) {
		const char *name = names[i].text;

		snprintf(below, sizeof(below), "%s/%s", path, name);
		if (fstatat(dirfd, name, &h, AT_SYMLINK_NOFOLLOW))
			continue;
		err = vfs_lstat(s->task, below, &v);
		SAME(s, below, "lstat", err, 0);
		if (err)
			continue;
		same_stat(s, below, &v, &h);
		same_bytes(s, below, dirfd, name, &h);
		if (!S_ISDIR(h.st_mode))
			continue;
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOATIME);
		if (fd < 0)
			continue;
		same_directory(s, below, fd);
		close(fd);
	}
	free(names);
}

bool snapshot_same(struct vfs_task *task, const char *path, int dirfd,
		   char *why, size_t size)
{
	struct sameness s = {task, why, size, true};

	same_directory(&s, path, dirfd);
	return s.good;
}
