/* SPDX-License-Identifier: MIT */
/*
 * Another process changes the directory, and after each of its steps libvfs is
 * asked everything about every path that there might be, as three users; the
 * host is asked the same directly. cache=revalidate: the answers are the same.
 *
 * A few steps are written down, because they have gone wrong somewhere before;
 * the rest is random (HOSTFS_SEED, HOSTFS_STEPS).
 */
#include "hostfs/changes.h"

#include <stdlib.h>
#include <sys/wait.h>

#define KEPT 4

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
