/* SPDX-License-Identifier: MIT */
/*
 * Every call of the host that an operation makes fails in turn, with every
 * errno. Whatever an operation answers: when it is an error nothing has
 * changed, when it is not all has; libvfs says what the host says, and no
 * descriptor is left.
 */
#include "hostfs/host_world.h"
#include "hostfs/snapshot.h"

#include <linux/fs.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4
#endif

/* The first few are told apart by the code; HOSTFS_ERRORS=all takes the others,
 * too, everywhere. */
#define FEWEST 3
#define FEW 9
static const int errors[] = {
	EIO,	    ENOENT,  ESTALE, EMFILE, ENOMEM, EINTR, ENOSYS,
	EOPNOTSUPP, EAGAIN,  ENOSPC, EDQUOT, EACCES, EPERM, EROFS,
	EEXIST,	    ENOTDIR, ELOOP,  ENFILE, EBUSY,  EXDEV, EINVAL};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* user::rwx user:1000:rwx group::r-x mask::rwx other::--- */
static const unsigned char acl[] = {
	2,    0,    0,	  0, /* version */
	1,    0,    7,	  0,	0xff, 0xff, 0xff, 0xff, 2,    0,
	7,    0,    0xe8, 0x03, 0,    0,    4,	  0,	5,    0,
	0xff, 0xff, 0xff, 0xff, 16,   0,    7,	  0,	0xff, 0xff,
	0xff, 0xff, 32,	  0,	0,    0,    0xff, 0xff, 0xff, 0xff,
};

/* One operation; fd: of the file "open", opened before. */
struct operation {
	const char *name;
	int64_t (*run)(struct host_world *w, int fd);
};

#define OPERATION(label, expression)                                 \
	static int64_t label(struct host_world *w, int fd)           \
	{                                                            \
		struct vfs_task *t = w->task;                        \
		char buffer[2048];                                   \
		struct vfs_statfs fs;                                \
		struct vfs_stat st;                                  \
                                                                     \
		(void)fd, (void)t, (void)buffer, (void)fs, (void)st; \
		return (int64_t)(expression);                        \
	}

static int64_t closed(struct vfs_task *t, int fd)
{
	return fd < 0 ? fd : vfs_close(t, fd);
}

OPERATION(make, closed(t, vfs_open(t, "/h/new", O_RDWR | O_CREAT, 0644)))
OPERATION(make_users, closed(w->user, vfs_open(w->user, "/h/open-to-all/new",
					       O_WRONLY | O_CREAT, 0666)))
OPERATION(make_inheriting,
	  closed(t, vfs_open(t, "/h/acl/new", O_RDWR | O_CREAT, 0666)))
OPERATION(make_fifo, vfs_mknod(t, "/h/new", S_IFIFO | 0600, 0))
OPERATION(make_device, vfs_mknod(t, "/h/new", S_IFCHR | 0600, makedev(1, 3)))
OPERATION(make_socket, vfs_mknod(t, "/h/new", S_IFSOCK | 0755, 0))
OPERATION(make_directory, vfs_mkdir(t, "/h/new", 0755))
OPERATION(make_users_directory, vfs_mkdir(w->user, "/h/open-to-all/new", 0777))
OPERATION(make_inheriting_directory, vfs_mkdir(t, "/h/acl/new", 0777))
OPERATION(make_symlink, vfs_symlink(t, "target", "/h/new"))
OPERATION(make_users_symlink, vfs_symlink(w->user, "x", "/h/open-to-all/new"))
OPERATION(link_it, vfs_link(t, "/h/file", "/h/sub/new"))
OPERATION(rename_it, vfs_rename(t, "/h/file", "/h/sub/new"))
OPERATION(rename_over, vfs_rename(t, "/h/file", "/h/other"))
OPERATION(rename_open, vfs_rename(t, "/h/file", "/h/open"))
OPERATION(rename_directory, vfs_rename(t, "/h/sub", "/h/open-to-all/sub"))
OPERATION(rename_over_directory, vfs_rename(t, "/h/sub", "/h/empty"))
OPERATION(exchange, vfs_renameat2(t, AT_FDCWD, "/h/file", AT_FDCWD,
				  "/h/sub/deep", RENAME_EXCHANGE))
OPERATION(whiteout, vfs_renameat2(t, AT_FDCWD, "/h/file", AT_FDCWD, "/h/new",
				  RENAME_WHITEOUT))
OPERATION(unlink_it, vfs_unlink(t, "/h/file"))
OPERATION(unlink_open, vfs_unlink(t, "/h/open"))
OPERATION(rmdir_it, vfs_rmdir(t, "/h/empty"))
OPERATION(rmdir_full, vfs_rmdir(t, "/h/sub"))
OPERATION(open_truncating,
	  closed(t, vfs_open(t, "/h/file", O_WRONLY | O_TRUNC, 0)))
OPERATION(open_reading, closed(t, vfs_open(t, "/h/sub/deep", O_RDONLY, 0)))
OPERATION(truncate_path, vfs_truncate(t, "/h/file", 2))
OPERATION(truncate_fd, vfs_ftruncate(t, fd, 2))
OPERATION(read_it, vfs_pread(t, fd, buffer, 8, 0) < 0 ? -1 : 0)
OPERATION(write_it, vfs_pwrite(t, fd, "12345678", 8, 4))
OPERATION(allocate, vfs_fallocate(t, fd, 0, 0, 10000))
OPERATION(punch, vfs_fallocate(t, fd, 3, 0, 4))
OPERATION(holes, vfs_lseek(t, fd, 0, SEEK_HOLE))
OPERATION(sync_file, vfs_fsync(t, fd))
OPERATION(chmod_it, vfs_chmod(t, "/h/file", 0600))
OPERATION(chown_it, vfs_chown(t, "/h/file", 5, 6))
OPERATION(chown_setuid, vfs_chown(t, "/h/setuid", 5, 6))
OPERATION(chown_link, vfs_lchown(t, "/h/symlink", 5, 6))
OPERATION(utimens, vfs_utimensat(t, AT_FDCWD, "/h/file", NULL, 0))
OPERATION(set_attribute, vfs_setxattr(t, "/h/file", "user.a", "b", 1, 0))
OPERATION(remove_attribute, vfs_removexattr(t, "/h/file", "user.x"))
OPERATION(get_attribute, vfs_getxattr(t, "/h/file", "user.x", buffer, 8))
OPERATION(list_attributes, vfs_listxattr(t, "/h/file", buffer, 2048))
OPERATION(set_acl, vfs_setxattr(t, "/h/file", "system.posix_acl_access", acl,
				sizeof(acl), 0))
OPERATION(set_default_acl, vfs_setxattr(t, "/h/sub", "system.posix_acl_default",
					acl, sizeof(acl), 0))
OPERATION(remove_acl, vfs_removexattr(t, "/h/acl", "system.posix_acl_default"))
OPERATION(look, vfs_stat(t, "/h/sub/deep", &st))
OPERATION(look_users, vfs_stat(w->user, "/h/sub/deep", &st))
OPERATION(look_through, vfs_stat(t, "/h/symlink", &st))
OPERATION(look_fd, vfs_fstat(t, fd, &st))
OPERATION(target_of, vfs_readlink(t, "/h/symlink", buffer, 100))
OPERATION(may, vfs_access(w->user, "/h/acl", W_OK))
OPERATION(go, vfs_chdir(t, "/h/sub"))
OPERATION(space, vfs_statfs(t, "/h", &fs))
OPERATION(sync_all, vfs_syncfs(t, fd))

static int64_t list(struct host_world *w, int fd)
{
	_Alignas(8) char records[64];
	int64_t n;

	fd = vfs_open(w->task, "/h", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	while ((n = vfs_getdents(w->task, fd, records, sizeof(records))) > 0)
		;
	vfs_close(w->task, fd);
	return n;
}

static int64_t nameless(struct host_world *w, int fd)
{
	char path[32];
	int64_t n;

	fd = vfs_open(w->task, "/h/sub", O_TMPFILE | O_RDWR, 0644);
	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "%s", "/h/new");
	n = vfs_linkat(w->task, fd, "", AT_FDCWD, path, AT_EMPTY_PATH);
	vfs_close(w->task, fd);
	return n;
}

static int64_t copy(struct host_world *w, int fd)
{
	int from = vfs_open(w->task, "/h/other", O_RDONLY, 0);
	int64_t in = 0, out = 0, n = from;

	if (from < 0)
		return from;
	n = vfs_copy_file_range(w->task, from, &in, fd, &out, 5, 0);
	vfs_close(w->task, from);
	return n;
}

static int64_t map(struct host_world *w, int fd)
{
	void *at;
	int64_t n = vfs_mmap(w->task, NULL, 4096, PROT_READ, MAP_SHARED, fd, 0,
			     &at);

	return n ? n : vfs_munmap(w->task, at, 4096);
}

static int64_t mount_again(struct host_world *w, int fd)
{
	(void)fd;
	if (vfs_mkdir(w->task, "/again", 0755))
		return 0;
	return host_mount(w, "/again", "cache=exclusive");
}

static int64_t unmount(struct host_world *w, int fd)
{
	int64_t n;

	(void)fd;
	if (vfs_mkdir(w->task, "/again", 0755) ||
	    host_mount(w, "/again", "cache=exclusive"))
		return 0;
	vfs_stat(w->task, "/again/sub/deep", &(struct vfs_stat){0});
	n = vfs_umount2(w->task, "/again", 0);
	return n;
}

#define O(label)              \
	{                     \
#label, label \
	}

static const struct operation operations[] = {
	O(make),
	O(make_users),
	O(make_inheriting),
	O(make_fifo),
	O(make_device),
	O(make_socket),
	O(make_directory),
	O(make_users_directory),
	O(make_inheriting_directory),
	O(make_symlink),
	O(make_users_symlink),
	O(link_it),
	O(rename_it),
	O(rename_over),
	O(rename_open),
	O(rename_directory),
	O(rename_over_directory),
	O(exchange),
	O(whiteout),
	O(unlink_it),
	O(unlink_open),
	O(rmdir_it),
	O(rmdir_full),
	O(open_truncating),
	O(open_reading),
	O(truncate_path),
	O(truncate_fd),
	O(read_it),
	O(write_it),
	O(allocate),
	O(punch),
	O(holes),
	O(sync_file),
	O(chmod_it),
	O(chown_it),
	O(chown_setuid),
	O(chown_link),
	O(utimens),
	O(set_attribute),
	O(remove_attribute),
	O(get_attribute),
	O(list_attributes),
	O(set_acl),
	O(set_default_acl),
	O(remove_acl),
	O(look),
	O(look_users),
	O(look_through),
	O(look_fd),
	O(target_of),
	O(may),
	O(go),
	O(space),
	O(sync_all),
	O(list),
	O(nameless),
	O(copy),
	O(map),
	O(mount_again),
	O(unmount),
};

/* ---- one run ---- */

static const char *const plain_names[] = {"file", "other", "open", "setuid"};

/* Made by libvfs, so that owner=xattr has its records. */
static void prepare(struct host_world *w)
{
	struct vfs_task *t = w->task;
	char path[32];

	for (size_t i = 0; i < COUNT(plain_names); i++) {
		snprintf(path, sizeof(path), "/h/%s", plain_names[i]);
		put_file(t, path, plain_names[i]);
	}
	check_ok(vfs_chmod(t, "/h/setuid", 04755));
	check_ok(vfs_setxattr(t, "/h/file", "user.x", "y", 1, 0));
	check_ok(vfs_mkdir(t, "/h/sub", 0755));
	put_file(t, "/h/sub/deep", "deep");
	check_ok(vfs_mkdir(t, "/h/empty", 0755));
	check_ok(vfs_mkdir(t, "/h/open-to-all", 0777));
	check_ok(vfs_mkdir(t, "/h/acl", 0700));
	vfs_setxattr(t, "/h/acl", "system.posix_acl_default", acl, sizeof(acl),
		     0);
	vfs_setxattr(t, "/h/acl", "system.posix_acl_access", acl, sizeof(acl),
		     0);
	check_ok(vfs_symlink(t, "sub/deep", "/h/symlink"));
}

struct run {
	const char *options;
	const struct operation *op;
	const char *call;
	int error;
	uint64_t nth;
	bool record;	 /* libvfs does not say what the host says */
	bool cold;	 /* mounted anew before the operation */
	unsigned errors; /* how many of them */
};

/* What the operation comes to when nothing fails. */
struct outcome {
	int64_t result;
	uint64_t tree;
};

static void complain(const struct run *r, const char *what, int64_t result)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)result);
	fail_msg("%s: %s%s, %s %llu is %s: %s (%s)", r->options, r->op->name,
		 r->cold ? " (cold)" : "", r->call ? r->call : "nothing",
		 (unsigned long long)r->nth, vfs_errno_name(-r->error), what,
		 result < 0 ? vfs_errno_name((int)result) : text);
}

static void check_tree(struct host_world *w, const struct run *r,
		       int64_t result)
{
	char why[512];

	if (r->record)
		return;
	if (!snapshot_same(w->task, "/h", w->dirfd, why, sizeof(why))) {
		print_error("%s\n", why);
		complain(r, "libvfs says something else than the host", result);
	}
}

/* True: the fault happened. */
static bool run(const struct run *r, struct outcome *normal)
{
	struct host_world w;
	uint64_t before, after, failed;
	int64_t result;
	int fd;

	check_ok(host_open(&w, r->options));
	prepare(&w);
	if (r->cold) {
		check_ok(vfs_umount2(w.task, "/h", 0));
		check_ok(host_mount(&w, "/h", r->options));
	}
	fd = check_fd(vfs_open(w.task, "/h/open", O_RDWR, 0));
	before = snapshot_host(w.dirfd, false);
	if (r->call)
		host_fail(&w, r->call, r->nth, 1, -r->error);
	result = r->op->run(&w, fd);
	failed = host_heal(&w);
	after = snapshot_host(w.dirfd, false);
	if (!r->call) {
		normal->result = result;
		normal->tree = after;
	} else if (result < 0 && normal->result >= 0) {
		if (after != before)
			complain(r, "failed, and changed something", result);
	} else if (after != normal->tree) {
		complain(r, "not what it usually does", result);
	}
	check_tree(&w, r, result);
	check_ok(vfs_close(w.task, fd));
	if (!host_close(&w))
		complain(r, "something is left", result);
	return failed;
}

/* Which names are called, from a run in which none fails. */
static unsigned calls_of(const struct run *r, const char *names[])
{
	struct host_world w;
	uint64_t counts[HOST_CALLS_MAX] = {0};
	unsigned n = 0;
	int fd;

	check_ok(host_open(&w, r->options));
	prepare(&w);
	if (r->cold) {
		check_ok(vfs_umount2(w.task, "/h", 0));
		check_ok(host_mount(&w, "/h", r->options));
	}
	fd = check_fd(vfs_open(w.task, "/h/open", O_RDWR, 0));
	memcpy(counts, w.counts, sizeof(counts));
	r->op->run(&w, fd);
	for (unsigned i = 0; i < w.name_count; i++)
		if (w.counts[i] > counts[i])
			names[n++] = w.names[i];
	check_ok(vfs_close(w.task, fd));
	assert_true(host_close(&w));
	return n;
}

/* Answers, and no failures: there is no such attribute; and, as long as nobody
 * else changes anything, there is no such name. */
static bool is_believed(const struct run *r)
{
	if (!strcmp(r->call, "getxattr") || !strcmp(r->call, "removexattr"))
		if (r->error == ENODATA || r->error == EOPNOTSUPP)
			return true;
	return strstr(r->options, "exclusive") &&
	       (r->error == ENOENT || r->error == ENOTDIR);
}

static void sweep(struct run *r)
{
	const char *names[HOST_CALLS_MAX];
	struct outcome normal = {0};
	unsigned n;

	r->call = NULL;
	r->error = 0;
	r->nth = 0;
	run(r, &normal);
	n = calls_of(r, names);
	for (unsigned i = 0; i < n; i++) {
		if (!strcmp(names[i], "close"))
			continue;
		r->call = names[i];
		for (unsigned e = 0; e < r->errors; e++) {
			r->error = errors[e];
			if (is_believed(r))
				continue;
			r->nth = 1;
			while (run(r, &normal))
				r->nth++;
		}
	}
}

static void sweep_all(const char *options, bool record)
{
	struct run r = {.options = options, .record = record};
	const char *wanted = getenv("HOSTFS_ERRORS");
	bool all = wanted && !strcmp(wanted, "all");

	for (int cold = 0; cold < 2; cold++) {
		r.cold = cold;
		r.errors = all ? COUNT(errors) : cold ? FEW : FEWEST;
		for (size_t i = 0; i < COUNT(operations); i++) {
			r.op = &operations[i];
			sweep(&r);
		}
	}
}

static void test_revalidate(void **state)
{
	(void)state;
	sweep_all("cache=revalidate,owner=host", false);
}

static void test_exclusive(void **state)
{
	(void)state;
	sweep_all("cache=exclusive,owner=host,maxfds=8", false);
}

static void test_recorded(void **state)
{
	(void)state;
	sweep_all("cache=revalidate,owner=xattr", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revalidate),
		cmocka_unit_test(test_exclusive),
		cmocka_unit_test(test_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
