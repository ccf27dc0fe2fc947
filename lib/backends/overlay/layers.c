/* SPDX-License-Identifier: MIT */
/*
 * Layers: opening, checking that they can be one, and the work directory.
 *
 * Everything is reached through private views of the mounts as they are now.
 * The upper and the work directory are in one view of their mount, so that
 * names can be moved from one to the other. Contract: overlay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "overlay.h"

/* What is shown in a message of a layer. */
static const char *shown(const char *path)
{
	return path ? path : "(a descriptor)";
}

static int refuse(struct overlay_super *fs, const char *path, const char *why,
		  int err)
{
	vfs_log(fs->vfs, VFS_LOG_ERROR, "overlay: %s: %s", shown(path), why);
	return err;
}

static int open_view(struct overlay_super *fs, const char *path, int fd,
		     uint32_t flags, int beside)
{
	struct vfs_task *from = fs->mounter;
	int err;

	if (!from)
		return refuse(fs, path, "nobody mounts this", -EINVAL);
	err = vfs_layer_open(fs->task, from, path ? AT_FDCWD : fd,
			     path ? path : "", flags, beside);
	if (err < 0)
		vfs_log(fs->vfs, VFS_LOG_ERROR, "overlay: %s: %s", shown(path),
			vfs_strerror(err));
	return err;
}

/* ---- what every layer has to be ---- */

static int check_layer(struct overlay_super *fs, const char *path, int fd,
		       struct vfs_layer_info *info)
{
	struct vfs_stat st;
	int err = overlay_stat(fs, fd, &st);

	info->size = sizeof(*info);
	if (!err)
		err = vfs_layer_info(fs->task, fd, info);
	if (err)
		return err;
	if (!S_ISDIR(st.mode))
		return refuse(fs, path, "not a directory", -EINVAL);
	if (info->inode_flags & VFS_INODE_VOLATILE)
		return refuse(fs, path,
			      "changes without being told of; mount it so that "
			      "nobody else does (cache=exclusive)",
			      -EINVAL);
	if (info->depth + 1 > OVERLAY_DEPTH_MAX)
		return refuse(fs, path, "stands on too many file systems",
			      -EINVAL);
	if (fs->super->depth < info->depth + 1)
		fs->super->depth = info->depth + 1;
	if (fs->super->name_max < info->name_max)
		fs->super->name_max = info->name_max;
	return 0;
}

/* Whether a handle of the directory can be made, and leads to it. */
static int check_handles(struct overlay_super *fs, struct overlay_layer *layer)
{
	struct vfs_layer_handle handle;
	struct vfs_stat st;
	int fd, err = vfs_layer_encode(fs->task, layer->fd, &handle);

	if (!err)
		err = overlay_stat(fs, layer->fd, &st);
	if (err)
		return err == -EOPNOTSUPP ? 0 : err;
	memcpy(layer->handle_fs, handle.fs, sizeof(handle.fs));
	layer->handle_dev = handle.dev;
	fd = vfs_layer_decode(fs->task, layer->fd, &handle);
	if (fd < 0)
		return fd == -EOPNOTSUPP || fd == -ENODATA ? 0 : fd;
	overlay_close(fs, fd);
	layer->handles = true;
	layer->numbers = overlay_has_numbers(&handle, st.ino);
	return 0;
}

/* Two file systems with one UUID, as copies of a disk: a handle of the one is
 * good for the other, and another file there. */
static void check_copies(struct overlay_super *fs, uint32_t index)
{
	struct overlay_layer *layer = &fs->layers[index];

	for (uint32_t i = 0; i < index; i++) {
		struct overlay_layer *other = &fs->layers[i];

		if (other->handle_dev != layer->handle_dev &&
		    !memcmp(other->handle_fs, layer->handle_fs,
			    sizeof(layer->handle_fs)))
			layer->handles = other->handles = false;
	}
}

/* The layer's number among file systems; 0 is kept for upper's. */
static void number_fs(struct overlay_super *fs, uint32_t index)
{
	struct overlay_layer *layer = &fs->layers[index];

	for (uint32_t i = fs->has_upper ? 0 : 1; i < index; i++) {
		if (fs->layers[i].dev != layer->dev)
			continue;
		layer->fs = fs->layers[i].fs;
		return;
	}
	layer->fs = index == OVERLAY_UPPER ? 0 : fs->fs_count++;
}

static int add_layer(struct overlay_super *fs, uint32_t index, const char *path,
		     int fd)
{
	struct overlay_layer *layer = &fs->layers[index];
	struct vfs_layer_info info;
	char value[2];
	int err;

	layer->fd = fd;
	err = check_layer(fs, path, fd, &info);
	if (err)
		return err;
	layer->dev = info.dev;
	layer->name_max = info.name_max;
	err = check_handles(fs, layer);
	if (err)
		return err;
	check_copies(fs, index);
	/* all is synced by way of an open file */
	if (index == OVERLAY_UPPER) {
		layer->open_fd =
			vfs_layer_reopen(fs->task, fd, O_RDONLY | O_DIRECTORY);
		if (layer->open_fd < 0)
			return layer->open_fd;
	}
	layer->xwhiteouts =
		overlay_get_own(fs, fd, "opaque", value, sizeof(value)) == 1 &&
		value[0] == 'x';
	number_fs(fs, index);
	return 0;
}

/* ---- upper and work ---- */

static int check_mounts(struct overlay_super *fs,
			const struct overlay_config *c)
{
	struct vfs_task *from = fs->mounter;
	struct vfs_stat upper, work;
	int err;

	err = c->upper ? vfs_stat(from, c->upper, &upper)
		       : vfs_fstat(from, c->upper_fd, &upper);
	if (!err)
		err = c->work ? vfs_stat(from, c->work, &work)
			      : vfs_fstat(from, c->work_fd, &work);
	if (err) {
		vfs_log(fs->vfs, VFS_LOG_ERROR, "overlay: %s, %s: %s",
			shown(c->upper), shown(c->work), vfs_strerror(err));
		return err;
	}
	if (upper.mnt_id != work.mnt_id)
		return refuse(fs, c->work, "not on the mount of upperdir",
			      -EINVAL);
	return 0;
}

/* Features that want a clean owner refuse a directory that is in use; others
 * say what may come of it, as Linux does. */
static int claim(struct overlay_super *fs, int fd, const char *path)
{
	int err = vfs_layer_claim(fs->task, fd);

	if (err != -EBUSY)
		return err;
	if (fs->index)
		return refuse(fs, path, "used by another overlay", -EBUSY);
	vfs_log(fs->vfs, VFS_LOG_WARNING,
		"overlay: %s: used by another overlay, too: what becomes of it "
		"is not defined",
		shown(path));
	return 1;
}

/* Directories of upper's file system that are not to be met in a lower one. */
static int note_traps(struct overlay_super *fs)
{
	struct vfs_stat st;
	int err = overlay_stat(fs, fs->layers[0].fd, &st);

	fs->upper_ino = st.ino;
	if (!err)
		err = overlay_stat(fs, fs->work_base_fd, &st);
	fs->work_base_ino = st.ino;
	return err;
}

static int open_upper(struct overlay_super *fs, const struct overlay_config *c)
{
	struct vfs_layer_info info;
	int fd, err = check_mounts(fs, c);

	if (err)
		return err;
	fd = open_view(fs, c->upper, c->upper_fd, VFS_LAYER_WHOLE, -1);
	if (fd < 0)
		return fd;
	err = add_layer(fs, OVERLAY_UPPER, c->upper, fd);
	if (err)
		return err;
	fd = open_view(fs, c->work, c->work_fd, 0, fd);
	if (fd < 0)
		return fd;
	fs->work_base_fd = fd;
	err = check_layer(fs, c->work, fd, &info);
	if (err)
		return err;
	if (info.readonly)
		return refuse(fs, c->upper, "cannot be written", -EINVAL);
	if (vfs_layer_within(fs->task, fd, fs->layers[0].fd) ||
	    vfs_layer_within(fs->task, fs->layers[0].fd, fd))
		return refuse(fs, c->work, "upperdir and workdir are not apart",
			      -EINVAL);
	err = claim(fs, fs->layers[0].fd, c->upper);
	if (err < 0)
		return err;
	fs->claimed_upper = !err;
	err = claim(fs, fs->work_base_fd, c->work);
	if (err < 0)
		return err;
	fs->claimed_work = !err;
	return note_traps(fs);
}

static int open_lower(struct overlay_super *fs, const struct overlay_config *c)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < c->lower_count; i++) {
		int fd = open_view(fs, c->lower[i], c->lower_fd[i],
				   VFS_LAYER_READONLY, -1);

		err = fd < 0 ? fd : add_layer(fs, i + 1, c->lower[i], fd);
	}
	return err;
}

/* No lower layer lies in another, in upper or in work. */
static int check_overlaps(struct overlay_super *fs,
			  const struct overlay_config *c)
{
	for (uint32_t i = 1; i < fs->layer_count; i++) {
		int fd = fs->layers[i].fd, in = 0;

		for (uint32_t j = fs->has_upper ? 0 : 1;
		     in <= 0 && j < fs->layer_count; j++) {
			if (j != i)
				in = vfs_layer_within(fs->task, fd,
						      fs->layers[j].fd);
		}
		if (in <= 0 && fs->work_base_fd >= 0)
			in = vfs_layer_within(fs->task, fd, fs->work_base_fd);
		if (in > 0)
			return refuse(fs, c->lower[i - 1],
				      "overlaps another layer", -ELOOP);
	}
	return 0;
}

/* ---- the work directory ---- */

static bool has_name(struct overlay_super *fs, int dirfd, const char *name)
{
	struct vfs_stat st;

	return !vfs_fstatat(fs->task, dirfd, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* A directory for nobody else's eyes below the base; fresh: without what was
 * left in it. A descriptor, or an error. */
static int make_work(struct overlay_super *fs, const char *name, bool fresh)
{
	int err = 0, fd;

	if (fresh && has_name(fs, fs->work_base_fd, name))
		err = overlay_remove_tree(fs, fs->work_base_fd, name);
	if (!err)
		err = vfs_mkdirat(fs->task, fs->work_base_fd, name, 0);
	if (err && (err != -EEXIST || fresh))
		return err;
	fd = overlay_open_path(fs, fs->work_base_fd, name);
	if (fd < 0)
		return fd;
	/* what a default ACL or a setgid directory gave it */
	(void)vfs_layer_removexattr(fs->task, fd, "system.posix_acl_default");
	(void)vfs_layer_removexattr(fs->task, fd, "system.posix_acl_access");
	err = vfs_fchmodat2(fs->task, fd, "", 0, AT_EMPTY_PATH);
	if (err) {
		overlay_close(fs, fd);
		return err;
	}
	return fd;
}

/* A mount that does not sync leaves this, so that no other one believes what it
 * finds after a crash. */
static int mark_volatile(struct overlay_super *fs)
{
	static const char *const names[] = {"incompat", "incompat/volatile"};
	int err = 0, fd;

	for (int i = 0; !err && i < 2; i++)
		err = vfs_mkdirat(fs->task, fs->work_fd, names[i], 0700);
	if (err)
		return err;
	fd = vfs_openat(fs->task, fs->work_fd, "incompat/volatile/dirty",
			O_WRONLY | O_CREAT, 0600);
	overlay_close(fs, fd);
	return fd < 0 ? fd : 0;
}

static int check_incompatible(struct overlay_super *fs, const char *path)
{
	int fd = overlay_open_path(fs, fs->work_base_fd, "work");
	bool marked = fd >= 0 && has_name(fs, fd, "incompat");

	overlay_close(fs, fd);
	if (marked)
		return refuse(fs, path,
			      "left by a volatile mount, or by what is newer; "
			      "remove work/incompat if its contents can be "
			      "believed",
			      -EINVAL);
	return 0;
}

/* A fresh upper directory gets a name of its own, by which Linux tells overlays
 * apart. */
static int name_upper(struct overlay_super *fs)
{
	unsigned char uuid[16];
	char value[2];
	int fd = fs->layers[OVERLAY_UPPER].fd;

	if (overlay_get_own(fs, fd, "uuid", uuid, sizeof(uuid)) != -ENODATA ||
	    overlay_get_own(fs, fd, "impure", value, sizeof(value)) != -ENODATA)
		return 0;
	if (getrandom(uuid, sizeof(uuid), GRND_NONBLOCK) != sizeof(uuid))
		return 0;
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return overlay_set_own(fs, fd, "uuid", uuid, sizeof(uuid));
}

/* Whether upper keeps overlay's attributes. */
static int probe_xattrs(struct overlay_super *fs, const char *path)
{
	int err = overlay_set_own(fs, fs->work_fd, "opaque", "0", 1);

	if (!err)
		err = overlay_remove_own(fs, fs->work_fd, "opaque");
	if (!err && fs->uuid)
		err = name_upper(fs);
	if (!err)
		return 0;
	if (err != -EOPNOTSUPP && err != -EPERM)
		return err;
	vfs_log(fs->vfs, VFS_LOG_WARNING,
		"overlay: %s keeps no attributes: no redirects, no metacopy, "
		"no "
		"index",
		shown(path));
	if (fs->redirect == OVERLAY_REDIRECT_ON)
		fs->redirect = OVERLAY_REDIRECT_OFF;
	fs->metacopy = fs->index = false;
	return 0;
}

/* As in Linux: where what a change takes cannot be made, as on a full disk,
 * what is there can be read. */
static int only_read(struct overlay_super *fs, const char *path, int err)
{
	if (err == -ENOMEM)
		return err;
	vfs_log(fs->vfs, VFS_LOG_WARNING,
		"overlay: %s: no work directory can be made (error %d): "
		"read-only",
		shown(path), -err);
	fs->read_only = true;
	fs->index = false;
	return 0;
}

static int open_work(struct overlay_super *fs, const struct overlay_config *c)
{
	int err = check_incompatible(fs, c->work);

	if (err)
		return err;
	fs->work_fd = make_work(fs, "work", true);
	if (fs->work_fd < 0)
		return only_read(fs, c->work, fs->work_fd);
	err = probe_xattrs(fs, c->upper);
	if (!err && fs->is_volatile)
		err = mark_volatile(fs);
	if (err || !fs->index)
		return err;
	fs->index_fd = make_work(fs, "index", false);
	if (fs->index_fd < 0)
		return only_read(fs, c->work, fs->index_fd);
	return overlay_index_mount(fs);
}

/* ---- all together ---- */

/* The index finds files by handles. */
static void check_index(struct overlay_super *fs)
{
	for (uint32_t i = 0; fs->index && i < fs->layer_count; i++) {
		if (fs->layers[i].fd < 0 || fs->layers[i].handles)
			continue;
		vfs_log(fs->vfs, VFS_LOG_WARNING,
			"overlay: a layer has no file handles: index=off");
		fs->index = false;
	}
}

static int number_devices(struct overlay_super *fs)
{
	uint32_t bits = 2;

	fs->same_fs = fs->fs_count - !fs->has_upper == 1;
	fs->fs_dev = vfs_zalloc(fs->vfs, fs->fs_count * sizeof(*fs->fs_dev));
	if (!fs->fs_dev)
		return -ENOMEM;
	for (uint32_t i = 0; i < fs->fs_count; i++)
		fs->fs_dev[i] = fs->same_fs ? fs->super->dev
					    : vfs_anonymous_dev(fs->vfs);
	while ((fs->fs_count - 1) >> (bits - 1))
		bits++;
	fs->xino_shift = fs->xino_asked && !fs->same_fs ? 64 - bits : 0;
	return 0;
}

int overlay_open_layers(struct overlay_super *fs,
			const struct overlay_config *c)
{
	size_t size;
	int err = 0;

	fs->has_upper = c->upper || c->upper_fd >= 0;
	fs->read_only = !fs->has_upper;
	fs->layer_count = c->lower_count + 1;
	size = fs->layer_count * sizeof(*fs->layers);
	fs->layers = vfs_zalloc(fs->vfs, size);
	if (!fs->layers)
		return -ENOMEM;
	for (uint32_t i = 0; i < fs->layer_count; i++)
		fs->layers[i].fd = fs->layers[i].open_fd = -1;
	fs->fs_count = 1;
	if (fs->has_upper)
		err = open_upper(fs, c);
	if (!err)
		err = open_lower(fs, c);
	if (!err && !fs->has_upper && c->lower_count < 2)
		return refuse(fs, c->lower[0],
			      "is one lower directory: two are "
			      "needed without upperdir",
			      -EINVAL);
	if (!err)
		err = check_overlaps(fs, c);
	if (err)
		return err;
	check_index(fs);
	err = number_devices(fs);
	if (!err && fs->has_upper)
		err = open_work(fs, c);
	return err;
}

void overlay_close_layers(struct overlay_super *fs)
{
	if (fs->claimed_work)
		(void)vfs_layer_unclaim(fs->task, fs->work_base_fd);
	if (fs->claimed_upper)
		(void)vfs_layer_unclaim(fs->task, fs->layers[0].fd);
	overlay_close(fs, fs->whiteout_fd);
	overlay_close(fs, fs->index_fd);
	overlay_close(fs, fs->work_fd);
	overlay_close(fs, fs->work_base_fd);
	for (uint32_t i = 0; fs->layers && i < fs->layer_count; i++) {
		overlay_close(fs, fs->layers[i].open_fd);
		overlay_close(fs, fs->layers[i].fd);
	}
	vfs_free(fs->vfs, fs->fs_dev, fs->fs_count * sizeof(*fs->fs_dev));
	vfs_free(fs->vfs, fs->layers, fs->layer_count * sizeof(*fs->layers));
}
