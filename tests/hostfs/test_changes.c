/* SPDX-License-Identifier: MIT */
/*
 * Another process changes the directory, and after each of its steps libvfs is
 * asked everything about every path that there might be, as three users; the
 * host is asked the same directly. cache=revalidate: the answers are the same.
 *
 * A few steps are written down, because they have gone wrong somewhere before;
 * the rest is random (HOSTFS_SEED, HOSTFS_STEPS).
 */
#include "hostfs/host_world.h"

#include <dirent.h>
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

#define NAMES 3u
#define PATHS (NAMES + NAMES * NAMES + NAMES * NAMES * NAMES)
#define PATH_SIZE 16
#define KEPT 4

/* user::rwx user:1000:rwx group::--- mask::rwx other::--- */
static const unsigned char acl[] = {
	2,    0,    0,	  0, /* version */
	1,    0,    7,	  0,	0xff, 0xff, 0xff, 0xff, 2,    0,
	7,    0,    0xe8, 0x03, 0,    0,    4,	  0,	0,    0,
	0xff, 0xff, 0xff, 0xff, 16,   0,    7,	  0,	0xff, 0xff,
	0xff, 0xff, 32,	  0,	0,    0,    0xff, 0xff, 0xff, 0xff,
};

static void path_of(unsigned i, char path[PATH_SIZE])
{
	static const char letters[] = "abc";

	if (i < NAMES)
		snprintf(path, PATH_SIZE, "%c", letters[i]);
	else if ((i -= NAMES) < NAMES * NAMES)
		snprintf(path, PATH_SIZE, "%c/%c", letters[i / NAMES],
			 letters[i % NAMES]);
	else if ((i -= NAMES * NAMES) < NAMES * NAMES * NAMES)
		snprintf(path, PATH_SIZE, "%c/%c/%c",
			 letters[i / NAMES / NAMES], letters[i / NAMES % NAMES],
			 letters[i % NAMES]);
	else
		abort();
}

/* ---- what is asked ---- */

/* Each: 0 or a negative errno, and a number for the rest of the answer. */
enum question {
	LSTAT,
	STAT,
	READABLE,
	WRITABLE,
	SEARCHABLE,
	BYTES,
	TARGET,
	ATTRIBUTE,
	LISTING,
	QUESTIONS
};

static const char *const question_names[] = {"lstat",	 "stat",     "access R",
					     "access W", "access X", "open",
					     "readlink", "getxattr", "readdir"};

struct answer {
	int error;
	uint64_t value;
};

struct answers {
	struct answer of[PATHS][QUESTIONS];
};

static uint64_t mix(uint64_t state, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size--)
		state = (state ^ *at++) * UINT64_C(0x100000001b3);
	return state;
}

static uint64_t number(uint64_t state, uint64_t n)
{
	return mix(state, &n, sizeof(n));
}

/* Names in any order. */
static uint64_t name_value(const char *name, uint64_t ino, uint32_t type)
{
	return number(number(mix(7, name, strlen(name)), ino), type);
}

/* ---- asking libvfs ---- */

static uint64_t vfs_value(const struct vfs_stat *st)
{
	uint64_t v = number(number(1, st->ino), st->mode);

	v = number(number(v, st->uid), st->gid);
	v = number(number(v, st->nlink), (uint64_t)st->size);
	v = number(number(v, (uint64_t)st->mtime.sec), st->mtime.nsec);
	return number(number(v, (uint64_t)st->ctime.sec), st->ctime.nsec);
}

static struct answer vfs_stat_answer(struct vfs_task *t, int dirfd,
				     const char *path, int flags)
{
	struct vfs_stat st;
	struct answer a = {vfs_fstatat(t, dirfd, path, &st, flags), 0};

	if (!a.error)
		a.value = vfs_value(&st);
	return a;
}

static struct answer vfs_bytes(struct vfs_task *t, int dirfd, const char *path)
{
	char text[64];
	struct vfs_stat st;
	struct answer a = {0, 0};
	int64_t n;
	int fd;

	/* the host's FIFOs are not for opening */
	if (!vfs_fstatat(t, dirfd, path, &st, 0) && S_ISFIFO(st.mode))
		return a;
	fd = vfs_openat(t, dirfd, path, O_RDONLY, 0);
	a.error = fd < 0 ? fd : 0;
	if (fd < 0)
		return a;
	n = vfs_read(t, fd, text, sizeof(text));
	a.value = n < 0 ? (uint64_t)n : mix(2, text, (size_t)n);
	if (!vfs_fstat(t, fd, &st))
		a.value = number(a.value, vfs_value(&st));
	vfs_close(t, fd);
	return a;
}

static struct answer vfs_target(struct vfs_task *t, int dirfd, const char *path)
{
	char text[64];
	int64_t n = vfs_readlinkat(t, dirfd, path, text, sizeof(text));

	return n < 0 ? (struct answer){(int)n, 0}
		     : (struct answer){0, mix(3, text, (size_t)n)};
}

static struct answer vfs_attribute(struct vfs_task *t, const char *path)
{
	char text[64], whole[PATH_SIZE + 4];
	int64_t n;

	snprintf(whole, sizeof(whole), "/h/%s", path);
	n = vfs_lgetxattr(t, whole, "user.x", text, sizeof(text));
	return n < 0 ? (struct answer){(int)n, 0}
		     : (struct answer){0, mix(4, text, (size_t)n)};
}

static struct answer vfs_listing(struct vfs_task *t, int dirfd,
				 const char *path)
{
	int fd = vfs_openat(t, dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	_Alignas(8) char records[1024];
	struct answer a = {fd < 0 ? fd : 0, 0};
	int64_t n;

	if (fd < 0)
		return a;
	while ((n = vfs_getdents(t, fd, records, sizeof(records))) > 0) {
		for (int64_t at = 0; at < n;) {
			struct vfs_dirent *d =
				(struct vfs_dirent *)(records + at);

			at += d->reclen;
			if (strcmp(d->name, ".") && strcmp(d->name, ".."))
				a.value += name_value(d->name, d->ino, d->type);
		}
	}
	a.error = (int)n;
	vfs_close(t, fd);
	return a;
}

static void ask_vfs(struct vfs_task *t, int dirfd, const char *path,
		    struct answer of[QUESTIONS])
{
	of[LSTAT] = vfs_stat_answer(t, dirfd, path, AT_SYMLINK_NOFOLLOW);
	of[STAT] = vfs_stat_answer(t, dirfd, path, 0);
	of[READABLE].error = vfs_faccessat(t, dirfd, path, R_OK);
	of[WRITABLE].error = vfs_faccessat(t, dirfd, path, W_OK);
	of[SEARCHABLE].error = vfs_faccessat(t, dirfd, path, X_OK);
	of[BYTES] = vfs_bytes(t, dirfd, path);
	of[TARGET] = vfs_target(t, dirfd, path);
	of[ATTRIBUTE] = vfs_attribute(t, path);
	of[LISTING] = vfs_listing(t, dirfd, path);
}

/* ---- asking the host ---- */

static int result(int64_t value)
{
	return value < 0 ? -errno : 0;
}

static uint64_t host_value(const struct stat *st)
{
	uint64_t v = number(number(1, st->st_ino), st->st_mode);

	v = number(number(v, st->st_uid), st->st_gid);
	v = number(number(v, st->st_nlink), (uint64_t)st->st_size);
	v = number(number(v, (uint64_t)st->st_mtim.tv_sec),
		   (uint64_t)st->st_mtim.tv_nsec);
	return number(number(v, (uint64_t)st->st_ctim.tv_sec),
		      (uint64_t)st->st_ctim.tv_nsec);
}

static struct answer host_stat_answer(int dirfd, const char *path, int flags)
{
	struct stat st;
	struct answer a = {result(fstatat(dirfd, path, &st, flags)), 0};

	if (!a.error)
		a.value = host_value(&st);
	return a;
}

static struct answer host_bytes(int dirfd, const char *path)
{
	struct answer a = {0, 0};
	struct stat st;
	char text[64];
	ssize_t n;
	int fd;

	if (!fstatat(dirfd, path, &st, 0) && S_ISFIFO(st.st_mode))
		return a;
	fd = openat(dirfd, path, O_RDONLY);
	a.error = result(fd);
	if (fd < 0)
		return a;
	n = read(fd, text, sizeof(text));
	a.value = n < 0 ? (uint64_t)-errno : mix(2, text, (size_t)n);
	if (!fstat(fd, &st))
		a.value = number(a.value, host_value(&st));
	close(fd);
	return a;
}

static struct answer host_target(int dirfd, const char *path)
{
	char text[64];
	ssize_t n = readlinkat(dirfd, path, text, sizeof(text));

	return n < 0 ? (struct answer){-errno, 0}
		     : (struct answer){0, mix(3, text, (size_t)n)};
}

static struct answer host_attribute(int dirfd, const char *path)
{
	char text[64], whole[64];
	ssize_t n;

	snprintf(whole, sizeof(whole), "/proc/self/fd/%d/%s", dirfd, path);
	n = lgetxattr(whole, "user.x", text, sizeof(text));
	return n < 0 ? (struct answer){-errno, 0}
		     : (struct answer){0, mix(4, text, (size_t)n)};
}

static struct answer host_listing(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY);
	struct answer a = {result(fd), 0};
	struct dirent *d;
	DIR *stream;

	if (fd < 0)
		return a;
	stream = fdopendir(fd);
	if (!stream)
		abort();
	while ((d = readdir(stream)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			a.value += name_value(d->d_name, d->d_ino, d->d_type);
	closedir(stream);
	return a;
}

static void ask_host(int dirfd, const char *path, struct answer of[QUESTIONS])
{
	of[LSTAT] = host_stat_answer(dirfd, path, AT_SYMLINK_NOFOLLOW);
	of[STAT] = host_stat_answer(dirfd, path, 0);
	of[READABLE].error = result(faccessat(dirfd, path, R_OK, 0));
	of[WRITABLE].error = result(faccessat(dirfd, path, W_OK, 0));
	of[SEARCHABLE].error = result(faccessat(dirfd, path, X_OK, 0));
	of[BYTES] = host_bytes(dirfd, path);
	of[TARGET] = host_target(dirfd, path);
	of[ATTRIBUTE] = host_attribute(dirfd, path);
	of[LISTING] = host_listing(dirfd, path);
}

static void ask_host_all(int dirfd, struct answers *out)
{
	char path[PATH_SIZE];

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < PATHS; i++) {
		path_of(i, path);
		ask_host(dirfd, path, out->of[i]);
	}
}

/* ---- the other processes ---- */

enum act {
	ASK, /* everything, as who you are */
	CREATE,
	DIRECTORY,
	FIFO,
	SYMLINK,
	REMOVE,
	RENAME,
	EXCHANGE,
	LINK,
	CHMOD,
	CHOWN,
	SET_ACL,
	REMOVE_ACL,
	WRITE,
	TRUNCATE,
	SET_ATTRIBUTE,
	RETARGET,
	REPLACE, /* by a file of the same name, made beside it */
	RETYPE,	 /* a directory by a file, anything else by a directory */
	ACTS
};

static const char *const act_names[] = {
	"ask",	    "create",	"mkdir",      "mkfifo", "symlink",
	"remove",   "rename",	"exchange",   "link",	"chmod",
	"chown",    "setfacl",	"setfacl -b", "write",	"truncate",
	"setfattr", "retarget", "replace",    "retype"};

struct step {
	enum act act;
	unsigned from, to, number;
};

struct helper {
	pid_t pid;
	int to, from; /* pipes */
	struct answers *answers;
};

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

static void act(int dirfd, const struct step *s)
{
	static const char *const targets[] = {"a", "b/c", "../a", "../b/c",
					      "c", ".",	  "none", "../../c"};
	static const unsigned modes[] = {0755, 0700, 0644, 0000,
					 0711, 0070, 0007, 04755};
	char from[PATH_SIZE], to[PATH_SIZE];
	const char *target = targets[s->number % 8];

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
		/* fall through */
	case SYMLINK:
		/* no way out above */
		while (*target == '.' && s->from < NAMES)
			target = targets[0];
		if (s->from < NAMES + NAMES * NAMES && target == targets[7])
			target = targets[2];
		if (symlinkat(s->from < NAMES && *target == '.' ? "b" : target,
			      dirfd, from))
			break;
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
	case CHMOD:
		fchmodat(dirfd, from, modes[s->number % 8], 0);
		break;
	case CHOWN:
		if (fchownat(dirfd, from, s->number % 3 ? 1000 : 0,
			     s->number % 2 ? 1000 : 0, AT_SYMLINK_NOFOLLOW))
			break;
		break;
	case SET_ACL:
	case REMOVE_ACL:
		set_acl(dirfd, from, s->act == REMOVE_ACL);
		break;
	case WRITE:
		write_text(dirfd, from, s->number, O_TRUNC);
		break;
	case TRUNCATE:
		truncate_it(dirfd, from, s->number);
		break;
	case SET_ATTRIBUTE:
		set_attribute(dirfd, from, s->number);
		break;
	case REPLACE:
		write_text(dirfd, "new", s->number, O_CREAT);
		if (renameat(dirfd, "new", dirfd, from))
			unlinkat(dirfd, "new", 0);
		break;
	case RETYPE:
		retype(dirfd, from, s->number);
		break;
	default:
		break;
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
static void start(struct helper *h, int dirfd, uid_t id)
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

static void tell(struct helper *h, const struct step *s)
{
	char done;

	check_eq(write(h->to, s, sizeof(*s)), sizeof(*s));
	check_eq(read(h->from, &done, 1), 1);
}

static void stop(struct helper *h)
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

/* ---- comparing ---- */

#define USERS 3

struct changes {
	struct host_world w;
	struct vfs_task *tasks[USERS]; /* root's, 1000's, 1001's */
	struct helper helpers[USERS];
	struct vfs_task *walker; /* whose directory is somewhere */
	int walker_at;		 /* the same, on the host; -1 */
	struct {
		int vfs, host; /* -1: none */
		bool dir;
	} kept[KEPT];
	unsigned steps;
	const char *what; /* the last step, for messages */
	char from[PATH_SIZE], to[PATH_SIZE];
};

static void same(struct changes *c, const char *who, const char *path,
		 const struct answer *ours, const struct answer *hosts)
{
	for (unsigned q = 0; q < QUESTIONS; q++) {
		char mine[32], host[32];

		if (ours[q].error == hosts[q].error &&
		    ours[q].value == hosts[q].value)
			continue;
		snprintf(mine, sizeof(mine), "%s",
			 ours[q].error ? vfs_errno_name(ours[q].error) : "0");
		snprintf(host, sizeof(host), "%s",
			 hosts[q].error ? vfs_errno_name(hosts[q].error) : "0");
		fail_msg("step %u, %s %s %s: %s of %s for %s is %s, not %s "
			 "(%llx, %llx)",
			 c->steps, c->what, c->from, c->to, question_names[q],
			 path, who, mine, host, (long long)ours[q].value,
			 (long long)hosts[q].value);
	}
}

static void compare_paths(struct changes *c)
{
	static const char *const users[] = {"root", "1000", "1001"};
	const struct step ask = {.act = ASK};
	struct answer ours[QUESTIONS];
	char path[PATH_SIZE];
	int root;

	for (int u = 0; u < USERS; u++) {
		tell(&c->helpers[u], &ask);
		root = check_fd(vfs_open(c->tasks[u], "/h", O_PATH, 0));
		for (unsigned i = 0; i < PATHS; i++) {
			memset(ours, 0, sizeof(ours));
			path_of(i, path);
			ask_vfs(c->tasks[u], root, path, ours);
			same(c, users[u], path, ours,
			     c->helpers[u].answers->of[i]);
		}
		check_ok(vfs_close(c->tasks[u], root));
	}
}

/* Below a directory that may have gone anywhere. */
static void compare_below(struct changes *c, struct vfs_task *t, int ours,
			  int host, const char *who)
{
	struct answer mine[QUESTIONS], hosts[QUESTIONS];
	char path[PATH_SIZE], first[2];

	for (unsigned i = 0; i < NAMES + NAMES * NAMES; i++) {
		memset(mine, 0, sizeof(mine));
		memset(hosts, 0, sizeof(hosts));
		path_of(i, path);
		ask_vfs(t, ours, path, mine);
		ask_host(host, path, hosts);
		/* by another way, which leads elsewhere */
		mine[ATTRIBUTE] = hosts[ATTRIBUTE];
		/* symlinks that lead up: where up is, is not the same for us */
		snprintf(first, sizeof(first), "%c", path[0]);
		if (!hosts[TARGET].error || !host_target(host, first).error)
			continue;
		same(c, who, path, mine, hosts);
	}
}

static void compare_kept(struct changes *c)
{
	char mine[64], host[64];
	struct vfs_stat v;
	struct stat h;
	int64_t n;

	for (unsigned i = 0; i < KEPT; i++) {
		int ours = c->kept[i].vfs, theirs = c->kept[i].host;

		if (ours < 0)
			continue;
		check_ok(vfs_fstat(c->w.task, ours, &v));
		check_ok(fstat(theirs, &h));
		if (vfs_value(&v) != host_value(&h))
			fail_msg("step %u, %s %s %s: fstat of an open file: "
				 "nlink %u, %u",
				 c->steps, c->what, c->from, c->to, v.nlink,
				 (unsigned)h.st_nlink);
		if (c->kept[i].dir)
			continue;
		n = vfs_pread(c->w.task, ours, mine, sizeof(mine), 0);
		check_eq(n, pread(theirs, host, sizeof(host), 0));
		assert_true(n <= 0 || !memcmp(mine, host, (size_t)n));
	}
}

static void compare(struct changes *c)
{
	compare_paths(c);
	compare_kept(c);
	if (c->walker_at >= 0)
		compare_below(c, c->walker, AT_FDCWD, c->walker_at, "the cwd");
	for (unsigned i = 0; i < KEPT; i++)
		if (c->kept[i].vfs >= 0 && c->kept[i].dir)
			compare_below(c, c->w.task, c->kept[i].vfs,
				      c->kept[i].host, "a dirfd");
}

static void drop(struct changes *c, unsigned slot)
{
	if (c->kept[slot].vfs < 0)
		return;
	check_ok(vfs_close(c->w.task, c->kept[slot].vfs));
	close(c->kept[slot].host);
	c->kept[slot].vfs = -1;
}

/* Opens what path is, both ways. */
static void keep(struct changes *c, unsigned slot, const char *path)
{
	char whole[PATH_SIZE + 4];
	struct stat st;

	drop(c, slot);
	snprintf(whole, sizeof(whole), "/h/%s", path);
	if (fstatat(c->w.dirfd, path, &st, 0) ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return;
	c->kept[slot].dir = S_ISDIR(st.st_mode);
	c->kept[slot].host = openat(c->w.dirfd, path, O_RDONLY);
	assert_true(c->kept[slot].host >= 0);
	c->kept[slot].vfs = check_fd(vfs_open(c->w.task, whole, O_RDONLY, 0));
}

static void go(struct changes *c, const char *path)
{
	char whole[PATH_SIZE + 4];

	if (c->walker_at >= 0)
		close(c->walker_at);
	snprintf(whole, sizeof(whole), "/h/%s", path);
	c->walker_at = openat(c->w.dirfd, path, O_PATH | O_DIRECTORY);
	check_eq(vfs_chdir(c->walker, whole), c->walker_at < 0 ? -errno : 0);
	if (c->walker_at < 0)
		check_ok(vfs_chdir(c->walker, "/"));
}

/* ---- life ---- */

static struct vfs_task *user_task(struct changes *c, uint32_t id)
{
	struct vfs_cred_spec spec = {.size = sizeof(spec),
				     .uid = id,
				     .gid = id,
				     .fsuid = id,
				     .fsgid = id};
	struct vfs_task *task = NULL;
	struct vfs_cred *cred;

	check_ok(vfs_cred_create(c->w.vfs, &spec, &cred));
	check_ok(vfs_task_create(c->w.vfs, cred, &task));
	vfs_cred_unref(cred);
	return task;
}

static void begin(struct changes *c, const char *options)
{
	memset(c, 0, sizeof(*c));
	check_ok(host_open(&c->w, options));
	c->tasks[0] = c->w.task;
	c->tasks[1] = c->w.user;
	c->tasks[2] = user_task(c, 1001);
	check_ok(vfs_task_create(c->w.vfs, NULL, &c->walker));
	c->walker_at = -1;
	c->what = "";
	for (unsigned i = 0; i < KEPT; i++)
		c->kept[i].vfs = -1;
	start(&c->helpers[0], c->w.dirfd, 0);
	start(&c->helpers[1], c->w.dirfd, 1000);
	start(&c->helpers[2], c->w.dirfd, 1001);
}

static void end(struct changes *c)
{
	for (unsigned i = 0; i < KEPT; i++)
		drop(c, i);
	if (c->walker_at >= 0)
		close(c->walker_at);
	for (int u = 0; u < USERS; u++)
		stop(&c->helpers[u]);
	vfs_task_unref(c->walker);
	vfs_task_unref(c->tasks[2]);
	assert_true(host_close(&c->w));
}

static void step(struct changes *c, enum act what, unsigned from, unsigned to,
		 unsigned n)
{
	const struct step s = {what, from, to, n};

	c->steps++;
	c->what = act_names[what];
	path_of(from, c->from);
	path_of(to, c->to);
	tell(&c->helpers[0], &s);
	compare(c);
}

/* ---- the tests ---- */

#define A 0
#define B 1
#define C 2
#define A_A 3
#define A_B 4
#define B_A 6
#define B_B 7
#define A_A_A 12

/* Every kind of step once, on what was just looked at. */
static void written(struct changes *c)
{
	step(c, DIRECTORY, A, 0, 0);
	step(c, DIRECTORY, A_A, 0, 0);
	step(c, CREATE, A_A_A, 0, 1);
	keep(c, 0, "a/a/a");
	keep(c, 1, "a/a");
	keep(c, 2, "a");
	go(c, "a/a");
	/* a directory above is moved away, and another takes its place */
	step(c, RENAME, A, B, 0);
	step(c, DIRECTORY, A, 0, 0);
	step(c, DIRECTORY, A_A, 0, 0);
	step(c, CREATE, A_A_A, 0, 2);
	step(c, EXCHANGE, A, B, 0);
	step(c, EXCHANGE, A, B, 0);
	/* by a file, and back */
	step(c, RETYPE, A, 0, 3);
	step(c, RETYPE, A, 0, 0);
	/* what was removed is not there again, though its name is */
	step(c, REMOVE, B, 0, 0);
	step(c, DIRECTORY, B, 0, 0);
	step(c, DIRECTORY, B_A, 0, 0);
	step(c, CREATE, B_B, 0, 4);
	step(c, LINK, B_B, A_B, 0);
	step(c, REMOVE, B_B, 0, 0);
	step(c, RENAME, A_B, B_A, 0);
	step(c, SYMLINK, C, 0, 1);
	step(c, RETARGET, C, 0, 0);
	step(c, REPLACE, C, 0, 5);
	step(c, FIFO, A_B, 0, 0);
	step(c, REPLACE, A_B, 0, 6);
}

static void permitted(struct changes *c)
{
	step(c, DIRECTORY, A, 0, 0);
	step(c, CREATE, A_A, 0, 1);
	for (unsigned i = 0; i < 8; i++) {
		step(c, CHMOD, A, 0, i);
		step(c, CHMOD, A_A, 0, i + 3);
		step(c, SET_ACL, A, 0, 0);
		step(c, SET_ACL, A_A, 0, 0);
		step(c, CHOWN, A, 0, i);
		step(c, CHOWN, A_A, 0, i + 1);
		step(c, REMOVE_ACL, A, 0, 0);
		step(c, REMOVE_ACL, A_A, 0, 0);
	}
}

static void contents(struct changes *c)
{
	step(c, CREATE, A, 0, 1);
	keep(c, 0, "a");
	for (unsigned i = 0; i < 6; i++) {
		step(c, WRITE, A, 0, i * 1000);
		step(c, TRUNCATE, A, 0, i * 3);
		step(c, SET_ATTRIBUTE, A, 0, i);
		step(c, LINK, A, B, 0);
		step(c, REPLACE, A, 0, i);
		step(c, EXCHANGE, A, B, 0);
	}
}

/* The number of what was removed is given to the next. */
static void reused(struct changes *c)
{
	for (unsigned i = 0; i < 5; i++) {
		step(c, CREATE, A, 0, i);
		step(c, REMOVE, A, 0, 0);
		step(c, DIRECTORY, A, 0, 0);
		step(c, CREATE, A_A, 0, i);
		step(c, REMOVE, A, 0, 0);
		step(c, SYMLINK, A, 0, i);
		step(c, RETARGET, A, 0, i + 1);
		step(c, REMOVE, A, 0, 0);
	}
}

static const char *const modes[] = {"cache=revalidate,owner=host",
				    "cache=revalidate,owner=host,maxfds=8"};

static void test_written(void **state)
{
	static void (*const bodies[])(struct changes * c) = {written, permitted,
							     contents, reused};
	struct changes c;

	(void)state;
	for (int i = 0; i < 2; i++) {
		for (int b = 0; b < 4; b++) {
			begin(&c, modes[i]);
			bodies[b](&c);
			end(&c);
		}
	}
}

static unsigned setting(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

static void random_step(struct changes *c, uint64_t *random)
{
	char path[PATH_SIZE];
	enum act what = 1 + next_random(random) % (ACTS - 1);

	/* else there would soon be nothing but files */
	if (!(next_random(random) % 4))
		what = DIRECTORY;
	if (!(next_random(random) % 8)) {
		path_of(next_random(random) % PATHS, path);
		keep(c, next_random(random) % KEPT, path);
	}
	if (!(next_random(random) % 16)) {
		path_of(next_random(random) % PATHS, path);
		go(c, path);
	}
	step(c, what, next_random(random) % PATHS, next_random(random) % PATHS,
	     (unsigned)next_random(random) % 10000);
}

static void test_random(void **state)
{
	unsigned steps = setting("HOSTFS_STEPS", 250);
	uint64_t random =
		setting("HOSTFS_SEED", 1) * UINT64_C(0x9e3779b97f4a7c15);
	struct changes c;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&c, modes[i]);
		for (unsigned n = 0; n < steps; n++)
			random_step(&c, &random);
		end(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_random),
	};

	/* what other users see is asked as them */
	if (geteuid()) {
		puts("not root: skipped");
		return 77;
	}
	umask(0);
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
