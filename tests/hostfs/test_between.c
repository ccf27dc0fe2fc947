/* SPDX-License-Identifier: MIT */
/* What somebody else does on the host between two calls that belong together:
 * a name that is made and opened again leads to another file by then. */
#include "hostfs/host_world.h"

#include <linux/fs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static uint32_t host_mode(struct host_world *w, const char *path)
{
	struct stat st;

	check_ok(fstatat(w->dirfd, path, &st, AT_SYMLINK_NOFOLLOW));
	return st.st_mode;
}

static uint32_t host_uid(struct host_world *w, const char *path)
{
	struct stat st;

	check_ok(fstatat(w->dirfd, path, &st, AT_SYMLINK_NOFOLLOW));
	return st.st_uid;
}

/* ---- a whiteout ---- */

static void replace_whiteout(struct host_world *w, const char *call)
{
	if (!strcmp(call, "renameat2"))
		w->stage = 1;
	else if (w->stage == 1 && (w->stage = 2))
		host_rename(w, "d/victim", "d/old");
}

/* The whiteout becomes the caller's; what was put in its place does not. */
static void test_whiteout(void **state)
{
	struct host_world w;

	(void)state;
	if (geteuid())
		skip();
	check_ok(host_open(&w, "cache=revalidate,owner=host"));
	check_ok(vfs_mkdir(w.task, "/h/d", 0777));
	host_put(&w, "d/victim", "another's");
	put_file(w.user, "/h/d/old", "x");
	w.before = replace_whiteout;
	check_ok(vfs_renameat2(w.user, AT_FDCWD, "/h/d/old", AT_FDCWD,
			       "/h/d/new", RENAME_WHITEOUT));
	w.before = NULL;
	check_eq(w.stage, 2);
	check_eq(host_uid(&w, "d/old"), 0);
	assert_true(host_close(&w));
}

/* ---- a device ---- */

static void replace_device(struct host_world *w, const char *call)
{
	if (!strcmp(call, "mknodat"))
		w->stage = 1;
	else if (w->stage == 1 && (w->stage = 2))
		host_rename(w, "memory", "x");
}

static void test_device(void **state)
{
	struct host_world w;

	(void)state;
	check_ok(host_open(&w, "owner=host"));
	if (mknodat(w.dirfd, "memory", S_IFCHR | 0600, makedev(1, 1))) {
		assert_true(host_close(&w));
		skip();
	}
	w.before = replace_device;
	check_eq(vfs_mknod(w.task, "/h/x", S_IFCHR | 0666, makedev(1, 3)),
		 -ESTALE);
	w.before = NULL;
	check_eq(w.stage, 2);
	check_eq(host_mode(&w, "x"), S_IFCHR | 0600);
	assert_true(host_close(&w));
}

/* ---- a directory ---- */

static void replace_directory(struct host_world *w, const char *call)
{
	if (!strcmp(call, "mkdirat"))
		w->stage = 1;
	else if (w->stage == 1 && (w->stage = 2))
		check_ok(renameat2(w->dirfd, "d/closed", w->dirfd, "d/x",
				   RENAME_EXCHANGE));
}

/* Whoever may change the directory cannot have root's own opened, by root or
 * by another. */
static void test_directory(void **state)
{
	static const char *const options[] = {"owner=host",
					      "owner=host,cache=exclusive"};
	struct host_world w;

	(void)state;
	if (geteuid())
		skip();
	for (int i = 0; i < 4; i++) {
		check_ok(host_open(&w, options[i / 2]));
		check_ok(vfs_mkdir(w.task, "/h/d", 0777));
		host_mkdir(&w, "d/closed");
		check_ok(fchmodat(w.dirfd, "d/closed", 0700, 0));
		w.before = replace_directory;
		check_eq(vfs_mkdir(i % 2 ? w.user : w.task, "/h/d/x", 0777),
			 -ESTALE);
		w.before = NULL;
		check_eq(w.stage, 2);
		check_eq(host_mode(&w, "d/x"), S_IFDIR | 0700);
		check_eq(host_uid(&w, "d/x"), 0);
		/* and when nobody does anything */
		check_ok(vfs_mkdir(w.task, "/h/d/y", 02775));
		check_eq(host_mode(&w, "d/y"), S_IFDIR | 0775);
		check_ok(vfs_mkfifo(w.task, "/h/d/p", 0640));
		check_eq(host_mode(&w, "d/p"), S_IFIFO | 0640);
		assert_true(host_close(&w));
	}
}

/* ---- a symlink ---- */

static void replace_link(struct host_world *w, const char *call)
{
	if (!strcmp(call, "symlinkat"))
		w->stage = 1;
	else if (w->stage == 1 && (w->stage = 2))
		host_rename(w, "d/other", "d/x");
}

/* Through the library, whatever it keeps. */
static void check_link(struct host_world *w, const char *text)
{
	char found[16];
	int64_t n = vfs_readlink(w->task, "/h/d/x", found, sizeof(found));

	check_eq(n, strlen(text));
	assert_memory_equal(found, text, strlen(text));
}

/* What it says is not what was asked for, nor is it the caller's; nor is
 * another name of a link that says the same. */
static void test_link(void **state)
{
	static const char *const texts[] = {"elsewhere", "target"};
	struct host_world w;

	(void)state;
	if (geteuid())
		skip();
	for (int i = 0; i < 4; i++) {
		check_ok(host_open(&w, "owner=host"));
		check_ok(vfs_mkdir(w.task, "/h/d", 0777));
		check_ok(symlinkat(texts[i / 2], w.dirfd, "outside"));
		check_ok(linkat(w.dirfd, "outside", w.dirfd, "d/other", 0));
		w.before = replace_link;
		check_eq(vfs_symlink(i % 2 ? w.user : w.task, "target",
				     "/h/d/x"),
			 -ESTALE);
		w.before = NULL;
		check_eq(w.stage, 2);
		check_eq(host_uid(&w, "outside"), 0);
		check_link(&w, texts[i / 2]);
		/* and when nobody does anything */
		host_unlink(&w, "d/x");
		check_ok(vfs_symlink(w.user, "target", "/h/d/x"));
		check_eq(host_uid(&w, "d/x"), 1000);
		check_link(&w, "target");
		assert_true(host_close(&w));
	}
}

/* ---- an attribute ---- */

/* Another file for the moment of the call. */
static void lend_attribute(struct host_world *w, const char *call)
{
	int lent = strstr(call, "getxattr") != NULL;

	if (lent != w->stage)
		check_ok(renameat2(w->dirfd, "f", w->dirfd, "secret",
				   RENAME_EXCHANGE));
	w->stage = lent;
}

static void put_attribute(struct host_world *w, const char *file,
			  const char *name, const char *value)
{
	int fd = openat(w->dirfd, file, O_RDWR | O_CLOEXEC);

	check_ok(fsetxattr(fd, name, value, strlen(value), 0));
	close(fd);
}

/* What is asked for is the file's that was found, whatever is called so. */
static void test_attribute(void **state)
{
	static const char *const options[] = {"cache=exclusive,owner=host",
					      "cache=revalidate,owner=host"};
	struct host_world w;
	char value[16];

	(void)state;
	for (int i = 0; i < 2; i++) {
		check_ok(host_open(&w, options[i]));
		host_put(&w, "f", "x");
		host_put(&w, "secret", "x");
		put_attribute(&w, "f", "user.a", "own");
		put_attribute(&w, "secret", "user.a", "other");
		w.before = lend_attribute;
		check_eq(vfs_getxattr(w.task, "/h/f", "user.a", value,
				      sizeof(value)),
			 3);
		w.before = NULL;
		check_eq(w.stage, 1);
		assert_memory_equal(value, "own", 3);
		assert_true(host_close(&w));
	}
}

/* ---- a directory in two places ---- */

/* Before call number `stage` of the rename it is where it was at first. */
static void move_back(struct host_world *w, const char *call)
{
	(void)call;
	if (!--w->stage)
		host_rename(w, "c/b", "a/b");
}

/* It is found as the directory that another is to be moved to, then as what is
 * to be moved there. It is locked once only, and not moved into itself. */
static void test_directory_in_two_places(void **state)
{
	struct host_world w;
	bool moved = true;

	(void)state;
	for (int i = 1; moved; i++) {
		struct vfs_stat st;
		int err;

		check_ok(host_open(&w, "cache=revalidate"));
		host_mkdir(&w, "a");
		host_mkdir(&w, "a/b");
		host_mkdir(&w, "c");
		check_ok(vfs_stat(w.task, "/h/a/b", &st));
		host_rename(&w, "a/b", "c/b");
		check_ok(vfs_stat(w.task, "/h/c/b", &st));
		w.stage = i;
		w.before = move_back;
		err = vfs_rename(w.task, "/h/a/b", "/h/c/b/z");
		w.before = NULL;
		moved = w.stage <= 0;
		if (err != -ESTALE)
			check_eq(err, -ENOENT);
		check_ok(vfs_stat(w.task, moved ? "/h/a/b" : "/h/c/b", &st));
		check_eq(vfs_stat(w.task, moved ? "/h/c/b" : "/h/a/b", &st),
			 -ENOENT);
		assert_true(host_close(&w));
	}
}

/* ---- a name that is renamed to itself ---- */

/* Before call number `stage` of the rename it is another file's. */
static void replace_file(struct host_world *w, const char *call)
{
	(void)call;
	if (!--w->stage)
		host_rename(w, "other", "f");
}

/* It is one name, and found to be one file, whenever it becomes another's. */
static void test_rename_to_itself(void **state)
{
	static const struct {
		uint32_t flags;
		int err;
	} how[] = {{0, 0},
		   {RENAME_EXCHANGE, 0},
		   {RENAME_NOREPLACE, -EEXIST},
		   {RENAME_WHITEOUT, 0}};
	struct host_world w;
	bool replaced;

	(void)state;
	for (size_t k = 0; k < sizeof(how) / sizeof(how[0]); k++) {
		replaced = true;
		for (int i = 1; replaced; i++) {
			check_ok(host_open(&w, "cache=revalidate"));
			put_file(w.task, "/h/f", "one");
			host_put(&w, "other", "another");
			w.stage = i;
			w.before = replace_file;
			check_eq(vfs_renameat2(w.task, AT_FDCWD, "/h/f",
					       AT_FDCWD, "/h/./f",
					       how[k].flags),
				 how[k].err);
			w.before = NULL;
			replaced = w.stage <= 0;
			check_file(w.task, "/h/f",
				   replaced ? "another" : "one");
			assert_true(host_close(&w));
		}
	}
}

/* ---- attributes ---- */

/* One more, after it was asked how long the list is. */
static void add_attribute(struct host_world *w, const char *call)
{
	if (!strcmp(call, "listxattr") && w->stage++ == 1)
		put_attribute(w, "f", "user.second", "x");
}

static void test_list(void **state)
{
	const int64_t both = sizeof("user.a") + sizeof("user.second");
	struct host_world w;
	char list[64];
	int fd;

	(void)state;
	for (size_t room = 0; room <= sizeof(list); room += sizeof(list)) {
		check_ok(host_open(&w, "owner=host"));
		host_put(&w, "f", "x");
		put_attribute(&w, "f", "user.a", "x");
		fd = check_fd(vfs_open(w.task, "/h/f", O_RDONLY, 0));
		w.before = add_attribute;
		check_eq(vfs_flistxattr(w.task, fd, list, room), both);
		w.before = NULL;
		assert_true(w.stage > 1);
		check_ok(vfs_close(w.task, fd));
		assert_true(host_close(&w));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whiteout),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_attribute),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_directory_in_two_places),
		cmocka_unit_test(test_rename_to_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
