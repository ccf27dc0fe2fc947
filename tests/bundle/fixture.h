/* SPDX-License-Identifier: MIT */
/*
 * A bundle on the host for a test: a temporary directory with a rootfs, an
 * instance, and checks that nothing is left of what was loaded, or not.
 */
#ifndef BUNDLE_FIXTURE_H
#define BUNDLE_FIXTURE_H

#include "support/check.h"

#include <vfs/bundle.h>

struct fixture {
	struct world world;
	char dir[64];		     /* of the bundle */
	char rootfs[80];	     /* dir/rootfs */
	char why[1024];		     /* what the last call said */
	char before[8192];	     /* the instance's mounts */
	unsigned fds;		     /* of the process */
	struct vfs_bundle_spec spec; /* rootfs, and nothing else */
	struct vfs_bundle *bundle;
	struct vfs_task *task; /* the bundle's */
	/* the host's calls that may still succeed; negative: all */
	int faults;
};

/* For cmocka: *state is a struct fixture. Teardown unloads, and fails when
 * memory, mounts or descriptors are left. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The same by hand. flags: of struct vfs_config. */
void fixture_open(struct fixture *f, uint32_t flags);
bool fixture_close(struct fixture *f);

#define fixture_test(function)                                   \
	cmocka_unit_test_setup_teardown(function, fixture_setup, \
					fixture_teardown)

/* What is on the host, below dir. */
void host_file(struct fixture *f, const char *path, const char *text,
	       uint32_t mode);
void host_dir(struct fixture *f, const char *path, uint32_t mode);
/* Whose it is: on the host, or, without privilege, as hostfs records it. What
 * is made here is root's. */
void host_give(struct fixture *f, const char *path, uint32_t uid, uint32_t gid);
void host_link(struct fixture *f, const char *target, const char *path);
bool host_exists(struct fixture *f, const char *path);
/* dir/path, in one of 64 static buffers. */
const char *host_path(struct fixture *f, const char *path);

/* Loads the spec; f->task is its task. */
void load(struct fixture *f);
/* Loading says error, and text is in what it says; nothing is left. */
void load_fails(struct fixture *f, int error, const char *text);
/* Gives it back, and checks that nothing is left. */
void unload(struct fixture *f);

/* Mounts of the bundle's, as /proc/self/mountinfo shows them. */
const char *mountinfo(struct fixture *f);
/* The line of path: from its sixth field (options) on; "": no such mount. */
const char *mount_line(struct fixture *f, const char *path);
unsigned open_descriptors(void);

/* An array as a member of the spec: it lives as long as the block it is in. */
#define LIST(f, member, count, ...)      \
	((f)->spec.member = __VA_ARGS__, \
	 (f)->spec.count = sizeof(__VA_ARGS__) / sizeof(*(f)->spec.member))

#define STRINGS(...) ((const char *const[]){__VA_ARGS__})
#define MOUNTS(...) ((const struct vfs_bundle_mount[]){__VA_ARGS__})
/* destination, type, source, options */
#define MOUNT(to, fs, from, ...)                                              \
	{                                                                     \
		.size = sizeof(struct vfs_bundle_mount), .destination = (to), \
		.type = (fs), .source = (from),                               \
		.options = STRINGS(__VA_ARGS__),                              \
		.option_count =                                               \
			sizeof(STRINGS(__VA_ARGS__)) / sizeof(const char *)   \
	}
#define PLAIN_MOUNT(to, fs, from)                                             \
	{                                                                     \
		.size = sizeof(struct vfs_bundle_mount), .destination = (to), \
		.type = (fs), .source = (from)                                \
	}

#endif
