/* SPDX-License-Identifier: MIT */
/*
 * A bundle with everything in it, loaded again and again, with the nth
 * allocation or the nth call of the host failing, n = 1, 2, … until none does:
 * a load that fails has left nothing, one that works has made the same tree.
 */
#include "fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const struct vfs_id_map map = {0, 0, 2000};
static const struct vfs_bundle_device device = {
	.size = sizeof(device),
	.path = "/dev/fuse",
	.mode = S_IFCHR | 0666,
	.major = 10,
	.minor = 229,
};

/* Strings of the spec, which outlive it. */
static char file[128], one[128];

static struct vfs_bundle_mount mounts[] = {
	MOUNT("/m/n", NULL, one, "rbind", "ro"),
	MOUNT("/etc/file", NULL, file, "bind", "idmap"),
	PLAIN_MOUNT("/proc", "proc", "proc"),
	MOUNT("/dev", "tmpfs", "tmpfs", "mode=755", "ro"),
	MOUNT("/data", "tmpfs", NULL, "tmpcopyup", "shared", "rnoexec"),
	PLAIN_MOUNT("/sys", "sysfs", NULL),
	PLAIN_MOUNT("/sys/fs/cgroup", "cgroup", NULL)};

static void fill(struct fixture *f, bool userns)
{
	struct vfs_bundle_spec *s = &f->spec;

	mounts[1].uid_maps = mounts[1].gid_maps = &map;
	mounts[1].uid_map_count = mounts[1].gid_map_count = 1;
	s->mounts = mounts;
	s->mount_count = sizeof(mounts) / sizeof(mounts[0]);
	s->devices = &device;
	s->device_count = 1;
	s->uid_maps = s->gid_maps = userns ? &map : NULL;
	s->uid_map_count = s->gid_map_count = userns;
	s->propagation = "rslave";
	s->cwd = "/etc";
	s->uid = 1000;
	s->flags = VFS_BUNDLE_STDIO;
	s->stdio[0] = 0;
	s->stdio[1] = s->stdio[2] = -1;
}

static void fill_lists(struct vfs_bundle_spec *s)
{
	static const char *const masked[] = {"/proc/filesystems", "/root"};
	static const char *const readonly[] = {"/bin"};
	static const char *const args[] = {"script"};
	static const char *const env[] = {"PATH=/bin"};
	static const uint32_t groups[] = {5};

	s->masked_paths = masked;
	s->masked_path_count = 2;
	s->readonly_paths = readonly;
	s->readonly_path_count = 1;
	s->args = args;
	s->arg_count = 1;
	s->env = env;
	s->env_count = 1;
	s->groups = groups;
	s->group_count = 1;
}

static void prepare(struct fixture *f, bool userns)
{
	int null;

	fixture_open(f, VFS_CONFIG_PLAIN_MEMORY);
	host_file(f, "rootfs/bin/script", "#!/bin/sh -e\n", 0755);
	host_dir(f, "rootfs/data", 0755);
	host_dir(f, "rootfs/data/sub", 0755);
	host_file(f, "rootfs/data/sub/x", "x", 0644);
	host_link(f, "x", "rootfs/data/sub/link");
	host_dir(f, "one", 0755);
	host_file(f, "file", "file", 0644);
	snprintf(one, sizeof(one), "%s/one", f->dir);
	snprintf(file, sizeof(file), "%s/file", f->dir);
	fill(f, userns);
	fill_lists(&f->spec);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(null >= 0);
	f->fds++;
	f->spec.stdio[0] = null;
}

/* mountinfo without the numbers of mounts and devices. */
static void tree_of(struct fixture *f, char *out)
{
	const char *line = mountinfo(f);

	while (*line) {
		size_t size = strcspn(line, "\n") + 1;
		const char *at = line;

		for (int i = 0; i < 3; i++)
			at += strcspn(at, " ") + 1;
		/* and of peer groups */
		while (at < line + size) {
			if (!strncmp(at, "shared:", 7))
				at += 7 + strspn(at + 7, "0123456789");
			*out++ = *at++;
		}
		line += size;
	}
	*out = 0;
}

static char expected[65536], got[65536];

/* One try: whether something was made to fail. */
static bool try(struct fixture *f, uint64_t nth, bool memory)
{
	struct world *w = &f->world;
	int err;

	f->bundle = NULL;
	if (memory)
		test_alloc_fail(&w->alloc, nth, 1);
	else
		f->faults = (int)nth - 1;
	err = vfs_bundle_load(w->vfs, &f->spec, &f->bundle, f->why,
			      sizeof(f->why));
	bool failed = memory ? test_alloc_heal(&w->alloc) > 0 : f->faults < 0;

	f->faults = -1;
	if (err) {
		if (memory && err != -ENOMEM)
			print_error("%llu: %s\n", (unsigned long long)nth,
				    f->why);
		if (memory)
			check_eq(err, -ENOMEM);
		assert_true(failed);
		assert_null(f->bundle);
		assert_true(*f->why);
		unload(f);
		return true;
	}
	f->task = vfs_bundle_task(f->bundle);
	tree_of(f, got);
	if (strcmp(got, expected))
		print_error("%llu: %s---\n%s", (unsigned long long)nth, got,
			    expected);
	assert_string_equal(got, expected);
	assert_string_equal(vfs_bundle_env(f->bundle, 1), "HOME=/home/user");
	assert_string_equal(vfs_bundle_executable(f->bundle), "/bin/script");
	if (!exists(f->task, "/dev/fd"))
		print_error("%llu\n", (unsigned long long)nth);
	assert_true(exists(f->task, "/dev/fd"));
	assert_true(exists(f->task, "/dev/urandom"));
	unload(f);
	return failed;
}

static void sweep(bool userns, uint32_t overlay, bool memory)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint64_t nth = 0;

	assert_non_null(f);
	prepare(f, userns);
	f->spec.overlay = overlay;
	/* twice, so that mount points are there */
	load(f);
	unload(f);
	load(f);
	tree_of(f, expected);
	unload(f);
	while (try(f, ++nth, memory))
		;
	printf("%llu %s\n", (unsigned long long)nth - 1,
	       memory ? "allocations" : "calls of the host");
	assert_true(nth > 50);
	close(f->spec.stdio[0]);
	f->fds--;
	assert_true(fixture_close(f));
	free(f);
}

static void test_oom__everything(void **state)
{
	(void)state;
	sweep(false, 0, true);
}

static void test_oom__in_a_user_namespace(void **state)
{
	(void)state;
	sweep(true, 0, true);
}

static void test_faults__everything(void **state)
{
	(void)state;
	sweep(false, 0, false);
}

static void test_faults__in_a_user_namespace(void **state)
{
	(void)state;
	sweep(true, 0, false);
}

static void test_oom__under_an_overlay(void **state)
{
	(void)state;
	sweep(false, VFS_BUNDLE_OVERLAY_MEMORY, true);
}

static void test_faults__under_an_overlay(void **state)
{
	(void)state;
	sweep(false, VFS_BUNDLE_OVERLAY_MEMORY, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oom__everything),
		cmocka_unit_test(test_oom__in_a_user_namespace),
		cmocka_unit_test(test_oom__under_an_overlay),
		cmocka_unit_test(test_faults__everything),
		cmocka_unit_test(test_faults__in_a_user_namespace),
		cmocka_unit_test(test_faults__under_an_overlay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
