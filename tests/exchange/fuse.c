/* SPDX-License-Identifier: MIT */
/* fuse-overlayfs on the same layers, in a process and a mount namespace of its
 * own; what it shows comes back through a pipe. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange.h"

#define PROGRAM "fuse-overlayfs"
#define READY_SECONDS 5
#define WORK_SECONDS 60
#define LARGE (64u << 20) /* to which a file is read at most */

static bool run_program(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		/* it goes to the background when it is ready */
		alarm(READY_SECONDS);
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

bool fuse_possible(void)
{
	char *const argv[] = {PROGRAM, "--version", NULL};

	return !access("/dev/fuse", R_OK | W_OK) && run_program(argv);
}

static void make_options(const struct layers *layers, char *out, size_t size)
{
	int at = snprintf(out, size, "lowerdir=");

	for (unsigned i = 1; i <= layers->lowers; i++)
		at += snprintf(out + at, size - (size_t)at, "%sl%u",
			       i > 1 ? ":" : "", i);
	snprintf(out + at, size - (size_t)at,
		 ",upperdir=u/upper,workdir=u/work");
}

/* A detached mount of what fuse-overlayfs shows, or -1. tree: of the layers. */
static int mount_fuse(const struct stage *stage, int tree)
{
	char options[256], where[] = "/tmp/overlay-fuse-XXXXXX";
	char *const argv[] = {PROGRAM, "-o", options, "m", NULL};
	int fd;

	make_options(&stage->layers, options, sizeof(options));
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    !mkdtemp(where) ||
	    move_mount(tree, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH) ||
	    chdir(where) || !run_program(argv))
		return -1;
	fd = open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (chdir("/") || umount2(where, MNT_DETACH) || rmdir(where))
		return -1;
	return fd;
}

/* With `length` lines of the stage's generator before. */
static void show(struct stage *stage, int tree, unsigned length, int out)
{
	struct host host = {.dir = mount_fuse(stage, tree)};
	struct side *side;
	struct text text = {0};
	size_t at = 0;
	ssize_t n;

	if (host.dir < 0)
		_exit(1);
	alarm(WORK_SECONDS);
	side = kernel_create(PLACE_MOUNT, "", &host, false);
	side->keep = side->mounts = side->overlay = true;
	side_begin(side);
	stage_work(stage, side, length);
	stage_look(side, DETAIL_PLAIN, &text);
	while (at < text.len &&
	       (n = write(out, text.data + at, text.len - at)) > 0)
		at += (size_t)n;
	/* what it has not written yet others would see come */
	if (syncfs(openat(host.dir, ".", O_RDONLY | O_DIRECTORY)))
		_exit(1);
	side_end(side);
	_exit(0);
}

/* Now and then there is nothing at all in a new mount of it. */
static bool lists_something(const struct text *tree)
{
	const char *end = tree->data ? strchr(tree->data, '\n') : NULL;

	return end && end[1];
}

/* What it shows of the layers after that many lines, into out. False: it does
 * not work. */
static bool look(struct stage *stage, struct fuse_counts *counts,
		 unsigned length, struct text *out)
{
	char buffer[4096];
	int ends[2], status, tree = -1;
	ssize_t n;
	pid_t pid;
	bool ok;

	for (unsigned i = 0; i < STAGE_TREES && tree < 0; i++) {
		tree = stage->trees[i];
		stage->trees[i] = -1;
	}
	fflush(NULL);
	if (tree < 0 || pipe2(ends, O_CLOEXEC))
		die("no mount or pipe for fuse-overlayfs");
	pid = fork();
	if (!pid)
		show(stage, tree, length, ends[1]);
	close(tree);
	close(ends[1]);
	text_clear(out);
	while (pid > 0 && (n = read(ends[0], buffer, sizeof(buffer))) > 0)
		text_add(out, buffer, (size_t)n);
	close(ends[0]);
	ok = pid > 0 && waitpid(pid, &status, 0) == pid && !status &&
	     lists_something(out);
	__atomic_fetch_add(&counts->asked, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&counts->answered, ok, __ATOMIC_RELAXED);
	return ok;
}

/* Takes away from at on what is up to the next blank. */
static void cut(char *at)
{
	size_t len = 1 + strcspn(at + 1, " \n");

	memmove(at, at + len, strlen(at + len) + 1);
}

/* Without what it does not tell: where a large file has data, so that what is
 * far on in it is not read. */
static void without_large_data(struct text *tree)
{
	char *at = tree->data;

	while ((at = strstr(at, " size="))) {
		char *end = at + strcspn(at, "\n");
		char *data = memmem(at, (size_t)(end - at), " data=", 6);

		if (data && strtoull(at + 6, NULL, 10) >= LARGE)
			cut(data);
		at += 6;
	}
	tree->len = strlen(tree->data);
}

bool fuse_agrees(struct stage *stage, struct fuse_counts *counts,
		 struct text *expected)
{
	struct text got = {0};
	bool same = true;

	if (look(stage, counts, 0, &got)) {
		without_large_data(expected);
		without_large_data(&got);
		same = stage_same(stage, PROGRAM, expected, &got);
	}
	text_fini(&got);
	return same;
}

/* ---- what it has written ---- */

/* What it notes in the layers for itself: files that say that a directory is
 * opaque, which the attribute says as well. It makes whiteouts in such
 * directories, too, which the kernel lists there. */
static bool is_note(const char *line, size_t len)
{
	static const char gone[] = " -ENOENT";
	size_t size = strlen(gone);

	return memmem(line, len, "/.wh.", 5) ||
	       (len > size && !memcmp(line + len - size, gone, size));
}

/* A tree without that, and without its attributes. */
static void without_notes(struct text *tree)
{
	static const char attribute[] = " user.fuseoverlayfs.";
	static const char mark[] = " LISTED WITH ANOTHER INODE NUMBER";
	char *at = tree->data, *to = tree->data, *next;

	for (; *at; at = next) {
		size_t len = strcspn(at, "\n");

		next = at + len + (at[len] == '\n');
		if (is_note(at, len))
			continue;
		memmove(to, at, (size_t)(next - at));
		to += next - at;
	}
	*to = '\0';
	for (at = tree->data; (at = strstr(at, attribute));)
		cut(at);
	/* it marks no directories */
	for (at = tree->data; (at = strstr(at, mark));)
		memmove(at, at + strlen(mark), strlen(at + strlen(mark)) + 1);
	without_large_data(tree);
}

static bool sees(struct stage *stage, struct side *side,
		 const struct text *expected, const char *what)
{
	struct text got = {0};
	bool same = stage_enter(stage, side);

	if (same) {
		stage_look(side, DETAIL_PLAIN, &got);
		without_notes(&got);
		same = stage_same(stage, what, expected, &got);
	}
	stage_leave(stage, side);
	text_fini(&got);
	return same;
}

/* New layers, for it does not keep what others have noted in theirs; without
 * files of several names, of which it shows one for another when one of them
 * was copied up. */
static void renew(struct stage *stage)
{
	struct text lines = {0};
	const char *at = stage->made;

	while (*at) {
		size_t len = strcspn(at, "\n");

		len += at[len] == '\n';
		if (strncmp(at, "link ", 5))
			text_add(&lines, at, len);
		at += len;
	}
	stage_refill(stage, lines.data);
	text_fini(&lines);
}

bool fuse_works(struct stage *stage, struct fuse_counts *counts,
		unsigned length)
{
	struct text shown = {0};
	bool ok = true;

	renew(stage);
	/* what it shows at first is from its cache */
	if (look(stage, counts, length, &shown) &&
	    look(stage, counts, 0, &shown)) {
		without_notes(&shown);
		ok = sees(stage, stage->library, &shown,
			  "fuse-overlayfs, then library") &&
		     sees(stage, stage->kernel, &shown,
			  "fuse-overlayfs, then kernel");
	}
	text_fini(&shown);
	return ok;
}
