/* SPDX-License-Identifier: MIT */
/* POSIX ACLs through system.posix_acl_*. */
#include <stdlib.h>

#include "support/check.h"

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
#define SECOND INT64_C(1000000000)
#define ANY UINT32_MAX

enum {
	USER_OBJ = 1,
	USER = 2,
	GROUP_OBJ = 4,
	GROUP = 8,
	MASK = 16,
	OTHER = 32
};

struct entry {
	uint16_t tag, perm;
	uint32_t id;
};

struct blob {
	uint32_t version;
	struct entry entries[8];
};

#define COUNT(entries) (sizeof(entries) / sizeof((entries)[0]))
#define SIZE(count) (4 + 8 * (count))

/* This machine is little-endian, as the blob is. */
static int set_acl(struct vfs_task *task, const char *path, const char *name,
		   const struct entry *entries, size_t count)
{
	struct blob blob = {.version = 2};

	memcpy(blob.entries, entries, count * sizeof(*entries));
	return vfs_setxattr(task, path, name, &blob, SIZE(count), 0);
}

static void check_acl(struct vfs_task *task, const char *path, const char *name,
		      const struct entry *entries, size_t count)
{
	struct blob blob;

	check_eq(vfs_getxattr(task, path, name, &blob, sizeof(blob)),
		 SIZE(count));
	check_eq(blob.version, 2);
	check_eq(memcmp(blob.entries, entries, count * sizeof(*entries)), 0);
	check_eq(vfs_getxattr(task, path, name, NULL, 0), SIZE(count));
	check_eq(vfs_getxattr(task, path, name, &blob, SIZE(count) - 1),
		 -ERANGE);
}

static uint32_t mode_of(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(task, path, &st));
	return st.mode & 07777;
}

static const struct entry minimal[] = {
	{USER_OBJ, 6, ANY},
	{GROUP_OBJ, 4, ANY},
	{OTHER, 4, ANY},
};

/* User 1000 may read and write, group 2000 may read and execute. */
static const struct entry named[] = {
	{USER_OBJ, 6, ANY}, {USER, 6, 1000}, {GROUP_OBJ, 4, ANY},
	{GROUP, 5, 2000},   {MASK, 7, ANY},  {OTHER, 0, ANY},
};

static void test_acl__sets_the_mode(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;

	put_file(t, "/f", "");
	check_ok(vfs_chmod(t, "/f", 06711));
	check_eq(vfs_getxattr(t, "/f", ACCESS, NULL, 0), -ENODATA);
	/* one that says no more than the mode is not kept */
	check_ok(set_acl(t, "/f", ACCESS, minimal, COUNT(minimal)));
	check_eq(mode_of(t, "/f"), 06644);
	check_eq(vfs_getxattr(t, "/f", ACCESS, NULL, 0), -ENODATA);
	check_ok(set_acl(t, "/f", ACCESS, named, COUNT(named)));
	check_eq(mode_of(t, "/f"), 06670);
	check_acl(t, "/f", ACCESS, named, COUNT(named));
	check_ok(set_acl(t, "/f", ACCESS, minimal, COUNT(minimal)));
	check_eq(mode_of(t, "/f"), 06644);
	check_eq(vfs_listxattr(t, "/f", NULL, 0), 0);
}

static void test_acl__follows_chmod(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct entry expected[COUNT(named)];

	put_file(t, "/f", "");
	check_ok(set_acl(t, "/f", ACCESS, named, COUNT(named)));
	check_ok(vfs_chmod(t, "/f", 0517));
	memcpy(expected, named, sizeof(named));
	expected[0].perm = 5;
	expected[4].perm = 1;
	expected[5].perm = 7;
	check_acl(t, "/f", ACCESS, expected, COUNT(expected));
	check_eq(mode_of(t, "/f"), 0517);
}

static void test_acl__decides(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_task *other = world_user(w, 5, 5);
	struct vfs_task *group = world_user(w, 6, 2000);
	struct vfs_task *owning = world_user(w, 7, 0);

	put_file(t, "/f", "");
	check_ok(set_acl(t, "/f", ACCESS, named, COUNT(named)));
	check_ok(vfs_access(w->user, "/f", 6));
	check_eq(vfs_access(w->user, "/f", 1), -EACCES);
	check_ok(vfs_access(group, "/f", 5));
	check_eq(vfs_access(group, "/f", 2), -EACCES);
	check_ok(vfs_access(owning, "/f", 4));
	check_eq(vfs_access(owning, "/f", 1), -EACCES);
	check_eq(vfs_access(other, "/f", 4), -EACCES);
	/* the mask limits all but owner and others */
	check_ok(vfs_chmod(t, "/f", 0640));
	check_ok(vfs_access(w->user, "/f", 4));
	check_eq(vfs_access(w->user, "/f", 2), -EACCES);
	check_eq(vfs_access(group, "/f", 1), -EACCES);
	check_ok(vfs_chmod(t, "/f", 0604));
	/* an empty mask: everybody else is "other" */
	check_ok(vfs_access(w->user, "/f", 4));
	check_eq(vfs_access(t, "/f", 1), -EACCES);
	vfs_task_unref(other);
	vfs_task_unref(group);
	vfs_task_unref(owning);
}

static void test_acl__decides_on_the_way(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_task *other = world_user(w, 5, 5);
	const struct entry search[] = {
		{USER_OBJ, 7, ANY}, {USER, 1, 1000}, {GROUP_OBJ, 0, ANY},
		{MASK, 7, ANY},	    {OTHER, 0, ANY},
	};
	const struct entry refuse[] = {
		{USER_OBJ, 7, ANY}, {USER, 0, 1000}, {GROUP_OBJ, 7, ANY},
		{MASK, 7, ANY},	    {OTHER, 7, ANY},
	};
	struct vfs_stat st;

	check_ok(vfs_mkdir(t, "/d", 0700));
	put_file(t, "/d/f", "");
	check_ok(set_acl(t, "/d", ACCESS, search, COUNT(search)));
	check_ok(vfs_stat(w->user, "/d/f", &st));
	check_eq(vfs_open(w->user, "/d", O_RDONLY, 0), -EACCES);
	check_eq(vfs_stat(other, "/d/f", &st), -EACCES);
	/* the mode seems to let everybody in */
	check_ok(set_acl(t, "/d", ACCESS, refuse, COUNT(refuse)));
	check_eq(mode_of(t, "/d"), 0777);
	check_eq(vfs_stat(w->user, "/d/f", &st), -EACCES);
	check_ok(vfs_stat(other, "/d/f", &st));
	vfs_task_unref(other);
}

static void test_acl__malformed(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	static const struct {
		uint32_t version;
		size_t size;
		struct entry entries[5];
		int error, on_file; /* -EACCES on a file: seen as an ACL */
	} cases[] = {
		{2, 3, {{0, 0, 0}}, -EINVAL, -EINVAL},
		{1, 4, {{0, 0, 0}}, -EOPNOTSUPP, -EOPNOTSUPP},
		{3, 12, {{1, 6, ANY}}, -EOPNOTSUPP, -EOPNOTSUPP},
		{2, 13, {{1, 6, ANY}}, -EINVAL, -EINVAL},
		{2, 12, {{3, 6, ANY}}, -EINVAL, -EINVAL},
		{2, 12, {{1, 6, ANY}}, -EINVAL, -EACCES},
		{2,
		 28,
		 {{4, 6, ANY}, {1, 6, ANY}, {32, 0, ANY}},
		 -EINVAL,
		 -EACCES},
		{2,
		 28,
		 {{1, 8, ANY}, {4, 6, ANY}, {32, 0, ANY}},
		 -EINVAL,
		 -EACCES},
		{2,
		 36,
		 {{1, 6, ANY}, {2, 7, 5}, {4, 6, ANY}, {32, 0, ANY}},
		 -EINVAL,
		 -EACCES},
		{2,
		 44,
		 {{1, 6, ANY},
		  {2, 7, ANY},
		  {4, 6, ANY},
		  {16, 7, ANY},
		  {32, 0, ANY}},
		 -EINVAL,
		 -EINVAL},
		{2,
		 36,
		 {{1, 6, ANY}, {4, 6, ANY}, {32, 0, ANY}, {32, 0, ANY}},
		 -EINVAL,
		 -EACCES},
	};

	put_file(t, "/f", "");
	check_ok(vfs_mkdir(t, "/d", 0755));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct blob blob = {.version = cases[i].version};

		memcpy(blob.entries, cases[i].entries,
		       sizeof(cases[i].entries));
		check_eq(vfs_setxattr(t, "/f", ACCESS, &blob, cases[i].size, 0),
			 cases[i].error);
		check_eq(
			vfs_setxattr(t, "/d", DEFAULT, &blob, cases[i].size, 0),
			cases[i].error);
		check_eq(
			vfs_setxattr(t, "/f", DEFAULT, &blob, cases[i].size, 0),
			cases[i].on_file);
	}
	check_eq(mode_of(t, "/f"), 0644);
	check_eq(vfs_listxattr(t, "/d", NULL, 0), 0);
}

static void test_acl__canonical(void **state)
{
	struct world *w = *state;
	const struct entry odd[] = {
		{USER_OBJ, 6, 5},  {USER, 7, 9}, {USER, 4, 3},	{USER, 1, 9},
		{GROUP_OBJ, 4, 6}, {MASK, 7, 7}, {OTHER, 4, 8},
	};
	struct entry expected[COUNT(odd)];

	memcpy(expected, odd, sizeof(odd));
	expected[0].id = expected[4].id = expected[5].id = expected[6].id = ANY;
	put_file(w->task, "/f", "");
	check_ok(set_acl(w->task, "/f", ACCESS, odd, COUNT(odd)));
	check_acl(w->task, "/f", ACCESS, expected, COUNT(odd));
}

static void test_acl__removing(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	const uint32_t no_entries = 2;
	struct vfs_stat before, after;

	put_file(t, "/f", "");
	check_ok(vfs_mkdir(t, "/d", 0755));
	check_ok(set_acl(t, "/f", ACCESS, named, COUNT(named)));
	check_ok(vfs_removexattr(t, "/f", ACCESS));
	check_eq(vfs_getxattr(t, "/f", ACCESS, NULL, 0), -ENODATA);
	/* the mask's bits stay the group's */
	check_eq(mode_of(t, "/f"), 0670);
	check_ok(vfs_stat(t, "/f", &before));
	test_clock_advance(&w->clock, SECOND);
	check_ok(vfs_removexattr(t, "/f", ACCESS));
	check_ok(vfs_stat(t, "/f", &after));
	check_eq(after.ctime.sec, before.ctime.sec + 1);
	check_ok(vfs_removexattr(t, "/f", DEFAULT));
	check_ok(set_acl(t, "/f", ACCESS, named, COUNT(named)));
	check_ok(vfs_setxattr(t, "/f", ACCESS, NULL, 0, 0));
	check_eq(vfs_listxattr(t, "/f", NULL, 0), 0);
	check_ok(set_acl(t, "/d", DEFAULT, named, COUNT(named)));
	check_eq(vfs_listxattr(t, "/d", NULL, 0), sizeof(DEFAULT));
	check_ok(vfs_setxattr(t, "/d", DEFAULT, &no_entries, 4, 0));
	check_eq(vfs_listxattr(t, "/d", NULL, 0), 0);
}

static void test_acl__permission(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task, *u = w->user;
	const uint32_t nothing = 0;

	put_file(t, "/f", "");
	check_ok(vfs_symlink(t, "f", "/l"));
	check_ok(vfs_chmod(t, "/f", 0666));
	check_eq(set_acl(u, "/f", ACCESS, minimal, COUNT(minimal)), -EPERM);
	check_eq(vfs_removexattr(u, "/f", ACCESS), -EPERM);
	/* what is wrong anyway is said first */
	check_eq(vfs_setxattr(u, "/f", ACCESS, &nothing, 4, 0), -EOPNOTSUPP);
	check_eq(set_acl(u, "/f", DEFAULT, minimal, COUNT(minimal)), -EACCES);
	check_ok(vfs_removexattr(u, "/f", DEFAULT));
	check_eq(vfs_lsetxattr(t, "/l", ACCESS, NULL, 0, 0), -EOPNOTSUPP);
	check_eq(vfs_lgetxattr(t, "/l", ACCESS, NULL, 0), -EOPNOTSUPP);
	check_eq(vfs_lremovexattr(t, "/l", ACCESS), -EOPNOTSUPP);
	/* anybody may look */
	check_ok(set_acl(t, "/f", ACCESS, named, COUNT(named)));
	check_ok(vfs_chmod(t, "/f", 0));
	check_eq(vfs_getxattr(u, "/f", ACCESS, NULL, 0), SIZE(COUNT(named)));
	/* the owner of a file in a foreign group loses setgid by it */
	check_ok(vfs_chown(t, "/f", 1000, 77));
	check_ok(vfs_chmod(t, "/f", 02740));
	check_ok(vfs_removexattr(u, "/f", ACCESS));
	check_eq(mode_of(t, "/f"), 0740);
}

static void test_acl__inherited(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct entry expected[COUNT(named)];
	int fd;

	vfs_umask(t, 077);
	check_ok(vfs_mkdir(t, "/d", 0));
	check_ok(vfs_chmod(t, "/d", 0755));
	check_ok(set_acl(t, "/d", DEFAULT, named, COUNT(named)));
	/* the umask has no say; mode and ACL limit each other */
	fd = check_fd(vfs_open(t, "/d/f", O_CREAT | O_RDWR, 0664));
	check_ok(vfs_close(t, fd));
	memcpy(expected, named, sizeof(named));
	expected[4].perm = 6;
	check_acl(t, "/d/f", ACCESS, expected, COUNT(named));
	check_eq(mode_of(t, "/d/f"), 0660);
	check_eq(vfs_getxattr(t, "/d/f", DEFAULT, NULL, 0), -ENODATA);
	check_ok(vfs_access(w->user, "/d/f", 6));
	check_ok(vfs_mkdir(t, "/d/sub", 0777));
	check_acl(t, "/d/sub", DEFAULT, named, COUNT(named));
	check_acl(t, "/d/sub", ACCESS, named, COUNT(named));
	check_eq(mode_of(t, "/d/sub"), 0670);
	check_ok(vfs_mkfifo(t, "/d/sub/p", 0600));
	expected[4].perm = 0;
	check_acl(t, "/d/sub/p", ACCESS, expected, COUNT(named));
	check_ok(vfs_symlink(t, "x", "/d/l"));
	check_eq(mode_of(t, "/d/l"), 0777);
	check_eq(vfs_llistxattr(t, "/d/l", NULL, 0), 0);
	check_ok(vfs_mkdir(t, "/plain", 0777));
	check_eq(mode_of(t, "/plain"), 0700);
}

static void test_acl__inherited_minimal(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int fd;

	vfs_umask(t, 077);
	check_ok(vfs_mkdir(t, "/d", 0755));
	/* kept as a default ACL, though it is no more than a mode */
	check_ok(set_acl(t, "/d", DEFAULT, minimal, COUNT(minimal)));
	check_acl(t, "/d", DEFAULT, minimal, COUNT(minimal));
	check_eq(mode_of(t, "/d"), 0700);
	fd = check_fd(vfs_open(t, "/d/f", O_CREAT | O_RDWR, 0777));
	check_eq(mode_of(t, "/d/f"), 0644);
	check_eq(vfs_flistxattr(t, fd, NULL, 0), 0);
	check_ok(vfs_mkdir(t, "/d/sub", 0711));
	check_eq(mode_of(t, "/d/sub"), 0600);
	check_acl(t, "/d/sub", DEFAULT, minimal, COUNT(minimal));
	check_eq(vfs_getxattr(t, "/d/sub", ACCESS, NULL, 0), -ENODATA);
}

static void test_acl__listed_first(void **state)
{
	struct world *w = *state;
	static const char all[] = ACCESS "\0" DEFAULT "\0user.z";
	char list[200];

	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_setxattr(w->task, "/d", "user.z", "", 0, 0));
	check_ok(set_acl(w->task, "/d", DEFAULT, named, COUNT(named)));
	check_ok(set_acl(w->task, "/d", ACCESS, named, COUNT(named)));
	check_eq(vfs_listxattr(w->user, "/d", list, sizeof(list)), sizeof(all));
	check_eq(memcmp(list, all, sizeof(all)), 0);
}

/* Every step without more memory: refused with nothing done, or done. */
static void test_acl__out_of_memory(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	char path[32];
	int refused = 0;

	check_ok(vfs_mkdir(t, "/d", 0755));
	check_ok(set_acl(t, "/d", DEFAULT, named, COUNT(named)));
	for (int i = 0; i < 600; i++) {
		int err;

		snprintf(path, sizeof(path), "/d/%d", i);
		test_alloc_fail(&w->alloc, 1, 1000);
		err = vfs_mkdir(t, path, 0777);
		test_alloc_heal(&w->alloc);
		if (err) {
			check_eq(err, -ENOMEM);
			assert_false(exists(t, path));
			check_ok(vfs_mkdir(t, path, 0777));
			refused++;
		}
		check_acl(t, path, ACCESS, named, COUNT(named));
		check_acl(t, path, DEFAULT, named, COUNT(named));
		test_alloc_fail(&w->alloc, 1, 1000);
		err = vfs_chmod(t, path, 0700);
		test_alloc_heal(&w->alloc);
		if (err) {
			check_eq(err, -ENOMEM);
			check_acl(t, path, ACCESS, named, COUNT(named));
			refused++;
		}
		check_eq(mode_of(t, path), err ? 0670 : 0700);
		test_alloc_fail(&w->alloc, 1, 1000);
		err = set_acl(t, path, DEFAULT, minimal, COUNT(minimal));
		test_alloc_heal(&w->alloc);
		if (err) {
			check_eq(err, -ENOMEM);
			check_acl(t, path, DEFAULT, named, COUNT(named));
			refused++;
		}
		if (i % 3 == 0)
			check_ok(vfs_rmdir(t, path));
	}
	assert_true(refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_acl__sets_the_mode),
		world_test(test_acl__follows_chmod),
		world_test(test_acl__decides),
		world_test(test_acl__decides_on_the_way),
		world_test(test_acl__malformed),
		world_test(test_acl__canonical),
		world_test(test_acl__removing),
		world_test(test_acl__permission),
		world_test(test_acl__inherited),
		world_test(test_acl__inherited_minimal),
		world_test(test_acl__listed_first),
		world_test(test_acl__out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
