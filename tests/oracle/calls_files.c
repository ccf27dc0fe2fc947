/* SPDX-License-Identifier: MIT */
/* How descriptors are made, copied, asked and locked. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

static void run_open(struct exec *exec)
{
	exec_fd(exec, CALL(open, STR(0), INT(1), U32(2)));
}

static void run_openat(struct exec *exec)
{
	exec_fd(exec, CALL(openat, INT(0), STR(1), INT(2), U32(3)));
}

static void run_openat2(struct exec *exec)
{
	struct {
		struct vfs_open_how how;
		char tail[40];
	} how = {{(uint64_t)NUM(2), (uint64_t)NUM(3), (uint64_t)NUM(4)}, {0}};
	size_t size =
		exec->call->arg_count > 5 ? (size_t)NUM(5) : sizeof(how.how);

	how.tail[0] = (char)NUM(6);
	exec_fd(exec, CALL(openat2, INT(0), STR(1), &how.how, size));
}

static void run_creat(struct exec *exec)
{
	exec_fd(exec, CALL(creat, STR(0), U32(1)));
}

static void run_close(struct exec *exec)
{
	exec_result(exec, CALL(close, INT(0)));
}

static void run_close_range(struct exec *exec)
{
	exec_result(exec, CALL(close_range, U32(0), U32(1), U32(2)));
}

static void run_dup(struct exec *exec)
{
	exec_fd(exec, CALL(dup, INT(0)));
}

static void run_dup2(struct exec *exec)
{
	exec_fd(exec, CALL(dup2, INT(0), INT(1)));
}

static void run_dup3(struct exec *exec)
{
	exec_fd(exec, CALL(dup3, INT(0), INT(1), INT(2)));
}

static void run_fcntl(struct exec *exec)
{
	int cmd = INT(1);
	int64_t result = CALL(fcntl, INT(0), cmd, NUM(2));

	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		exec_fd(exec, result);
	else
		exec_result(exec, result);
}

static void run_ioctl(struct exec *exec)
{
	int64_t value = NUM(2);
	int64_t result = CALL(ioctl, INT(0), (uint64_t)NUM(1), &value);

	exec_result(exec, result);
	/* of a disk's flags only those that the library has */
	if (NUM(1) == (int64_t)FS_IOC_GETFLAGS &&
	    exec->side->host->kind == HOST_EXT4)
		value &= FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL |
			 FS_NOATIME_FL;
	if (result >= 0)
		text_printf(&exec->side->out, " %lld", (long long)value);
}

/* ficlone TO FROM */
static void run_ficlone(struct exec *exec)
{
	exec_result(exec,
		    CALL(ioctl, INT(0), FICLONE, (void *)(intptr_t)INT(1)));
}

/* ficlonerange TO FROM FROM-OFFSET LENGTH TO-OFFSET */
static void run_ficlonerange(struct exec *exec)
{
	struct file_clone_range range = {
		.src_fd = NUM(1),
		.src_offset = (uint64_t)NUM(2),
		.src_length = (uint64_t)NUM(3),
		.dest_offset = (uint64_t)NUM(4),
	};

	exec_result(exec, CALL(ioctl, INT(0), FICLONERANGE, &range));
}

static void show_pair(struct exec *exec, int result, const int fds[2])
{
	exec_result(exec, result);
	for (int i = 0; i < 2; i++) {
		if (result >= 0)
			text_printf(&exec->side->out, " %d", fds[i]);
		if (exec->call->to[i] >= 0)
			exec->side->slots[exec->call->to[i]] =
				result < 0 ? -1 : fds[i];
	}
}

static void run_pipe(struct exec *exec)
{
	int fds[2];
	int *out = exec->call->args[0].given ? NULL : fds;

	show_pair(exec, CALL(pipe, out), fds);
}

static void run_pipe2(struct exec *exec)
{
	int fds[2];

	show_pair(exec, CALL(pipe2, fds, INT(0)), fds);
}

static int64_t part(const char *word, size_t len)
{
	char copy[64];
	int64_t number = 0;

	snprintf(copy, sizeof(copy), "%.*s", (int)len, word);
	if (len && !number_parse(copy, &number))
		die("not a number: %s", copy);
	return number;
}

/* $N:EVENTS; returns the next one. */
static const char *poll_entry(const struct exec *exec, const char *word,
			      struct vfs_pollfd *fd)
{
	size_t len = strcspn(word, ","), first = strcspn(word, ":,");

	if (word[0] == '$')
		fd->fd = exec->side->slots[atoi(word + 1) % MAX_SLOTS];
	else
		fd->fd = (int)part(word, first);
	if (first < len)
		fd->events = (int16_t)part(word + first + 1, len - first - 1);
	return word + len + (word[len] == ',');
}

static void run_poll(struct exec *exec)
{
	struct vfs_pollfd fds[8];
	unsigned count = 0;
	const char *word = STR(0);
	int result;

	memset(fds, 0, sizeof(fds));
	while (*word && count < 8)
		word = poll_entry(exec, word, &fds[count++]);
	result = CALL(poll, fds, count, 0);
	exec_result(exec, result);
	for (unsigned i = 0; result >= 0 && i < count; i++)
		text_printf(&exec->side->out, " %x", fds[i].revents);
}

static void run_flock(struct exec *exec)
{
	exec_result(exec, CALL(flock, INT(0), INT(1)));
}

static void run_fcntl_lock(struct exec *exec)
{
	struct vfs_flock lock = {
		.type = (int16_t)NUM(2),
		.whence = (int16_t)NUM(3),
		.start = NUM(4),
		.len = NUM(5),
	};
	int64_t result = CALL(fcntl_lock, INT(0), INT(1), &lock);

	exec_result(exec, result);
	if (result < 0 || (INT(1) != F_GETLK && INT(1) != F_OFD_GETLK))
		return;
	text_printf(&exec->side->out, " type=%d", lock.type);
	/* Who it is has another number on each side. */
	if (lock.type != F_UNLCK)
		text_printf(&exec->side->out,
			    " whence=%d start=%lld len=%lld owner=%s",
			    lock.whence, (long long)lock.start,
			    (long long)lock.len,
			    lock.pid > 0 ? "task" : "file");
}

const struct call_def file_calls[] = {
	{"open", "snn", run_open},
	{"openat", "nsnn", run_openat},
	{"openat2", "nsnnn?nn", run_openat2},
	{"creat", "sn", run_creat},
	{"close", "n", run_close},
	{"close_range", "nnn", run_close_range},
	{"dup", "n", run_dup},
	{"dup2", "nn", run_dup2},
	{"dup3", "nnn", run_dup3},
	{"fcntl", "nnn", run_fcntl},
	{"ioctl", "nn?n", run_ioctl},
	{"ficlone", "nn", run_ficlone},
	{"ficlonerange", "nnnnn", run_ficlonerange},
	{"pipe", "?v", run_pipe},
	{"pipe2", "n", run_pipe2},
	{"poll", "v", run_poll},
	{"flock", "nn", run_flock},
	{"fcntl_lock", "nnnnnn", run_fcntl_lock},
	{NULL, NULL, NULL},
};
