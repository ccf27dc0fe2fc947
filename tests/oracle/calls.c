/* SPDX-License-Identifier: MIT */
/* The table of calls, and what their bodies share. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "script.h"

#define MAX_CALLS 320u
#define NAME_SLOTS 512u

static const struct call_def *all[MAX_CALLS];
static uint16_t by_name[NAME_SLOTS]; /* index + 1, or 0 */
static unsigned count;

static unsigned slot_of(const char *name)
{
	unsigned i = (unsigned)(hash_bytes(1, name, strlen(name)) >> 11);

	for (i &= NAME_SLOTS - 1; by_name[i]; i = (i + 1) & (NAME_SLOTS - 1)) {
		if (!strcmp(all[by_name[i] - 1]->name, name))
			break;
	}
	return i;
}

static void collect(void)
{
	const struct call_def *const groups[] = {
		file_calls,	 io_calls,	name_calls,
		attribute_calls, control_calls, mount_calls,
		memory_calls,	 userns_calls,	event_calls};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		for (const struct call_def *def = groups[i]; def->name; def++) {
			if (count == MAX_CALLS)
				die("the table of calls is too small");
			all[count] = def;
			by_name[slot_of(def->name)] = (uint16_t)++count;
		}
	}
}

const struct call_def *call_find(const char *name, unsigned *index)
{
	unsigned slot;

	if (!count)
		collect();
	slot = slot_of(name);
	if (!by_name[slot])
		return NULL;
	*index = by_name[slot] - 1u;
	return all[*index];
}

unsigned call_count(void)
{
	if (!count)
		collect();
	return count;
}

const struct call_def *call_at(unsigned index)
{
	return all[index];
}

int64_t exec_number(const struct exec *exec, unsigned i)
{
	const struct arg *arg = &exec->call->args[i];

	return arg->slot >= 0 ? exec->side->slots[arg->slot] : arg->number;
}

/* A size to pass on: never more than there is room for. */
size_t exec_size(const struct exec *exec, unsigned i)
{
	int64_t size = exec_number(exec, i);

	return size > (int64_t)BUFFER_SIZE ? BUFFER_SIZE : (size_t)size;
}

void exec_result(struct exec *exec, int64_t result)
{
	exec->side->result = result;
	text_result(&exec->side->out, result);
}

void exec_fd(struct exec *exec, int64_t result)
{
	exec_result(exec, result);
	if (exec->call->to[0] >= 0)
		exec->side->slots[exec->call->to[0]] =
			result < 0 ? -1 : (int)result;
}

void exec_data(struct exec *exec, int64_t result, const void *data)
{
	if (result > 0 && data && events_show(exec, result, data))
		return;
	exec_bytes(exec, result, data);
}

void exec_bytes(struct exec *exec, int64_t result, const void *data)
{
	exec_result(exec, result);
	if (result <= 0 || !data)
		return;
	text_add(&exec->side->out, " ", 1);
	text_bytes(&exec->side->out, data,
		   result < (int64_t)BUFFER_SIZE ? (size_t)result
						 : BUFFER_SIZE);
}

void call_run(struct call *call, struct side *side)
{
	struct exec exec = {side, side_task(side), call};

	/* A walk that the kernel begins anew, because something anywhere was
	 * renamed meanwhile, goes on counting links where it had got to: with
	 * 21 to 40 of them it says that there are too many. The descriptor
	 * that the call begins at may be in the slot of its result. */
	unsigned tries = side->class == &kernel_class ? 8 : 1;
	int slots[MAX_SLOTS];

	memcpy(slots, side->slots, sizeof(slots));
	side->class->tick(side);
	do {
		memcpy(side->slots, slots, sizeof(slots));
		text_clear(&side->out);
		call->def->run(&exec);
	} while (--tries && side->result == -ELOOP);
}
