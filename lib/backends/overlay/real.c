/* SPDX-License-Identifier: MIT */
/* Small calls on layers. Contract: overlay.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vfs/dir.h>
#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "overlay.h"

#define LIST_BUFFER 4096u
#define TREE_DEPTH_MAX 4096u

bool overlay_make_name(const struct vfs_name *name, struct overlay_name *out)
{
	if (name->len > OVERLAY_NAME_MAX)
		return false;
	memcpy(out->text, name->str, name->len);
	out->text[name->len] = '\0';
	return true;
}

int overlay_open_path(struct overlay_super *fs, int dirfd, const char *name)
{
	int fd = vfs_fault(fs->vfs, "overlay:open");

	if (!fd)
		fd = vfs_openat(fs->task, dirfd, name, O_PATH | O_NOFOLLOW, 0);
	return fd == -EMFILE ? -ENFILE : fd;
}

void overlay_close(struct overlay_super *fs, int fd)
{
	if (fd >= 0)
		(void)vfs_close(fs->task, fd);
}

int overlay_stat(struct overlay_super *fs, int fd, struct vfs_stat *out)
{
	int err = vfs_fault(fs->vfs, "overlay:stat");

	return err ? err : vfs_fstat(fs->task, fd, out);
}

/* ---- overlay's own attributes ---- */

const char *overlay_xattr_name(const struct overlay_super *fs,
			       const char *suffix, char buffer[64])
{
	/* by hand: several times for each copied file */
	size_t used = fs->userxattr ? 13 : 16;

	memcpy(buffer, fs->userxattr ? "user.overlay." : "trusted.overlay.",
	       used);
	memcpy(buffer + used, suffix, strnlen(suffix, 63 - used));
	buffer[used + strnlen(suffix, 63 - used)] = '\0';
	return buffer;
}

int64_t overlay_get_own(struct overlay_super *fs, int fd, const char *suffix,
			void *value, size_t size)
{
	char name[64];
	int64_t n = vfs_fault(fs->vfs, "overlay:getxattr");

	if (!n)
		n = vfs_layer_getxattr(fs->task, fd,
				       overlay_xattr_name(fs, suffix, name),
				       value, size);
	/* where there are no attributes, this one is not either */
	if (n == -EOPNOTSUPP || n == -EPERM)
		return -ENODATA;
	return n;
}

int overlay_set_own(struct overlay_super *fs, int fd, const char *suffix,
		    const void *value, size_t size)
{
	char name[64];
	int err = vfs_fault(fs->vfs, "overlay:setxattr");

	if (err)
		return err;
	return vfs_layer_setxattr(fs->task, fd,
				  overlay_xattr_name(fs, suffix, name), value,
				  size, 0);
}

int overlay_remove_own(struct overlay_super *fs, int fd, const char *suffix)
{
	char name[64];
	int err = vfs_layer_removexattr(fs->task, fd,
					overlay_xattr_name(fs, suffix, name));

	return err == -ENODATA ? 0 : err;
}

int overlay_is_whiteout(struct overlay_super *fs, uint32_t layer, int fd,
			const struct vfs_stat *st)
{
	char value[2];
	int64_t n;

	if (S_ISCHR(st->mode))
		return st->rdev == 0;
	/* an empty file with an attribute, where layers are made by hand */
	if (!S_ISREG(st->mode) || st->size ||
	    !VFS_READ_ONCE(fs->layers[layer].xwhiteouts))
		return 0;
	n = overlay_get_own(fs, fd, "whiteout", value, sizeof(value));
	if (n == -ENODATA)
		return 0;
	return n >= 0 || n == -ERANGE ? 1 : (int)n;
}

/* ---- whiteouts by name ---- */

bool overlay_is_mark(const struct overlay_super *fs, const char *name)
{
	return fs->marks && !strncmp(name, OVERLAY_MARK, OVERLAY_MARK_LEN);
}

int overlay_is_marked(struct overlay_super *fs, int dirfd, const char *name)
{
	struct overlay_name mark;
	struct vfs_stat st;
	size_t len = strlen(name);
	int err;

	if (!fs->marks || len > OVERLAY_NAME_MAX - OVERLAY_MARK_LEN)
		return 0;
	memcpy(mark.text, OVERLAY_MARK, OVERLAY_MARK_LEN);
	memcpy(mark.text + OVERLAY_MARK_LEN, name, len + 1);
	err = vfs_fault(fs->vfs, "overlay:stat");
	if (!err)
		err = vfs_fstatat(fs->task, dirfd, mark.text, &st,
				  AT_SYMLINK_NOFOLLOW);
	if (err == -ENOENT || err == -ENAMETOOLONG)
		return 0;
	return err ? err : 1;
}

/* ---- the work directory ---- */

void overlay_temp_name(struct overlay_super *fs, struct overlay_name *out)
{
	uint64_t n = __atomic_add_fetch(&fs->temp, 1, __ATOMIC_RELAXED);

	char *at = out->text;
	unsigned shift = 60;

	*at++ = '#';
	while (shift && !(n >> shift))
		shift -= 4;
	for (;; shift -= 4) {
		*at++ = "0123456789abcdef"[(n >> shift) & 15];
		if (!shift)
			break;
	}
	*at = '\0';
}

/* Empties the directory fd, one level of depth left at the most. */
static int remove_entries(struct overlay_super *fs, int fd, unsigned depth);

static int remove_one(struct overlay_super *fs, int dirfd, const char *name,
		      unsigned depth)
{
	int err = vfs_unlinkat(fs->task, dirfd, name, 0), fd;

	if (err != -EISDIR)
		return err == -ENOENT ? 0 : err;
	err = vfs_unlinkat(fs->task, dirfd, name, AT_REMOVEDIR);
	if (err != -ENOTEMPTY)
		return err == -ENOENT ? 0 : err;
	if (!depth)
		return -ELOOP;
	fd = vfs_openat(fs->task, dirfd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	err = remove_entries(fs, fd, depth - 1);
	overlay_close(fs, fd);
	return err ? err : vfs_unlinkat(fs->task, dirfd, name, AT_REMOVEDIR);
}

static int remove_entries(struct overlay_super *fs, int fd, unsigned depth)
{
	char *buffer = vfs_alloc(fs->vfs, LIST_BUFFER);
	int64_t n = 0;
	int err = buffer ? 0 : -ENOMEM;

	while (!err) {
		n = vfs_getdents(fs->task, fd, buffer, LIST_BUFFER);
		if (n <= 0)
			break;
		for (int64_t at = 0; !err && at < n;) {
			const struct vfs_dirent *entry =
				(const void *)(buffer + at);

			at += entry->reclen;
			if (strcmp(entry->name, ".") &&
			    strcmp(entry->name, ".."))
				err = remove_one(fs, fd, entry->name, depth);
		}
	}
	vfs_free(fs->vfs, buffer, LIST_BUFFER);
	return err ? err : (int)n;
}

int overlay_remove_tree(struct overlay_super *fs, int dirfd, const char *name)
{
	return remove_one(fs, dirfd, name, TREE_DEPTH_MAX);
}
