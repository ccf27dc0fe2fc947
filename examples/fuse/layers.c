/* SPDX-License-Identifier: MIT */
/* Layers on the host. Contract: layers.h. */
#include "layers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vfs/vfs.h>

#include "text.h"

/* Where the hostfs are, beside the tree. */
#define PLACE "/host"
#define PLACE_SIZE 32

/* The user namespace that everything begins in has this number in nsfs. */
#define FIRST_USERNS 0xEFFFFFFDu

/* Descriptors that a hostfs keeps for what is not open, at most. */
#define KEPT_MAX 65536u

struct layer {
	char *path; /* absolute, without symlinks */
	uint64_t dev, mnt_id;
	size_t group;  /* of those on one mount; the first one's place in it */
	size_t common; /* bytes of path above the whole group: of the first */
};

struct layers *layers_create(void)
{
	struct layers *layers = text_need(calloc(1, sizeof(*layers)));

	layers->squash[0] = layers->squash[1] = -1;
	return layers;
}

void layers_free(struct layers *layers)
{
	size_t i;

	if (!layers)
		return;
	for (i = 0; i < layers->count; i++)
		free(layers->found[i].path);
	free(layers->found);
	free(layers->maps[0]);
	free(layers->maps[1]);
	free(layers->lower);
	free(layers->upper);
	free(layers->work);
	free(layers);
}

bool layers_may_trust(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	struct stat ns;

	return !stat("/proc/self/ns/user", &ns) && ns.st_ino == FIRST_USERNS &&
	       !syscall(SYS_capget, &header, data) &&
	       data[0].effective & 1u << CAP_SYS_ADMIN;
}

/* ---- finding them ---- */

static int cannot(const char *path, const char *why)
{
	fprintf(stderr, "vfs-fuse: overlay: %s: %s\n", path, why);
	return -1;
}

/* The name up to a colon, without its backslashes. What is behind it. */
static const char *take_name(const char *list, char *name, size_t size)
{
	size_t n = 0;

	for (; *list && *list != ':'; list++) {
		if (*list == '\\' && list[1])
			list++;
		if (n < size - 1)
			name[n++] = *list;
	}
	name[n] = '\0';
	return list;
}

/* Owners that are kept in other programs' records would be shown wrong, and
 * not be kept: such a layer says so at its root. */
static int check_records(const char *path)
{
	static const char *const names[] = {
		"user.containers.override_stat",
		"user.fuseoverlayfs.override_stat",
		"security.fuseoverlayfs.override_stat"};
	char why[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (getxattr(path, names[i], NULL, 0) < 0)
			continue;
		snprintf(why, sizeof(why),
			 "its owners are in %s (xattr_permissions), which is "
			 "not read here",
			 names[i]);
		return cannot(path, why);
	}
	return 0;
}

static int find_one(struct layers *layers, const char *name)
{
	struct layer *layer;
	struct statx stx;
	char *path = realpath(name, NULL);

	if (!path)
		return cannot(name, strerror(errno));
	if (statx(AT_FDCWD, path, 0, STATX_TYPE | STATX_INO | STATX_MNT_ID,
		  &stx) ||
	    !S_ISDIR(stx.stx_mode)) {
		free(path);
		return cannot(name, "not a directory");
	}
	if (check_records(path)) {
		free(path);
		return -1;
	}
	layers->found = text_need(
		realloc(layers->found, (layers->count + 1) * sizeof(*layer)));
	layer = &layers->found[layers->count++];
	layer->path = path;
	layer->dev = (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
	layer->mnt_id = stx.stx_mnt_id;
	return 0;
}

/* How many bytes of a's path are those of a directory above b as well. */
static size_t shared(const char *a, size_t length, const char *b)
{
	size_t i, end = 0;

	for (i = 0; i < length && a[i] == b[i]; i++) {
		if (a[i] == '/')
			end = i;
	}
	if (i == length && (b[i] == '/' || !b[i]))
		end = i;
	return end;
}

/* Which are on one mount, and what is above all of these. */
static void group(struct layers *layers)
{
	struct layer *found = layers->found;
	size_t i, first;

	for (i = 0; i < layers->count; i++) {
		for (first = 0; found[first].dev != found[i].dev ||
				found[first].mnt_id != found[i].mnt_id;)
			first++;
		found[i].group = first;
		found[i].common =
			strcmp(found[i].path, "/") ? strlen(found[i].path) : 0;
		found[first].common = shared(
			found[first].path, found[first].common, found[i].path);
	}
}

int layers_find(struct layers *layers)
{
	const char *list = layers->lower;
	char name[PATH_MAX];
	int err;

	do {
		list = take_name(list, name, sizeof(name));
		err = *name ? find_one(layers, name)
			    : cannot(layers->lower,
				     "layers of data alone (::) are not known");
	} while (!err && *list++);
	if (!err && layers->upper) {
		take_name(layers->upper, name, sizeof(name));
		err = find_one(layers, name);
	}
	if (!err && layers->upper) {
		take_name(layers->work, name, sizeof(name));
		err = find_one(layers, name);
	}
	if (!err)
		group(layers);
	if (!err && layers->upper &&
	    layers->found[layers->count - 1].group !=
		    layers->found[layers->count - 2].group)
		err = cannot(layers->work, "not on upperdir's file system");
	return err;
}

/* ---- mounting them ---- */

static void place_of(size_t i, char place[PLACE_SIZE])
{
	snprintf(place, PLACE_SIZE, PLACE "/%zu", i);
}

/* A user namespace as a descriptor, which lives as long as that does. */
static int map_fd(struct vfs_task *task, const struct layers *layers)
{
	struct vfs_task *inside;
	struct vfs_userns *ns;
	int fd, err = vfs_task_clone(task, VFS_CLONE_NEWUSER, &inside);

	if (err)
		return err;
	ns = vfs_task_userns(inside);
	err = vfs_userns_set_maps(ns, layers->maps[0], layers->map_counts[0],
				  layers->maps[1], layers->map_counts[1]);
	vfs_userns_unref(ns);
	fd = err ? err
		 : vfs_open_namespace(task, inside, VFS_CLONE_NEWUSER,
				      O_CLOEXEC);
	vfs_task_unref(inside);
	return fd;
}

/* What is mounted at place, with other ids, over itself. */
static int map_ids(struct vfs_task *task, const struct layers *layers,
		   const char *place)
{
	struct vfs_mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
	int fd, tree, err;

	if (!layers->map_counts[0] && !layers->map_counts[1])
		return 0;
	fd = map_fd(task, layers);
	if (fd < 0)
		return fd;
	tree = vfs_open_tree(task, AT_FDCWD, place, OPEN_TREE_CLONE);
	attr.userns_fd = (uint64_t)fd;
	err = tree < 0 ? tree
		       : vfs_mount_setattr(task, tree, "", AT_EMPTY_PATH, &attr,
					   sizeof(attr));
	if (!err)
		err = vfs_move_mount(task, tree, "", AT_FDCWD, place,
				     MOVE_MOUNT_F_EMPTY_PATH);
	if (tree >= 0)
		vfs_close(task, tree);
	vfs_close(task, fd);
	return err;
}

/* Each group has its part. */
static unsigned int kept_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < 1024)
		return 64;
	return limit.rlim_cur / 4 < KEPT_MAX ? (unsigned int)limit.rlim_cur / 4
					     : KEPT_MAX;
}

static const char *squashed(int64_t id, char number[16])
{
	if (id < 0)
		return "host";
	snprintf(number, 16, "%u", (uint32_t)id);
	return number;
}

static int mount_host(struct vfs_task *task, const struct layers *layers,
		      size_t i)
{
	const struct layer *layer = &layers->found[i];
	char place[PLACE_SIZE], options[96], uid[16], gid[16];
	char *source = text_need(strndup(layer->path, layer->common));
	int err;

	place_of(i, place);
	if (layers->squash[0] >= 0 || layers->squash[1] >= 0)
		snprintf(options, sizeof(options),
			 "cache=exclusive,maxfds=%u,owner=squash,uid=%s,gid=%s",
			 kept_descriptors(), squashed(layers->squash[0], uid),
			 squashed(layers->squash[1], gid));
	else
		snprintf(options, sizeof(options),
			 "cache=exclusive,maxfds=%u,owner=%s",
			 kept_descriptors(),
			 layers->owner ? layers->owner : "host");
	err = vfs_mkdir(task, place, 0700);
	if (!err)
		err = vfs_mount_type(task, &vfs_hostfs_type,
				     *source ? source : "/", place, 0, options);
	if (err)
		cannot(*source ? source : "/", vfs_strerror(err));
	free(source);
	if (err)
		return err;
	err = map_ids(task, layers, place);
	if (err)
		cannot("uidmapping, gidmapping", vfs_strerror(err));
	return err;
}

/* An O_PATH descriptor of the layer in the tree. */
static int open_layer(struct vfs_task *task, const struct layers *layers,
		      size_t i)
{
	const struct layer *layer = &layers->found[i];
	size_t above = layers->found[layer->group].common;
	char place[PLACE_SIZE], path[PLACE_SIZE + PATH_MAX];
	int fd;

	place_of(layer->group, place);
	snprintf(path, sizeof(path), "%s/%s", place, layer->path + above);
	fd = vfs_open(task, path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		cannot(layer->path, vfs_strerror(fd));
	return fd;
}

/* Below one directory that nothing is written to there is another, empty: an
 * overlay is of two. */
static int open_empty(struct vfs_task *task)
{
	int err = vfs_mkdir(task, PLACE "/empty", 0755);

	return err ? err
		   : vfs_open(task, PLACE "/empty", O_PATH | O_DIRECTORY, 0);
}

static int mount_overlay(struct vfs_task *task, const struct layers *layers,
			 const char *options, uint64_t flags,
			 const char *target, int *fds)
{
	size_t lower = layers->count - (layers->upper ? 2 : 0), i, count = 0;
	struct vfs_overlay_spec spec = {.size = sizeof(spec),
					.lower = fds,
					.upper = -1,
					.work = -1,
					.options = options};
	int err = 0;

	while (!err && count < layers->count) {
		int fd = open_layer(task, layers, count);

		if (fd < 0)
			err = fd;
		else
			fds[count++] = fd;
	}
	if (!err && layers->upper) {
		spec.upper = fds[lower];
		spec.work = fds[lower + 1];
	} else if (!err && lower == 1) {
		int fd = open_empty(task);

		if (fd < 0)
			err = fd;
		else
			fds[count++] = fd;
		lower = 2;
	}
	spec.lower_count = lower;
	if (!err) {
		err = vfs_overlay_mount(task, &spec, target, flags);
		/* of these the log has said more */
		if (err && err != -EINVAL && err != -ELOOP && err != -ESTALE &&
		    err != -EBUSY)
			cannot("mounting", vfs_strerror(err));
	}
	for (i = 0; i < count; i++)
		vfs_close(task, fds[i]);
	return err;
}

/* The number that is shown of id on the disk, or of another that is there. */
static uint32_t shown_id(const struct layers *layers, int which, uint32_t id)
{
	const struct vfs_id_map *maps = layers->maps[which];
	size_t i;

	for (i = 0; i < layers->map_counts[which]; i++) {
		if (id - maps[i].inside < maps[i].count)
			return maps[i].outside + (id - maps[i].inside);
	}
	return layers->map_counts[which] ? maps[0].outside : id;
}

/* Who writes to the layers: somebody whose files can be there. */
static int make_mounter(struct vfs_task *task, const struct layers *layers,
			struct vfs_task **out)
{
	struct vfs_cred_spec spec = {.size = sizeof(spec)};
	struct vfs_cred *cred;
	int err = vfs_task_clone(task, 0, out);

	if (err)
		return err;
	spec.uid = spec.fsuid = shown_id(layers, 0, geteuid());
	spec.gid = spec.fsgid = shown_id(layers, 1, getegid());
	spec.cap_effective = spec.cap_permitted = VFS_CAP_ALL;
	err = vfs_cred_create(vfs_task_instance(task), &spec, &cred);
	if (!err) {
		err = vfs_task_set_cred(*out, cred);
		vfs_cred_unref(cred);
	}
	if (err)
		vfs_task_unref(*out);
	return err;
}

int layers_mount(struct vfs_task *task, const struct layers *layers,
		 const char *options, uint64_t flags, const char *target)
{
	int *fds = text_need(calloc(layers->count + 1, sizeof(*fds)));
	struct vfs_task *mounter;
	int err = vfs_mkdir(task, PLACE, 0700);
	size_t i;

	for (i = 0; !err && i < layers->count; i++) {
		if (layers->found[i].group == i)
			err = mount_host(task, layers, i);
	}
	if (!err)
		err = make_mounter(task, layers, &mounter);
	if (!err) {
		err = mount_overlay(mounter, layers, options, flags, target,
				    fds);
		vfs_task_unref(mounter);
	}
	free(fds);
	return err;
}
