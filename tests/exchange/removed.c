/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "removed.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktask.h"
#include "rules.h"

/* The path that what a slot has was removed from; "": it was not. */
static void old_path(const struct side *side, int slot, char *out, size_t size)
{
	static const char gone[] = " (deleted)";
	static const long none[6];
	struct ktask *task = (struct ktask *)side->tasks[side->current];
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/%ld/fd/%d",
		 ktask_call(task, SYS_gettid, none), side->slots[slot]);
	len = readlink(link, out, size - 1);
	out[len < 0 ? 0 : len] = '\0';
	len -= (ssize_t)strlen(gone);
	if (len < 0 || strcmp(out + len, gone))
		len = 0;
	out[len] = '\0';
}

static bool look_up(const struct stage *stage, const char *path,
		    struct stat *out)
{
	char full[sizeof(stage->upper) + PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", stage->upper, path);
	return !fstatat(stage->host.dir, full, out, AT_SYMLINK_NOFOLLOW);
}

void removed_find(const struct stage *stage, const struct side *side,
		  struct removed *removed)
{
	int slot = stage->call.args[0].slot;
	struct vfs_stat file;
	struct stat stat;

	removed->path[0] = '\0';
	if (side != stage->kernel || !rule_changes_attributes(&stage->call) ||
	    !rule_stat_slot(side, slot, &file) || S_ISREG(file.mode))
		return;
	old_path(side, slot, removed->path, sizeof(removed->path));
	removed->type = file.mode & S_IFMT;
	removed->there = look_up(stage, removed->path, &stat) ? stat.st_ino : 0;
}

bool removed_is_back(const struct stage *stage, const struct removed *removed)
{
	struct stat stat;

	return removed->path[0] && look_up(stage, removed->path, &stat) &&
	       stat.st_ino != removed->there &&
	       (stat.st_mode & S_IFMT) == removed->type;
}

/* ---- a script ---- */

static const char lower[] = "mkdir /u/upper 0755\nmkdir /u/work 0755\n"
			    "chmod /u/upper 0755\nmkdir /l1/d 0755\n"
			    "mkfifo /l1/d/fifo 0600\nmkfifo /l1/there 0600\n"
			    "mkfifo /l1/d/copied 0600\n"
			    "mknod /l1/file S_IFREG|0600 0\n";

static const struct {
	const char *line;
	bool is_back;
} steps[] = {
	{"open d/fifo O_RDWR|O_NONBLOCK 0 -> $0", false},
	{"open there O_RDWR|O_NONBLOCK 0 -> $1", false},
	{"chmod d/copied 0640 => 0", false},
	{"open d/copied O_RDWR|O_NONBLOCK 0 -> $2", false},
	{"open file O_RDONLY 0 -> $3", false},
	{"fchmod $1 0620 => 0", false},
	{"unlink d/fifo => 0", false},
	{"unlink d/copied => 0", false},
	{"unlink file => 0", false},
	{"stat d/fifo => ENOENT", false},
	{"rename d e => 0", false},
	{"fstat $0", false},
	{"fchmod $2 0610 => 0", false},
	{"fchmod $3 0610 => EEXIST", false},
	{"fchmod $1 0610 => 0", false},
	{"fchmod $0 0611 => 0", true},
	{"fchmod $0 0612 => 0", false},
};

static bool perform(struct stage *stage)
{
	struct side *side = stage->kernel;
	bool ok = stage_enter(stage, side);

	for (size_t i = 0; ok && i < sizeof(steps) / sizeof(steps[0]); i++) {
		bool is_back = !stage_step(stage, side, steps[i].line);

		ok = is_back == steps[i].is_back &&
		     call_expected(&stage->call, side);
		if (!ok)
			printf("--- a removed file: %s: %s, and %s\n",
			       steps[i].line, side->out.data,
			       is_back ? "it is there again" : "nothing else");
	}
	stage_leave(stage, side);
	return ok;
}

static bool look(struct stage *stage, struct side *side, struct text *out)
{
	bool ok = stage_enter(stage, side);

	if (ok)
		stage_look(side, DETAIL_EXACT, out);
	stage_leave(stage, side);
	return ok;
}

bool removed_case(const struct exchange *exchange, uint64_t number)
{
	static const struct layers layers = {
		.on = true, .lowers = 1, .redirect = true};
	struct text kernel = {0}, library = {0};
	struct stage stage;
	bool ok;

	(void)number;
	stage_open_with(&stage, exchange->kind, &layers, lower);
	ok = perform(&stage) && look(&stage, stage.kernel, &kernel) &&
	     look(&stage, stage.library, &library) &&
	     stage_same(&stage, "a removed file is there again", &kernel,
			&library);
	if (ok && !strstr(kernel.data, "./e/fifo mode=10612 ")) {
		printf("--- a removed file is not there again:\n%s",
		       kernel.data);
		ok = false;
	}
	stage_close(&stage);
	text_fini(&kernel);
	text_fini(&library);
	return ok;
}
