/* SPDX-License-Identifier: MIT */
/* Instances: making and ending them. Contract: instance.h. */
#include "core/instance.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/cred.h"
#include "core/device.h"
#include "core/handle.h"
#include "core/hostfile.h"
#include "core/inode.h"
#include "core/mapping.h"
#include "core/mount_fd.h"
#include "core/namespace.h"
#include "core/nsfs.h"
#include "core/pipefs.h"
#include "core/task.h"
#include "util/epoch.h"
#include "util/grown.h"
#include "util/time.h"

#define DEFAULT_NAMES 100000u
#define DEFAULT_DESCRIPTORS 1048576u
#define DEFAULT_INOTIFY_INSTANCES 128u
#define DEFAULT_INOTIFY_WATCHES 65536u
#define DEFAULT_INOTIFY_EVENTS 16384u
/* the size of struct vfs_config in the first version */
#define CONFIG_SIZE_0 offsetof(struct vfs_config, max_mounts)

VFS_HOT
static void host_now(void *context, struct vfs_timespec *now)
{
	struct timespec ts;

	(void)context;
#ifdef CLOCK_REALTIME_COARSE
	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
#else
	clock_gettime(CLOCK_REALTIME, &ts);
#endif
	now->sec = ts.tv_sec;
	now->nsec = (uint32_t)ts.tv_nsec;
	now->zero = 0;
}

VFS_HOT
void vfs_now(struct vfs *vfs, struct vfs_timespec *now)
{
	struct vfs__thread *thread = vfs->host_clock ? vfs__self(vfs) : NULL;

	if (!thread) {
		vfs->now(vfs->now_context, now);
		return;
	}
	if (!thread->now_valid) {
		vfs->now(vfs->now_context, &thread->now);
		thread->now_packed = vfs__time_pack(&thread->now);
		thread->now_valid = true;
	}
	/* one by one, as they were stored: a load that several stores cover
	 * waits for them */
	now->sec = thread->now.sec;
	VFS__COMPILER_FENCE();
	now->nsec = thread->now.nsec;
	now->zero = 0;
}

void vfs_log(struct vfs *vfs, int32_t level, const char *format, ...)
{
	char line[512];
	va_list args;

	if (!vfs->log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	vfs->log(vfs->log_context, level, line);
}

/* ---- configuration ---- */

/* config in this version's form; what a smaller one lacks is 0. */
static int read_config(const struct vfs_config *config, struct vfs_config *out)
{
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	if (!config)
		return 0;
	if (config->size < CONFIG_SIZE_0)
		return -EINVAL;
	if (vfs__grown_check(config, config->size, sizeof(*out)))
		return -E2BIG;
	memcpy(out, config,
	       config->size < sizeof(*out) ? config->size : sizeof(*out));
	if (out->flags & ~(VFS_CONFIG_SLOW_WALK | VFS_CONFIG_PLAIN_MEMORY |
			   VFS_CONFIG_NO_PATH_MEMORY))
		return -EINVAL;
	if (out->allocator && (!out->allocator->alloc || !out->allocator->free))
		return -EINVAL;
	if (out->max_descriptors > INT32_MAX || out->zero)
		return -EINVAL;
	if (out->type_count && !out->types)
		return -EFAULT;
	return 0;
}

static void apply_config(struct vfs *vfs, const struct vfs_config *config)
{
	vfs->now = config->now ? config->now : host_now;
	vfs->host_clock = !config->now;
	vfs->now_context = config->now_context;
	vfs->log = config->log;
	vfs->log_context = config->log_context;
	vfs->fault = config->fault;
	vfs->fault_context = config->fault_context;
	vfs->flags = config->flags;
	vfs->max_descriptors = config->max_descriptors ? config->max_descriptors
						       : DEFAULT_DESCRIPTORS;
	vfs->notify.max_groups = config->max_inotify_instances
					 ? config->max_inotify_instances
					 : DEFAULT_INOTIFY_INSTANCES;
	vfs->notify.max_marks = config->max_inotify_watches
					? config->max_inotify_watches
					: DEFAULT_INOTIFY_WATCHES;
	vfs->notify.max_events = config->max_inotify_events
					 ? config->max_inotify_events
					 : DEFAULT_INOTIFY_EVENTS;
	memcpy(vfs->hash_seed, config->hash_seed, sizeof(vfs->hash_seed));
	while (!vfs->hash_seed[0] && !vfs->hash_seed[1])
		if (getrandom(vfs->hash_seed, sizeof(vfs->hash_seed),
			      GRND_NONBLOCK) < 0)
			vfs->hash_seed[0] =
				(uintptr_t)vfs ^ (uint64_t)time(NULL);
	memcpy(vfs->dcache.seed, vfs->hash_seed, sizeof(vfs->hash_seed));
	vfs->dcache.seed[1] |= 1;
}

/* ---- making ---- */

static int make_root_cred(struct vfs *vfs)
{
	struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.cap_effective = VFS_CAP_ALL,
		.cap_permitted = VFS_CAP_ALL,
	};

	return vfs_cred_create(vfs, &spec, &vfs->root_cred);
}

static int mount_type(struct vfs__thread *thread, struct vfs *vfs,
		      const struct vfs_filesystem_type *type,
		      const char *source, const char *options, uint32_t flags,
		      struct vfs_mount **out)
{
	struct vfs_mount_args args = {
		.size = sizeof(args),
		.source = source,
		.options = options,
	};
	struct vfs_super *super;
	struct vfs_dentry *root;
	int err = vfs__super_create(thread, vfs, type, &args, &super, &root);

	if (err)
		return err;
	err = vfs__mount_create(thread, vfs, super, root, flags, source, out);
	if (err) {
		vfs__dentry_unref(thread, root);
		vfs__super_unref(thread, super);
	}
	return err;
}

static int register_types(struct vfs *vfs, const struct vfs_config *config,
			  const struct vfs_filesystem_type *const *builtin)
{
	int err = 0;

	for (; !err && *builtin; builtin++)
		err = vfs_register_filesystem(vfs, *builtin, 0);
	for (uint64_t i = 0; !err && i < config->type_count; i++)
		err = vfs_register_filesystem(vfs, config->types[i], 0);
	return err;
}

static int make_tree(struct vfs__thread *thread, struct vfs *vfs,
		     const struct vfs_config *config,
		     const struct vfs_filesystem_type *const *builtin)
{
	const char *name = config->root_type ? config->root_type : "tmpfs";
	const struct vfs_filesystem_type *type;
	struct vfs_mount *below, *root;
	int err = register_types(vfs, config, builtin);

	if (!err)
		err = vfs__device_register_mem(vfs);
	if (err)
		return err;
	type = vfs__type_find(vfs, name);
	if (!type) {
		vfs_log(vfs, VFS_LOG_ERROR, "unknown file-system type: %s",
			name);
		return -ENODEV;
	}
	err = mount_type(thread, vfs, &vfs__pipefs_type, NULL, NULL,
			 VFS__MNT_INTERNAL, &vfs->pipe_mount);
	if (!err)
		err = mount_type(thread, vfs, &vfs__nsfs_type, "nsfs", NULL,
				 VFS__MNT_INTERNAL, &vfs->ns_mount);
	if (err)
		return err;
	vfs->pipe_super = vfs->pipe_mount->super;
	err = mount_type(thread, vfs, &vfs__anonfs_type, NULL, NULL,
			 VFS__MNT_INTERNAL, &vfs->anon_mount);
	if (err)
		return err;
	vfs->anon_inode = vfs__anonfs_inode(vfs->anon_mount->super);
	if (!vfs->anon_inode)
		return -ENOMEM;
	vfs->context = vfs__fs_context_dentry(thread, vfs);
	if (!vfs->context)
		return -ENOMEM;
	vfs->root_ns = vfs__namespace_create(thread, vfs, false);
	if (!vfs->root_ns)
		return -ENOMEM;
	err = mount_type(thread, vfs, &vfs__rootfs_type, "rootfs", NULL, 0,
			 &below);
	if (err)
		return err;
	vfs__namespace_adopt(vfs->root_ns, below);
	vfs->root_ns->root = below;
	err = mount_type(thread, vfs, type, config->root_source,
			 config->root_options, VFS__MNT_RELATIME, &root);
	if (err)
		return err;
	vfs__mount_hash(root, below, below->root);
	vfs__namespace_adopt(vfs->root_ns, root);
	return 0;
}

/* ---- memory of the instance itself ---- */

static struct vfs *instance_alloc(const struct vfs_allocator *allocator)
{
	size_t size = (sizeof(struct vfs) + 63) & ~(size_t)63;
	struct vfs *vfs;

	if (allocator)
		vfs = allocator->alloc(allocator->context, size, 64);
	else
		vfs = aligned_alloc(64, size);
	if (vfs)
		memset(vfs, 0, sizeof(*vfs));
	return vfs;
}

static void instance_free(struct vfs *vfs)
{
	const struct vfs_allocator *allocator = vfs->allocator;
	size_t size = (sizeof(struct vfs) + 63) & ~(size_t)63;

	if (allocator)
		allocator->free(allocator->context, vfs, size, 64);
	else
		free(vfs);
}

/* Frees whatever there is of an instance that has a domain. */
static void destroy(struct vfs *vfs)
{
	struct vfs__thread *thread = vfs__self_always(vfs);

	vfs__mappings_fini(thread, vfs);
	vfs__namespace_unref(thread, vfs->root_ns);
	vfs__mounts_collect(thread, vfs);
	vfs__dentry_unref(thread, vfs->context);
	vfs__hosts_fini(thread, vfs);
	if (vfs->memfd_mount)
		vfs__mount_destroy(thread, vfs->memfd_mount);
	if (vfs->pipe_mount)
		vfs__mount_destroy(thread, vfs->pipe_mount);
	if (vfs->ns_mount)
		vfs__mount_destroy(thread, vfs->ns_mount);
	vfs_inode_unref(vfs->anon_inode);
	if (vfs->anon_mount)
		vfs__mount_destroy(thread, vfs->anon_mount);
	vfs__handles_fini(thread, vfs);
	vfs_cred_unref(vfs->root_cred);
	vfs_userns_unref(vfs->root_userns);
	vfs__table_fini(&vfs->types);
	vfs__devices_fini(thread, vfs);
	vfs__dcache_fini(vfs);
	vfs__mounts_fini(vfs);
	/* runs what was retired, with vfs still there */
	vfs__domain_destroy(vfs->domain);
	instance_free(vfs);
}

int vfs__instance_create(const struct vfs_config *config,
			 const struct vfs_filesystem_type *const *builtin,
			 struct vfs **out)
{
	struct vfs_config wanted;
	struct vfs *vfs;
	int err = read_config(config, &wanted);

	if (err)
		return err;
	vfs = instance_alloc(wanted.allocator);
	if (!vfs)
		return -ENOMEM;
	vfs->ref = 1;
	vfs->allocator = wanted.allocator;
	apply_config(vfs, &wanted);
	err = vfs__domain_create(wanted.allocator, vfs, vfs__task_thread_exit,
				 &vfs->domain);
	if (err) {
		instance_free(vfs);
		return err;
	}
	if (wanted.flags & VFS_CONFIG_PLAIN_MEMORY)
		vfs__domain_set_plain(vfs->domain);
	vfs__mutex_init(&vfs->views_lock);
	vfs__list_init(&vfs->views);
	vfs__mutex_init(&vfs->userns_lock);
	vfs__mutex_init(&vfs->types_lock);
	vfs__mutex_init(&vfs->tasks_lock);
	vfs__mutex_init(&vfs->devices_lock);
	vfs__mutex_init(&vfs->locks_lock);
	vfs__mutex_init(&vfs->mappings.lock);
	vfs__mutex_init(&vfs->handles.lock);
	vfs__mutex_init(&vfs->notify.lock);
	vfs__mutex_init(&vfs->hosts.lock);
	vfs__table_init(&vfs->types, vfs->domain, vfs->hash_seed);
	err = vfs__mounts_init(vfs, wanted.max_mounts);
	if (!err)
		err = vfs__dcache_init(vfs, wanted.max_cached_names
						    ? wanted.max_cached_names
						    : DEFAULT_NAMES);
	if (!err)
		err = vfs__userns_create_root(vfs, &vfs->root_userns);
	if (!err)
		err = make_root_cred(vfs);
	if (!err)
		err = make_tree(vfs__self(vfs), vfs, &wanted, builtin);
	if (err) {
		destroy(vfs);
		return err;
	}
	*out = vfs;
	return 0;
}

struct vfs *vfs_ref(struct vfs *vfs)
{
	if (vfs)
		__atomic_fetch_add(&vfs->ref, 1, __ATOMIC_RELAXED);
	return vfs;
}

void vfs_unref(struct vfs *vfs)
{
	if (vfs && !__atomic_sub_fetch(&vfs->ref, 1, __ATOMIC_ACQ_REL))
		destroy(vfs);
}

VFS_HOT
struct vfs__thread *vfs__self_always(struct vfs *vfs)
{
	struct vfs__thread *thread;

	while (!(thread = vfs__self(vfs)))
		sched_yield();
	return thread;
}
