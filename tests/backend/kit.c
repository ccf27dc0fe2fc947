/* SPDX-License-Identifier: MIT */
/* Contract: kit.h. */
#include "backend/kit.h"

#include <stdio.h>
#include <sys/mount.h>

#include "backend/kit_tree.h"
#include "backend/plainfs.h"

#include <vfs/hostfs.h>

#define OWN_TIMES (KIT_CLOCK | KIT_COUNTED)
#define EVERYTHING                                                         \
	(KIT_FALLOCATE | KIT_HOLES | KIT_XATTR | KIT_ACL | KIT_TMPFILE |   \
	 KIT_WHITEOUT | KIT_MMAP | KIT_HANDLES | KIT_SOCKETS | KIT_NAMES | \
	 OWN_TIMES)
#define PLAIN                                                           \
	(KIT_XATTR | KIT_ACL | KIT_TMPFILE | KIT_WHITEOUT | KIT_NAMES | \
	 OWN_TIMES)
/* The times are the host's, and so is what is free; a file has no number that
 * is its own for ever. */
#define HOST_XATTR                                                        \
	(KIT_FALLOCATE | KIT_HOLES | KIT_XATTR | KIT_TMPFILE | KIT_MMAP | \
	 KIT_SOCKETS | KIT_NAMES)
#define HOST (HOST_XATTR | KIT_ACL | KIT_WHITEOUT)
#define HOSTFS .type = &vfs_hostfs_type, .root_type = "hostfs", .host = true
#define OVERLAY                                                          \
	(KIT_FALLOCATE | KIT_HOLES | KIT_XATTR | KIT_ACL | KIT_TMPFILE | \
	 KIT_MMAP | KIT_NAMES | OWN_TIMES)

const struct kit_backend kit_backends[] = {
	{.name = "tmpfs", .root_type = "tmpfs", .features = EVERYTHING},
	{.name = "tmpfs-slow",
	 .root_type = "tmpfs",
	 .flags = VFS_CONFIG_SLOW_WALK,
	 .features = EVERYTHING},
	{.name = "plainfs",
	 .type = &plainfs_type,
	 .root_type = "plainfs",
	 .features = PLAIN},
	{.name = "plainfs-slow",
	 .type = &plainfs_type,
	 .root_type = "plainfs",
	 .flags = VFS_CONFIG_SLOW_WALK,
	 .features = PLAIN},
	/* Names fall out of the cache all the time. */
	{.name = "plainfs-tiny",
	 .type = &plainfs_type,
	 .root_type = "plainfs",
	 .cached_names = 3,
	 .features = PLAIN},
	{.name = "overlay",
	 .root_type = "tmpfs",
	 .overlay = "lowerdir=/l,upperdir=/u,workdir=/w",
	 .features = OVERLAY},
	{.name = "overlay-slow",
	 .root_type = "tmpfs",
	 .overlay = "lowerdir=/l,upperdir=/u,workdir=/w,redirect_dir=on,"
		    "metacopy=on,index=on",
	 .flags = VFS_CONFIG_SLOW_WALK,
	 .features = OVERLAY},
	{.name = "overlay-tiny",
	 .root_type = "tmpfs",
	 .overlay = "lowerdir=/l,upperdir=/u,workdir=/w,redirect_dir=on",
	 .cached_names = 3,
	 .features = OVERLAY},
	{.name = "devtmpfs", .root_type = "devtmpfs", .features = KIT_GIVEN},
	{.name = "devtmpfs-tiny",
	 .root_type = "devtmpfs",
	 .flags = VFS_CONFIG_SLOW_WALK,
	 .cached_names = 1,
	 .features = KIT_GIVEN},
	{.name = "proc",
	 .root_type = "proc",
	 .features = KIT_GIVEN | KIT_MOVING},
	{.name = "proc-tiny",
	 .root_type = "proc",
	 .flags = VFS_CONFIG_SLOW_WALK,
	 .cached_names = 1,
	 .features = KIT_GIVEN | KIT_MOVING},
	{.name = "hostfs",
	 HOSTFS,
	 .options = "cache=exclusive,owner=host",
	 .features = HOST},
	{.name = "hostfs-revalidate",
	 HOSTFS,
	 .options = "cache=revalidate,owner=host",
	 .features = HOST},
	/* Names and descriptors are forgotten all the time. */
	{.name = "hostfs-tiny",
	 HOSTFS,
	 .options = "cache=exclusive,owner=host,maxfds=8",
	 .cached_names = 3,
	 .features = HOST},
	{.name = "hostfs-xattr",
	 HOSTFS,
	 .options = "cache=revalidate,owner=xattr,maxfds=8",
	 .cached_names = 3,
	 .features = HOST_XATTR},
};
const size_t kit_backend_count = sizeof(kit_backends) / sizeof(kit_backends[0]);

#define BODY(name)                           \
	{                                    \
#name, kit_##name, KIT_NAMES \
	}
#define BODY_IF(name, needs)             \
	{                                \
#name, kit_##name, needs \
	}

const struct kit_body kit_bodies[] = {
	BODY(names),
	BODY(links),
	BODY(rename_files),
	BODY(rename_directories),
	BODY(rename_flags),
	BODY_IF(whiteout, KIT_WHITEOUT),
	BODY(symlinks),
	BODY(special),
	BODY(absences),
	BODY(long_names),
	BODY(permissions),
	BODY(removed_directory),
	BODY(unlinked_open),
	BODY_IF(tmpfile, KIT_TMPFILE),
	BODY(listing),
	BODY(listing_churn),
	BODY(positions),
	BODY(data),
	BODY(truncate),
	BODY(append),
	BODY(large),
	BODY(vectors),
	BODY(copy),
	BODY(edges),
	BODY_IF(holes, KIT_HOLES),
	BODY_IF(fallocate, KIT_FALLOCATE),
	BODY(attributes),
	BODY(times),
	BODY_IF(xattrs, KIT_XATTR),
	BODY_IF(acls, KIT_ACL),
	BODY(statfs),
	BODY(locks),
	BODY(fifo),
	BODY(tasks),
	BODY(mountpoints),
	BODY_IF(given, KIT_GIVEN),
	BODY(mmap),
	BODY_IF(mmap_sparse, KIT_MMAP),
	BODY(memfd),
	BODY(handles),
	BODY(sockets),
	BODY(watches),
};
const size_t kit_body_count = sizeof(kit_bodies) / sizeof(kit_bodies[0]);

/* -- life -- */

static int make_user(struct kit *kit)
{
	struct vfs_cred_spec spec = {.size = sizeof(spec),
				     .uid = 1000,
				     .gid = 1000,
				     .fsuid = 1000,
				     .fsgid = 1000};
	struct vfs_cred *cred;
	int error = vfs_cred_create(kit->vfs, &spec, &cred);

	if (error)
		return error;
	/* with the same root */
	error = vfs_task_clone(kit->task, 0, &kit->user);
	if (!error)
		error = vfs_task_set_cred(kit->user, cred);
	vfs_cred_unref(cred);
	return error;
}

/* The overlay on directories of a root that nobody can reach any more. */
static int mount_overlay(struct kit *kit)
{
	static const char *const names[] = {"/l", "/u", "/w", "/m"};
	struct vfs_task *task = kit->task;
	int error = 0;

	for (int i = 0; !error && i < 4; i++)
		error = vfs_mkdir(task, names[i], 01777);
	if (!error)
		error = vfs_chmod(task, "/l", 01777);
	if (!error)
		error = vfs_chmod(task, "/u", 01777);
	if (!error)
		error = vfs_mount(task, "overlay", "/m", "overlay", 0,
				  kit->backend->overlay);
	if (!error)
		error = vfs_chdir(task, "/m");
	if (!error)
		error = vfs_pivot_root(task, ".", ".");
	if (!error)
		error = vfs_umount2(task, ".", MNT_DETACH);
	return error ? error : vfs_chdir(task, "/");
}

/* A directory of the host, and the options that name it. */
static int make_host(struct kit *kit, const struct kit_backend *backend,
		     char *options, size_t size)
{
	int error = hostdir_make(kit->host);

	if (error)
		return error;
	kit->fds = hostdir_count_fds();
	kit->host_fd = open(kit->host, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (kit->host_fd < 0) {
		hostdir_remove(kit->host);
		return -errno;
	}
	snprintf(options, size, "%s,rootfd=%d", backend->options, kit->host_fd);
	return 0;
}

static void remove_host(struct kit *kit)
{
	if (!kit->backend->host)
		return;
	close(kit->host_fd);
	kit__equal(kit, hostdir_count_fds(), kit->fds, "descriptors", __FILE__,
		   __LINE__);
	hostdir_remove(kit->host);
}

static int open_instance(struct kit *kit, const struct vfs_config *config)
{
	int error = vfs_create(config, &kit->vfs);

	if (error)
		return error;
	error = vfs_task_create(kit->vfs, NULL, &kit->task);
	if (!error && kit->backend->overlay)
		error = mount_overlay(kit);
	if (!error)
		error = make_user(kit);
	if (!error)
		return 0;
	vfs_task_unref(kit->task);
	vfs_unref(kit->vfs);
	kit->task = NULL;
	kit->vfs = NULL;
	return error;
}

int kit_open(struct kit *kit, const struct kit_backend *backend)
{
	char options[128];
	const struct vfs_filesystem_type *types[] = {backend->type};
	struct vfs_config config = {
		.size = sizeof(config),
		.allocator = &kit->alloc.hooks,
		.hash_seed = {1, 2},
		.max_cached_names = backend->cached_names,
		.flags = backend->flags |
			 (kit->failing ? VFS_CONFIG_PLAIN_MEMORY : 0),
		.root_type = backend->root_type,
		.root_options = backend->options,
		.types = types,
		.type_count = backend->type ? 1 : 0,
	};
	int error = 0;

	kit->backend = backend;
	test_clock_init(&kit->clock);
	if (!backend->host)
		test_clock_install(&kit->clock, &config);
	if (backend->host) {
		error = make_host(kit, backend, options, sizeof(options));
		config.root_options = options;
	}
	if (error)
		return error;
	error = open_instance(kit, &config);
	if (error) {
		remove_host(kit);
		return error;
	}
	vfs_umask(kit->task, 0);
	vfs_umask(kit->user, 0);
	return 0;
}

void kit_close(struct kit *kit)
{
	vfs_task_unref(kit->user);
	vfs_task_unref(kit->task);
	vfs_unref(kit->vfs);
	kit->user = kit->task = NULL;
	kit->vfs = NULL;
	KIT_TRUE(kit, test_alloc_balanced(&kit->alloc));
	KIT_TRUE(kit, __atomic_load_n(&plainfs_counts.open_files,
				      __ATOMIC_RELAXED) == 0);
	KIT_TRUE(kit, __atomic_load_n(&plainfs_counts.inodes,
				      __ATOMIC_RELAXED) == 0);
	remove_host(kit);
}

void kit_check_tree(struct kit *kit)
{
	bool paused;

	if (kit->backend->features & KIT_MOVING)
		return;
	paused = test_alloc_pause(&kit->alloc, true);
	kit_tree_check(kit);
	test_alloc_pause(&kit->alloc, paused);
}

/* -- checks -- */

static void describe(int64_t value, char *text, size_t size)
{
	if (value < 0 && value > -4096)
		snprintf(text, size, "%s", vfs_errno_name((int)value));
	else
		snprintf(text, size, "%lld", (long long)value);
}

void kit__equal(struct kit *kit, int64_t got, int64_t expected,
		const char *what, const char *file, int line)
{
	char is[32], should[32];
	const char *slash = strrchr(file, '/');

	if (got == expected)
		return;
	describe(got, is, sizeof(is));
	describe(expected, should, sizeof(should));
	if (!kit->problems++)
		snprintf(kit->first, sizeof(kit->first),
			 "%s:%d: %.120s is %s, not %s",
			 slash ? slash + 1 : file, line, what, is, should);
}

static uint64_t state_of(struct kit *kit)
{
	return kit->backend->features & KIT_MOVING ? 0 : kit_tree_state(kit);
}

void kit__before(struct kit *kit)
{
	bool paused;

	if (!kit->failing)
		return;
	paused = test_alloc_pause(&kit->alloc, true);
	kit->state = state_of(kit);
	test_alloc_pause(&kit->alloc, paused);
}

bool kit__refused(struct kit *kit, int64_t result, const char *what, int line)
{
	bool paused;

	/* ENOLCK is what the lock calls say when memory runs out. */
	if ((result != -ENOMEM && result != -ENOLCK) || !kit->failing ||
	    !test_alloc_heal(&kit->alloc))
		return false;
	kit->refusals++;
	paused = test_alloc_pause(&kit->alloc, true);
	kit__equal(kit, (int64_t)state_of(kit), (int64_t)kit->state, what,
		   "refused call changed the tree, line", line);
	test_alloc_pause(&kit->alloc, paused);
	return true;
}

/* -- helpers -- */

void kit_put(struct kit *kit, const char *path, const char *text)
{
	int fd;

	KIT_GET(kit, fd,
		vfs_open(kit->task, path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	kit_write(kit, fd, text, strlen(text), 0);
	KIT(kit, vfs_close(kit->task, fd), 0);
}

void kit_see(struct kit *kit, const char *path, const char *text)
{
	char have[512] = "";
	int64_t n;
	int fd;

	KIT_GET(kit, fd, vfs_open(kit->task, path, O_RDONLY, 0));
	KIT_GET(kit, n, vfs_read(kit->task, fd, have, sizeof(have) - 1));
	KIT(kit, vfs_close(kit->task, fd), 0);
	if (n != (int64_t)strlen(text) || strcmp(have, text))
		kit__equal(kit, n, (int64_t)strlen(text), path, "contents of",
			   __LINE__);
}

/* A write may be short when memory runs out; the rest follows. */
void kit_write(struct kit *kit, int fd, const void *data, size_t size,
	       int64_t offset)
{
	const char *at = data;
	int64_t n;

	while (size) {
		KIT_GET(kit, n, vfs_pwrite(kit->task, fd, at, size, offset));
		if (n <= 0)
			return;
		at += n;
		offset += n;
		size -= (size_t)n;
	}
}

struct vfs_stat kit_stat(struct kit *kit, const char *path)
{
	struct vfs_stat st = {0};

	KIT(kit, vfs_lstat(kit->task, path, &st), 0);
	return st;
}

bool kit_exists(struct kit *kit, const char *path)
{
	struct vfs_stat st;
	int64_t result;

	kit__before(kit);
	result = vfs_lstat(kit->task, path, &st);
	if (kit__refused(kit, result, path, __LINE__))
		result = vfs_lstat(kit->task, path, &st);
	KIT_TRUE(kit, result == 0 || result == -ENOENT);
	return result == 0;
}

int kit_entries(struct kit *kit, const char *path, size_t buffer)
{
	_Alignas(8) char records[4096];
	int64_t n;
	int fd, count = 0;

	KIT_GET(kit, fd, vfs_open(kit->task, path, O_RDONLY | O_DIRECTORY, 0));
	do {
		KIT_GET(kit, n, vfs_getdents(kit->task, fd, records, buffer));
		for (int64_t at = 0; at < n;) {
			struct vfs_dirent *d =
				(struct vfs_dirent *)(records + at);

			count++;
			at += d->reclen;
		}
	} while (n > 0);
	KIT(kit, vfs_close(kit->task, fd), 0);
	return count - 2;
}
