/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

static int fault(void *context, const char *call)
{
	struct fixture *f = context;

	(void)call;
	if (f->faults < 0)
		return 0;
	return f->faults-- ? 0 : -EIO;
}

unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

const char *host_path(struct fixture *f, const char *path)
{
	static char buffers[64][256];
	static unsigned next;
	char *buffer = buffers[next++ % 64];

	snprintf(buffer, sizeof(buffers[0]), "%s/%s", f->dir, path);
	return buffer;
}

void host_give(struct fixture *f, const char *path, uint32_t uid, uint32_t gid)
{
	const char *file = host_path(f, path);
	struct stat st;
	char text[64];

	if (!geteuid()) {
		assert_int_equal(chown(file, uid, gid), 0);
		return;
	}
	assert_int_equal(stat(file, &st), 0);
	snprintf(text, sizeof(text), "%u:%u:%o", uid, gid, st.st_mode);
	assert_int_equal(
		setxattr(file, "user.vfs.owner", text, strlen(text), 0), 0);
}

void host_file(struct fixture *f, const char *path, const char *text,
	       uint32_t mode)
{
	FILE *file = fopen(host_path(f, path), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(host_path(f, path), mode), 0);
	host_give(f, path, 0, 0);
}

void host_dir(struct fixture *f, const char *path, uint32_t mode)
{
	assert_int_equal(mkdir(host_path(f, path), mode), 0);
	assert_int_equal(chmod(host_path(f, path), mode), 0);
	host_give(f, path, 0, 0);
}

void host_link(struct fixture *f, const char *target, const char *path)
{
	assert_int_equal(symlink(target, host_path(f, path)), 0);
}

bool host_exists(struct fixture *f, const char *path)
{
	struct stat st;

	return lstat(host_path(f, path), &st) == 0;
}

static void make_bundle(struct fixture *f)
{
	strcpy(f->dir, "/tmp/vfs-bundle-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	snprintf(f->rootfs, sizeof(f->rootfs), "%s/rootfs", f->dir);
	host_dir(f, "rootfs", 0755);
	host_dir(f, "rootfs/bin", 0755);
	host_dir(f, "rootfs/etc", 0755);
	host_dir(f, "rootfs/root", 0700);
	host_file(f, "rootfs/bin/sh", "a shell", 0755);
	host_file(f, "rootfs/etc/passwd",
		  "root:x:0:0:root:/root:/bin/sh\n"
		  "user:x:1000:1000::/home/user:/bin/sh\n",
		  0644);
}

void fixture_open(struct fixture *f, uint32_t flags)
{
	struct vfs_config config = {.size = sizeof(config),
				    .flags = flags,
				    .fault = fault,
				    .fault_context = f};

	f->faults = -1;
	f->bundle = NULL;
	make_bundle(f);
	check_ok(world_open(&f->world, &config));
	memset(&f->spec, 0, sizeof(f->spec));
	f->spec.size = sizeof(f->spec);
	f->spec.root_path = f->rootfs;
	check_fd(vfs_mountinfo(f->world.task, 0, f->before, sizeof(f->before)));
	f->fds = open_descriptors();
}

/* Nothing is left. */
static bool is_as_before(struct fixture *f)
{
	char now[8192];
	unsigned fds = open_descriptors();

	check_fd(vfs_mountinfo(f->world.task, 0, now, sizeof(now)));
	if (fds != f->fds)
		print_error("%u descriptors, and %u before\n", fds, f->fds);
	if (strcmp(now, f->before))
		print_error("mounts:\n%s", now);
	return fds == f->fds && !strcmp(now, f->before);
}

bool fixture_close(struct fixture *f)
{
	char command[100];
	bool clean;

	vfs_bundle_free(f->bundle);
	clean = is_as_before(f);
	clean = world_close(&f->world) && clean;
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	return system(command) == 0 && clean;
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (f)
		fixture_open(f, 0);
	return f ? 0 : -1;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	bool clean = fixture_close(f);

	free(f);
	return clean ? 0 : -1;
}

void load(struct fixture *f)
{
	int err = vfs_bundle_load(f->world.vfs, &f->spec, &f->bundle, f->why,
				  sizeof(f->why));

	if (err)
		print_error("%s\n", f->why);
	check_ok(err);
	f->task = vfs_bundle_task(f->bundle);
	assert_non_null(f->task);
}

void load_fails(struct fixture *f, int error, const char *text)
{
	struct vfs_bundle *bundle = (struct vfs_bundle *)(void *)f;
	int err;

	memset(f->why, 0, sizeof(f->why));
	f->world.log[0] = 0;
	errno = 4711;
	err = vfs_bundle_load(f->world.vfs, &f->spec, &bundle, f->why,
			      sizeof(f->why));
	assert_int_equal(errno, 4711);
	if (!strstr(f->why, text) || err != error)
		print_error("it says: %s\n", f->why);
	check_eq(err, error);
	assert_ptr_equal(bundle, f);
	assert_non_null(strstr(f->why, text));
	/* one line, and the log has it too */
	assert_null(strchr(f->why, '\n'));
	assert_non_null(strstr(f->world.log, "bundle: "));
	assert_int_equal(
		strncmp(f->world.log + 8, f->why, strlen(f->world.log + 8)), 0);
	assert_true(is_as_before(f));
}

void unload(struct fixture *f)
{
	vfs_bundle_free(f->bundle);
	f->bundle = NULL;
	f->task = NULL;
	assert_true(is_as_before(f));
}

const char *mountinfo(struct fixture *f)
{
	static char text[65536];

	check_fd(vfs_mountinfo(f->task, 0, text, sizeof(text)));
	return text;
}

const char *mount_line(struct fixture *f, const char *path)
{
	static char found[4096];
	const char *line = mountinfo(f);
	size_t len = strlen(path);

	found[0] = 0;
	while (*line) {
		const char *at = line;
		size_t size = strcspn(line, "\n");

		for (int i = 0; i < 4; i++)
			at += strcspn(at, " ") + 1;
		/* the last one is on top */
		if (!strncmp(at, path, len) && at[len] == ' ')
			snprintf(found, sizeof(found), "%.*s",
				 (int)(size - (size_t)(at - line) - len - 1),
				 at + len + 1);
		line += size + (line[size] == '\n');
	}
	return found;
}
