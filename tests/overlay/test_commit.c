/* SPDX-License-Identifier: MIT */
/*
 * vfs_overlay_commit and vfs_overlay_discard: after a commit the lower
 * directory is, to names, data, owners, times, attributes and hard links, what
 * the overlay showed; also when it ended at any of its steps and was begun
 * again.
 */
#include "layers.h"

#include <stdlib.h>
#include <sys/mount.h>

#define OPTIONS ONE ",redirect_dir=on,metacopy=on"
#define TEXT 65536

/* ---- a tree as text ---- */

struct dump {
	struct vfs_task *task;
	size_t base; /* bytes of the path that are not shown */
	char *text;
	size_t used;
	/* Without what is made good in the end: times of directories, and
	 * which names are one file. */
	bool loose;
	struct {
		uint64_t dev, ino;
		char path[64];
	} links[64];
	int link_count;
};

/* The name that the file was seen by before; NULL: none. */
static const char *other_name(struct dump *d, const struct vfs_stat *st,
			      const char *path)
{
	for (int i = 0; i < d->link_count; i++)
		if (d->links[i].ino == st->ino && d->links[i].dev == st->dev)
			return d->links[i].path;
	assert_true(d->link_count < 64);
	d->links[d->link_count].dev = st->dev;
	d->links[d->link_count].ino = st->ino;
	snprintf(d->links[d->link_count++].path, 64, "%s", path);
	return NULL;
}

static void say(struct dump *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct dump *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	d->used += (size_t)vsnprintf(d->text + d->used, TEXT - d->used, format,
				     args);
	va_end(args);
	assert_true(d->used < TEXT);
}

static void dump_content(struct dump *d, const char *path,
			 const struct vfs_stat *st)
{
	char data[512];
	int64_t n = 0;
	int fd;

	if (S_ISREG(st->mode)) {
		fd = check_fd(vfs_open(d->task, path, O_RDONLY | O_NOATIME, 0));
		n = vfs_read(d->task, fd, data, sizeof(data) - 1);
		check_ok(vfs_close(d->task, fd));
	} else if (S_ISLNK(st->mode)) {
		n = vfs_readlink(d->task, path, data, sizeof(data) - 1);
	}
	say(d, " %lld[%.*s]", (long long)n, (int)n, data);
	if (S_ISLNK(st->mode))
		return;
	n = vfs_getxattr(d->task, path, "user.a", data, sizeof(data));
	if (n >= 0)
		say(d, " a=%.*s", (int)n, data);
}

static void dump_dir(struct dump *d, const char *path)
{
	char names[4096], child[1024], *save, *name;
	const char *other;
	struct vfs_stat st;

	strcpy(names, names_in(d->task, path));
	for (name = strtok_r(names, " ", &save); name;
	     name = strtok_r(NULL, " ", &save)) {
		if (d->loose && !strcmp(name, ".vfs-commit"))
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, name);
		check_ok(vfs_lstat(d->task, child, &st));
		say(d, "%s %o %u:%u %llu", child + d->base, st.mode, st.uid,
		    st.gid, (unsigned long long)st.rdev);
		if (!S_ISDIR(st.mode) || !d->loose)
			say(d, " %lld.%09u", (long long)st.mtime.sec,
			    st.mtime.nsec);
		other = S_ISDIR(st.mode) || d->loose
				? NULL
				: other_name(d, &st, child + d->base);
		if (other)
			say(d, " is %s", other);
		dump_content(d, child, &st);
		say(d, "\n");
		if (S_ISDIR(st.mode))
			dump_dir(d, child);
	}
}

static char *dump(struct vfs_task *task, const char *path, bool loose)
{
	struct dump d = {.task = task, .base = strlen(path), .loose = loose};

	d.text = malloc(TEXT);
	assert_non_null(d.text);
	d.text[0] = '\0';
	dump_dir(&d, path);
	return d.text;
}

static void check_same(const char *what, const char *expected, const char *got)
{
	if (!strcmp(expected, got))
		return;
	print_error("%s: expected\n%s\n", what, expected);
	print_error("got\n%s\n", got);
	fail();
}

/* ---- what is changed ---- */

struct scenario {
	const char *name;
	void (*change)(struct world *w);
	bool renames; /* directories: the overlay breaks in between */
};

static void tick(struct world *w)
{
	test_clock_advance(&w->clock, 1000000007);
}

static void change_nothing(struct world *w)
{
	(void)w;
}

static void change_one(struct world *w)
{
	put_file(w->task, "/m/f", "new text");
}

static void change_files(struct world *w)
{
	struct vfs_task *task = w->task;

	put_file(task, "/m/d/e/deep", "DEEP and longer");
	tick(w);
	put_file(task, "/m/new", "new");
	check_ok(vfs_chown(task, "/m/new", 5, 6));
	check_ok(vfs_chmod(task, "/m/new", 04755));
	check_ok(vfs_setxattr(task, "/m/new", "user.a", "nv", 2, 0));
	tick(w);
	check_ok(vfs_chmod(task, "/m/f", 0600)); /* without its data */
	check_ok(vfs_removexattr(task, "/m/f", "user.a"));
	check_ok(vfs_unlink(task, "/m/d/x"));
	check_ok(vfs_unlink(task, "/m/s"));
	check_ok(vfs_symlink(task, "elsewhere", "/m/s"));
	check_ok(vfs_mknod(task, "/m/fifo", S_IFIFO | 0640, 0));
	check_ok(vfs_mknod(task, "/m/dev", S_IFCHR | 0600, 0x103));
	tick(w);
	check_ok(vfs_setxattr(task, "/m/d", "user.a", "dir", 3, 0));
	check_ok(vfs_chmod(task, "/m/d/e", 0711));
}

static void change_links(struct world *w)
{
	struct vfs_task *task = w->task;

	put_file(task, "/m/l1", "three names");
	check_ok(vfs_mkdir(task, "/m/n", 0755));
	check_ok(vfs_link(task, "/m/l1", "/m/n/l2"));
	check_ok(vfs_link(task, "/m/l1", "/m/d/l3"));
	tick(w);
	put_file(task, "/m/one", "parted");
	check_ok(vfs_link(task, "/m/one", "/m/d/one"));
}

static void change_types(struct world *w)
{
	struct vfs_task *task = w->task;

	/* a file becomes a directory, and the reverse */
	check_ok(vfs_unlink(task, "/m/f"));
	check_ok(vfs_mkdir(task, "/m/f", 0700));
	put_file(task, "/m/f/in", "side");
	check_ok(vfs_mkdir(task, "/m/f/sub", 0750));
	put_file(task, "/m/f/sub/in", "deeper");
	tick(w);
	check_ok(vfs_unlink(task, "/m/d/e/deep"));
	check_ok(vfs_rmdir(task, "/m/d/e"));
	put_file(task, "/m/d/e", "a file now");
	check_ok(vfs_unlink(task, "/m/d/x"));
	check_ok(vfs_mkdir(task, "/m/d/x", 0755));
	tick(w);
	/* one that hides what was there, with names from there */
	check_ok(vfs_unlink(task, "/m/big/a"));
	check_ok(vfs_unlink(task, "/m/big/b"));
	check_ok(vfs_rmdir(task, "/m/big"));
	check_ok(vfs_mkdir(task, "/m/big", 0711));
	put_file(task, "/m/big/b", "another b");
	check_ok(vfs_mkdir(task, "/m/big/c", 0755));
}

static void change_names(struct world *w)
{
	struct vfs_task *task = w->task;

	check_ok(vfs_rename(task, "/m/f", "/m/d/f"));
	check_ok(vfs_chmod(task, "/m/d/x", 0611));
	check_ok(vfs_rename(task, "/m/d/x", "/m/x")); /* no data: a redirect */
	tick(w);
	check_ok(vfs_rename(task, "/m/d", "/m/g"));
	put_file(task, "/m/g/e/deep", "below two");
	put_file(task, "/m/d", "not a directory");
	tick(w);
	/* into a directory that is new, and one from inside the other */
	check_ok(vfs_mkdir(task, "/m/home", 0755));
	check_ok(vfs_rename(task, "/m/big", "/m/home/big"));
	check_ok(vfs_rename(task, "/m/g/e", "/m/home/big/e"));
	put_file(task, "/m/home/big/a", "A");
	check_ok(vfs_mkdir(task, "/m/big", 0700));
	put_file(task, "/m/big/a", "another a");
}

static void change_places(struct world *w)
{
	struct vfs_task *task = w->task;

	check_ok(vfs_renameat2(task, AT_FDCWD, "/m/d", AT_FDCWD, "/m/big",
			       RENAME_EXCHANGE));
	put_file(task, "/m/big/e/deep", "d's");
	put_file(task, "/m/d/b", "big's");
	tick(w);
	check_ok(vfs_renameat2(task, AT_FDCWD, "/m/big/e", AT_FDCWD, "/m/d/a",
			       RENAME_EXCHANGE));
	check_ok(vfs_rename(task, "/m/d/a", "/m/d/aa"));
}

static const struct scenario scenarios[] = {
	{"nothing", change_nothing, false}, {"one", change_one, false},
	{"files", change_files, false},	    {"links", change_links, false},
	{"types", change_types, false},	    {"names", change_names, true},
	{"places", change_places, true},
};

#define SCENARIOS (sizeof(scenarios) / sizeof(*scenarios))

/* ---- a world to be changed ---- */

/* From some step on nothing succeeds, as if there were nobody any more. */
struct death {
	int countdown; /* below 0: never */
	bool dead;
};

static int fault(void *context, const char *call)
{
	struct death *death = context;

	if (!death->dead && !strcmp(call, "overlay:commit") &&
	    death->countdown >= 0 && !death->countdown--)
		death->dead = true;
	return death->dead && !strncmp(call, "overlay:", 8) ? -EINTR : 0;
}

static void prepare(struct world *w, struct death *death, bool apart)
{
	struct vfs_config config = {
		.size = sizeof(config),
		.fault = fault,
		.fault_context = death,
	};

	death->countdown = -1;
	death->dead = false;
	check_ok(world_open(w, &config));
	make_layers(w->task);
	if (apart)
		check_ok(
			vfs_mount(w->task, "b", "/l/bottom", "tmpfs", 0, NULL));
	fill_lower(w->task);
	check_ok(vfs_mkdir(w->task, "/l/bottom/big", 0755));
	put_file(w->task, "/l/bottom/big/a", "a");
	put_file(w->task, "/l/bottom/big/b", "b");
	tick(w);
	check_ok(mount_overlay(w->task, OPTIONS));
	tick(w);
}

/* Calls it with fresh descriptors. */
static int call(struct vfs_task *task,
		int (*function)(struct vfs_task *task,
				const struct vfs_overlay_layers *layers))
{
	struct vfs_overlay_layers layers = {.size = sizeof(layers)};
	int err;

	layers.lower = check_fd(vfs_open(task, "/l/bottom", O_PATH, 0));
	layers.upper = check_fd(vfs_open(task, "/l/up", O_PATH, 0));
	layers.work = check_fd(vfs_open(task, "/l/work", O_PATH, 0));
	err = function(task, &layers);
	check_ok(vfs_close(task, layers.lower));
	check_ok(vfs_close(task, layers.upper));
	check_ok(vfs_close(task, layers.work));
	return err;
}

static void check_mounted(struct world *w, const char *what,
			  const char *expected, bool loose)
{
	char *got;

	check_ok(mount_overlay(w->task, OPTIONS));
	got = dump(w->task, "/m", loose);
	check_same(what, expected, got);
	free(got);
	check_ok(vfs_umount(w->task, "/m"));
}

/* Nothing says what it said as part of an overlay. */
static void check_plain(struct vfs_task *task, const char *path)
{
	char names[4096], child[1024], list[512], *save, *name;
	struct vfs_stat st;

	strcpy(names, names_in(task, path));
	for (name = strtok_r(names, " ", &save); name;
	     name = strtok_r(NULL, " ", &save)) {
		int64_t n;

		snprintf(child, sizeof(child), "%s/%s", path, name);
		n = vfs_llistxattr(task, child, list, sizeof(list));
		for (int64_t at = 0; at < n;
		     at += (int64_t)strlen(list + at) + 1)
			assert_null(strstr(list + at, "overlay"));
		check_ok(vfs_lstat(task, child, &st));
		if (S_ISDIR(st.mode))
			check_plain(task, child);
	}
}

/* Ends at step n, if there is one, and goes on. Whether there was one. */
static bool run_once(const struct scenario *s, bool apart, int n)
{
	struct death death;
	struct world w;
	char *expected, *roughly, *got;
	bool died;
	int err;

	prepare(&w, &death, apart);
	s->change(&w);
	expected = dump(w.task, "/m", false);
	roughly = dump(w.task, "/m", true);
	check_ok(vfs_umount(w.task, "/m"));
	death.countdown = n;
	err = call(w.task, vfs_overlay_commit);
	died = death.dead;
	check_eq(err, died ? -EINTR : 0);
	death.dead = false;
	death.countdown = -1;
	if (died) {
		if (!s->renames)
			check_mounted(&w, "in between", roughly, true);
		check_ok(call(w.task, vfs_overlay_commit));
	}
	got = dump(w.task, "/l/bottom", false);
	if (strcmp(expected, got))
		print_error("ended at step %d\n", n);
	check_same(s->name, expected, got);
	free(got);
	check_plain(w.task, "/l/bottom");
	assert_string_equal(names_in(w.task, "/l/up"), "");
	check_mounted(&w, s->name, expected, false);
	free(expected);
	free(roughly);
	if (apart)
		check_ok(vfs_umount(w.task, "/l/bottom"));
	assert_true(world_close(&w));
	return died;
}

static void run_all(bool apart)
{
	for (size_t i = 0; i < SCENARIOS; i++) {
		int n = 0;

		while (run_once(&scenarios[i], apart, n))
			n++;
		print_message("%s: %d steps\n", scenarios[i].name, n);
		assert_true(n > 1 && n < 600);
	}
}

static void test_one_mount(void **state)
{
	(void)state;
	run_all(false);
}

static void test_two_mounts(void **state)
{
	(void)state;
	run_all(true);
}

/* ---- the rest ---- */

static void test_discard(void **state)
{
	struct death death;
	struct vfs_stat before, after;
	struct world w;
	char *expected, *got;

	(void)state;
	for (size_t i = 0; i < SCENARIOS; i++)
		for (int n = 0; n < 40; n++) {
			prepare(&w, &death, n & 1);
			expected = dump(w.task, "/m", false);
			scenarios[i].change(&w);
			check_ok(vfs_umount(w.task, "/m"));
			check_ok(vfs_chmod(w.task, "/l/up", 0711));
			check_ok(vfs_stat(w.task, "/l/up", &before));
			death.countdown = n;
			(void)call(w.task, vfs_overlay_discard);
			death.dead = false;
			death.countdown = -1;
			check_ok(call(w.task, vfs_overlay_discard));
			assert_string_equal(names_in(w.task, "/l/up"), "");
			assert_string_equal(names_in(w.task, "/l/work"), "");
			check_ok(vfs_stat(w.task, "/l/up", &after));
			check_eq(after.mode, before.mode);
			check_mounted(&w, scenarios[i].name, expected, false);
			got = dump(w.task, "/l/bottom", false);
			check_same(scenarios[i].name, expected, got);
			free(got);
			free(expected);
			if (n & 1)
				check_ok(vfs_umount(w.task, "/l/bottom"));
			assert_true(world_close(&w));
		}
}

/* The directory itself stays what it is. */
static void test_top(void **state)
{
	struct world *w = *state;
	struct vfs_stat before, after;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(vfs_chown(w->task, "/l/bottom", 4, 5));
	check_ok(vfs_chmod(w->task, "/l/bottom", 0751));
	check_ok(vfs_stat(w->task, "/l/bottom", &before));
	check_ok(mount_overlay(w->task, ONE));
	put_file(w->task, "/m/f", "new");
	check_ok(vfs_setxattr(w->task, "/m", "user.a", "b", 1, 0));
	check_ok(vfs_umount(w->task, "/m"));
	check_ok(call(w->task, vfs_overlay_commit));
	check_ok(vfs_stat(w->task, "/l/bottom", &after));
	check_eq(after.mode, before.mode);
	check_eq(after.uid, 4);
	check_eq(after.gid, 5);
	check_eq(vfs_getxattr(w->task, "/l/bottom", "user.a", NULL, 0),
		 -ENODATA);
	check_file(w->task, "/l/bottom/f", "new");
}

static int with(struct vfs_task *task, const char *lower, const char *upper,
		const char *work)
{
	struct vfs_overlay_layers layers = {.size = sizeof(layers), .work = -1};
	int err;

	layers.lower = check_fd(vfs_open(task, lower, O_PATH, 0));
	layers.upper = check_fd(vfs_open(task, upper, O_PATH, 0));
	if (work)
		layers.work = check_fd(vfs_open(task, work, O_PATH, 0));
	err = vfs_overlay_commit(task, &layers);
	vfs_close(task, layers.lower);
	vfs_close(task, layers.upper);
	vfs_close(task, layers.work);
	return err;
}

static void test_refuses(void **state)
{
	struct world *w = *state;
	struct vfs_overlay_layers layers = {
		.size = sizeof(layers), .lower = 90, .upper = 91, .work = -1};
	struct vfs_task *task = w->task;

	make_layers(task);
	fill_lower(task);
	check_eq(vfs_overlay_commit(NULL, &layers), -EFAULT);
	check_eq(vfs_overlay_commit(task, NULL), -EFAULT);
	check_eq(vfs_overlay_discard(NULL, &layers), -EFAULT);
	check_eq(vfs_overlay_discard(task, NULL), -EFAULT);
	check_eq(vfs_overlay_commit(task, &layers), -EBADF);
	check_eq(vfs_overlay_discard(task, &layers), -EBADF);
	layers.lower = -1;
	check_eq(vfs_overlay_commit(task, &layers), -EBADF);
	layers.size--;
	check_eq(vfs_overlay_commit(task, &layers), -EINVAL);
	check_eq(vfs_overlay_discard(task, &layers), -EINVAL);
	check_eq(with(task, "/l/bottom/f", "/l/up", NULL), -ENOTDIR);
	check_eq(with(task, "/l/bottom", "/l/bottom/f", NULL), -ENOTDIR);
	check_eq(with(task, "/l/bottom", "/l/bottom", NULL), -ELOOP);
	check_eq(with(task, "/l", "/l/up", NULL), -ELOOP);
	check_eq(with(task, "/l/bottom/d", "/l/bottom", NULL), -ELOOP);
	check_eq(with(task, "/l/bottom", "/l/up", "/l/bottom/d"), 0);
	check_eq(with(task, "/l/bottom/d", "/l/up", "/l/bottom"), -ELOOP);
	/* while it is mounted */
	check_ok(mount_overlay(task, ONE));
	check_eq(with(task, "/l/bottom", "/l/up", "/l/work"), -EBUSY);
	check_eq(call(task, vfs_overlay_discard), -EBUSY);
	check_ok(vfs_umount(task, "/m"));
	/* by who may not */
	put_file(task, "/l/up/x", "");
	check_eq(with(w->user, "/l/bottom", "/l/up", NULL), -EACCES);
	check_ok(vfs_unlink(task, "/l/up/x"));
	/* hard links that an index keeps together */
	check_ok(mount_overlay(task, ONE ",index=on"));
	put_file(task, "/m/one", "both");
	check_ok(vfs_umount(task, "/m"));
	check_eq(with(task, "/l/bottom", "/l/up", "/l/work"), -EOPNOTSUPP);
	check_file(task, "/l/bottom/one", "linked");
}

/* lower cannot rename a directory: nothing is lost by that. */
static void test_lower_cannot(void **state)
{
	struct world *w = *state;
	struct vfs_task *task = w->task;

	make_layers(task);
	fill_lower(task);
	for (size_t i = 0; i < 4; i++) {
		static const char *const dirs[] = {"/u2", "/w2", "/m2", "/l2"};

		check_ok(vfs_mkdir(task, dirs[i], 0755));
	}
	check_ok(mount_overlay(task, ONE));
	check_ok(vfs_mount(task, "2", "/m2", "overlay", 0,
			   "lowerdir=/m,upperdir=/u2,workdir=/w2,"
			   "redirect_dir=on"));
	check_ok(vfs_rename(task, "/m2/d", "/m2/moved"));
	put_file(task, "/m2/moved/x", "new x");
	check_ok(vfs_umount(task, "/m2"));
	check_eq(with(task, "/m", "/u2", "/w2"), -EXDEV);
	check_ok(vfs_mount(task, "2", "/m2", "overlay", 0,
			   "lowerdir=/m,upperdir=/u2,workdir=/w2,"
			   "redirect_dir=on"));
	check_file(task, "/m2/moved/x", "new x");
	check_file(task, "/m2/moved/e/deep", "deep");
	check_ok(vfs_umount(task, "/m2"));
	check_ok(vfs_umount(task, "/m"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_mount),
		cmocka_unit_test(test_two_mounts),
		cmocka_unit_test(test_discard),
		world_test(test_top),
		world_test(test_refuses),
		world_test(test_lower_cannot),
	};

	return cmocka_run_group_tests_name("overlay-commit", tests, NULL, NULL);
}
