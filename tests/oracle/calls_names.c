/* SPDX-License-Identifier: MIT */
/* How each call on names is made. */
#define _GNU_SOURCE

#include "script.h"

static void run_link(struct exec *exec)
{
	exec_result(exec, CALL(link, STR(0), STR(1)));
}

static void run_linkat(struct exec *exec)
{
	exec_result(exec, CALL(linkat, INT(0), STR(1), INT(2), STR(3), INT(4)));
}

static void run_symlink(struct exec *exec)
{
	exec_result(exec, CALL(symlink, STR(0), STR(1)));
}

static void run_symlinkat(struct exec *exec)
{
	exec_result(exec, CALL(symlinkat, STR(0), INT(1), STR(2)));
}

static void run_readlink(struct exec *exec)
{
	char *buffer = exec->side->buffer;
	size_t size = exec->call->arg_count > 1 ? exec_size(exec, 1) : 4096;

	exec_data(exec, CALL(readlink, STR(0), buffer, size), buffer);
}

static void run_readlinkat(struct exec *exec)
{
	char *buffer = exec->side->buffer;
	size_t size = exec->call->arg_count > 2 ? exec_size(exec, 2) : 4096;

	exec_data(exec, CALL(readlinkat, INT(0), STR(1), buffer, size), buffer);
}

static void run_unlink(struct exec *exec)
{
	exec_result(exec, CALL(unlink, STR(0)));
}

static void run_unlinkat(struct exec *exec)
{
	exec_result(exec, CALL(unlinkat, INT(0), STR(1), INT(2)));
}

static void run_rmdir(struct exec *exec)
{
	exec_result(exec, CALL(rmdir, STR(0)));
}

static void run_mkdir(struct exec *exec)
{
	exec_result(exec, CALL(mkdir, STR(0), U32(1)));
}

static void run_mkdirat(struct exec *exec)
{
	exec_result(exec, CALL(mkdirat, INT(0), STR(1), U32(2)));
}

static void run_mknod(struct exec *exec)
{
	exec_result(exec, CALL(mknod, STR(0), U32(1), (uint64_t)NUM(2)));
}

static void run_mknodat(struct exec *exec)
{
	exec_result(exec,
		    CALL(mknodat, INT(0), STR(1), U32(2), (uint64_t)NUM(3)));
}

static void run_mkfifo(struct exec *exec)
{
	exec_result(exec, CALL(mkfifo, STR(0), U32(1)));
}

static void run_mkfifoat(struct exec *exec)
{
	exec_result(exec, CALL(mkfifoat, INT(0), STR(1), U32(2)));
}

static void run_rename(struct exec *exec)
{
	exec_result(exec, CALL(rename, STR(0), STR(1)));
}

static void run_renameat(struct exec *exec)
{
	exec_result(exec, CALL(renameat, INT(0), STR(1), INT(2), STR(3)));
}

static void run_renameat2(struct exec *exec)
{
	exec_result(exec,
		    CALL(renameat2, INT(0), STR(1), INT(2), STR(3), U32(4)));
}

static void run_chdir(struct exec *exec)
{
	exec_result(exec, CALL(chdir, STR(0)));
}

static void run_fchdir(struct exec *exec)
{
	exec_result(exec, CALL(fchdir, INT(0)));
}

static void run_chroot(struct exec *exec)
{
	exec_result(exec, CALL(chroot, STR(0)));
}

static void run_getcwd(struct exec *exec)
{
	char *buffer = exec->side->buffer;
	size_t size = exec->call->arg_count ? exec_size(exec, 0) : 4096;

	exec_data(exec, CALL(getcwd, buffer, size), buffer);
}

static void run_realpath(struct exec *exec)
{
	char *buffer = exec->side->buffer;
	size_t size = exec->call->arg_count > 1 ? exec_size(exec, 1) : 4096;

	exec_data(exec, CALL(realpath, STR(0), buffer, size), buffer);
}

const struct call_def name_calls[] = {
	{"link", "ss", run_link},
	{"linkat", "nsnsn", run_linkat},
	{"symlink", "ss", run_symlink},
	{"symlinkat", "sns", run_symlinkat},
	{"readlink", "s?n", run_readlink},
	{"readlinkat", "ns?n", run_readlinkat},
	{"unlink", "s", run_unlink},
	{"unlinkat", "nsn", run_unlinkat},
	{"rmdir", "s", run_rmdir},
	{"mkdir", "sn", run_mkdir},
	{"mkdirat", "nsn", run_mkdirat},
	{"mknod", "snn", run_mknod},
	{"mknodat", "nsnn", run_mknodat},
	{"mkfifo", "sn", run_mkfifo},
	{"mkfifoat", "nsn", run_mkfifoat},
	{"rename", "ss", run_rename},
	{"renameat", "nsns", run_renameat},
	{"renameat2", "nsnsn", run_renameat2},
	{"chdir", "s", run_chdir},
	{"fchdir", "n", run_fchdir},
	{"chroot", "s", run_chroot},
	{"getcwd", "?n", run_getcwd},
	{"realpath", "s?n", run_realpath},
	{NULL, NULL, NULL},
};
