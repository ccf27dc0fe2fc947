/* SPDX-License-Identifier: MIT */
/*
 * What process 1 does with mounts: the tree becomes the root of its namespace,
 * the host kernel's file systems come to their places, and what the host has
 * mounted goes. While that is done, what was the root before is still there
 * behind a descriptor: proc can be mounted in a user namespace only where one
 * is to be seen, and device nodes that work are the host's. Contract: run.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "run.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

/* What every container has (lib/bundle makes them in the tree). */
static const char *const usual_devices[] = {"/dev/null",    "/dev/zero",
					    "/dev/full",    "/dev/random",
					    "/dev/urandom", "/dev/tty"};

static int fail_at(const struct run_mount *mount)
{
	return run_fail("/mounts/%zu (%s, %s): %s", mount->index,
			mount->destination, mount->shown, strerror(errno));
}

/* Takes tree. As mount(2) does it, and the library: symlinks are followed. */
static int attach(int tree, const char *path)
{
	int err = move_mount(tree, "", AT_FDCWD, path,
			     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);

	close(tree);
	return err;
}

/* ---- the root ---- */

/* The tree's root is this process's from now on, and the old one, in *old, is
 * below it: were it on top, as pivot_root(2) leaves it, `..` of a symlink would
 * lead into it. */
static int turn_root(int mount_fd, int *old)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return run_fail("mounts cannot be made private: %s",
				strerror(errno));
	*old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*old < 0 ||
	    move_mount(mount_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) ||
	    fchdir(mount_fd) || chroot("."))
		return run_fail("the tree cannot become the root: %s",
				strerror(errno));
	return 0;
}

/* And the namespace's; nothing of the host is left. */
static int leave_old(int mount_fd, int old)
{
	if (fchdir(old) || chroot(".") || fchdir(mount_fd) ||
	    syscall(SYS_pivot_root, ".", ".") || fchdir(old) ||
	    umount2(".", MNT_DETACH) || chdir("/"))
		return run_fail("the host's mounts cannot be left: %s",
				strerror(errno));
	close(mount_fd);
	close(old);
	return 0;
}

/* ---- mounts ---- */

static uint64_t attributes(uint64_t flags)
{
	return (flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0) |
	       (flags & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
	       (flags & MS_NODEV ? MOUNT_ATTR_NODEV : 0) |
	       (flags & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0) |
	       (flags & MS_NOSYMFOLLOW ? MOUNT_ATTR_NOSYMFOLLOW : 0);
}

/* What the tree has at each mount's place, before anything covers it. One that
 * the library passed over is missing. */
static int open_trees(struct run *run)
{
	size_t i;

	for (i = 0; i < run->mount_count; i++) {
		struct run_mount *m = &run->mounts[i];
		struct mount_attr attr = {.attr_set = attributes(m->flags)};

		if (m->type || m->remount)
			continue;
		m->tree = open_tree(AT_FDCWD, m->destination,
				    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (m->tree < 0 && errno == ENOENT)
			continue;
		if (m->tree < 0 || mount_setattr(m->tree, "", AT_EMPTY_PATH,
						 &attr, sizeof(attr)))
			return fail_at(m);
	}
	return 0;
}

/* Without gid=N: in a user namespace the group may have no number. */
static void drop_group(char *data)
{
	char *at = data, *end;

	while (at && *at) {
		end = strchrnul(at, ',');
		if (!strncmp(at, "gid=", 4)) {
			memmove(at, end + (*end == ','),
				strlen(end + (*end == ',')) + 1);
			continue;
		}
		at = end + (*end == ',');
	}
}

static int mount_kernel(const struct run *run, const struct run_mount *m,
			int old)
{
	unsigned long flags = m->flags & ~(uint64_t)(MS_BIND | MS_REC);
	int err = mount(m->source, m->destination, m->type, flags, m->data);

	if (err && errno == EINVAL && !strcmp(m->type, "devpts") && m->data &&
	    run->userns) {
		drop_group(m->data);
		err = mount(m->source, m->destination, m->type, flags, m->data);
	}
	/* where part of the host's is hidden the kernel makes no new one: the
	 * host's own is better than none */
	if (err && errno == EPERM && !strcmp(m->type, "proc")) {
		int tree = open_tree(old, "proc",
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					     AT_RECURSIVE);

		err = tree < 0 ? -1 : attach(tree, m->destination);
	}
	/* where it is refused there is a mount all the same: the tree's empty
	 * directory */
	if (err && m->optional && errno != EINVAL) {
		int tree = open_tree(AT_FDCWD, m->destination,
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

		err = tree < 0 ? -1 : attach(tree, m->destination);
	}
	return err ? fail_at(m) : 0;
}

static bool is_of_tree(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) || fs.f_type == FUSE_SUPER_MAGIC;
}

/* Of a bind, which everything of the tree is here, there are flags alone; what
 * is said of its file system would be said of the whole tree. */
static int remount(const struct run_mount *m)
{
	unsigned long flags = (m->flags & ~(uint64_t)MS_REC) | MS_REMOUNT |
			      (is_of_tree(m->destination) ? MS_BIND : 0);

	return mount(NULL, m->destination, NULL, flags,
		     flags & MS_BIND ? NULL : m->data)
		       ? fail_at(m)
		       : 0;
}

static int propagate(const struct run_mount *m)
{
	unsigned int i;

	for (i = 0; i < m->propagations; i++) {
		if (mount(NULL, m->destination, NULL,
			  (unsigned long)m->propagation[i], NULL))
			return fail_at(m);
	}
	return 0;
}

static int make_mount(const struct run *run, const struct run_mount *m, int old)
{
	if (m->remount)
		return remount(m);
	if (m->type)
		return mount_kernel(run, m, old);
	return attach(m->tree, m->destination) ? fail_at(m) : 0;
}

static int make_mounts(struct run *run, int old)
{
	int status = open_trees(run);
	size_t i;

	for (i = 0; !status && i < run->mount_count; i++) {
		const struct run_mount *m = &run->mounts[i];

		/* which the library passed over */
		if (!m->remount && !m->type && m->tree < 0)
			continue;
		status = make_mount(run, m, old);
		if (!status)
			status = propagate(m);
	}
	return status;
}

/* ---- devices ---- */

/* A node of the tree leads nowhere in a user namespace: the host's own one of
 * that name and number, if there is one, is bound there. */
static void bind_device(int old, const char *path)
{
	struct stat inside, outside;
	int tree;

	if (lstat(path, &inside) ||
	    (!S_ISCHR(inside.st_mode) && !S_ISBLK(inside.st_mode)) ||
	    fstatat(old, path + 1, &outside, AT_SYMLINK_NOFOLLOW) ||
	    (inside.st_mode & S_IFMT) != (outside.st_mode & S_IFMT) ||
	    inside.st_rdev != outside.st_rdev)
		return;
	tree = open_tree(old, path + 1, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree >= 0)
		attach(tree, path);
}

static void bind_devices(const struct run *run, int old)
{
	size_t i;

	if (!run->userns)
		return;
	for (i = 0; i < sizeof(usual_devices) / sizeof(*usual_devices); i++)
		bind_device(old, usual_devices[i]);
	for (i = 0; i < run->spec.device_count; i++)
		bind_device(old, run->spec.devices[i].path);
}

/* The terminals' master of this container. */
static void make_ptmx(void)
{
	struct stat st;
	int tree;

	if (lstat("/dev/pts/ptmx", &st) || !S_ISCHR(st.st_mode))
		return;
	if (!symlink("pts/ptmx", "/dev/ptmx") || errno != EEXIST)
		return;
	if (lstat("/dev/ptmx", &st) || S_ISLNK(st.st_mode))
		return;
	tree = open_tree(AT_FDCWD, "/dev/pts/ptmx",
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree >= 0)
		attach(tree, "/dev/ptmx");
}

/* ---- what is hidden, and what cannot be changed ---- */

static int mask(int old, const char *path)
{
	struct stat st;
	int tree;

	if (stat(path, &st))
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if (S_ISDIR(st.st_mode))
		return mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0k");
	tree = open_tree(old, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return tree < 0 ? -1 : attach(tree, path);
}

static int seal(int old, const char *path)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	int tree =
		open_tree(AT_FDCWD, path,
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	(void)old;
	if (tree < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
			  sizeof(attr))) {
		close(tree);
		return -1;
	}
	return attach(tree, path);
}

/* Where path leads, symlinks followed, is it the host kernel's? */
static bool leads_to_kernels(const struct run *run, const char *path)
{
	char *real = realpath(path, NULL);
	bool is = real && run_is_kernels(run, real);

	free(real);
	return is;
}

/* The library has done it in the tree: what the kernel has mounted is left. */
static int for_paths(const struct run *run, const char *field,
		     const char *const *paths, uint64_t count, int old,
		     int (*act)(int old, const char *path))
{
	int status = 0;
	uint64_t i;

	for (i = 0; !status && i < count; i++) {
		unsigned int depth;
		char *path = run_clean(paths[i], &depth);

		if (leads_to_kernels(run, path) && act(old, path))
			status = run_fail("/linux/%s/%llu (%s): %s", field,
					  (unsigned long long)i, path,
					  strerror(errno));
		free(path);
	}
	return status;
}

static bool is_destination(const struct run *run, const char *path)
{
	size_t i;

	for (i = 0; i < run->mount_count; i++) {
		if (!strcmp(run->mounts[i].destination, path))
			return true;
	}
	return false;
}

/* A root that cannot be written is shown as one. The library's own tmpfs on
 * /tmp, which can be, is a mount here, too. */
static int seal_root(const struct run *run)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	struct stat st;
	int tree;

	if (!(run->spec.flags & VFS_BUNDLE_ROOT_READONLY))
		return 0;
	if (!is_destination(run, "/tmp") && !lstat("/tmp", &st) &&
	    S_ISDIR(st.st_mode)) {
		tree = open_tree(AT_FDCWD, "/tmp",
				 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (tree < 0 || attach(tree, "/tmp"))
			return run_fail("/tmp: %s", strerror(errno));
	}
	if (mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof(attr)))
		return run_fail("/root/readonly: %s", strerror(errno));
	return 0;
}

int run_enter(struct run *run, int mount_fd)
{
	const struct vfs_bundle_spec *spec = &run->spec;
	int old = -1, status = turn_root(mount_fd, &old);

	if (!status)
		status = make_mounts(run, old);
	if (status)
		return status;
	bind_devices(run, old);
	make_ptmx();
	status = for_paths(run, "readonlyPaths", spec->readonly_paths,
			   spec->readonly_path_count, old, seal);
	if (!status)
		status = for_paths(run, "maskedPaths", spec->masked_paths,
				   spec->masked_path_count, old, mask);
	if (!status)
		status = seal_root(run);
	if (!status)
		status = leave_old(mount_fd, old);
	if (!status && spec->propagation &&
	    mount(NULL, "/", NULL,
		  (unsigned long)run_propagation(spec->propagation), NULL))
		status = run_fail("/linux/rootfsPropagation: %s",
				  strerror(errno));
	return status;
}
