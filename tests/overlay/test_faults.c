/* SPDX-License-Identifier: MIT */
/*
 * Each call on a layer fails once: what the caller asked for is done or not
 * done, the lower layer stays as it was, and the next mount is as good as the
 * first.
 */
#include "layers.h"

#include <stdlib.h>
#include <sys/mount.h>

struct fault {
	int countdown; /* the call that fails; below 0: none */
	int error;
	char call[32]; /* what failed */
};

static int fault(void *context, const char *call)
{
	struct fault *f = context;

	if (strncmp(call, "overlay:", 8) || f->countdown < 0 || f->countdown--)
		return 0;
	snprintf(f->call, sizeof(f->call), "%s", call);
	return f->error;
}

static int do_write(struct vfs_task *task)
{
	int fd = vfs_open(task, "/m/d/e/deep", O_WRONLY, 0);
	int64_t n;

	if (fd < 0)
		return fd;
	n = vfs_write(task, fd, "DEEP", 4);
	vfs_close(task, fd);
	return n < 0 ? (int)n : 0;
}

static int do_create(struct vfs_task *task)
{
	int fd = vfs_open(task, "/m/d/new", O_WRONLY | O_CREAT | O_EXCL, 0600);

	return fd < 0 ? fd : vfs_close(task, fd);
}

static int do_chmod(struct vfs_task *task)
{
	return vfs_chmod(task, "/m/d/x", 0600);
}

static int do_xattr(struct vfs_task *task)
{
	return vfs_setxattr(task, "/m/f", "user.c", "d", 1, 0);
}

static int do_unlink(struct vfs_task *task)
{
	return vfs_unlink(task, "/m/d/x");
}

static int do_mkdir(struct vfs_task *task)
{
	return vfs_mkdir(task, "/m/gone", 0755);
}

static int do_rmdir(struct vfs_task *task)
{
	return vfs_rmdir(task, "/m/empty");
}

static int do_link(struct vfs_task *task)
{
	return vfs_link(task, "/m/one", "/m/gone");
}

static int do_rename(struct vfs_task *task)
{
	return vfs_rename(task, "/m/f", "/m/d/x");
}

static int do_rename_dir(struct vfs_task *task)
{
	return vfs_rename(task, "/m/d", "/m/moved");
}

static int do_exchange(struct vfs_task *task)
{
	return vfs_renameat2(task, AT_FDCWD, "/m/f", AT_FDCWD, "/m/d/x",
			     RENAME_EXCHANGE);
}

static int do_truncate(struct vfs_task *task)
{
	return vfs_truncate(task, "/m/one", 3);
}

static int do_symlink(struct vfs_task *task)
{
	return vfs_symlink(task, "t", "/m/d/l");
}

static const struct {
	const char *name;
	int (*run)(struct vfs_task *task);
} operations[] = {
	{"write", do_write},	   {"create", do_create},
	{"chmod", do_chmod},	   {"xattr", do_xattr},
	{"unlink", do_unlink},	   {"mkdir", do_mkdir},
	{"rmdir", do_rmdir},	   {"link", do_link},
	{"rename", do_rename},	   {"rename_dir", do_rename_dir},
	{"exchange", do_exchange}, {"truncate", do_truncate},
	{"symlink", do_symlink},
};

static const char *const modes[] = {
	ONE,
	ONE ",redirect_dir=on,metacopy=on,index=on",
	ONE ",redirect_dir=copy",
};

static void prepare(struct world *w, struct fault *f, const char *options)
{
	struct vfs_config config = {
		.size = sizeof(config), .fault = fault, .fault_context = f};

	f->countdown = -1;
	check_ok(world_open(w, &config));
	make_layers(w->task);
	fill_lower(w->task);
	check_ok(vfs_mkdir(w->task, "/l/bottom/empty", 0755));
	put_file(w->task, "/l/bottom/gone", "gone");
	check_ok(mount_overlay(w->task, options));
	check_ok(vfs_unlink(w->task, "/m/gone"));
}

/* Once with the call number n failing. Whether there was such a call. */
static bool run_once(size_t op, const char *options, int n, int error)
{
	struct fault f = {.error = error};
	struct world w;
	char *lower, *before, *after, *again;
	int err;

	prepare(&w, &f, options);
	lower = dump_tree(w.task, "/l/bottom");
	before = dump_tree(w.task, "/m");
	f.countdown = n;
	err = operations[op].run(w.task);
	if (f.countdown >= 0)
		error = 0;
	f.countdown = -1;
	after = dump_tree(w.task, "/m");
	if (err && strcmp(before, after)) {
		print_error("%s, %s, call %d (%s): %s\n%s\nbecame\n%s\n",
			    operations[op].name, options, n, f.call,
			    vfs_errno_name(err), before, after);
		fail();
	}
	check_ok(vfs_umount(w.task, "/m"));
	again = dump_tree(w.task, "/l/bottom");
	assert_string_equal(lower, again);
	free(again);
	check_ok(mount_overlay(w.task, options));
	again = dump_tree(w.task, "/m");
	assert_string_equal(after, again);
	assert_string_equal(names_in(w.task, "/l/work/work"), "");
	free(again);
	free(lower);
	free(before);
	free(after);
	check_ok(vfs_umount(w.task, "/m"));
	assert_true(world_close(&w));
	return error;
}

static void run_all(int error)
{
	for (size_t m = 0; m < sizeof(modes) / sizeof(*modes); m++)
		for (size_t op = 0;
		     op < sizeof(operations) / sizeof(*operations); op++) {
			int n = 0;

			while (run_once(op, modes[m], n, error))
				n++;
			print_message("%s: %d calls\n", operations[op].name, n);
			assert_true(n > 0 && n < 400);
		}
}

static void test_eio(void **state)
{
	(void)state;
	run_all(-EIO);
}

static void test_enospc(void **state)
{
	(void)state;
	run_all(-ENOSPC);
}

/* Mounting fails at each call, and leaves nothing that hinders the next. */
static void test_mount(void **state)
{
	bool more = true;

	(void)state;
	for (int n = 0; more; n++) {
		struct fault f = {.error = -EIO};
		struct world w;

		prepare(&w, &f, modes[1]);
		check_ok(vfs_umount(w.task, "/m"));
		f.countdown = n;
		if (!mount_overlay(w.task, modes[1]))
			check_ok(vfs_umount(w.task, "/m"));
		more = f.countdown < 0;
		f.countdown = -1;
		check_ok(mount_overlay(w.task, modes[1]));
		check_file(w.task, "/m/d/e/deep", "deep");
		check_ok(vfs_umount(w.task, "/m"));
		assert_true(world_close(&w));
		assert_true(n < 400);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eio),
		cmocka_unit_test(test_enospc),
		cmocka_unit_test(test_mount),
	};

	return cmocka_run_group_tests_name("overlay-faults", tests, NULL, NULL);
}
