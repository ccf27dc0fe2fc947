/* SPDX-License-Identifier: MIT */
/* The other processes of the outside-change test. Contract: changes.h. */
#include "hostfs/changes.h"

#include <grp.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

/* user::rwx user:1000:rwx group::--- mask::rwx other::--- */
static const unsigned char acl[] = {
	2,    0,    0,	  0, /* version */
	1,    0,    7,	  0,	0xff, 0xff, 0xff, 0xff, 2,    0,
	7,    0,    0xe8, 0x03, 0,    0,    4,	  0,	0,    0,
	0xff, 0xff, 0xff, 0xff, 16,   0,    7,	  0,	0xff, 0xff,
	0xff, 0xff, 32,	  0,	0,    0,    0xff, 0xff, 0xff, 0xff,
};

const char *const act_names[ACTS] = {
	"ask",	    "create",	"mkdir",      "mkfifo", "symlink",
	"remove",   "rename",	"exchange",   "link",	"chmod",
	"chown",    "setfacl",	"setfacl -b", "write",	"truncate",
	"setfattr", "retarget", "replace",    "retype"};

static void remove_all(int dirfd, const char *path)
{
	static const char *const names[] = {"a", "b", "c"};
	int fd;

	if (!unlinkat(dirfd, path, 0) || !unlinkat(dirfd, path, AT_REMOVEDIR))
		return;
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return;
	for (unsigned i = 0; i < NAMES; i++)
		remove_all(fd, names[i]);
	close(fd);
	unlinkat(dirfd, path, AT_REMOVEDIR);
}

static void write_text(int dirfd, const char *path, unsigned n, int flags)
{
	int fd = openat(dirfd, path, O_WRONLY | O_NONBLOCK | flags, 0644);

	if (fd < 0)
		return;
	dprintf(fd, "text %u", n);
	close(fd);
}

static void set_acl(int dirfd, const char *path, bool remove)
{
	char whole[64];

	snprintf(whole, sizeof(whole), "/proc/self/fd/%d/%s", dirfd, path);
	if (remove)
		removexattr(whole, "system.posix_acl_access");
	else
		setxattr(whole, "system.posix_acl_access", acl, sizeof(acl), 0);
}

static void set_attribute(int dirfd, const char *path, unsigned n)
{
	char whole[64];

	snprintf(whole, sizeof(whole), "/proc/self/fd/%d/%s", dirfd, path);
	if (n % 4)
		lsetxattr(whole, "user.x", &n, sizeof(n), 0);
	else
		lremovexattr(whole, "user.x");
}

static void truncate_it(int dirfd, const char *path, unsigned n)
{
	int fd = openat(dirfd, path, O_WRONLY | O_NONBLOCK);

	if (fd < 0)
		return;
	if (ftruncate(fd, n % 20))
		abort();
	close(fd);
}

static void retype(int dirfd, const char *path, unsigned n)
{
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW))
		return;
	remove_all(dirfd, path);
	if (S_ISDIR(st.st_mode))
		write_text(dirfd, path, n, O_CREAT);
	else
		mkdirat(dirfd, path, 0755);
}

/* A symlink that leads nowhere above the directory. */
static void make_symlink(int dirfd, const char *path, const struct step *s)
{
	static const char *const targets[] = {"a", "b/c", "../a", "../b/c",
					      "c", ".",	  "none", "../../c"};
	const char *target = targets[s->number % 8];

	if (s->from < NAMES && *target == '.')
		target = "b";
	else if (s->from < NAMES + NAMES * NAMES && target == targets[7])
		target = targets[2];
	if (symlinkat(target, dirfd, path))
		return;
}

static void act_on_attributes(int dirfd, const char *path, const struct step *s)
{
	static const unsigned modes[] = {0755, 0700, 0644, 0000,
					 0711, 0070, 0007, 04755};

	switch (s->act) {
	case CHMOD:
		fchmodat(dirfd, path, modes[s->number % 8], 0);
		break;
	case CHOWN:
		if (fchownat(dirfd, path, s->number % 3 ? 1000 : 0,
			     s->number % 2 ? 1000 : 0, AT_SYMLINK_NOFOLLOW))
			break;
		break;
	case SET_ACL:
	case REMOVE_ACL:
		set_acl(dirfd, path, s->act == REMOVE_ACL);
		break;
	case WRITE:
		write_text(dirfd, path, s->number, O_TRUNC);
		break;
	case TRUNCATE:
		truncate_it(dirfd, path, s->number);
		break;
	case SET_ATTRIBUTE:
		set_attribute(dirfd, path, s->number);
		break;
	default:
		break;
	}
}

static void replace(int dirfd, const char *path, unsigned n)
{
	write_text(dirfd, "new", n, O_CREAT);
	if (renameat(dirfd, "new", dirfd, path))
		unlinkat(dirfd, "new", 0);
}

static void act(int dirfd, const struct step *s)
{
	char from[PATH_SIZE], to[PATH_SIZE];

	path_of(s->from, from);
	path_of(s->to, to);
	switch (s->act) {
	case CREATE:
		write_text(dirfd, from, s->number, O_CREAT);
		break;
	case DIRECTORY:
		mkdirat(dirfd, from, 0755);
		break;
	case FIFO:
		mkfifoat(dirfd, from, 0644);
		break;
	case RETARGET:
		unlinkat(dirfd, from, 0);
		make_symlink(dirfd, from, s);
		break;
	case SYMLINK:
		make_symlink(dirfd, from, s);
		break;
	case REMOVE:
		remove_all(dirfd, from);
		break;
	case RENAME:
		renameat(dirfd, from, dirfd, to);
		break;
	case EXCHANGE:
		syscall(SYS_renameat2, dirfd, from, dirfd, to, RENAME_EXCHANGE);
		break;
	case LINK:
		if (linkat(dirfd, from, dirfd, to, 0))
			break;
		break;
	case REPLACE:
		replace(dirfd, from, s->number);
		break;
	case RETYPE:
		retype(dirfd, from, s->number);
		break;
	default:
		act_on_attributes(dirfd, from, s);
	}
}

static void serve(int dirfd, const struct helper *h)
{
	struct step s;
	char done = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(0);
	while (read(h->to, &s, sizeof(s)) == sizeof(s)) {
		if (s.act == ACTS) /* the last */
			_exit(0);
		if (s.act == ASK)
			ask_host_all(dirfd, h->answers);
		else
			act(dirfd, &s);
		if (write(h->from, &done, 1) != 1)
			break;
	}
	_exit(3);
}

/* A process that acts and asks as this user. */
void start(struct helper *h, int dirfd, uid_t id)
{
	int to[2], from[2];

	h->answers = mmap(NULL, sizeof(*h->answers), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(h->answers != MAP_FAILED);
	check_ok(pipe2(to, O_CLOEXEC));
	check_ok(pipe2(from, O_CLOEXEC));
	h->pid = fork();
	assert_true(h->pid >= 0);
	if (!h->pid) {
		h->to = to[0];
		h->from = from[1];
		close(to[1]);
		close(from[0]);
		if (id && (setgroups(0, NULL) || setresgid(id, id, id) ||
			   setresuid(id, id, id)))
			_exit(2);
		serve(dirfd, h);
	}
	close(to[0]);
	close(from[1]);
	h->to = to[1];
	h->from = from[0];
}

void tell(struct helper *h, const struct step *s)
{
	char done;

	check_eq(write(h->to, s, sizeof(*s)), sizeof(*s));
	check_eq(read(h->from, &done, 1), 1);
}

void stop(struct helper *h)
{
	const struct step last = {.act = ACTS};
	int status;

	check_eq(write(h->to, &last, sizeof(last)), sizeof(last));
	close(h->to);
	check_eq(waitpid(h->pid, &status, 0), h->pid);
	check_eq(status, 0);
	close(h->from);
	munmap(h->answers, sizeof(*h->answers));
}
