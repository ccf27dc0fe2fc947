/* SPDX-License-Identifier: MIT */
/*
 * vfs-fuse: an overlay of the host's directories, as programs find it. What is
 * checked is what the kernel's overlayfs does, or what the kernel's does not do
 * and people wish it did (directories can be renamed).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mounted.h"

static const gid_t more_groups[] = {2001, 2002};
static const struct somebody alice = {1001, 1001, more_groups, 2};
static struct mounted m;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	check(fd >= 0);
	check_eq(write(fd, text, strlen(text)), strlen(text));
	check_eq(close(fd), 0);
}

static bool has(const char *path, const char *text)
{
	int fd = open(path, O_RDONLY);
	char got[64] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof(got) - 1);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && !strcmp(got, text);
}

static bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

/* How many names a listing has, and whether each is there. */
static int count_names(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0;

	check(dir);
	while (dir && (entry = readdir(dir))) {
		struct stat st;

		check(!fstatat(dirfd(dir), entry->d_name, &st,
			       AT_SYMLINK_NOFOLLOW));
		count += *entry->d_name != '.';
	}
	if (dir)
		closedir(dir);
	return count;
}

/* A name of 255 bytes that begins with a letter. */
static const char *long_name(char letter)
{
	static char names[26][256];
	char *name = names[letter - 'a'];

	memset(name, letter, 255);
	return name;
}

/* ---- the lower layer ---- */

static void fill(void)
{
	check_eq(mkdir("tree", 0755), 0);
	check_eq(mkdir("tree/deep", 0755), 0);
	put("tree/deep/file", "deep");
	put("tree/one", "one");
	check_eq(symlink("one", "tree/symlink"), 0);
	put("file", "lower");
	put("linked", "both");
	check_eq(link("linked", "linked2"), 0);
	put("mapped", "mapped");
	put(long_name('l'), "long");
	check_eq(mkdir("group", 0770), 0);
	check_eq(chown("group", 0, 2001), 0);
	check_eq(chmod("group", 0770), 0);
	put("group/theirs", "x");
	check_eq(chown("group/theirs", 0, 2002), 0);
	check_eq(chmod("group/theirs", 0660), 0);
}

/* ---- names ---- */

static void test_long_names(void)
{
	const char *lower = long_name('l'), *fresh = long_name('f');

	check(has(lower, "long"));
	put(fresh, "fresh");
	check(has(fresh, "fresh"));
	check_eq(rename(fresh, long_name('r')), 0);
	check(!is_there(fresh));
	check(has(long_name('r'), "fresh"));
	check_eq(mkdir(fresh, 0755), 0);
	check_eq(rename(lower, long_name('m')), 0);
	check(has(long_name('m'), "long"));
	check(!is_there(lower));
	check_eq(unlink(long_name('m')), 0);
	check_eq(unlink(long_name('r')), 0);
	check_eq(rmdir(fresh), 0);
	put(lower, "again");
	check_eq(unlink(lower), 0);
	check(!is_there(lower));
}

static void test_removing(void)
{
	int before = count_names("tree");

	check_eq(unlink("tree/symlink"), 0);
	check_eq(count_names("tree"), before - 1);
	check_errno(unlink("tree/symlink"), ENOENT);
	check_errno(rmdir("tree/deep"), ENOTEMPTY);
	check_eq(mkdir("tree/symlink", 0755), 0);
	check_eq(count_names("tree/symlink"), 0);
	check_eq(count_names("tree"), before);
	check_eq(rmdir("tree/symlink"), 0);
	check_eq(symlink("one", "tree/symlink"), 0);
	check(has("tree/symlink", "one"));
}

static void test_renamed_directory(void)
{
	int dir = open("tree", O_RDONLY | O_DIRECTORY);
	struct stat before = stat_of("tree/deep"), after;

	check_eq(rename("tree", "moved"), 0);
	check(!is_there("tree"));
	check(has("moved/deep/file", "deep"));
	check(has("moved/symlink", "one"));
	check_eq(count_names("moved"), 3);
	after = stat_of("moved/deep");
	check_eq(before.st_ino, after.st_ino);
	check(!fstatat(dir, "one", &after, 0));
	/* what is made in its place has nothing of it */
	check_eq(mkdir("tree", 0755), 0);
	check_eq(count_names("tree"), 0);
	put("tree/new", "new");
	check_errno(rename("moved", "tree"), ENOTEMPTY);
	check_eq(unlink("tree/new"), 0);
	check_eq(rename("moved/deep", "tree/deep"), 0);
	check(has("tree/deep/file", "deep"));
	check(!is_there("moved/deep"));
	check_eq(rmdir("tree/deep") ? errno : 0, ENOTEMPTY);
	check_eq(rename("tree/deep", "moved/deep"), 0);
	check_eq(rename("moved", "tree"), 0);
	check(has("tree/deep/file", "deep"));
	close(dir);
}

/* ---- links ---- */

static void test_link_counts(void)
{
	struct stat st;
	int fd;

	put("a", "links");
	check_eq(link("a", "b"), 0);
	check_eq(link("a", "tree/c"), 0);
	check_eq(stat_of("b").st_nlink, 3);
	check_eq(unlink("a"), 0);
	check_eq(stat_of("b").st_nlink, 2);
	check_eq(stat_of("tree/c").st_nlink, 2);
	put("other", "");
	check_eq(rename("other", "b"), 0);
	check_eq(stat_of("tree/c").st_nlink, 1);
	fd = open("tree/c", O_RDONLY);
	check_eq(unlink("tree/c"), 0);
	check(!fstat(fd, &st));
	check_eq(st.st_nlink, 0);
	close(fd);
	/* a lower file */
	fd = open("file", O_RDONLY);
	check_eq(link("file", "file2"), 0);
	check_eq(stat_of("file").st_nlink, 2);
	check_eq(stat_of("file").st_ino, stat_of("file2").st_ino);
	check_eq(unlink("file2"), 0);
	check_eq(stat_of("file").st_nlink, 1);
	check(!fstat(fd, &st));
	check_eq(st.st_nlink, 1);
	close(fd);
	check_eq(unlink("b"), 0);
}

/* Names of one lower file are files of their own when they are written to. */
static void test_lower_links(void)
{
	int one = open("linked", O_RDONLY), two = open("linked2", O_RDONLY);
	char got[8] = "";

	check_eq(stat_of("linked").st_nlink, 2);
	check_eq(stat_of("linked").st_ino, stat_of("linked2").st_ino);
	put("linked", "changed");
	check(has("linked", "changed"));
	check(has("linked2", "both"));
	check_eq(pread(one, got, 7, 0), 7);
	check(!memcmp(got, "changed", 7));
	check_eq(pread(two, got, 7, 0), 4);
	check(!memcmp(got, "both", 4));
	check_eq(chmod("linked2", 0600), 0);
	check_eq(stat_of("linked").st_mode & 0777, 0644);
	close(one);
	close(two);
}

/* ---- copying up ---- */

static void test_copying_up(void)
{
	struct stat before = stat_of("mapped"), after;
	int fd = open("mapped", O_RDONLY), writer;
	char *map = mmap(NULL, 6, PROT_READ, MAP_SHARED, fd, 0), got[8] = "";

	check(map != MAP_FAILED && !memcmp(map, "mapped", 6));
	writer = open("mapped", O_RDWR);
	check_eq(write(writer, "MAP", 3), 3);
	/* who has it open, or mapped, sees what is written */
	check_eq(read(fd, got, 6), 6);
	check(!memcmp(got, "MAPped", 6));
	check(map != MAP_FAILED && !memcmp(map, "MAPped", 6));
	after = stat_of("mapped");
	check_eq(before.st_ino, after.st_ino);
	check_eq(before.st_dev, after.st_dev);
	check(!fstat(fd, &after));
	check_eq(before.st_ino, after.st_ino);
	munmap(map, 6);
	close(writer);
	close(fd);
	check_eq(truncate("tree/one", 2), 0);
	check(has("tree/one", "on"));
	check_eq(setxattr("tree/deep/file", "user.note", "x", 1, 0), 0);
	check(has("tree/deep/file", "deep"));
}

/* The layer's own marks are not to be seen, and not to be made. */
static void test_marks(void)
{
	char value[8];

	check_errno(getxattr("tree", "trusted.overlay.opaque", value, 8),
		    ENODATA);
	check_errno(mknod("whiteout", S_IFCHR, makedev(0, 0)), EPERM);
	check_eq(mkdir("dir", 0755), 0);
	check_eq(setxattr("dir", "trusted.overlay.opaque", "y", 1, 0), 0);
	check_eq(getxattr("dir", "trusted.overlay.opaque", value, 8), 1);
	put("dir/in", "in");
	check_eq(count_names("dir"), 1);
	check_eq(unlink("dir/in"), 0);
	check_eq(rmdir("dir"), 0);
}

/* ---- users ---- */

static void alice_in_her_group(void)
{
	umask(027);
	put("group/hers", "alice");
	check_eq(stat_of("group/hers").st_uid, 1001);
	check_eq(stat_of("group/hers").st_gid, 1001);
	check_eq(stat_of("group/hers").st_mode & 0777, 0640);
	check_eq(chown("group/hers", -1, 2002), 0);
	check_eq(stat_of("group/hers").st_gid, 2002);
	/* a copy stays whose it was */
	put("group/theirs", "changed");
	check_eq(stat_of("group/theirs").st_uid, 0);
	check_eq(stat_of("group/theirs").st_gid, 2002);
	check_eq(stat_of("group/theirs").st_mode & 07777, 0660);
	check_errno(chmod("group/theirs", 0666), EPERM);
	check_errno(open("file", O_WRONLY), EACCES);
	check_errno(rename("group", "mine"), EACCES);
}

static void test_users(void)
{
	char path[128];
	struct stat st;

	as(&alice, alice_in_her_group);
	check_eq(stat_of("group").st_gid, 2001);
	/* and so it is on the layer */
	snprintf(path, sizeof(path), "%s/u/group/hers", m.layers);
	st = stat_of(path);
	check_eq(st.st_uid, 1001);
	check_eq(st.st_gid, 2002);
}

/* Maps a file and changes it, where the mount is still to be seen when the
 * server has unmounted; until it is killed. */
static void change_elsewhere(int tell)
{
	char *at;
	int fd;

	check_eq(unshare(CLONE_NEWNS), 0);
	fd = open("mapped", O_RDWR | O_CREAT, 0644);
	check_eq(ftruncate(fd, 4096), 0);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED);
	memcpy(at, "changed", 8);
	check_eq(write(tell, "1", 1), 1);
	pause();
}

/* A signal ends the server: what was changed is there. */
static void test_end(void)
{
	char path[80], text[8] = "", byte;
	int tell[2], status = -1, fd;
	pid_t pid;

	check_eq(pipe(tell), 0);
	pid = child_start();
	if (!pid) {
		change_elsewhere(tell[1]);
		child_end();
	}
	check_eq(read(tell[0], &byte, 1), 1);
	check_eq(chdir("/"), 0);
	check_eq(kill(m.server, SIGTERM), 0);
	check_eq(waitpid(m.server, &status, 0), m.server);
	check_eq(status, 0);
	m.server = 0;
	snprintf(path, sizeof(path), "%s/u/mapped", m.layers);
	fd = open(path, O_RDONLY);
	check_eq(read(fd, text, sizeof(text)), sizeof(text));
	check(!strcmp(text, "changed"));
	close(fd);
	check_eq(kill(pid, SIGKILL), 0);
	check_eq(waitpid(pid, NULL, 0), pid);
}

int main(int argc, char **argv)
{
	umask(022);
	mounted_begin(&m, argc, argv, fill);
	test_long_names();
	test_removing();
	test_renamed_directory();
	test_link_counts();
	test_lower_links();
	test_copying_up();
	test_marks();
	test_users();
	test_end();
	return mounted_end(&m);
}
