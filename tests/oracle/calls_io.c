/* SPDX-License-Identifier: MIT */
/* How data is read, written and moved. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "script.h"

/* The longest piece of a vector, of which there are at most eight. */
#define PIECE_SIZE 8192

/* Where a call's data goes: NULL when the script says so. */
static char *room(const struct exec *exec, unsigned null)
{
	return exec->call->args[null].given ? NULL : exec->side->buffer;
}

/* How much of the data to write: all, unless the script says less. */
static size_t amount(const struct exec *exec, unsigned data, unsigned count)
{
	size_t size;

	if (!exec->call->args[count].given)
		return LEN(data);
	size = (size_t)NUM(count);
	/* Not beyond what there is, but sizes that cannot be are passed on. */
	return STR(data) && NUM(count) >= 0 && size > LEN(data) ? LEN(data)
								: size;
}

static void run_read(struct exec *exec)
{
	char *data = room(exec, 2);

	exec_data(exec, CALL(read, INT(0), data, exec_size(exec, 1)), data);
}

static void run_write(struct exec *exec)
{
	exec_result(exec, CALL(write, INT(0), STR(1), amount(exec, 1, 2)));
}

static void run_pread(struct exec *exec)
{
	char *data = room(exec, 3);

	exec_data(exec, CALL(pread, INT(0), data, exec_size(exec, 1), NUM(2)),
		  data);
}

static void run_pwrite(struct exec *exec)
{
	exec_result(exec,
		    CALL(pwrite, INT(0), STR(1), amount(exec, 1, 3), NUM(2)));
}

/* The pieces of the buffer that a list of lengths asks for. */
static int pieces(const struct exec *exec, unsigned i, struct vfs_iovec iov[8])
{
	char *at = exec->side->buffer, *end;
	const char *word = STR(i);
	int count = 0;

	if (!strcmp(word, "NULL"))
		return 1;
	while (*word && count < 8) {
		int64_t len = strtoll(word, &end, 0);

		if (len > PIECE_SIZE)
			len = PIECE_SIZE;
		iov[count].base = at;
		iov[count++].len = (size_t)len;
		at += len > 0 ? len : 0;
		word = end + (*end == ',');
	}
	return count;
}

static struct vfs_iovec *vector(const struct exec *exec, unsigned i,
				struct vfs_iovec iov[8])
{
	return strcmp(STR(i), "NULL") ? iov : NULL;
}

/* What is written: the letters, over and over, from one that differs by
 * descriptor. */
static void letters(const struct exec *exec)
{
	for (unsigned i = 0; i < 8 * PIECE_SIZE; i++)
		exec->side->buffer[i] = (char)('a' + (NUM(0) + i) % 26);
}

static void run_readv(struct exec *exec)
{
	struct vfs_iovec iov[8] = {{NULL, 0}};
	int count = pieces(exec, 1, iov);

	exec_data(exec, CALL(readv, INT(0), vector(exec, 1, iov), count),
		  exec->side->buffer);
}

static void run_preadv(struct exec *exec)
{
	struct vfs_iovec iov[8] = {{NULL, 0}};
	int count = pieces(exec, 1, iov);

	exec_data(exec,
		  CALL(preadv, INT(0), vector(exec, 1, iov), count, NUM(2)),
		  exec->side->buffer);
}

static void run_preadv2(struct exec *exec)
{
	struct vfs_iovec iov[8] = {{NULL, 0}};
	int count = pieces(exec, 1, iov);

	exec_data(exec,
		  CALL(preadv2, INT(0), vector(exec, 1, iov), count, NUM(2),
		       INT(3)),
		  exec->side->buffer);
}

static void run_writev(struct exec *exec)
{
	struct vfs_iovec iov[8] = {{NULL, 0}};
	int count = pieces(exec, 1, iov);

	letters(exec);
	exec_result(exec, CALL(writev, INT(0), vector(exec, 1, iov), count));
}

static void run_pwritev(struct exec *exec)
{
	struct vfs_iovec iov[8] = {{NULL, 0}};
	int count = pieces(exec, 1, iov);

	letters(exec);
	exec_result(exec,
		    CALL(pwritev, INT(0), vector(exec, 1, iov), count, NUM(2)));
}

static void run_pwritev2(struct exec *exec)
{
	struct vfs_iovec iov[8] = {{NULL, 0}};
	int count = pieces(exec, 1, iov);

	letters(exec);
	exec_result(exec, CALL(pwritev2, INT(0), vector(exec, 1, iov), count,
			       NUM(2), INT(3)));
}

static void run_lseek(struct exec *exec)
{
	exec_result(exec, CALL(lseek, INT(0), NUM(1), INT(2)));
}

static void run_truncate(struct exec *exec)
{
	exec_result(exec, CALL(truncate, STR(0), NUM(1)));
}

static void run_ftruncate(struct exec *exec)
{
	exec_result(exec, CALL(ftruncate, INT(0), NUM(1)));
}

static void run_fallocate(struct exec *exec)
{
	exec_result(exec, CALL(fallocate, INT(0), INT(1), NUM(2), NUM(3)));
}

static void run_fsync(struct exec *exec)
{
	exec_result(exec, CALL(fsync, INT(0)));
}

static void run_fdatasync(struct exec *exec)
{
	exec_result(exec, CALL(fdatasync, INT(0)));
}

static void run_syncfs(struct exec *exec)
{
	exec_result(exec, CALL(syncfs, INT(0)));
}

/* An offset to point at, or NULL. */
static int64_t *offset_of(const struct exec *exec, unsigned i, int64_t *offset)
{
	if (!strcmp(STR(i), "NULL"))
		return NULL;
	if (!number_parse(STR(i), offset))
		die("not an offset: %s", STR(i));
	return offset;
}

static void run_copy_file_range(struct exec *exec)
{
	int64_t in, out, result;
	int64_t *in_at = offset_of(exec, 1, &in);
	int64_t *out_at = offset_of(exec, 3, &out);

	result = CALL(copy_file_range, INT(0), in_at, INT(2), out_at,
		      (size_t)NUM(4), U32(5));
	exec_result(exec, result);
	if (in_at)
		text_printf(&exec->side->out, " in=%lld", (long long)in);
	if (out_at)
		text_printf(&exec->side->out, " out=%lld", (long long)out);
}

static void run_sendfile(struct exec *exec)
{
	int64_t offset;
	int64_t *at = offset_of(exec, 2, &offset);

	exec_result(exec, CALL(sendfile, INT(0), INT(1), at, (size_t)NUM(3)));
	if (at)
		text_printf(&exec->side->out, " offset=%lld",
			    (long long)offset);
}

static void run_fadvise(struct exec *exec)
{
	exec_result(exec, CALL(fadvise, INT(0), NUM(1), NUM(2), INT(3)));
}

const struct call_def io_calls[] = {
	{"read", "nn?v", run_read},
	{"write", "nb?n", run_write},
	{"pread", "nnn?v", run_pread},
	{"pwrite", "nbn?n", run_pwrite},
	{"readv", "nv", run_readv},
	{"preadv", "nvn", run_preadv},
	{"preadv2", "nvnn", run_preadv2},
	{"writev", "nv", run_writev},
	{"pwritev", "nvn", run_pwritev},
	{"pwritev2", "nvnn", run_pwritev2},
	{"lseek", "nnn", run_lseek},
	{"truncate", "sn", run_truncate},
	{"ftruncate", "nn", run_ftruncate},
	{"fallocate", "nnnn", run_fallocate},
	{"fsync", "n", run_fsync},
	{"fdatasync", "n", run_fdatasync},
	{"syncfs", "n", run_syncfs},
	{"copy_file_range", "nvnvnn", run_copy_file_range},
	{"sendfile", "nnvn", run_sendfile},
	{"fadvise", "nnnn", run_fadvise},
	{NULL, NULL, NULL},
};
