/* SPDX-License-Identifier: MIT */
/*
 * procfs against the kernel's: the same steps on both, each with a line of
 * what came of it; the lines must be equal. The kernel's side is a tmpfs with
 * a proc in it, the root of a mount namespace of a child's own. Where that
 * cannot be had the test is skipped.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/mounting.h"

#define SKIPPED 77
#define LONGEST 65536

/* -- the two sides: results as the library has them -- */

struct seen {
	uint32_t mode, nlink, uid;
	int64_t size;
	uint64_t ino;
};

struct side {
	bool kernel;
	struct vfs_task *task, *user, *now;
	char *out; /* LONGEST bytes */
	size_t len;
	int id; /* of the first task */
};

#define BOTH(side, system, library)                                        \
	((side)->kernel ? ((system) < 0 ? (int64_t)-errno : kernel_result) \
			: (int64_t)(library))
static int64_t kernel_result;
#define SYS(...) (kernel_result = syscall(__VA_ARGS__))

static int do_open(struct side *s, int dir, const char *path, int flags)
{
	return (int)BOTH(s, SYS(SYS_openat, dir, path, flags, 0600),
			 vfs_openat(s->now, dir, path, (uint32_t)flags, 0600));
}

static int do_open2(struct side *s, int dir, const char *path, uint64_t resolve)
{
	struct vfs_open_how how = {.flags = O_RDONLY, .resolve = resolve};

	return (int)BOTH(s, SYS(SYS_openat2, dir, path, &how, sizeof(how)),
			 vfs_openat2(s->now, dir, path, &how, sizeof(how)));
}

static int64_t do_read(struct side *s, int fd, char *to, size_t size)
{
	return BOTH(s, SYS(SYS_read, fd, to, size),
		    vfs_read(s->now, fd, to, size));
}

static int do_close(struct side *s, int fd)
{
	return (int)BOTH(s, SYS(SYS_close, fd), vfs_close(s->now, fd));
}

static int64_t do_readlink(struct side *s, const char *path, char *to,
			   size_t size)
{
	return BOTH(s, SYS(SYS_readlink, path, to, size),
		    vfs_readlink(s->now, path, to, size));
}

static int do_stat(struct side *s, const char *path, bool follow,
		   struct seen *seen)
{
	int flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
	struct vfs_stat ours;
	struct stat theirs;
	int err;

	if (s->kernel) {
		err = fstatat(AT_FDCWD, path, &theirs, flags) ? -errno : 0;
		*seen = (struct seen){theirs.st_mode, (uint32_t)theirs.st_nlink,
				      theirs.st_uid, theirs.st_size,
				      theirs.st_ino};
	} else {
		err = vfs_fstatat(s->now, AT_FDCWD, path, &ours, flags);
		*seen = (struct seen){ours.mode, ours.nlink, ours.uid,
				      ours.size, ours.ino};
	}
	return err;
}

static void do_mkdir(struct side *s, const char *path)
{
	if (BOTH(s, SYS(SYS_mkdir, path, 0755), vfs_mkdir(s->now, path, 0755)))
		exit(1);
}

/* -- lines -- */

static void say(struct side *s, const char *what, int64_t result)
{
	const char *name = result < 0 ? vfs_errno_name((int)result) : "";

	s->len += (size_t)snprintf(s->out + s->len, LONGEST - s->len,
				   "%s: %lld %s\n", what,
				   result < 0 ? -1 : (long long)result, name);
}

static void say_open(struct side *s, const char *path, int flags)
{
	int fd = do_open(s, AT_FDCWD, path, flags);
	char line[256];

	snprintf(line, sizeof(line), "open %s %#x", path, (unsigned)flags);
	say(s, line, fd < 0 ? fd : 0);
	if (fd >= 0)
		do_close(s, fd);
}

static void say_open2(struct side *s, int dir, const char *path,
		      uint64_t resolve)
{
	int fd = do_open2(s, dir, path, resolve);
	char line[256];

	snprintf(line, sizeof(line), "openat2 %s %#llx", path,
		 (unsigned long long)resolve);
	say(s, line, fd < 0 ? fd : 0);
	if (fd >= 0)
		do_close(s, fd);
}

static void say_stat(struct side *s, const char *path, bool follow)
{
	struct seen seen;
	int err = do_stat(s, path, follow, &seen);

	say(s, path, err);
	if (!err)
		s->len += (size_t)snprintf(s->out + s->len, LONGEST - s->len,
					   "  mode %o size %lld uid %u\n",
					   seen.mode, (long long)seen.size,
					   seen.uid);
}

static void say_link(struct side *s, const char *path)
{
	char text[4096];
	int64_t n = do_readlink(s, path, text, sizeof(text));

	say(s, path, n);
	if (n >= 0)
		s->len += (size_t)snprintf(s->out + s->len, LONGEST - s->len,
					   "  -> %.*s\n", (int)n, text);
}

/* The path with the number of the first task in it. */
static const char *of_first(struct side *s, const char *below)
{
	static char path[256];

	snprintf(path, sizeof(path), "/proc/%d/%s", s->id, below);
	return path;
}

/* Without the number, which differs. */
static void say_first(struct side *s, const char *below, bool link)
{
	char text[4096];
	int64_t n;
	int fd;

	if (link) {
		n = do_readlink(s, of_first(s, below), text, sizeof(text));
		say(s, below, n);
	}
	fd = do_open(s, AT_FDCWD, of_first(s, below), O_RDONLY);
	say(s, below, fd < 0 ? fd : 0);
	if (fd >= 0)
		do_close(s, fd);
}

/* -- the steps -- */

static void steps_tree(struct side *s)
{
	static const char *const paths[] = {
		"/proc",
		"/proc/self",
		"/proc/mounts",
		"/proc/filesystems",
		"/proc/self/mounts",
		"/proc/self/mountinfo",
		"/proc/self/fd",
		"/proc/self/fdinfo",
		"/proc/self/cwd",
		"/proc/self/root",
		"/proc/self/fd/3",
		"/proc/self/fd/4",
		"/proc/self/fd/5",
		"/proc/self/fd/6",
		"/proc/self/fd/7",
		"/proc/self/fd/99",
		"/proc/self/fd/03",
		"/proc/self/fd/-1",
		"/proc/self/fd/x",
		"/proc/self/fdinfo/3",
		"/proc/self/fdinfo/99",
		"/proc/0",
		"/proc/01",
		"/proc/self/fd/4294967299",
		"/proc/self/fd/3/",
		"/proc/self/fd/7/",
		"/proc/self/cwd/f",
		"/proc/self/root/d/f",
		"/proc/self/fd/7/f",
		"/proc/self/fd/7/../d/f",
		"/proc/self/fd/7/none",
		"/proc/self/fd/3/f",
		"/proc/self/none",
		"/proc/none",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (strcmp(paths[i], "/proc/self/fd"))
			say_stat(s, paths[i], false);
		say_stat(s, paths[i], true);
	}
	say_link(s, "/proc/mounts");
	say_link(s, "/proc/self/cwd");
	say_link(s, "/proc/self/root");
	for (int fd = 3; fd <= 7; fd++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		say_link(s, path);
	}
	say_link(s, "/proc/self/fd/99");
	say_link(s, "/proc/self/fd");
}

static void steps_open(struct side *s)
{
	static const int flags[] = {
		O_RDONLY,
		O_RDWR,
		O_WRONLY | O_TRUNC,
		O_RDWR | O_CREAT,
		O_RDWR | O_CREAT | O_EXCL,
		O_RDONLY | O_NOFOLLOW,
		O_RDONLY | O_DIRECTORY,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
		O_PATH,
		O_PATH | O_NOFOLLOW,
	};
	static const char *const paths[] = {
		"/proc/self/fd/3",   "/proc/self/fd/7",
		"/proc/self/fd/3/",  "/proc/self/fd/7/",
		"/proc/self/fd/99",  "/proc/self/cwd",
		"/proc/self/fd/6",   "/proc/self/fd/7/f",
		"/proc/self/fd/7/.", "/proc/self/fd/7/..",
		"/proc/filesystems", "/proc/self/mountinfo",
		"/proc/self/fd",     "/proc/self/new",
		"/proc/self/fd/new", "/proc/self",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		for (size_t j = 0; j < sizeof(flags) / sizeof(*flags); j++)
			say_open(s, paths[i], flags[j]);
}

static void steps_resolve(struct side *s)
{
	static const uint64_t resolve[] = {
		0,
		RESOLVE_NO_MAGICLINKS,
		RESOLVE_NO_SYMLINKS,
		RESOLVE_NO_XDEV,
		RESOLVE_BENEATH,
		RESOLVE_IN_ROOT,
		RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	static const char *const names[] = {"cwd",    "fd/3", "fd/7/f",
					    "root",   "fd",   "fd/99",
					    "cwd/..", "fd/7", "mounts"};
	int dir = do_open(s, AT_FDCWD, "/proc/self", O_PATH | O_DIRECTORY);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		for (size_t j = 0; j < sizeof(resolve) / sizeof(*resolve); j++)
			say_open2(s, dir, names[i], resolve[j]);
	say_open2(s, AT_FDCWD, "/proc/mounts", RESOLVE_NO_MAGICLINKS);
	do_close(s, dir);
}

static int do_chmod(struct side *s, const char *path)
{
	return (int)BOTH(s, SYS(SYS_chmod, path, 0400),
			 vfs_chmod(s->now, path, 0400));
}

static void steps_names(struct side *s)
{
	say(s, "mkdir",
	    BOTH(s, SYS(SYS_mkdir, "/proc/x", 0755),
		 vfs_mkdir(s->now, "/proc/x", 0755)));
	say(s, "mkdir in fd",
	    BOTH(s, SYS(SYS_mkdir, "/proc/self/fd/x", 0755),
		 vfs_mkdir(s->now, "/proc/self/fd/x", 0755)));
	say(s, "mkdir over",
	    BOTH(s, SYS(SYS_mkdir, "/proc/self/fd/3", 0755),
		 vfs_mkdir(s->now, "/proc/self/fd/3", 0755)));
	say(s, "symlink",
	    BOTH(s, SYS(SYS_symlink, "a", "/proc/self/x"),
		 vfs_symlink(s->now, "a", "/proc/self/x")));
	say(s, "link",
	    BOTH(s, SYS(SYS_link, "/proc/filesystems", "/proc/x"),
		 vfs_link(s->now, "/proc/filesystems", "/proc/x")));
	say(s, "rename",
	    BOTH(s, SYS(SYS_rename, "/proc/filesystems", "/proc/x"),
		 vfs_rename(s->now, "/proc/filesystems", "/proc/x")));
	say(s, "rename out",
	    BOTH(s, SYS(SYS_rename, "/proc/filesystems", "/x"),
		 vfs_rename(s->now, "/proc/filesystems", "/x")));
	say(s, "unlink",
	    BOTH(s, SYS(SYS_unlink, "/proc/self/fd/3"),
		 vfs_unlink(s->now, "/proc/self/fd/3")));
	say(s, "unlink none",
	    BOTH(s, SYS(SYS_unlink, "/proc/self/fd/99"),
		 vfs_unlink(s->now, "/proc/self/fd/99")));
	say(s, "rmdir",
	    BOTH(s, SYS(SYS_rmdir, "/proc/self/fd"),
		 vfs_rmdir(s->now, "/proc/self/fd")));
	say(s, "chmod", do_chmod(s, "/proc/self/mountinfo"));
	say(s, "chmod dir", do_chmod(s, "/proc/self/fdinfo"));
	say(s, "truncate",
	    BOTH(s, SYS(SYS_truncate, "/proc/self/fd/4", 2),
		 vfs_truncate(s->now, "/proc/self/fd/4", 2)));
	say(s, "chdir",
	    BOTH(s, SYS(SYS_chdir, "/proc/self/fd/7"),
		 vfs_chdir(s->now, "/proc/self/fd/7")));
	say_link(s, "/proc/self/cwd");
	say(s, "chdir file",
	    BOTH(s, SYS(SYS_chdir, "/proc/self/fd/3"),
		 vfs_chdir(s->now, "/proc/self/fd/3")));
	say(s, "access",
	    BOTH(s, SYS(SYS_access, "/proc/self/fd/3", W_OK),
		 vfs_access(s->now, "/proc/self/fd/3", W_OK)));
	say(s, "link follow",
	    BOTH(s,
		 SYS(SYS_linkat, AT_FDCWD, "/proc/self/fd/3", AT_FDCWD,
		     "/d/again", AT_SYMLINK_FOLLOW),
		 vfs_linkat(s->now, AT_FDCWD, "/proc/self/fd/3", AT_FDCWD,
			    "/d/again", AT_SYMLINK_FOLLOW)));
	say(s, "link nofollow",
	    BOTH(s, SYS(SYS_link, "/proc/self/fd/3", "/d/third"),
		 vfs_link(s->now, "/proc/self/fd/3", "/d/third")));
	say_stat(s, "/d/again", false);
}

/* Names that go. */
static void steps_removed(struct side *s)
{
	char text[64];
	int fd;

	say(s, "rename",
	    BOTH(s, SYS(SYS_rename, "/d/f", "/d/g"),
		 vfs_rename(s->now, "/d/f", "/d/g")));
	say_link(s, "/proc/self/fd/3");
	say(s, "unlink",
	    BOTH(s, SYS(SYS_unlink, "/d/g"), vfs_unlink(s->now, "/d/g")));
	say_link(s, "/proc/self/fd/3");
	say_stat(s, "/proc/self/fd/3", true);
	fd = do_open(s, AT_FDCWD, "/proc/self/fd/3", O_RDWR);
	say(s, "reopen", fd < 0 ? fd : 0);
	say(s, "read", do_read(s, fd, text, sizeof(text)));
	do_close(s, fd);
	do_close(s, 3);
	say_link(s, "/proc/self/fd/3");
	say_open(s, "/proc/self/fdinfo/3", O_RDONLY);
}

/* As another user, at what the first task has. */
static void steps_user(struct side *s)
{
	say_first(s, "fd", false);
	say_first(s, "fd/3", true);
	say_first(s, "fd/99", true);
	say_first(s, "cwd", true);
	say_first(s, "root", true);
	say_first(s, "fdinfo", false);
	say_first(s, "fdinfo/3", false);
	say_first(s, "mounts", false);
	say_first(s, "mountinfo", false);
	say_first(s, "", false);
	say_open(s, "/proc/self/fd", O_RDONLY);
	say_open(s, "/proc/self/fdinfo", O_RDONLY);
	say_open(s, "/proc/self/cwd", O_RDONLY);
	say_stat(s, "/proc/self/", true);
	say_stat(s, "/proc/self/fdinfo", true);
}

static void steps_info(struct side *s)
{
	char text[512], wanted[512];
	struct seen seen;
	int fd = do_open(s, AT_FDCWD, "/proc/self/fdinfo/5", O_RDONLY);
	int64_t n = do_read(s, fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	do_close(s, fd);
	/* the mount and the inode have other numbers here and there */
	if (strstr(text, "mnt_id:"))
		s->len += (size_t)snprintf(
			s->out + s->len, LONGEST - s->len, "%.*s\n",
			(int)(strstr(text, "mnt_id:") - text), text);
	do_stat(s, "/proc/self/fd/5", true, &seen);
	snprintf(wanted, sizeof(wanted), "\nino:\t%llu\n",
		 (unsigned long long)seen.ino);
	say(s, "ino", strstr(text, wanted) != NULL);
}

/* Descriptors 3 to 7: read only, write only, both, a place, a directory. */
static void steps_first(struct side *s)
{
	do_mkdir(s, "/d");
	if (do_open(s, AT_FDCWD, "/d/f", O_CREAT | O_WRONLY) != 3)
		exit(1);
	do_close(s, 3);
	do_open(s, AT_FDCWD, "/d/f", O_RDONLY);
	do_open(s, AT_FDCWD, "/d/f", O_WRONLY);
	do_open(s, AT_FDCWD, "/d/f", O_RDWR | O_APPEND | O_CLOEXEC);
	do_open(s, AT_FDCWD, "/d/f", O_PATH);
	do_open(s, AT_FDCWD, "/d", O_RDONLY);
	say(s, "chdir", BOTH(s, SYS(SYS_chdir, "/d"), vfs_chdir(s->now, "/d")));
	steps_tree(s);
	steps_info(s);
	steps_open(s);
	steps_resolve(s);
	steps_names(s);
}

/* -- running them -- */

static void run_library(struct side *s)
{
	struct world w;

	check_ok(world_open(&w, NULL));
	s->task = s->now = w.task;
	s->user = w.user;
	s->id = vfs_task_id(w.task);
	check_ok(vfs_mkdir(w.task, "/proc", 0555));
	mount_type_at(w.task, "proc", "/proc");
	for (int fd = 0; fd < 3; fd++)
		check_eq(vfs_open(w.task, "/", O_RDONLY, 0), fd);
	steps_first(s);
	s->now = s->user;
	steps_user(s);
	s->now = s->task;
	steps_removed(s);
	check_ok(vfs_chdir(w.task, "/"));
	check_ok(vfs_close_range(w.task, 0, UINT32_MAX, 0));
	unmount_it(w.task, "/proc");
	assert_true(world_close(&w));
}

static bool enter_namespace(void)
{
	return !unshare(CLONE_NEWNS) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("oracle", "/tmp", "tmpfs", 0, "mode=1777") &&
	       !chdir("/tmp") && !mkdir("proc", 0555) &&
	       !mount("proc", "proc", "proc", 0, NULL) &&
	       !syscall(SYS_pivot_root, ".", ".") && !umount2(".", MNT_DETACH);
}

static void run_user(struct side *s)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) ||
		    setresuid(1000, 1000, 1000))
			_exit(1);
		/* a change of ids makes a process's own files root's */
		prctl(PR_SET_DUMPABLE, 1);
		steps_user(s);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		_exit(1);
}

static void run_kernel(struct side *s)
{
	if (!enter_namespace())
		_exit(SKIPPED);
	close_range(3, UINT32_MAX, 0);
	s->kernel = true;
	s->id = (int)getpid();
	umask(0);
	steps_first(s);
	run_user(s);
	steps_removed(s);
	_exit(0);
}

/* Memory that the children share. */
static struct side *make_side(void)
{
	struct side *s =
		mmap(NULL, sizeof(*s) + LONGEST, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		exit(1);
	s->out = (char *)(s + 1);
	return s;
}

/* 0, or the number of lines that differ, which are printed. */
static int compare(char *ours, char *theirs)
{
	int line = 0, different = 0;

	while (*ours || *theirs) {
		size_t a = strcspn(ours, "\n"), b = strcspn(theirs, "\n");

		line++;
		if (a != b || memcmp(ours, theirs, a)) {
			printf("line %d: libvfs %.*s\n         kernel %.*s\n",
			       line, (int)a, ours, (int)b, theirs);
			different++;
		}
		ours += a + (ours[a] == '\n');
		theirs += b + (theirs[b] == '\n');
	}
	printf("%d lines, %d differ\n", line, different);
	return different;
}

int main(void)
{
	struct side *ours = make_side(), *theirs = make_side();
	pid_t pid = fork();
	int status;

	if (!pid)
		run_kernel(theirs);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	if (WEXITSTATUS(status)) {
		printf("no mount namespace, or no proc in it\n");
		return WEXITSTATUS(status);
	}
	run_library(ours);
	return compare(ours->out, theirs->out) ? 1 : 0;
}
