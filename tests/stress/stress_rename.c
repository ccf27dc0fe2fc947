/* SPDX-License-Identifier: MIT */
/*
 * Renames while others walk. A file that is only ever moved is never lost and
 * never there twice; a directory never becomes its own ancestor.
 */
#include "stress/stress.h"

/* -- files that move between directories -- */

#define OVERLAY_MAGIC 0x794c7630
#define FILES 8
#define DIRS 4

static const char *dir_names[DIRS] = {"/a", "/a/b", "/a/b/c", "/d"};

static void prepare_files(struct stress *s)
{
	char path[64];

	for (int i = 0; i < DIRS; i++)
		STRESS(s, vfs_mkdir(s->task, dir_names[i], 0755) == 0);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/f%d", dir_names[i % DIRS], i);
		STRESS(s, vfs_mknod(s->task, path, S_IFREG | 0644, 0) == 0);
	}
}

static void move_files(struct stress_thread *t)
{
	char from[64], to[64];

	while (stress_goes_on(t)) {
		uint32_t file = stress_random(t, FILES);

		snprintf(from, sizeof(from), "%s/f%u",
			 dir_names[stress_random(t, DIRS)], file);
		snprintf(to, sizeof(to), "%s/f%u",
			 dir_names[stress_random(t, DIRS)], file);
		STRESS_CALL(t->stress, vfs_rename(t->task, from, to), ENOENT);
	}
}

/* Paths that are always there, past everything that moves. */
static void walk_files(struct stress_thread *t)
{
	struct vfs_stat st;
	char path[64];

	while (stress_goes_on(t)) {
		STRESS_CALL(t->stress,
			    vfs_stat(t->task, "/a/b/c/../../b/c/.", &st), 0);
		snprintf(path, sizeof(path), "%s/f%u",
			 dir_names[stress_random(t, DIRS)],
			 stress_random(t, FILES));
		STRESS_CALL(t->stress, vfs_stat(t->task, path, &st), ENOENT);
		/* One that went and came back may be seen twice. */
		STRESS(t->stress,
		       stress_list(t->stress, t->task,
				   dir_names[stress_random(t, DIRS)]) != 0);
	}
}

static void finish_files(struct stress *s)
{
	struct vfs_stat st;
	char path[64];

	for (int i = 0; i < FILES; i++) {
		int found = 0;

		for (int j = 0; j < DIRS; j++) {
			snprintf(path, sizeof(path), "%s/f%d", dir_names[j], i);
			found += vfs_lstat(s->task, path, &st) == 0;
		}
		STRESS(s, found == 1);
	}
}

/* -- one file between two names: always at one of them -- */

static void prepare_one(struct stress *s)
{
	STRESS(s, vfs_mkdir(s->task, "/x", 0755) == 0);
	STRESS(s, vfs_mkdir(s->task, "/x/y", 0755) == 0);
	STRESS(s, vfs_mknod(s->task, "/x/one", S_IFREG | 0644, 0) == 0);
	STRESS(s, vfs_mknod(s->task, "/two", S_IFREG | 0644, 0) == 0);
}

/* Exchanging never leaves either name empty. */
static void exchange(struct stress_thread *t)
{
	while (stress_goes_on(t))
		STRESS_CALL(t->stress,
			    vfs_renameat2(t->task, AT_FDCWD, "/x/one", AT_FDCWD,
					  "/two", RENAME_EXCHANGE),
			    0);
}

static void look(struct stress_thread *t)
{
	struct vfs_stat st;

	while (stress_goes_on(t)) {
		STRESS_CALL(t->stress, vfs_stat(t->task, "/x/one", &st), 0);
		STRESS_CALL(t->stress, vfs_stat(t->task, "/x/y/../../two", &st),
			    0);
	}
}

/* -- directories that move into each other -- */

#define NODES 6

static void prepare_directories(struct stress *s)
{
	char path[64];

	for (int i = 0; i < NODES; i++) {
		snprintf(path, sizeof(path), "/n%d", i);
		STRESS(s, vfs_mkdir(s->task, path, 0755) == 0);
	}
}

/* A node is at the root or in another node, which may be anywhere. */
static void node_path(struct stress_thread *t, char path[128])
{
	uint32_t depth = stress_random(t, 4);

	path[0] = 0;
	for (uint32_t i = 0; i <= depth; i++) {
		size_t at = strlen(path);

		snprintf(path + at, 128 - at, "/n%u", stress_random(t, NODES));
	}
}

static void move_directories(struct stress_thread *t)
{
	char from[128], to[128], *name;

	while (stress_goes_on(t)) {
		node_path(t, from);
		node_path(t, to);
		/* The same node under another parent, or under the root. */
		name = strrchr(from, '/');
		if (stress_random(t, 4)) {
			strncat(to, name, sizeof(to) - strlen(to) - 1);
			name = to;
		}
		STRESS_CALL(t->stress, vfs_rename(t->task, from, name), ENOENT,
			    EINVAL, ENOTEMPTY);
		STRESS_CALL(t->stress, vfs_chdir(t->task, to), ENOENT);
		STRESS_CALL(t->stress, vfs_getcwd(t->task, from, 128), ENOENT,
			    ERANGE);
	}
}

static int count_below(struct stress *s, const char *path, int depth)
{
	char below[256];
	struct vfs_stat st;
	int count = 0;

	STRESS(s, depth <= NODES);
	if (depth > NODES)
		return 0;
	for (int i = 0; i < NODES; i++) {
		snprintf(below, sizeof(below), "%.200s/n%d", path, i);
		if (vfs_lstat(s->task, below, &st) == 0)
			count += 1 + count_below(s, below, depth + 1);
	}
	return count;
}

static void finish_directories(struct stress *s)
{
	/* Some were replaced while empty; those left hang below the root. */
	int count = count_below(s, "", 0);
	char path[64];
	struct vfs_statfs fs;

	STRESS(s, count >= 1 && count <= NODES);
	STRESS(s, vfs_statfs(s->task, "/", &fs) == 0);
	/* plainfs does not count its files, and overlay all of upper's */
	if (fs.files != fs.ffree && fs.type != OVERLAY_MAGIC)
		STRESS(s, fs.files - fs.ffree == (uint64_t)count + 1);
	STRESS(s, vfs_getcwd(s->task, path, sizeof(path)) == 2);
}

/* -- renames inside different directories at once -- */

static void prepare_apart(struct stress *s)
{
	char path[64];

	for (int i = 0; i < STRESS_THREADS; i++) {
		snprintf(path, sizeof(path), "/own%d", i);
		STRESS(s, vfs_mkdir(s->task, path, 0755) == 0);
		snprintf(path, sizeof(path), "/own%d/0", i);
		STRESS(s, vfs_mkdir(s->task, path, 0755) == 0);
	}
}

/* Nobody else moves what is here: it is always where it was put. */
static void rename_apart(struct stress_thread *t)
{
	char from[64], to[64];
	struct vfs_stat st;
	uint32_t n = 0;

	while (stress_goes_on(t)) {
		snprintf(from, sizeof(from), "/own%u/%u", t->number, n);
		snprintf(to, sizeof(to), "/own%u/%u", t->number, ++n);
		STRESS(t->stress, vfs_rename(t->task, from, to) == 0);
		STRESS(t->stress, vfs_stat(t->task, from, &st) == -ENOENT);
		STRESS(t->stress, vfs_stat(t->task, to, &st) == 0);
	}
}

/* -- every way to lock two directories at once -- */

static void prepare_knot(struct stress *s)
{
	STRESS(s, vfs_mkdir(s->task, "/p", 0755) == 0);
	STRESS(s, vfs_mkdir(s->task, "/p/x", 0755) == 0);
	STRESS(s, vfs_mkdir(s->task, "/p/y", 0755) == 0);
}

static void knot(struct stress_thread *t)
{
	struct stress *s = t->stress;

	while (stress_goes_on(t)) {
		switch (stress_random(t, 8)) {
		case 0:
			STRESS_CALL(s,
				    vfs_renameat2(t->task, AT_FDCWD, "/p/x",
						  AT_FDCWD, "/p/y",
						  RENAME_EXCHANGE),
				    0);
			break;
		case 1:
			STRESS_CALL(s, vfs_mkdir(t->task, "/p/y/w", 0755),
				    EEXIST);
			break;
		case 2:
			STRESS_CALL(s, vfs_rmdir(t->task, "/p/y/w"), ENOENT,
				    ENOTEMPTY);
			break;
		case 3:
			STRESS_CALL(s,
				    vfs_mknod(t->task, "/p/y/w/f",
					      S_IFREG | 0644, 0),
				    ENOENT, EEXIST);
			break;
		case 4:
			STRESS_CALL(s,
				    vfs_rename(t->task, "/p/y/w/f", "/p/x/f"),
				    ENOENT);
			break;
		case 5:
			STRESS_CALL(s,
				    vfs_rename(t->task, "/p/x/f", "/p/y/w/f"),
				    ENOENT);
			break;
		case 6:
			STRESS_CALL(s, vfs_rename(t->task, "/p/y/w", "/p/x/w"),
				    ENOENT, ENOTEMPTY);
			break;
		default:
			STRESS_CALL(s, vfs_unlink(t->task, "/p/x/f"), ENOENT);
			break;
		}
	}
}

static void finish_knot(struct stress *s)
{
	STRESS(s, stress_list(s, s->task, "/p") == 4);
	STRESS(s, stress_list(s, s->task, "/p/x") >= 2);
	STRESS(s, stress_list(s, s->task, "/p/y") >= 2);
}

int main(void)
{
	stress_body *const apart[] = {rename_apart};
	stress_body *const knots[] = {knot};
	stress_body *const files[] = {move_files, walk_files};
	stress_body *const one[] = {exchange, look};
	stress_body *const directories[] = {move_directories};
	int failed = 0;

	failed |= stress_run("rename-files", prepare_files, files, 2,
			     finish_files);
	failed |= stress_run("rename-exchange", prepare_one, one, 2, NULL);
	failed |= stress_run("rename-directories", prepare_directories,
			     directories, 1, finish_directories);
	failed |= stress_run("rename-apart", prepare_apart, apart, 1, NULL);
	failed |=
		stress_run("rename-knot", prepare_knot, knots, 1, finish_knot);
	return failed;
}
