/* SPDX-License-Identifier: MIT */
/* How each call on attributes is made, and what is compared of its answer. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "script.h"

static void show_stat(struct exec *exec, int result,
		      const struct vfs_stat *stat)
{
	exec_result(exec, result);
	if (result >= 0)
		side_stat(exec->side, stat);
}

/* The file system's id is its own business, and how much an overlay takes of
 * its upper layer for what is shown nowhere. */
static void show_statfs(struct exec *exec, int result,
			const struct vfs_statfs *s)
{
	struct text *out = &exec->side->out;

	exec_result(exec, result);
	if (result < 0)
		return;
	if (exec->side->overlay) {
		text_printf(&exec->side->out,
			    " type=%llx bsize=%llu frsize=%llu namelen=%llu "
			    "flags=%llx",
			    (unsigned long long)s->type,
			    (unsigned long long)s->bsize,
			    (unsigned long long)s->frsize,
			    (unsigned long long)s->namelen,
			    (unsigned long long)s->flags);
		return;
	}
	text_printf(out,
		    " type=%llx bsize=%llu frsize=%llu namelen=%llu "
		    "flags=%llx blocks=%llu files=%llu",
		    (unsigned long long)s->type, (unsigned long long)s->bsize,
		    (unsigned long long)s->frsize,
		    (unsigned long long)s->namelen,
		    (unsigned long long)s->flags, (unsigned long long)s->blocks,
		    (unsigned long long)s->files);
	/* records take some of the room */
	if (exec->side->host->xattr)
		return;
	if (!side_free_is_vague(exec->side))
		text_printf(out, " ffree=%llu bfree=%llu bavail=%llu",
			    (unsigned long long)s->ffree,
			    (unsigned long long)s->bfree,
			    (unsigned long long)s->bavail);
}

static void run_stat(struct exec *exec)
{
	struct vfs_stat stat, *out = exec->call->args[1].given ? NULL : &stat;

	show_stat(exec, CALL(stat, STR(0), out), &stat);
}

static void run_lstat(struct exec *exec)
{
	struct vfs_stat stat, *out = exec->call->args[1].given ? NULL : &stat;

	show_stat(exec, CALL(lstat, STR(0), out), &stat);
}

static void run_fstat(struct exec *exec)
{
	struct vfs_stat stat, *out = exec->call->args[1].given ? NULL : &stat;

	exec->side->opened = true;
	show_stat(exec, CALL(fstat, INT(0), out), &stat);
	exec->side->opened = false;
}

static void run_fstatat(struct exec *exec)
{
	struct vfs_stat stat, *out = exec->call->args[3].given ? NULL : &stat;

	show_stat(exec, CALL(fstatat, INT(0), STR(1), out, INT(2)), &stat);
}

static void run_statx(struct exec *exec)
{
	struct vfs_stat stat, *out = exec->call->args[4].given ? NULL : &stat;

	show_stat(exec, CALL(statx, INT(0), STR(1), INT(2), U32(3), out),
		  &stat);
}

static void run_statfs(struct exec *exec)
{
	struct vfs_statfs stat, *out = exec->call->args[1].given ? NULL : &stat;

	show_statfs(exec, CALL(statfs, STR(0), out), &stat);
}

static void run_fstatfs(struct exec *exec)
{
	struct vfs_statfs stat, *out = exec->call->args[1].given ? NULL : &stat;

	show_statfs(exec, CALL(fstatfs, INT(0), out), &stat);
}

static void run_access(struct exec *exec)
{
	exec_result(exec, CALL(access, STR(0), INT(1)));
}

static void run_faccessat(struct exec *exec)
{
	exec_result(exec, CALL(faccessat, INT(0), STR(1), INT(2)));
}

static void run_faccessat2(struct exec *exec)
{
	exec_result(exec, CALL(faccessat2, INT(0), STR(1), INT(2), INT(3)));
}

static void run_chmod(struct exec *exec)
{
	exec_result(exec, CALL(chmod, STR(0), U32(1)));
}

static void run_fchmod(struct exec *exec)
{
	exec_result(exec, CALL(fchmod, INT(0), U32(1)));
}

static void run_fchmodat(struct exec *exec)
{
	exec_result(exec, CALL(fchmodat, INT(0), STR(1), U32(2)));
}

static void run_fchmodat2(struct exec *exec)
{
	exec_result(exec, CALL(fchmodat2, INT(0), STR(1), U32(2), INT(3)));
}

static void run_chown(struct exec *exec)
{
	exec_result(exec, CALL(chown, STR(0), U32(1), U32(2)));
}

static void run_lchown(struct exec *exec)
{
	exec_result(exec, CALL(lchown, STR(0), U32(1), U32(2)));
}

static void run_fchown(struct exec *exec)
{
	exec_result(exec, CALL(fchown, INT(0), U32(1), U32(2)));
}

static void run_fchownat(struct exec *exec)
{
	exec_result(exec,
		    CALL(fchownat, INT(0), STR(1), U32(2), U32(3), INT(4)));
}

/* `now`, `omit` or SECONDS:NANOSECONDS, twice with a comma; or NULL. */
static const struct vfs_timespec *times_of(const struct exec *exec, unsigned i,
					   struct vfs_timespec times[2])
{
	const char *word = STR(i);
	char *end;

	memset(times, 0, 2 * sizeof(times[0]));
	if (!strcmp(word, "NULL"))
		return NULL;
	for (int t = 0; t < 2 && word; t++) {
		if (!strncmp(word, "now", 3)) {
			times[t].nsec = UTIME_NOW;
		} else if (!strncmp(word, "omit", 4)) {
			times[t].nsec = UTIME_OMIT;
		} else {
			times[t].sec = strtoll(word, &end, 10);
			if (*end == ':')
				times[t].nsec =
					(uint32_t)strtoul(end + 1, &end, 10);
		}
		word = strchr(word, ',');
		if (word)
			word++;
	}
	return times;
}

static void run_utimensat(struct exec *exec)
{
	struct vfs_timespec times[2];

	exec_result(exec, CALL(utimensat, INT(0), STR(1),
			       times_of(exec, 2, times), INT(3)));
}

static void run_futimens(struct exec *exec)
{
	struct vfs_timespec times[2];

	exec_result(exec, CALL(futimens, INT(0), times_of(exec, 1, times)));
}

static void run_umask(struct exec *exec)
{
	exec_result(exec, CALL(umask, U32(0)));
}

/* Attributes have no order. */
static void show_list(struct exec *exec, int64_t result, char *list)
{
	exec_result(exec, result);
	if (result > 0 && list)
		text_sorted(&exec->side->out, list, (size_t)result);
}

static void run_getxattr(struct exec *exec)
{
	size_t size = exec->call->arg_count > 2 ? exec_size(exec, 2) : 65536;
	char *value = size ? exec->side->buffer : NULL;

	exec_data(exec, CALL(getxattr, STR(0), STR(1), value, size), value);
}

static void run_setxattr(struct exec *exec)
{
	size_t size = exec->call->arg_count > 4 ? (size_t)NUM(4) : LEN(2);

	exec_result(exec, CALL(setxattr, STR(0), STR(1), STR(2), size, INT(3)));
}

static void run_listxattr(struct exec *exec)
{
	size_t size = exec->call->arg_count > 1 ? exec_size(exec, 1) : 65536;
	char *list = size ? exec->side->buffer : NULL;

	show_list(exec, CALL(listxattr, STR(0), list, size), list);
}

static void run_removexattr(struct exec *exec)
{
	exec_result(exec, CALL(removexattr, STR(0), STR(1)));
}

static void run_lgetxattr(struct exec *exec)
{
	size_t size = exec->call->arg_count > 2 ? exec_size(exec, 2) : 65536;
	char *value = size ? exec->side->buffer : NULL;

	exec_data(exec, CALL(lgetxattr, STR(0), STR(1), value, size), value);
}

static void run_lsetxattr(struct exec *exec)
{
	size_t size = exec->call->arg_count > 4 ? (size_t)NUM(4) : LEN(2);

	exec_result(exec,
		    CALL(lsetxattr, STR(0), STR(1), STR(2), size, INT(3)));
}

static void run_llistxattr(struct exec *exec)
{
	size_t size = exec->call->arg_count > 1 ? exec_size(exec, 1) : 65536;
	char *list = size ? exec->side->buffer : NULL;

	show_list(exec, CALL(llistxattr, STR(0), list, size), list);
}

static void run_lremovexattr(struct exec *exec)
{
	exec_result(exec, CALL(lremovexattr, STR(0), STR(1)));
}

static void run_fgetxattr(struct exec *exec)
{
	size_t size = exec->call->arg_count > 2 ? exec_size(exec, 2) : 65536;
	char *value = size ? exec->side->buffer : NULL;

	exec_data(exec, CALL(fgetxattr, INT(0), STR(1), value, size), value);
}

static void run_fsetxattr(struct exec *exec)
{
	size_t size = exec->call->arg_count > 4 ? (size_t)NUM(4) : LEN(2);

	exec_result(exec,
		    CALL(fsetxattr, INT(0), STR(1), STR(2), size, INT(3)));
}

static void run_flistxattr(struct exec *exec)
{
	size_t size = exec->call->arg_count > 1 ? exec_size(exec, 1) : 65536;
	char *list = size ? exec->side->buffer : NULL;

	show_list(exec, CALL(flistxattr, INT(0), list, size), list);
}

static void run_fremovexattr(struct exec *exec)
{
	exec_result(exec, CALL(fremovexattr, INT(0), STR(1)));
}

const struct call_def attribute_calls[] = {
	{"stat", "s?v", run_stat},
	{"lstat", "s?v", run_lstat},
	{"fstat", "n?v", run_fstat},
	{"fstatat", "nsn?v", run_fstatat},
	{"statx", "nsnn?v", run_statx},
	{"statfs", "s?v", run_statfs},
	{"fstatfs", "n?v", run_fstatfs},
	{"access", "sn", run_access},
	{"faccessat", "nsn", run_faccessat},
	{"faccessat2", "nsnn", run_faccessat2},
	{"chmod", "sn", run_chmod},
	{"fchmod", "nn", run_fchmod},
	{"fchmodat", "nsn", run_fchmodat},
	{"fchmodat2", "nsnn", run_fchmodat2},
	{"chown", "snn", run_chown},
	{"lchown", "snn", run_lchown},
	{"fchown", "nnn", run_fchown},
	{"fchownat", "nsnnn", run_fchownat},
	{"utimensat", "nsvn", run_utimensat},
	{"futimens", "nv", run_futimens},
	{"umask", "n", run_umask},
	{"getxattr", "ss?n", run_getxattr},
	{"setxattr", "ssbn?n", run_setxattr},
	{"listxattr", "s?n", run_listxattr},
	{"removexattr", "ss", run_removexattr},
	{"lgetxattr", "ss?n", run_lgetxattr},
	{"lsetxattr", "ssbn?n", run_lsetxattr},
	{"llistxattr", "s?n", run_llistxattr},
	{"lremovexattr", "ss", run_lremovexattr},
	{"fgetxattr", "ns?n", run_fgetxattr},
	{"fsetxattr", "nsbn?n", run_fsetxattr},
	{"flistxattr", "n?n", run_flistxattr},
	{"fremovexattr", "ns", run_fremovexattr},
	{NULL, NULL, NULL},
};
