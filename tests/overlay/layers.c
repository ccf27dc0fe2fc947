/* SPDX-License-Identifier: MIT */
#include "layers.h"

#include <stdlib.h>
#include <sys/mount.h>

#define NAMES_MAX 64

void make_layers(struct vfs_task *task)
{
	static const char *const dirs[] = {"/l",     "/l/bottom", "/l/middle",
					   "/l/top", "/l/up",	  "/l/work",
					   "/m"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		check_ok(vfs_mkdir(task, dirs[i], 0755));
}

void fill_lower(struct vfs_task *task)
{
	check_ok(vfs_mkdir(task, "/l/bottom/d", 0755));
	check_ok(vfs_mkdir(task, "/l/bottom/d/e", 0750));
	put_file(task, "/l/bottom/d/e/deep", "deep");
	put_file(task, "/l/bottom/d/x", "ex");
	put_file(task, "/l/bottom/f", "lower");
	put_file(task, "/l/bottom/one", "linked");
	check_ok(vfs_link(task, "/l/bottom/one", "/l/bottom/two"));
	check_ok(vfs_symlink(task, "d/x", "/l/bottom/s"));
	check_ok(vfs_setxattr(task, "/l/bottom/f", "user.a", "b", 1, 0));
}

int mount_overlay(struct vfs_task *task, const char *options)
{
	return vfs_mount(task, "o", "/m", "overlay", 0, options);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of a directory, sorted; each is the caller's. */
static size_t read_names(struct vfs_task *task, const char *path,
			 char *out[NAMES_MAX])
{
	struct vfs_dir *dir = NULL;
	const struct vfs_dirent *entry = NULL;
	size_t count = 0;

	check_ok(vfs_opendir(task, path, &dir));
	while (check_fd(vfs_readdir(dir, &entry)) == 1) {
		if (!strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
			continue;
		assert_true(count < NAMES_MAX);
		out[count++] = strdup(entry->name);
	}
	vfs_closedir(dir);
	qsort(out, count, sizeof(*out), compare);
	return count;
}

const char *names_in(struct vfs_task *task, const char *path)
{
	static char text[4096];
	char *names[NAMES_MAX];
	size_t count = read_names(task, path, names);

	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		strcat(text, names[i]);
		strcat(text, " ");
		free(names[i]);
	}
	return text;
}

static void dump_data(struct vfs_task *task, const char *path, uint32_t mode,
		      FILE *out)
{
	char data[256];
	int64_t n = 0;
	int fd;

	if (S_ISLNK(mode))
		n = vfs_readlink(task, path, data, sizeof(data));
	if (S_ISREG(mode)) {
		fd = check_fd(vfs_open(task, path, O_RDONLY, 0));
		n = vfs_read(task, fd, data, sizeof(data));
		check_ok(vfs_close(task, fd));
	}
	fprintf(out, " %lld %.*s\n", (long long)n, n > 0 ? (int)n : 0, data);
}

static void dump(struct vfs_task *task, const char *path, FILE *out)
{
	char *names[NAMES_MAX], child[1024];
	size_t count = read_names(task, path, names);
	struct vfs_stat st;

	for (size_t i = 0; i < count; i++) {
		snprintf(child, sizeof(child), "%s/%s", path, names[i]);
		free(names[i]);
		check_ok(vfs_lstat(task, child, &st));
		fprintf(out, "%s %o %u:%u", child, st.mode, st.uid, st.gid);
		dump_data(task, child, st.mode, out);
		if (S_ISDIR(st.mode))
			dump(task, child, out);
	}
}

char *dump_tree(struct vfs_task *task, const char *path)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	dump(task, path, out);
	fclose(out);
	return text;
}

void remount(struct vfs_task *task, const char *options)
{
	check_ok(vfs_umount(task, "/m"));
	check_ok(mount_overlay(task, options));
}

void check_own(struct vfs_task *task, const char *path, const char *name,
	       const char *value)
{
	char got[128];
	int64_t n = vfs_lgetxattr(task, path, name, got, sizeof(got));

	check_eq(n, strlen(value));
	assert_memory_equal(got, value, (size_t)n);
}
