/* SPDX-License-Identifier: MIT */
/* Lines that are not one call: who calls, tasks, limits, and listings, which
 * have no order and are compared as sets. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "script.h"

#define MAX_ENTRIES 512

struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* What one scan of a directory saw. */
struct listing {
	struct text names; /* NUL-separated, the type in front */
	int64_t offsets[MAX_ENTRIES];
	unsigned count;
	int64_t error;
};

static void run_as(struct exec *exec)
{
	const struct who *who = who_find(STR(0));

	if (!who)
		die("nobody is called %s", STR(0));
	exec_result(exec, exec->side->class->become(exec->side, who));
}

static unsigned task_number(const struct exec *exec)
{
	int64_t task = NUM(0);

	if (task < 0 || task >= MAX_TASKS)
		die("tasks are numbered from 0 to %d", MAX_TASKS - 1);
	return (unsigned)task;
}

static void run_task(struct exec *exec)
{
	unsigned task = task_number(exec);

	if (exec->side->tasks[task])
		exec->side->current = task;
	exec_result(exec, exec->side->tasks[task] ? 0 : -ESRCH);
}

static void run_clone(struct exec *exec)
{
	unsigned task = task_number(exec);

	if (exec->side->tasks[task])
		exec_result(exec, -EEXIST);
	else
		exec_result(exec, exec->side->class->clone(exec->side, task,
							   (uint64_t)NUM(1)));
}

static void run_exit(struct exec *exec)
{
	unsigned task = task_number(exec);

	if (!task || task == exec->side->current || !exec->side->tasks[task]) {
		exec_result(exec, -EINVAL);
		return;
	}
	exec->side->class->drop(exec->side, task);
	exec_result(exec, 0);
}

static void run_rlimit(struct exec *exec)
{
	exec_result(exec, exec->side->class->limit(exec->side, INT(0),
						   (uint64_t)NUM(1)));
}

static int64_t read_some(struct exec *exec, size_t size)
{
	int64_t n = CALL(getdents, INT(0), exec->side->buffer, size);

	return n;
}

static void add_entry(struct listing *listing, const struct entry *entry)
{
	char type = (char)('A' + entry->type);

	if (listing->count == MAX_ENTRIES)
		die("a directory is too large for a listing");
	listing->offsets[listing->count++] = entry->off;
	text_add(&listing->names, &type, 1);
	text_add(&listing->names, entry->name, strlen(entry->name) + 1);
}

/* From where the descriptor is to the end; each is called for each entry. */
static void scan(struct exec *exec, size_t size, struct listing *listing,
		 void (*each)(struct exec *, struct listing *,
			      const struct entry *))
{
	int64_t n;

	memset(listing, 0, sizeof(*listing));
	text_clear(&listing->names);
	while ((n = read_some(exec, size)) > 0) {
		char copy[4096];
		const char *from = exec->side->buffer;

		/* each may use the buffer; small sizes are the interesting
		 * ones. */
		if ((size_t)n <= sizeof(copy))
			from = memcpy(copy, exec->side->buffer, (size_t)n);
		for (int64_t at = 0; at < n;) {
			const struct entry *entry = (const void *)(from + at);

			add_entry(listing, entry);
			if (each)
				each(exec, listing, entry);
			at += entry->reclen;
		}
	}
	listing->error = n;
}

static size_t buffer_size(const struct exec *exec)
{
	size_t size = exec->call->arg_count > 1 ? exec_size(exec, 1) : 32768;

	return size;
}

static bool rewind_directory(struct exec *exec)
{
	int64_t result = CALL(lseek, INT(0), 0, SEEK_SET);

	if (result)
		exec_result(exec, result);
	return !result;
}

static void show_listing(struct exec *exec, struct listing *listing)
{
	if (listing->error < 0)
		exec_result(exec, listing->error);
	else
		exec_result(exec, listing->count);
	/* How far it came before an error depends on the order. */
	if (listing->names.len && listing->error >= 0)
		text_sorted(&exec->side->out, listing->names.data,
			    listing->names.len);
	text_fini(&listing->names);
}

/* The whole directory from its start, with a buffer of any size. */
static void run_listdir(struct exec *exec)
{
	struct listing listing;

	if (!rewind_directory(exec))
		return;
	scan(exec, buffer_size(exec), &listing, NULL);
	show_listing(exec, &listing);
}

static void remove_entry(struct exec *exec, struct listing *listing,
			 const struct entry *entry)
{
	int result;

	if (!strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
		return;
	result = CALL(unlinkat, INT(0), entry->name, 0);
	text_printf(&listing->names, "%s of %s", strerrorname_np(-result),
		    entry->name);
	text_add(&listing->names, "", 1);
}

/* Lists and removes at the same time: nothing may be skipped. */
static void run_purge(struct exec *exec)
{
	struct listing listing;

	if (!rewind_directory(exec))
		return;
	scan(exec, buffer_size(exec), &listing, remove_entry);
	show_listing(exec, &listing);
}

/* Goes to each position that a listing gave: exactly the entries that came
 * behind it must follow. Prints how many were there and how many were wrong. */
static void run_cookies(struct exec *exec)
{
	struct listing all, rest;
	const char *behind;
	unsigned wrong = 0;

	if (!rewind_directory(exec))
		return;
	scan(exec, buffer_size(exec), &all, NULL);
	behind = all.names.data;
	for (unsigned i = 0; i < all.count; i++) {
		size_t len;

		behind += strlen(behind) + 1;
		len = (size_t)(all.names.data + all.names.len - behind);
		if (CALL(lseek, INT(0), all.offsets[i], SEEK_SET) < 0)
			wrong++;
		scan(exec, buffer_size(exec), &rest, NULL);
		if (rest.names.len != len ||
		    (len && memcmp(rest.names.data, behind, len)))
			wrong++;
		text_fini(&rest.names);
	}
	exec_result(exec, all.error < 0 ? all.error : (int64_t)all.count);
	text_printf(&exec->side->out, " wrong=%u", wrong);
	text_fini(&all.names);
}

/* One call. How much fits depends on the order, so that only whether there
 * was something is compared. */
static void run_getdents(struct exec *exec)
{
	char *buffer = exec->call->args[2].given ? NULL : exec->side->buffer;
	int64_t n = CALL(getdents, INT(0), buffer, exec_size(exec, 1));

	exec_result(exec, n > 0 ? 1 : n);
}

const struct call_def control_calls[] = {
	{"as", "s", run_as},
	{"task", "n", run_task},
	{"clone", "n?n", run_clone},
	{"exit", "n", run_exit},
	{"rlimit", "nn", run_rlimit},
	{"listdir", "n?n", run_listdir},
	{"purge", "n?n", run_purge},
	{"cookies", "n?n", run_cookies},
	{"getdents", "nn?v", run_getdents},
	{NULL, NULL, NULL},
};
