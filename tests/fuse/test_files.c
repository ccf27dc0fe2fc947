/* SPDX-License-Identifier: MIT */
/*
 * vfs-fuse: files in a mount, as programs of several users find them. What is
 * checked is what a tmpfs of the kernel's does.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "mounted.h"

static const gid_t more_groups[] = {2001, 2002};
static const struct somebody alice = {1001, 1001, more_groups, 2};
static const struct somebody bob = {1002, 1002, NULL, 0};

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	check(fd >= 0);
	check_eq(write(fd, text, strlen(text)), strlen(text));
	check_eq(close(fd), 0);
}

/* ---- users ---- */

static void alice_makes(void)
{
	umask(027);
	put("shared/a", "alice", 0666);
	check_eq(stat_of("shared/a").st_uid, 1001);
	check_eq(stat_of("shared/a").st_gid, 1001);
	check_eq(stat_of("shared/a").st_mode, S_IFREG | 0640);
	check_eq(mkdir("shared/ad", 0777), 0);
	check_eq(stat_of("shared/ad").st_mode, S_IFDIR | 0750);
	/* a supplementary group is hers to give, and to enter by */
	check_eq(chown("shared/a", -1, 2002), 0);
	check_errno(chown("shared/a", -1, 2003), EPERM);
	check(open("group/in", O_CREAT | O_WRONLY, 0600) >= 0);
	check_eq(stat_of("group/in").st_gid, 2001);
	check_errno(chown("shared/a", 1002, -1), EPERM);
}

static void bob_is_kept_out(void)
{
	struct stat st;

	check_errno(open("shared/a", O_RDONLY), EACCES);
	check_errno(access("shared/a", R_OK), EACCES);
	check_errno(open("group/in2", O_CREAT | O_WRONLY, 0600), EACCES);
	check_errno(unlink("shared/a"), EPERM); /* sticky */
	check_errno(rename("shared/a", "shared/b"), EPERM);
	check_errno(chmod("shared/a", 0666), EPERM);
	/* names that the kernel knows from others' walks, too */
	check_errno(stat("closed/inside", &st), EACCES);
	check_errno(open("closed/inside", O_RDONLY), EACCES);
	check_errno(mkdir("closed/d", 0700), EACCES);
	check_errno(mknod("shared/null", S_IFCHR | 0666, makedev(1, 3)), EPERM);
}

static void bob_executes(void)
{
	/* no permission to read is needed */
	execl("shared/true", "true", NULL);
	_exit(1);
}

static void test_users(void)
{
	check_eq(mkdir("shared", 0777), 0);
	check_eq(chmod("shared", 01777), 0);
	check_eq(mkdir("group", 0770), 0);
	check_eq(chown("group", 0, 2001), 0);
	check_eq(chmod("group", 02770), 0);
	check_eq(mkdir("closed", 0700), 0);
	put("closed/inside", "x", 0644);
	check_eq(stat_of("closed/inside").st_size, 1);
	as(&alice, alice_makes);
	as(&bob, bob_is_kept_out);
	check_eq(system("cp /bin/true shared/true && chmod 0111 shared/true"),
		 0);
	as(&bob, bob_executes);
	check_eq(mknod("shared/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	check_eq(stat_of("shared/null").st_rdev, makedev(1, 3));
	check_eq(mkfifo("shared/fifo", 0600), 0);
	check_eq(stat_of("shared/fifo").st_mode, S_IFIFO | 0600);
}

static void change_groups(void)
{
	gid_t one = 2001;

	/* the same thread, and then again without the group */
	check_eq(setgroups(1, &one), 0);
	check_eq(setresuid(-1, 1003, -1), 0);
	check(open("group/by-group", O_CREAT | O_WRONLY, 0600) >= 0);
	check_eq(setresuid(-1, 0, -1), 0);
	check_eq(setgroups(0, NULL), 0);
	check_eq(setresuid(-1, 1003, -1), 0);
	check_errno(open("group/no-more", O_CREAT | O_WRONLY, 0600), EACCES);
	check_eq(setresuid(-1, 0, -1), 0);
	check_eq(setgroups(1, &one), 0);
	check_eq(setresuid(-1, 1003, -1), 0);
	check(open("group/again", O_CREAT | O_WRONLY, 0600) >= 0);
}

static void bob_writes(void)
{
	int fd = open("setid", O_RDWR);

	check_eq(stat_of("setid").st_mode & 07777, 06777);
	check_eq(write(fd, "y", 1), 1);
	check_eq(stat_of("setid").st_mode & 07777, 0777);
	close(fd);
}

static void bob_writes_to_a_program(void)
{
	int fd = open("capable", O_WRONLY);

	check_eq(write(fd, "y", 1), 1);
	check_errno(getxattr("capable", "security.capability", NULL, 0),
		    ENODATA);
	close(fd);
}

static void test_set_ids(void)
{
	const struct somebody root = {0, 1003, NULL, 0};

	as(&root, change_groups);
	put("setid", "x", 0600);
	check_eq(chmod("setid", 06777), 0);
	as(&bob, bob_writes);
	put("capable", "x", 0600);
	check_eq(chmod("capable", 0666), 0);
	check_eq(setxattr("capable", "security.capability",
			  "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0),
		 0);
	as(&bob, bob_writes_to_a_program);
	check_eq(chmod("setid", 06777), 0);
	put("setid", "by root", 0);
	check_eq(stat_of("setid").st_mode & 07777, 06777);
	check_eq(chown("setid", 1001, 1001), 0);
	check_eq(stat_of("setid").st_mode & 07777, 0777);
}

/* In a namespace whose ids 0 to 65535 are 100000 to 165535 here. */
static void inside_namespace(void)
{
	check_eq(setgroups(0, NULL), 0);
	check_eq(setresgid(0, 0, 0), 0);
	check_eq(setresuid(0, 0, 0), 0);
	put("mapped-ids/own", "x", 0644);
	check_eq(stat_of("mapped-ids/own").st_uid, 0);
	check_eq(chown("mapped-ids/own", 5, 6), 0);
	check_eq(stat_of("mapped-ids/own").st_uid, 5);
	/* its capabilities are for files of its ids */
	check(open("mapped-ids/other", O_RDWR) >= 0);
	check_errno(open("root-file", O_RDONLY), EACCES);
	check_errno(chown("root-file", 0, 0), EPERM);
	check_errno(setxattr("mapped-ids/own", "trusted.x", "x", 1, 0), EPERM);
}

static void write_map(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY);
	check_eq(write(fd, "0 100000 65536", 14), 14);
	close(fd);
}

static void test_namespaces(void)
{
	int ready[2], go[2];
	pid_t pid;
	char byte;

	put("root-file", "x", 0600);
	check_eq(mkdir("mapped-ids", 0755), 0);
	check_eq(chown("mapped-ids", 100000, 100000), 0);
	put("mapped-ids/other", "x", 0600);
	check_eq(chown("mapped-ids/other", 100007, 100007), 0);
	check(!pipe(ready) && !pipe(go));
	pid = child_start();
	if (!pid) {
		bool alone = !unshare(CLONE_NEWUSER);

		check_eq(write(ready[1], alone ? "y" : "n", 1), 1);
		if (alone && read(go[0], &byte, 1) == 1)
			inside_namespace();
		child_end();
	}
	check_eq(read(ready[0], &byte, 1), 1);
	if (byte == 'y') {
		write_map(pid, "uid_map");
		write_map(pid, "gid_map");
		check_eq(write(go[1], "g", 1), 1);
	} else {
		puts("SKIPPED in part: no user namespaces here");
	}
	as_join(pid);
	if (byte == 'y')
		check_eq(stat_of("mapped-ids/own").st_uid, 100005);
}

/* ---- names ---- */

static void test_links(void)
{
	struct stat st;
	int fd;

	put("one", "1", 0644);
	check_eq(link("one", "two"), 0);
	check_eq(link("two", "three"), 0);
	check_eq(stat_of("one").st_nlink, 3);
	check_eq(stat_of("one").st_ino, stat_of("three").st_ino);
	fd = open("one", O_RDONLY);
	check_eq(unlink("two"), 0);
	check_eq(stat_of("one").st_nlink, 2);
	check_eq(stat_of("three").st_nlink, 2);
	put("other", "2", 0644);
	check_eq(rename("other", "three"), 0);
	check_eq(stat_of("one").st_nlink, 1);
	check_eq(unlink("one"), 0);
	check_eq(fstat(fd, &st), 0);
	check_eq(st.st_nlink, 0);
	close(fd);
	check_errno(open("one", O_RDONLY), ENOENT);
}

static void test_names(void)
{
	char name[257];
	char path[512];

	memset(name, 'n', 256);
	name[256] = '\0';
	check_errno(open(name, O_CREAT | O_WRONLY, 0600), ENAMETOOLONG);
	name[255] = '\0';
	put(name, "long", 0600);
	check_eq(stat_of(name).st_size, 4);
	snprintf(path, sizeof(path), "shared/%s", name);
	check_eq(rename(name, path), 0);
	check_eq(symlink(name, "shared/link"), 0);
	check_eq(readlink("shared/link", path, sizeof(path)), 255);
	check_eq(unlink("shared/link"), 0);
}

static void test_directories(void)
{
	struct stat st;
	int fd;

	check_eq(mkdir("from", 0755), 0);
	check_eq(mkdir("to", 0755), 0);
	check_eq(mkdir("from/dir", 0755), 0);
	put("from/dir/file", "x", 0644);
	check_eq(stat_of("from").st_nlink, 3);
	fd = open("from/dir", O_RDONLY | O_DIRECTORY);
	check_eq(rename("from/dir", "to/dir"), 0);
	check_eq(stat_of("from").st_nlink, 2);
	check_eq(stat_of("to").st_nlink, 3);
	check_eq(stat_of("to/dir/file").st_size, 1);
	check_eq(fstatat(fd, "../dir/file", &st, 0), 0);
	check_errno(rename("to", "to/dir/below"), EINVAL);
	check_errno(rmdir("to/dir"), ENOTEMPTY);
	check_eq(unlink("to/dir/file"), 0);
	check_eq(rmdir("to/dir"), 0);
	check_eq(fstat(fd, &st), 0);
	check_eq(st.st_nlink, 0);
	check_errno(openat(fd, "new", O_CREAT | O_WRONLY, 0600), ENOENT);
	close(fd);
	put("to/a", "a", 0600);
	put("from/b", "bb", 0600);
	check_eq(renameat2(AT_FDCWD, "to/a", AT_FDCWD, "from/b",
			   RENAME_EXCHANGE),
		 0);
	check_eq(stat_of("to/a").st_size, 2);
	check_errno(renameat2(AT_FDCWD, "to/a", AT_FDCWD, "from/b",
			      RENAME_NOREPLACE),
		    EEXIST);
}

/* Everything is found once, while every other name goes. */
static void test_listing(void)
{
	enum {
		COUNT = 3000
	};
	static unsigned char seen[COUNT];
	struct dirent *entry;
	char name[64];
	int i, twice = 0, missed = 0;
	DIR *dir;

	check_eq(mkdir("many", 0755), 0);
	for (i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		check_eq(mknod(name, S_IFREG | 0600, 0), 0);
	}
	dir = opendir("many");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		i = atoi(entry->d_name);
		twice += seen[i]++;
		snprintf(name, sizeof(name), "many/%d", i);
		if (i % 2)
			check_eq(unlink(name), 0);
		else
			check_eq(stat_of(name).st_ino, entry->d_ino);
	}
	closedir(dir);
	for (i = 0; i < COUNT; i++)
		missed += !seen[i];
	check_eq(twice, 0);
	check_eq(missed, 0);
}

static void test_nameless(void)
{
	char path[64];
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);
	struct stat st;

	check(fd >= 0);
	check_eq(write(fd, "hidden", 6), 6);
	check_eq(fstat(fd, &st), 0);
	check_eq(st.st_nlink, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check_eq(linkat(AT_FDCWD, path, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW),
		 0);
	close(fd);
	check_eq(stat_of("shown").st_size, 6);
	check_eq(stat_of("shown").st_nlink, 1);
	fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check_errno(
		linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW),
		ENOENT);
	close(fd);
}

/* ---- attributes ---- */

static void alice_and_attributes(void)
{
	char value[16];

	check_errno(setxattr("plain", "user.b", "x", 1, 0), EACCES);
	check_errno(getxattr("plain", "trusted.t", value, 16), ENODATA);
	check_errno(setxattr("plain", "trusted.u", "x", 1, 0), EPERM);
	check_eq(listxattr("plain", NULL, 0), sizeof("user.a"));
}

static void test_xattrs(void)
{
	char value[16];

	put("plain", "", 0644);
	check_eq(setxattr("plain", "user.a", "value", 5, XATTR_CREATE), 0);
	check_errno(setxattr("plain", "user.a", "v", 1, XATTR_CREATE), EEXIST);
	check_eq(setxattr("plain", "trusted.t", "t", 1, 0), 0);
	check_eq(getxattr("plain", "user.a", value, sizeof(value)), 5);
	check_errno(getxattr("plain", "user.a", value, 2), ERANGE);
	check_eq(listxattr("plain", NULL, 0),
		 sizeof("user.a") + sizeof("trusted.t"));
	as(&alice, alice_and_attributes);
	check_eq(removexattr("plain", "user.a"), 0);
	check_errno(removexattr("plain", "user.a"), ENODATA);
}

struct acl {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[5];
};

/* The owner all, user `uid` perm, group and others nothing. */
static struct acl acl_for(uint32_t uid, uint16_t perm)
{
	return (struct acl){2,
			    {{0x01, 7, UINT32_MAX},
			     {0x02, perm, uid},
			     {0x04, 0, UINT32_MAX},
			     {0x10, 7, UINT32_MAX},
			     {0x20, 0, UINT32_MAX}}};
}

static void alice_by_acl(void)
{
	check(open("acl/file", O_RDWR) >= 0);
	check_errno(open("acl/made", O_RDONLY), EACCES);
	put("acl/hers", "x", 0666);
}

static void bob_by_acl(void)
{
	struct stat st;

	check_errno(open("acl/file", O_RDONLY), EACCES);
	check_errno(stat("acl/file", &st), EACCES);
}

static void test_acls(void)
{
	struct acl acl = acl_for(1001, 7), got;

	check_eq(mkdir("acl", 0700), 0);
	check_eq(setxattr("acl", "system.posix_acl_access", &acl, sizeof(acl),
			  0),
		 0);
	check_eq(stat_of("acl").st_mode & 0777, 0770);
	put("acl/file", "x", 0600);
	acl = acl_for(1001, 6);
	check_eq(setxattr("acl/file", "system.posix_acl_access", &acl,
			  sizeof(acl), 0),
		 0);
	put("acl/made", "x", 0600);
	as(&alice, alice_by_acl);
	as(&bob, bob_by_acl);
	/* what is made inherits, and the umask does not matter then */
	acl = acl_for(1002, 4);
	check_eq(setxattr("acl", "system.posix_acl_default", &acl, sizeof(acl),
			  0),
		 0);
	umask(077);
	put("acl/heir", "x", 0666);
	umask(022);
	check_eq(getxattr("acl/heir", "system.posix_acl_access", &got,
			  sizeof(got)),
		 sizeof(got));
	check_eq(got.entries[1].id, 1002);
	check_eq(stat_of("acl/heir").st_mode & 0777, 0660);
	/* the mask follows chmod */
	check_eq(chmod("acl/heir", 0600), 0);
	check_eq(getxattr("acl/heir", "system.posix_acl_access", &got,
			  sizeof(got)),
		 sizeof(got));
	check_eq(got.entries[3].perm, 0);
	check_eq(removexattr("acl", "system.posix_acl_default"), 0);
}

static void test_times(void)
{
	const struct timespec times[2] = {{12, 345678901}, {98, 7}};
	struct stat st;
	struct statx sx;
	char byte;
	int fd;

	put("times", "x", 0644);
	check_eq(utimensat(AT_FDCWD, "times", times, 0), 0);
	st = stat_of("times");
	check_eq(st.st_atim.tv_nsec, 345678901);
	check_eq(st.st_mtim.tv_sec, 98);
	/* reading leaves a trace, for it is older than the change */
	fd = open("times", O_RDWR);
	check_eq(read(fd, &byte, 1), 1);
	check(stat_of("times").st_atim.tv_sec > 98);
	check_eq(pwrite(fd, "y", 1, 0), 1);
	check(stat_of("times").st_mtim.tv_sec > 98);
	close(fd);
	check_eq(statx(AT_FDCWD, "times", 0, STATX_BTIME, &sx), 0);
	check(sx.stx_mask & STATX_BTIME);
	check(sx.stx_btime.tv_sec > 98);
	check_eq(sx.stx_ino, st.st_ino);
}

/* What a handle of a file that has gone leads to is not another file. */
static void test_handles(void)
{
	struct file_handle *handle = malloc(sizeof(*handle) + MAX_HANDLE_SZ);
	int mount_fd = open(".", O_RDONLY | O_DIRECTORY), mount_id, fd, i;
	bool well = true;

	for (i = 0; i < 400 && well; i++) {
		handle->handle_bytes = MAX_HANDLE_SZ;
		put("old", "", 0644);
		check_eq(name_to_handle_at(AT_FDCWD, "old", handle, &mount_id,
					   0),
			 0);
		check_eq(unlink("old"), 0);
		/* the kernel tells of the end behind that */
		usleep(500);
		put("new", "", 0644);
		fd = open_by_handle_at(mount_fd, handle, O_RDONLY);
		well = fd < 0;
		if (fd >= 0)
			close(fd);
		check_eq(unlink("new"), 0);
	}
	check(well);
	free(handle);
	close(mount_fd);
}

/* ---- data ---- */

static void test_sparse(void)
{
	int fd = open("sparse", O_RDWR | O_CREAT, 0644);
	int to = open("copy", O_RDWR | O_CREAT, 0644);
	off_t in = 1 << 20, out = 4096;
	char text[8] = "";
	struct stat st;

	check_eq(pwrite(fd, "data", 4, 1 << 20), 4);
	check_eq(fstat(fd, &st), 0);
	check_eq(st.st_size, (1 << 20) + 4);
	check_eq(st.st_blocks, 8);
	check_eq(lseek(fd, 0, SEEK_DATA), 1 << 20);
	check_eq(lseek(fd, 1 << 20, SEEK_HOLE), (1 << 20) + 4);
	check_errno(lseek(fd, 2 << 20, SEEK_DATA), ENXIO);
	check_eq(fallocate(fd, 0, 0, 65536), 0);
	check_eq(stat_of("sparse").st_blocks, 8 + 128);
	check_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			   65536),
		 0);
	check_eq(stat_of("sparse").st_blocks, 8);
	check_eq(copy_file_range(fd, &in, to, &out, 4, 0), 4);
	check_eq(pread(to, text, 4, 4096), 4);
	check(!strcmp(text, "data"));
	check_eq(ftruncate(fd, 0), 0);
	check_eq(stat_of("sparse").st_blocks, 0);
	close(fd);
	close(to);
}

static void test_append(void)
{
	int one = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
	int two = open("log", O_WRONLY | O_APPEND);

	check_eq(write(one, "one", 3), 3);
	check_eq(write(two, "two", 3), 3);
	check_eq(pwrite(one, "end", 3, 0), 3);
	check_eq(fcntl(one, F_SETFL, 0), 0);
	check_eq(pwrite(one, "ONE", 3, 0), 3);
	check_eq(stat_of("log").st_size, 9);
	close(one);
	close(two);
	check_eq(system("test \"$(cat log)\" = ONEtwoend"), 0);
}

#define GROWING_MSEC 1500

/* What is at a place of the file that grows. */
static unsigned char growing_at(off_t at)
{
	return (unsigned char)(1 + (at * 7 + (at >> 8)) % 250);
}

static bool grew_well(const unsigned char *data, off_t at, ssize_t n)
{
	ssize_t i = 0;

	while (i < n && data[i] == growing_at(at + i))
		i++;
	return i >= n;
}

/* A child that reads the end again and again, as it grows. */
static pid_t start_reader(const volatile bool *stop)
{
	static unsigned char data[16384];
	bool well = true;
	struct stat st;
	pid_t pid = child_start();
	int fd;

	if (pid)
		return pid;
	fd = open("growing", O_RDONLY);
	while (well && !*stop && !fstat(fd, &st)) {
		off_t at = st.st_size > 6000 ? st.st_size - 6000 : 0;

		well = grew_well(data, at, pread(fd, data, sizeof(data), at));
	}
	check(well);
	child_end();
	return -1;
}

static void grow(int fd, const struct timespec *end)
{
	static unsigned char data[1000];
	struct timespec now;
	off_t at = 0;

	do {
		size_t length = 50 + (size_t)(at * 31 % 900), i;

		for (i = 0; i < length; i++)
			data[i] = growing_at(at + (off_t)i);
		if (write(fd, data, length) != (ssize_t)length)
			break;
		at += (off_t)length;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (at < 16 << 20 &&
		 (now.tv_sec < end->tv_sec ||
		  (now.tv_sec == end->tv_sec && now.tv_nsec < end->tv_nsec)));
	check(at > 0);
}

/* Who reads what somebody is just writing, and only that, sees no other bytes:
 * readers that are there before, and such as come later. */
static void test_growing(bool reader_first)
{
	bool *stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static unsigned char data[65536];
	struct timespec end;
	pid_t readers[2];
	off_t at = 0;
	ssize_t n;
	int fd, i;

	put("growing", "", 0644);
	fd = reader_first ? -1 : open("growing", O_WRONLY | O_APPEND);
	for (i = 0; i < 2; i++)
		readers[i] = start_reader(stop);
	if (reader_first) {
		usleep(50000);
		fd = open("growing", O_WRONLY | O_APPEND);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += GROWING_MSEC * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	grow(fd, &end);
	*stop = true;
	for (i = 0; i < 2; i++)
		as_join(readers[i]);
	close(fd);
	fd = open("growing", O_RDONLY);
	while ((n = pread(fd, data, sizeof(data), at)) > 0) {
		check(grew_well(data, at, n));
		at += n;
	}
	close(fd);
	check_eq(unlink("growing"), 0);
	munmap(stop, 4096);
}

static void test_mmap(void)
{
	int fd = open("mapped", O_RDWR | O_CREAT, 0644);
	char text[8] = "";
	char *at;

	check_eq(ftruncate(fd, 8192), 0);
	at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED);
	if (at == MAP_FAILED)
		return;
	check_eq(pwrite(fd, "write", 5, 4096), 5);
	check(!memcmp(at + 4096, "write", 5));
	memcpy(at, "mapped", 6);
	check_eq(msync(at, 8192, MS_SYNC), 0);
	check_eq(pread(fd, text, 6, 0), 6);
	check(!strcmp(text, "mapped"));
	check_eq(munmap(at, 8192), 0);
	close(fd);
}

static void test_poll(void)
{
	int fd = open("plain", O_RDWR);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLOUT};

	check_eq(poll(&poll_fd, 1, 0), 1);
	check_eq(poll_fd.revents, POLLIN | POLLOUT);
	close(fd);
}

/* Of pages of a mapping, all of which do not fit, whoever syncs is told. */
static void test_full_mapping(void)
{
	const size_t size = 16 * 4096;
	int fd = open("over", O_RDWR | O_CREAT, 0600);
	char *at;

	check_eq(ftruncate(fd, size), 0);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED);
	if (at == MAP_FAILED)
		return;
	memset(at, 'x', size);
	check_errno(msync(at, size, MS_SYNC), ENOSPC);
	munmap(at, size);
	close(fd);
	check_eq(unlink("over"), 0);
}

static void test_full(void)
{
	static char block[1 << 20];
	int fd = open("full", O_WRONLY | O_CREAT, 0600);
	ssize_t n;

	while ((n = write(fd, block, sizeof(block))) > 0)
		;
	check_eq(n, -1);
	check_eq(errno, ENOSPC);
	check_eq(ftruncate(fd, stat_of("full").st_size - 4 * 4096), 0);
	test_full_mapping();
	check_eq(unlink("full"), 0);
	close(fd);
	check_eq(mkdir("room", 0755), 0);
}

int main(int argc, char **argv)
{
	struct mounted m;

	mounted_begin(&m, argc, argv, NULL);
	umask(022);
	test_users();
	test_set_ids();
	test_namespaces();
	test_links();
	test_names();
	test_directories();
	test_listing();
	test_nameless();
	test_xattrs();
	test_acls();
	test_times();
	test_handles();
	test_append();
	test_growing(true);
	test_growing(false);
	test_mmap();
	test_poll();
	/* what is kept is elsewhere later: test_writeback.c */
	if (!strstr(argv[3], "writeback")) {
		test_sparse();
		test_full();
	}
	return mounted_end(&m);
}
