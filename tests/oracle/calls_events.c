/* SPDX-License-Identifier: MIT */
/* Watching, and what there is to be read then. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "script.h"

#define UNIT 16

static void run_inotify_init(struct exec *exec)
{
	exec_fd(exec,
		exec->call->args[0].given
			? CALL(inotify_init1, INT(0))
			: exec->side->class->calls.inotify_init(exec->task));
}

static void run_add_watch(struct exec *exec)
{
	exec_result(exec, CALL(inotify_add_watch, INT(0), STR(1), U32(2)));
}

static void run_rm_watch(struct exec *exec)
{
	exec_result(exec, CALL(inotify_rm_watch, INT(0), INT(1)));
}

static bool is_queue(struct exec *exec, int fd)
{
	struct vfs_stat stat;

	return !CALL(fstat, fd, &stat) && !(stat.mode & S_IFMT);
}

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{VFS_IN_ACCESS, "ACCESS"},
	{VFS_IN_MODIFY, "MODIFY"},
	{VFS_IN_ATTRIB, "ATTRIB"},
	{VFS_IN_CLOSE_WRITE, "CLOSE_WRITE"},
	{VFS_IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
	{VFS_IN_OPEN, "OPEN"},
	{VFS_IN_MOVED_FROM, "MOVED_FROM"},
	{VFS_IN_MOVED_TO, "MOVED_TO"},
	{VFS_IN_CREATE, "CREATE"},
	{VFS_IN_DELETE, "DELETE"},
	{VFS_IN_DELETE_SELF, "DELETE_SELF"},
	{VFS_IN_MOVE_SELF, "MOVE_SELF"},
	{VFS_IN_UNMOUNT, "UNMOUNT"},
	{VFS_IN_Q_OVERFLOW, "Q_OVERFLOW"},
	{VFS_IN_IGNORED, "IGNORED"},
	{VFS_IN_ISDIR, "ISDIR"},
};

static void show_mask(struct text *out, uint32_t mask)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (mask & names[i].bit)
			text_printf(out, "%c%s",
				    out->data[out->len - 1] == ':' ? ' ' : '|',
				    names[i].name);
		mask &= ~names[i].bit;
	}
	if (mask)
		text_printf(out, "|%x", mask);
}

/* A file without a name is told of by its number. */
static void show_name(struct text *out, const char *name, uint32_t room)
{
	size_t len = strnlen(name, room);

	if (name[0] == '#' && len > 1 &&
	    strspn(name + 1, "0123456789") == len - 1)
		text_printf(out, " #N");
	else
		text_printf(out, " %.*s", (int)len, name);
	for (size_t i = len; i < room; i++)
		if (name[i])
			text_printf(out, " (NOT PADDED WITH ZEROS)");
}

/* The next event; how long it is. */
static size_t show_event(struct exec *exec, const char *at)
{
	struct text *out = &exec->side->out;
	uint32_t head[4]; /* wd, mask, cookie, len */

	memcpy(head, at, UNIT);
	text_printf(out, " [%d:", (int32_t)head[0]);
	show_mask(out, head[1]);
	if (head[2])
		text_printf(out, " c%u", side_cookie(exec->side, head[2]));
	if (head[3])
		show_name(out, at + UNIT, head[3]);
	text_add(out, "]", 1);
	return UNIT + head[3];
}

bool events_show(struct exec *exec, int64_t result, const void *data)
{
	static const char *const readers[] = {"read", "readv", "preadv2",
					      "events"};
	bool reads = false;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		reads |= !strcmp(exec->call->def->name, readers[i]);
	if (!reads || result % UNIT || !is_queue(exec, INT(0)))
		return false;
	exec_result(exec, result);
	for (int64_t at = 0; at < result;)
		at += (int64_t)show_event(exec, (const char *)data + at);
	return true;
}

/* Everything that is queued, if it is a queue that never waits. */
static void run_events(struct exec *exec)
{
	int64_t n;

	if (!is_queue(exec, INT(0))) {
		exec_result(exec, -EBADF);
		return;
	}
	do {
		n = CALL(read, INT(0), exec->side->buffer, 4096);
		exec_data(exec, n, exec->side->buffer);
	} while (n > 0);
}

const struct call_def event_calls[] = {
	{"inotify_init", "?n", run_inotify_init},
	{"inotify_add_watch", "nsn", run_add_watch},
	{"inotify_rm_watch", "nn", run_rm_watch},
	{"events", "n", run_events},
	{NULL, NULL, NULL},
};
