/* SPDX-License-Identifier: MIT */
/* clang-format off */
/*
 * Scripts: plain text, one call a line.
 *
 *	# a comment
 *	mount size=64k,nr_inodes=20	options of the tmpfs, first lines only
 *	need privileged			skip where there is no root
 *	need mounts			the same, and the script mounts
 *	need own			skip on a hostfs, which has no such thing
 *	need tmpfs			skip on a hostfs on anything else
 *	need self			skip where /proc/self is another task than 0
 *	need userns			skip where there are no namespaces
 *	as user1			who makes the next calls
 *	mkdir a 0755
 *	open a/f O_CREAT|O_RDWR 0644 -> $0
 *	write $0 "hello\n" => 6
 *	open "x"*256 O_RDONLY => ENAMETOOLONG
 *
 * `-> $N` keeps a descriptor, `=> R` says what both sides must answer: an
 * errno's name or a number. Strings may be bare or quoted, repeated with *N,
 * joined with +; NULL is the null pointer. Numbers are decimal, octal, hex,
 * $N, constants (joined with |) or dev:MAJOR:MINOR.
 */
/* clang-format on */
#ifndef ORACLE_SCRIPT_H
#define ORACLE_SCRIPT_H

#include "side.h"

#define MAX_ARGS 8
#define LINE_POOL (1u << 19)

struct exec;

struct call_def {
	const char *name;
	/* One letter an argument: n number, s string, b bytes, v a raw word.
	 * Those behind ? may be missing: 0 or NULL. */
	const char *args;
	void (*run)(struct exec *exec);
};

struct arg {
	int64_t number;
	int slot; /* -1, or whose value the number is */
	bool given;
	const char *string; /* ends in a NUL */
	size_t len;
};

struct call {
	const struct call_def *def;
	unsigned index; /* of def */
	struct arg args[MAX_ARGS];
	unsigned arg_count;
	int to[2]; /* slots for new descriptors, or -1 */
	char expect[32];
	char *pool; /* LINE_POOL bytes for strings */
	size_t pool_used;
};

struct exec {
	struct side *side;
	struct vfs_task *task;
	const struct call *call;
};

void call_init(struct call *call);
void call_fini(struct call *call);
/* False with a message on stderr: the line cannot be understood.
 * call->def is NULL for an empty line, a comment or a header. */
bool call_parse(struct call *call, const char *line);
/* Runs it and writes the result into side->out. */
void call_run(struct call *call, struct side *side);
/* Does side->out say what the script expects? */
bool call_expected(const struct call *call, const struct side *side);

/* A number of one word. */
bool number_parse(const char *word, int64_t *number);
/* A POSIX ACL as the value of its attribute, from u::rwx,u:1000:r--,…
 * Returns the length, or 0. */
size_t acl_parse(const char *words, unsigned char *out, size_t cap);

extern const struct call_def file_calls[];
extern const struct call_def io_calls[];
extern const struct call_def name_calls[];
extern const struct call_def attribute_calls[];
extern const struct call_def control_calls[];
extern const struct call_def mount_calls[];
extern const struct call_def memory_calls[];
extern const struct call_def userns_calls[];
extern const struct call_def event_calls[];

/* Every call, numbered from 0. */
const struct call_def *call_find(const char *name, unsigned *index);
unsigned call_count(void);
const struct call_def *call_at(unsigned index);

/* For the bodies of calls. */
int64_t exec_number(const struct exec *exec, unsigned i);
void exec_fd(struct exec *exec, int64_t result);
void exec_result(struct exec *exec, int64_t result);
/* A result that is a count of bytes at data. */
/* What a call returned with data: by a descriptor, its first argument, which
 * may be a queue of events; or otherwise. */
void exec_data(struct exec *exec, int64_t result, const void *data);
void exec_bytes(struct exec *exec, int64_t result, const void *data);
/* If the call read from a queue of events, what they are. */
bool events_show(struct exec *exec, int64_t result, const void *data);
size_t exec_size(const struct exec *exec, unsigned i);

#define NUM(i) exec_number(exec, i)
#define INT(i) ((int)exec_number(exec, i))
#define U32(i) ((uint32_t)exec_number(exec, i))
#define STR(i) (exec->call->args[i].string)
#define LEN(i) (exec->call->args[i].len)
#define CALL(name, ...) (exec->side->class->calls.name(exec->task, __VA_ARGS__))

#endif
