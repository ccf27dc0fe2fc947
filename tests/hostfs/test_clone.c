/* SPDX-License-Identifier: MIT */
/*
 * FICLONERANGE and copy_file_range up to a limit: the task's, RLIMIT_FSIZE, is
 * told of where the kernel tells a process of its own. Both sides do the same
 * with files of their own, on a disk that shares blocks (XFS), where one can be
 * had, and on whatever file system tests have.
 */
#include "hostfs/host_world.h"

#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "support/image.h"

#define IMAGE_SIZE (INT64_C(320) << 20)
#define IN_SIZE (3 * 4096 + 100)
#define OUT_SIZE 8192
#define SIZE_MAX_ (8 * 4096)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* What is asked for. */
struct wish {
	int64_t from, to, length;
	uint64_t limit;
	bool clone; /* or copy_file_range */
	bool same;  /* within the source */
	bool immutable;
};

/* The source and the target, here and there. */
struct pair {
	struct host_world w;
	int host[2], fd[2];
	unsigned done, refused;
};

static const int64_t sizes[2] = {IN_SIZE, OUT_SIZE};

/* ---- two files a side ---- */

static void host_fill(int fd, int which)
{
	char bytes[IN_SIZE];

	memset(bytes, 'a' + which, sizeof(bytes));
	check_ok(ftruncate(fd, 0));
	check_eq(pwrite(fd, bytes, (size_t)sizes[which], 0), sizes[which]);
}

static void fill(struct pair *p, int which)
{
	char bytes[IN_SIZE];

	memset(bytes, 'a' + which, sizeof(bytes));
	check_ok(vfs_ftruncate(p->w.task, p->fd[which], 0));
	check_eq(vfs_pwrite(p->w.task, p->fd[which], bytes,
			    (size_t)sizes[which], 0),
		 sizes[which]);
}

static void begin(struct pair *p, const char *options)
{
	static const char *const names[2] = {"in", "out"};
	char path[16];

	check_ok(host_open(&p->w, options));
	host_mkdir(&p->w, "k");
	p->done = p->refused = 0;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "k/%s", names[i]);
		p->host[i] = openat(p->w.dirfd, path,
				    O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		assert_true(p->host[i] >= 0);
		host_fill(p->host[i], i);
		host_put(&p->w, names[i], "");
		snprintf(path, sizeof(path), "/h/%s", names[i]);
		p->fd[i] = check_fd(vfs_open(p->w.task, path, O_RDWR, 0));
		fill(p, i);
	}
}

static void end(struct pair *p)
{
	for (int i = 0; i < 2; i++)
		close(p->host[i]);
	assert_true(host_close(&p->w));
}

/* ---- the same on both sides ---- */

static int64_t negative(int64_t result)
{
	return result < 0 ? -errno : result;
}

static struct file_clone_range range_of(const struct wish *wish, int in)
{
	return (struct file_clone_range){
		.src_fd = in,
		.src_offset = (uint64_t)wish->from,
		.src_length = (uint64_t)wish->length,
		.dest_offset = (uint64_t)wish->to,
	};
}

static int64_t host_does(struct pair *p, const struct wish *wish)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
	const struct rlimit limit = {wish->limit, RLIM_INFINITY};
	struct file_clone_range range = range_of(wish, p->host[0]);
	int64_t from = wish->from, to = wish->to, n;
	int out = p->host[!wish->same];

	check_ok(setrlimit(RLIMIT_FSIZE, &limit));
	if (wish->clone)
		n = negative(ioctl(out, FICLONERANGE, &range));
	else
		n = negative(copy_file_range(p->host[0], &from, out, &to,
					     (size_t)wish->length, 0));
	check_ok(setrlimit(RLIMIT_FSIZE, &none));
	return n;
}

static int64_t task_does(struct pair *p, const struct wish *wish)
{
	const struct vfs_rlimit none = {VFS_RLIM_INFINITY, VFS_RLIM_INFINITY};
	const struct vfs_rlimit limit = {wish->limit, VFS_RLIM_INFINITY};
	struct file_clone_range range = range_of(wish, p->fd[0]);
	int64_t from = wish->from, to = wish->to, n;
	int out = p->fd[!wish->same];

	check_ok(vfs_setrlimit(p->w.task, RLIMIT_FSIZE, &limit));
	if (wish->clone)
		n = vfs_ioctl(p->w.task, out, FICLONERANGE, &range);
	else
		n = vfs_copy_file_range(p->w.task, p->fd[0], &from, out, &to,
					(size_t)wish->length, 0);
	check_ok(vfs_setrlimit(p->w.task, RLIMIT_FSIZE, &none));
	return n;
}

static void compare_bytes(struct pair *p, int which)
{
	static char host[SIZE_MAX_], ours[SIZE_MAX_];
	struct vfs_stat st;
	struct stat stat;

	check_ok(fstat(p->host[which], &stat));
	check_ok(vfs_fstat(p->w.task, p->fd[which], &st));
	check_eq(st.size, stat.st_size);
	/* what goes far beyond was made by a copy to there */
	check_eq(pread(p->host[which], host, SIZE_MAX_, 0),
		 vfs_pread(p->w.task, p->fd[which], ours, SIZE_MAX_, 0));
	assert_memory_equal(host, ours,
			    stat.st_size < SIZE_MAX_ ? (size_t)stat.st_size
						     : SIZE_MAX_);
}

static void ask(struct pair *p, const struct wish *wish)
{
	int64_t host = host_does(p, wish), ours = task_does(p, wish);
	int which = !wish->same;

	if (host != ours)
		fail_msg("%s%s%s from %lld to %lld, %lld bytes, limit %lld: "
			 "%lld, not %lld",
			 wish->clone ? "clone" : "copy",
			 wish->same ? " within" : "",
			 wish->immutable ? " of immutable" : "",
			 (long long)wish->from, (long long)wish->to,
			 (long long)wish->length, (long long)wish->limit,
			 (long long)ours, (long long)host);
	if (host < 0) {
		p->refused++;
		compare_bytes(p, which);
		return;
	}
	p->done++;
	compare_bytes(p, which);
	host_fill(p->host[which], which);
	fill(p, which);
}

static void set_immutable(struct pair *p, int on)
{
	int flags = on ? FS_IMMUTABLE_FL : 0;

	for (int i = 0; i < 2; i++) {
		if (ioctl(p->host[i], FS_IOC_SETFLAGS, &flags))
			return;
		check_ok(vfs_ioctl(p->w.task, p->fd[i], FS_IOC_SETFLAGS,
				   &flags));
	}
}

static const int64_t froms[] = {
	0, 100, 1024, 4096, 8192, IN_SIZE, 16384, -4096, INT64_MAX - 4095};
static const int64_t tos[] = {
	0, 10, 1024, 4096, 8192, 12288, 20480, -4096, INT64_MAX - 8191};
static const int64_t lengths[] = {
	0, 1, 100, 1024, 4096, 8192, IN_SIZE, 8192 + 100, 20480, -1, INT64_MAX};
static const uint64_t limits[] = {RLIM_INFINITY, 0,    1,     1024, 4096,
				  8192,		 8193, 16384, 20580};

/* Everything with everything. */
static void ask_all(struct pair *p, struct wish wish)
{
	for (size_t i = 0; i < COUNT(froms) * COUNT(tos); i++)
		for (size_t j = 0; j < COUNT(lengths) * COUNT(limits); j++) {
			wish.from = froms[i % COUNT(froms)];
			wish.to = tos[i / COUNT(froms)];
			wish.length = lengths[j % COUNT(lengths)];
			wish.limit = limits[j / COUNT(lengths)];
			ask(p, &wish);
		}
}

static void compare_all(const char *options)
{
	struct pair p;

	begin(&p, options);
	for (int i = 0; i < 8; i++) {
		set_immutable(&p, i >> 2);
		ask_all(&p, (struct wish){
				    .clone = i & 1,
				    .same = i & 2,
				    .immutable = i & 4,
			    });
	}
	set_immutable(&p, 0);
	print_message("%u were done, %u were not\n", p.done, p.refused);
	assert_true(p.done > 1000 && p.refused > 1000);
	end(&p);
}

static void test_anywhere(void **state)
{
	(void)state;
	compare_all("cache=exclusive,owner=host");
}

/* ---- where blocks are shared ---- */

static bool mount_xfs(const char *block_size, char dir[HOSTDIR_PATH])
{
	const char *const command[] = {
		"mkfs.xfs", "-q", "-b", block_size, "-m", "reflink=1", NULL};

	return image_mount(IMAGE_SIZE, command, "xfs", dir);
}

static void compare_on_xfs(const char *block_size, const char *options)
{
	char dir[HOSTDIR_PATH];

	if (!mount_xfs(block_size, dir)) {
		print_message("no XFS can be made and mounted here\n");
		skip();
	}
	check_ok(setenv("HOSTFS_DIR", dir, 1));
	compare_all(options);
	check_ok(unsetenv("HOSTFS_DIR"));
	check_ok(umount2(dir, MNT_DETACH));
	hostdir_remove(dir);
}

static void test_xfs(void **state)
{
	(void)state;
	compare_on_xfs("size=4096", "cache=exclusive,owner=host");
}

static void test_xfs_small_blocks(void **state)
{
	(void)state;
	compare_on_xfs("size=1024", "cache=revalidate,owner=host");
}

/* ---- what the host says first ---- */

static void clone_with(struct pair *p, uint64_t limit, int64_t to, int says,
		       int expected)
{
	const struct wish wish = {
		.clone = true, .to = to, .length = 4096, .limit = limit};

	host_fail(&p->w, "ficlone", 1, 1, says);
	check_eq(task_does(p, &wish), expected);
	check_eq(host_heal(&p->w), 1);
}

static void test_order(void **state)
{
	static const int before[] = {-EOPNOTSUPP, -EPERM, -ETXTBSY, -EIO,
				     -EXDEV,	  -EROFS, -EBADF};
	struct pair p;

	(void)state;
	begin(&p, "cache=exclusive,owner=host");
	for (size_t i = 0; i < COUNT(before); i++)
		clone_with(&p, 4096, 8192, before[i], before[i]);
	clone_with(&p, 4096, 8192, -EINVAL, -EFBIG);
	clone_with(&p, 4096, 4096, -EINVAL, -EFBIG);
	clone_with(&p, 8191, 4096, -EINVAL, -EINVAL);
	clone_with(&p, 4096, 4097, -EINVAL, -EINVAL);
	clone_with(&p, VFS_RLIM_INFINITY, 8192, -EINVAL, -EINVAL);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anywhere),
		cmocka_unit_test(test_xfs),
		cmocka_unit_test(test_xfs_small_blocks),
		cmocka_unit_test(test_order),
	};

	host_own_mounts();
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
