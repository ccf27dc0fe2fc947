/* SPDX-License-Identifier: MIT */
/* The library's side: a fresh instance for each sequence, through the public
 * API alone, with a clock that stands still but for side->class->tick; on a
 * hostfs, with the kernel's clock. */
#define _GNU_SOURCE
#include "side.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vfs/hostfs.h>
#include <vfs/sys/backend.h>

#include "instants.h"
#include "ktask.h"

#define CLOCK_BASE INT64_C(2000000000)

struct vfs_side {
	struct vfs *vfs;
	int64_t instant;
	/* on a hostfs, whose stamps are the kernel's */
	int dir;
	struct instants instants;
	char options[160]; /* of the root */
	char below[160];   /* of what is at /h */
	bool slow;
	enum place place;
};

static void now(void *context, struct vfs_timespec *out)
{
	struct vfs_side *self = context;

	out->sec = CLOCK_BASE + self->instant;
	out->nsec = 0;
	out->zero = 0;
}

static void host_now(void *context, struct vfs_timespec *out)
{
	int64_t stamp = instants_stamp();

	(void)context;
	out->sec = stamp / 1000000000;
	out->nsec = (uint32_t)(stamp % 1000000000);
	out->zero = 0;
}

static void must(int result, const char *what)
{
	if (result < 0)
		die("%s: %s", what, vfs_errno_name(result));
}

/* Only one identity, which nobody leaves. */
static bool is_single(const struct side *side)
{
	const struct vfs_side *self = side->private;

	return self->place == PLACE_DIRECTORY || HOST_SINGLE(side->host);
}

/* New ones each time: opening and linking by a descriptor compare them by
 * identity, as the kernel does. */
static int set_cred(struct side *side, const struct who *who)
{
	struct vfs_side *self = side->private;
	uint64_t caps = ktask_all_caps();
	struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = who->uid,
		.gid = who->gid,
		.fsuid = who->fsuid,
		.fsgid = who->fsgid,
		.groups = who->groups,
		.group_count = who->group_count,
	};
	struct vfs_userns *userns = vfs_task_userns(side_task(side));
	struct vfs_cred *cred;
	int result;

	/* Linux wants this one in the first user namespace. */
	if (self->place == PLACE_USER_MOUNT)
		caps &= ~(UINT64_C(1) << VFS_CAP_FSETID);
	spec.cap_permitted = caps;
	spec.cap_effective = who->caps & caps;
	spec.userns = userns;
	result = vfs_cred_create(self->vfs, &spec, &cred);
	vfs_userns_unref(userns);
	if (result < 0)
		return result;
	result = vfs_task_set_cred(side_task(side), cred);
	/* Elsewhere than in a mount nobody sees more than the process. */
	if (!result && is_single(side))
		result = vfs_task_set_cred(side->observer, cred);
	vfs_cred_unref(cred);
	return result;
}

static int library_become(struct side *side, const struct who *who)
{
	return HOST_SINGLE(side->host) ? 0 : set_cred(side, who);
}

static int library_limit(struct side *side, int resource, uint64_t cur)
{
	struct vfs_rlimit limit;
	int result = vfs_getrlimit(side_task(side), resource, &limit);

	if (result < 0)
		return result;
	limit.cur = cur;
	return vfs_setrlimit(side_task(side), resource, &limit);
}

/* Not with more than this process has. */
static const struct who *first_who(const struct side *side)
{
	const struct vfs_side *self = side->private;

	if (self->place == PLACE_DIRECTORY)
		return who_self();
	return who_find(HOST_SINGLE(side->host) ? "user1" : "root");
}

/* The root is a hostfs on an empty directory. */
static void on_hostfs(struct side *side, struct vfs_config *config)
{
	static const struct vfs_filesystem_type *const types[] = {
		&vfs_hostfs_type};
	struct vfs_side *self = side->private;

	ktask_unlimit();
	host_reset(self->dir);
	self->instants.count = 0;
	config->now = host_now;
	config->types = types;
	config->type_count = 1;
	config->root_type = "hostfs";
	config->root_source = NULL;
	host_options(side->host, self->dir, self->options,
		     sizeof(self->options));
}

/* The directory that the kernel works in, too, at /h. */
static void mount_below(struct side *side)
{
	struct vfs_side *self = side->private;

	host_options(side->host, side->host->dir, self->below,
		     sizeof(self->below));
	must(vfs_mkdir(side->observer, "/h", 0755), "mkdir /h");
	must(vfs_mount_type(side->observer, &vfs_hostfs_type, NULL, "/h", 0,
			    self->below),
	     "mount on /h");
}

static void library_begin(struct side *side)
{
	struct vfs_side *self = side->private;
	struct vfs_config config = {0};

	self->instant = 0;
	config.size = sizeof(config);
	config.now = now;
	config.now_context = self;
	config.hash_seed[0] = 1;
	config.hash_seed[1] = 2;
	if (self->slow) {
		config.flags = VFS_CONFIG_SLOW_WALK;
		config.max_cached_names = 8; /* forgets at every turn */
	}
	config.root_options = self->options;
	config.root_source = "oracle";
	config.fault = side->fault;
	config.fault_context = side->fault_context;
	config.allocator = side->allocator;
	if (side->allocator)
		config.flags |= VFS_CONFIG_PLAIN_MEMORY;
	if (side->host->dir > 0)
		config.now = host_now;
	if (side->host->kind != HOST_NONE)
		on_hostfs(side, &config);
	must(vfs_create(&config, &self->vfs), "vfs_create");
	must(vfs_task_create(self->vfs, NULL, &side->observer), "task");
	must(vfs_task_create(self->vfs, NULL, &side->tasks[0]), "task");
	/* So that the script's first descriptor is 3, as in a process. */
	for (int fd = 0; fd < 3; fd++)
		must(vfs_open(side->tasks[0], "/", O_PATH, 0), "open /");
	must(library_limit(side, RLIMIT_NOFILE, 1024), "limit");
	if (side->host->dir > 0)
		mount_below(side);
	if (side->host->xattr)
		must(vfs_chown(side->observer, "/", 0, 0), "chown /");
	must(set_cred(side, first_who(side)), "become root");
}

static void library_end(struct side *side)
{
	struct vfs_side *self = side->private;

	for (unsigned i = 0; i < MAX_TASKS; i++) {
		vfs_task_unref(side->tasks[i]);
		side->tasks[i] = NULL;
	}
	vfs_task_unref(side->observer);
	side->observer = NULL;
	vfs_unref(self->vfs);
	self->vfs = NULL;
}

static void library_destroy(struct side *side)
{
	struct vfs_side *self = side->private;

	if (side->tasks[0])
		library_end(side);
	instants_fini(&self->instants);
	free(self);
}

static void library_tick(struct side *side)
{
	struct vfs_side *self = side->private;

	if (side->host->kind == HOST_NONE)
		self->instant++;
	else
		instants_mark(&self->instants);
	ktask_unlimit();
}

static unsigned library_instant(const struct side *side,
				const struct vfs_timespec *time)
{
	struct vfs_side *self = side->private;

	if (side->host->kind != HOST_NONE)
		return instants_find(&self->instants, time);
	return time->sec < CLOCK_BASE ? 0 : (unsigned)(time->sec - CLOCK_BASE);
}

static int library_clone(struct side *side, unsigned to, uint64_t flags)
{
	return vfs_task_clone(side_task(side), flags, &side->tasks[to]);
}

static int library_set_maps(struct side *side, unsigned task,
			    const struct vfs_id_map *uids, size_t uid_count,
			    const struct vfs_id_map *gids, size_t gid_count)
{
	struct vfs_userns *userns = vfs_task_userns(side->tasks[task]);
	int result =
		vfs_userns_set_maps(userns, uids, uid_count, gids, gid_count);

	vfs_userns_unref(userns);
	return result;
}

static void library_drop(struct side *side, unsigned task)
{
	vfs_task_unref(side->tasks[task]);
	side->tasks[task] = NULL;
}

static int library_open_ns(struct side *side, unsigned task, uint64_t type)
{
	return vfs_open_namespace(side_task(side), side->tasks[task], (int)type,
				  0);
}

static int64_t library_mountinfo(struct side *side, char *buffer, size_t size)
{
	return vfs_mountinfo(side_task(side), VFS_MOUNTINFO_FULL, buffer, size);
}

static void library_run_on(struct vfs_task *task, void (*function)(void *),
			   void *argument)
{
	(void)task;
	function(argument);
}

static int library_bind(struct side *side, unsigned number, const char *path,
			uint32_t mode)
{
	struct vfs_side *self = side->private;
	struct vfs_endpoint *endpoint;
	int result;

	must(vfs_endpoint_create(self->vfs, NULL, NULL, &endpoint), "endpoint");
	result = vfs_bind_socket(side_task(side), AT_FDCWD, path, mode,
				 endpoint);
	if (result < 0) {
		vfs_endpoint_unref(endpoint);
		return result;
	}
	/* where more is permitted than a script expects, one is still there */
	if (side->endpoints[number])
		vfs_endpoint_unref(side->endpoints[number]);
	side->endpoints[number] = endpoint;
	return result;
}

static int library_connect(struct side *side, const char *path)
{
	struct vfs_endpoint *endpoint;
	int result = vfs_connect_socket(side_task(side), AT_FDCWD, path, 0,
					&endpoint);

	if (!result)
		vfs_endpoint_unref(endpoint);
	return result;
}

static void library_hang_up(struct side *side, unsigned number)
{
	vfs_endpoint_close(side->endpoints[number]);
	vfs_endpoint_unref(side->endpoints[number]);
	side->endpoints[number] = NULL;
}

const struct side_class vfs_class = {
	.name = "libvfs",
	.calls =
		{
#define X(name) .name = vfs_##name,
#include "api_calls.inc"
#undef X
		},
	.begin = library_begin,
	.end = library_end,
	.destroy = library_destroy,
	.tick = library_tick,
	.instant = library_instant,
	.become = library_become,
	.limit = library_limit,
	.clone = library_clone,
	.set_maps = library_set_maps,
	.drop = library_drop,
	.open_ns = library_open_ns,
	.mountinfo = library_mountinfo,
	.bind = library_bind,
	.connect = library_connect,
	.hang_up = library_hang_up,
	.run_on = library_run_on,
};

/* Its own file system, and what this thread is from here on. */
static void take_host(struct vfs_side *self, const struct host *host,
		      const char *options)
{
	ktask_all_caps(); /* what scripts' tasks have, as long as it is known */
	if (self->place == PLACE_USER_MOUNT && unshare(CLONE_NEWNS))
		die("no mount namespace");
	self->dir = host_create(host, options);
	if (!host->unprivileged)
		return;
	if (fchownat(self->dir, "", HOST_UID(host), HOST_UID(host),
		     AT_EMPTY_PATH))
		die("cannot give the directory away");
	host_drop(host);
}

struct side *vfs_side_create(enum place place, const char *options,
			     const struct host *host, bool slow)
{
	struct side *side = side_create(&vfs_class, options);
	struct vfs_side *self = calloc(1, sizeof(*self));

	if (!self)
		die("out of memory");
	self->slow = slow;
	self->place = place;
	snprintf(self->options, sizeof(self->options),
		 "mode=0777,uid=%u,gid=%u,%s",
		 place == PLACE_DIRECTORY ? geteuid() : 0,
		 place == PLACE_DIRECTORY ? getegid() : 0, options);
	side->private = self;
	side->host = host;
	if (host->kind != HOST_NONE)
		take_host(self, host, options);
	return side;
}
