/* SPDX-License-Identifier: MIT */
/*
 * The index: what keeps the names of a lower file together when it is copied
 * up.
 *
 * A lower file with several names is copied to the index directory, under the
 * hexadecimal handle of the lower file, and gets its names as links to that,
 * each when it is needed. Whoever meets another of its names finds the copy
 * there. Its count of links is that of all layers together: an attribute
 * (`nlink`) of the copy says by how much it differs from upper's ("U+1") or
 * lower's ("L-1"), and is written before each change of upper's, so that both
 * change in one step. Contract: overlay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vfs/dir.h>
#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "overlay.h"

#define LIST_BUFFER 8192u

bool overlay_may_index(const struct overlay_inode *oi)
{
	return oi->fs->index_fd >= 0 && oi->lower_count &&
	       !S_ISDIR(VFS_READ_ONCE(oi->inode->mode)) &&
	       (overlay_upper(oi) < 0
			? VFS_READ_ONCE(oi->inode->nlink) > 1
			: (overlay_state(oi) & OVERLAY_INDEXED) != 0);
}

bool overlay_wants_index(const struct overlay_super *fs,
			 const struct vfs_stat *lower)
{
	return fs->index_fd >= 0 && !S_ISDIR(lower->mode) && lower->nlink > 1;
}

/* ---- names ---- */

int overlay_index_name(struct overlay_super *fs,
		       const struct overlay_place *lower, int upper,
		       struct overlay_name *out)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[OVERLAY_ORIGIN_MAX];
	int64_t n = lower->fd >= 0 ? overlay_encode_origin(fs, lower, bytes)
				   : overlay_get_own(fs, upper, "origin", bytes,
						     sizeof(bytes));

	if (n <= 0)
		return n ? (int)n : -EOPNOTSUPP;
	if (2 * n > (int64_t)OVERLAY_NAME_MAX)
		return -ENAMETOOLONG;
	for (int64_t i = 0; i < n; i++) {
		out->text[2 * i] = digits[bytes[i] >> 4];
		out->text[2 * i + 1] = digits[bytes[i] & 15];
	}
	out->text[2 * n] = '\0';
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes that an entry's name stands for: how many, or -EINVAL. */
static int parse_name(const char *name, unsigned char bytes[OVERLAY_ORIGIN_MAX])
{
	size_t len = strlen(name);

	if (!len || len % 2 || len / 2 > OVERLAY_ORIGIN_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 2) {
		int high = digit(name[i]), low = digit(name[i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		bytes[i / 2] = (unsigned char)(high << 4 | low);
	}
	return (int)(len / 2);
}

/* ---- counts ---- */

/* All names there are of the copy in fd, if it says so: *nlink. lower may be
 * NULL. */
static int load_nlink(struct overlay_super *fs, int fd,
		      const struct vfs_stat *upper,
		      const struct vfs_stat *lower, uint32_t *nlink)
{
	char text[16] = "";
	int64_t n = overlay_get_own(fs, fd, "nlink", text, sizeof(text) - 1);
	int64_t sum;

	if (n == -ENODATA || n == -ERANGE)
		return 0;
	if (n < 0)
		return (int)n;
	if ((text[0] != 'U' && (text[0] != 'L' || !lower)) || n < 2)
		return 0;
	sum = text[0] == 'U' ? upper->nlink : lower->nlink;
	sum += strtol(text + 1, NULL, 10);
	if (sum > 0 && sum <= UINT32_MAX)
		*nlink = (uint32_t)sum;
	return 0;
}

/* Before the number of upper's links changes: what the sum is beyond it. */
static int store_nlink(struct overlay_super *fs, int fd, uint32_t nlink)
{
	struct vfs_stat st;
	char text[16];
	int len, err = overlay_stat(fs, fd, &st);

	if (err)
		return err;
	len = snprintf(text, sizeof(text), "U%+lld",
		       (long long)nlink - (long long)st.nlink);
	return overlay_set_own(fs, fd, "nlink", text, (size_t)len);
}

int overlay_index_begin(struct overlay_inode *oi)
{
	if (!(overlay_state(oi) & OVERLAY_INDEXED))
		return 0;
	return store_nlink(oi->fs, overlay_upper(oi), VFS_READ_ONCE(oi->nlink));
}

void overlay_index_end(struct overlay_inode *oi, int change)
{
	struct overlay_super *fs = oi->fs;
	struct overlay_name name;

	if (!(overlay_state(oi) & OVERLAY_INDEXED))
		return;
	VFS_WRITE_ONCE(oi->nlink, oi->nlink + (uint32_t)change);
	if (!oi->nlink &&
	    !overlay_index_name(fs, &oi->lower[0], overlay_upper(oi), &name))
		(void)vfs_unlinkat(fs->task, fs->index_fd, name.text, 0);
}

/* ---- finding ---- */

/* Whether the copy has no data, which is where the lower file is then. */
static int check_metacopy(struct overlay_super *fs, int fd, bool *out)
{
	char value[64];
	int64_t n = overlay_get_own(fs, fd, "metacopy", value, sizeof(value));

	if (n < 0 && n != -ENODATA && n != -ERANGE)
		return (int)n;
	*out = n != -ENODATA;
	return *out && !fs->metacopy ? -EPERM : 0;
}

int overlay_index_find(struct overlay_super *fs, struct overlay_found *found)
{
	struct overlay_name name;
	struct vfs_stat st;
	int fd, err, metacopy = 0;

	if (!found->lower_count || fs->index_fd < 0 ||
	    (found->lower[0].fd >= 0 &&
	     !overlay_wants_index(fs, &found->lower_st)))
		return 0;
	err = overlay_index_name(fs, &found->lower[0], found->upper, &name);
	if (err)
		return err == -EOPNOTSUPP ? 0 : err;
	fd = overlay_open_path(fs, fs->index_fd, name.text);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = overlay_stat(fs, fd, &st);
	if (!err && (st.mode ^ found->lower_st.mode) & S_IFMT)
		err = -EIO;
	if (!err && found->upper >= 0 && st.ino != found->st.ino)
		goto close; /* another copy, which was made without */
	found->nlink = st.nlink;
	if (!err)
		err = load_nlink(fs, fd, &st,
				 found->lower[0].fd < 0 ? NULL
							: &found->lower_st,
				 &found->nlink);
	if (err)
		goto close;
	if (found->upper < 0)
		err = check_metacopy(fs, fd, &found->metacopy);
	if (err)
		goto close;
	found->indexed = true;
	if (found->upper >= 0)
		goto close;
	if (S_ISREG(st.mode))
		metacopy = overlay_is_metacopy(fs, fd);
	if (metacopy < 0) {
		err = metacopy;
		goto close;
	}
	found->metacopy = metacopy;
	found->upper = fd;
	found->st = st;
	return 0;

close:
	overlay_close(fs, fd);
	return err;
}

/* ---- copies ---- */

int overlay_index_place(struct overlay_inode *oi, const char *temp)
{
	struct overlay_super *fs = oi->fs;
	struct overlay_name name;
	int err = overlay_index_name(fs, &oi->lower[0], -1, &name);

	if (err)
		return err;
	return vfs_renameat2(fs->task, fs->work_fd, temp, fs->index_fd,
			     name.text, VFS_RENAME_NOREPLACE);
}

int overlay_link_up(struct overlay_inode *oi, struct overlay_inode *dir,
		    const char *name)
{
	struct overlay_super *fs = oi->fs;
	struct vfs_stat before;
	int dirfd, err;

	if (!(overlay_state(oi) & OVERLAY_INDEXED))
		return 0;
	err = overlay_copy_up(dir, OVERLAY_ALL);
	if (err)
		return err;
	dirfd = overlay_upper(dir);
	err = overlay_cover(fs, dirfd, name);
	/* it is there, or was taken away while it was being opened */
	if (err == OVERLAY_TAKEN || err == OVERLAY_WHITEOUT)
		return 0;
	if (!err)
		err = overlay_stat(fs, dirfd, &before);
	if (!err)
		err = overlay_set_impure(dir);
	/* the sum stays: this link was lower's until now */
	if (!err)
		err = store_nlink(fs, overlay_upper(oi), oi->nlink - 1);
	if (!err)
		err = vfs_linkat(fs->task, overlay_upper(oi), "", dirfd, name,
				 AT_EMPTY_PATH);
	if (err)
		return err;
	(void)overlay_set_times(fs, dirfd, &before);
	overlay_stale(dir->inode);
	overlay_stale(oi->inode);
	return 0;
}

int overlay_link_name(struct overlay_inode *oi, struct overlay_inode *dir,
		      const char *name)
{
	int err;

	if (!(overlay_state(oi) & OVERLAY_INDEXED))
		return 0;
	pthread_mutex_lock(&oi->lock);
	err = overlay_link_up(oi, dir, name);
	pthread_mutex_unlock(&oi->lock);
	return err;
}

/* ---- mounting ---- */

/* An attribute of dirfd's says that it belongs to `to`; it is written when
 * there is none. -ESTALE: it belongs to another. */
static int verify(struct overlay_super *fs, int dirfd, const char *suffix,
		  const struct overlay_place *to)
{
	unsigned char want[OVERLAY_ORIGIN_MAX], have[OVERLAY_ORIGIN_MAX];
	int64_t size = overlay_encode_origin(fs, to, want), n;

	if (size <= 0)
		return (int)size;
	n = overlay_get_own(fs, dirfd, suffix, have, sizeof(have));
	if (n == -ENODATA)
		return overlay_set_own(fs, dirfd, suffix, want, (size_t)size);
	if (n == -ERANGE)
		return -ESTALE;
	if (n < 0)
		return (int)n;
	return n == size && !memcmp(want, have, (size_t)n) ? 0 : -ESTALE;
}

/* Whether no name leads to the copy in fd any more, in any layer. 1, 0 or an
 * error. */
static int is_orphan(struct overlay_super *fs, int fd,
		     const unsigned char *bytes, size_t size)
{
	struct vfs_stat st, lower_st;
	struct overlay_place lower;
	uint32_t nlink = 0;
	uint64_t ino;
	int err = overlay_stat(fs, fd, &st);

	/* others are of mounts that are exported */
	if (err || S_ISDIR(st.mode) || (S_ISCHR(st.mode) && !st.rdev))
		return err;
	err = overlay_decode(fs, bytes, size, &lower, &ino);
	if (err == -ESTALE)
		return 1;
	if (err == -ENODATA || (!err && lower.fd < 0)) {
		err = load_nlink(fs, fd, &st, NULL, &nlink);
	} else if (!err) {
		err = overlay_stat(fs, lower.fd, &lower_st);
		overlay_close(fs, lower.fd);
		if (!err)
			err = load_nlink(fs, fd, &st, &lower_st, &nlink);
	}
	return err ? err : st.nlink == 1 && !nlink;
}

/* An entry that no name leads to any more goes; one that nobody wrote that way
 * is not touched. Linux makes its copies here: what is left of one. */
static int check_entry(struct overlay_super *fs, const char *name)
{
	unsigned char bytes[OVERLAY_ORIGIN_MAX];
	int n, fd, orphan;

	if (*name == '#')
		return overlay_remove_tree(fs, fs->index_fd, name);
	n = parse_name(name, bytes);
	if (n < 0) {
		vfs_log(fs->vfs, VFS_LOG_ERROR,
			"overlay: the index has an entry \"%s\", which is none",
			name);
		return n;
	}
	fd = overlay_open_path(fs, fs->index_fd, name);
	if (fd < 0)
		return fd;
	orphan = is_orphan(fs, fd, bytes, (size_t)n);
	overlay_close(fs, fd);
	return orphan > 0 ? overlay_remove_tree(fs, fs->index_fd, name)
			  : orphan;
}

static int check_entries(struct overlay_super *fs, int fd)
{
	char *buffer = vfs_alloc(fs->vfs, LIST_BUFFER);
	int64_t n = buffer ? 0 : -ENOMEM;

	while (!n) {
		n = vfs_getdents(fs->task, fd, buffer, LIST_BUFFER);
		if (n <= 0)
			break;
		for (int64_t at = 0, size = n; n >= 0 && at < size;) {
			const struct vfs_dirent *entry =
				(const void *)(buffer + at);

			at += entry->reclen;
			if (entry->name[0] != '.')
				n = check_entry(fs, entry->name);
		}
		n = n < 0 ? n : 0;
	}
	vfs_free(fs->vfs, buffer, LIST_BUFFER);
	return (int)n;
}

int overlay_index_mount(struct overlay_super *fs)
{
	const struct overlay_place lower = {.fd = fs->layers[1].fd, .layer = 1};
	const struct overlay_place upper = {.fd = fs->layers[0].fd, .layer = 0};
	int fd, err = verify(fs, upper.fd, "origin", &lower);

	if (!err)
		err = verify(fs, fs->index_fd, "upper", &upper);
	if (err == -ESTALE)
		vfs_log(fs->vfs, VFS_LOG_ERROR,
			"overlay: upperdir or its index belong to other "
			"layers");
	if (err)
		return err;
	fd = vfs_layer_reopen(fs->task, fs->index_fd, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	err = check_entries(fs, fd);
	overlay_close(fs, fd);
	return err;
}
