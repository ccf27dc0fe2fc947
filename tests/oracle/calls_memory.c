/* SPDX-License-Identifier: MIT */
/*
 * Mapped files, files without a name, file handles and sockets' names. A
 * mapping has a number, by which a script looks into it (peek), writes to it
 * (poke) and takes it away; so has a handle, and so has an endpoint.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ktask.h"
#include "script.h"

#define PAGE 4096

/* ---- looking at memory that may not be there ---- */

/*
 * By way of a pipe: the kernel, which touches the memory for us, answers EFAULT
 * where we would have got a signal. -EIO: something is mapped there, but no
 * page can be had (SIGBUS), or not for this; -EFAULT: nothing is.
 */
static int64_t fault(char *at)
{
	char *page = (char *)((uintptr_t)at & ~(uintptr_t)(PAGE - 1));

	return msync(page, 1, 0) ? -EFAULT : -EIO;
}

static void make_pipe(int p[2])
{
	ktask_unlimit();
	if (pipe2(p, O_CLOEXEC))
		die("no pipe: %s", strerror(errno));
}

/* One of the two is in a mapping, a page of which is looked at in turn. */
static int64_t copy(char *to, const char *from, size_t size, char *mapped,
		    size_t *done)
{
	int64_t result = 0;
	size_t at = 0;
	int p[2];

	make_pipe(p);
	while (at < size) {
		size_t n = PAGE - ((uintptr_t)mapped + at) % PAGE;

		if (n > size - at)
			n = size - at;
		if (write(p[1], from + at, n) != (ssize_t)n ||
		    read(p[0], to + at, n) != (ssize_t)n) {
			result = fault(mapped + at);
			break;
		}
		at += n;
	}
	close(p[0]);
	close(p[1]);
	*done = at;
	return result;
}

/* Pages that were there before the one that was not. */
static void say_done(struct exec *exec, int64_t result, size_t done)
{
	if (result < 0 && done)
		text_printf(&exec->side->out, " after %zu", done);
}

static struct mapping *mapping_of(const struct exec *exec, unsigned i)
{
	int64_t number = NUM(i);

	if (number < 0 || number >= MAX_MAPPINGS)
		die("mappings are numbered from 0 to %d", MAX_MAPPINGS - 1);
	return &exec->side->mappings[number];
}

/* The pages from distance on, as bits. */
static uint64_t pages_of(int64_t distance, int64_t length)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < 64; i++) {
		int64_t page = (int64_t)i * PAGE;

		if (page + PAGE > distance && page < distance + length)
			bits |= UINT64_C(1) << i;
	}
	return bits;
}

/* What was unmapped may be somebody else's by now. */
static bool is_there(struct exec *exec, size_t size)
{
	const struct mapping *mapping = mapping_of(exec, 0);
	int64_t distance = NUM(1);

	if (mapping->at && distance >= 0 && size <= mapping->length &&
	    (uint64_t)distance <= mapping->length - size &&
	    !(mapping->gone & pages_of(distance, (int64_t)size)))
		return true;
	exec_result(exec, mapping->at ? -EFAULT : -ENXIO);
	return false;
}

static char *address_of(const struct exec *exec, unsigned i)
{
	return mapping_of(exec, i)->at + NUM(i + 1);
}

/* Where there is no mapping there is no address that means the same. */
static bool is_mapped(struct exec *exec)
{
	if (mapping_of(exec, 0)->at)
		return true;
	exec_result(exec, -ENXIO);
	return false;
}

/* Where there is room at an address that is alike on both sides: a fault brings
 * its neighbours along, up to a boundary of the address, and a page that is
 * there leaves no stamp when it is written. */
static void *alike(size_t length)
{
	size_t unit = (size_t)2 << 20;
	char *room;

	if (length > unit)
		return NULL;
	room = mmap(NULL, 2 * unit, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	munmap(room, 2 * unit);
	return (void *)(((uintptr_t)room + unit - 1) & ~(uintptr_t)(unit - 1));
}

/* mmap MAPPING LENGTH PROT FLAGS FD OFFSET [BASE DISTANCE] */
static void run_mmap(struct exec *exec)
{
	struct mapping *mapping = mapping_of(exec, 0);
	size_t length = (size_t)NUM(1);
	bool placed = exec->call->args[6].given;
	void *hint, *at = NULL;
	int result;

	if (!placed)
		side_unmap(exec->side, mapping);
	hint = placed ? address_of(exec, 6) : alike(length);
	result = CALL(mmap, hint, length, INT(2), INT(3), INT(4), NUM(5), &at);
	exec_result(exec, result);
	if (result < 0)
		return;
	if (placed)
		text_printf(&exec->side->out, " %s",
			    at == hint ? "there" : "elsewhere");
	exec->side->ever_mapped = true;
	mapping->at = at;
	mapping->length = (length + PAGE - 1) & ~(size_t)(PAGE - 1);
	mapping->gone = 0;
	mapping->by_reader =
		(CALL(fcntl, INT(4), F_GETFL, 0) & O_ACCMODE) == O_RDONLY;
	mapping->inside = placed && at == hint;
	if (mapping->inside)
		mapping_of(exec, 6)->gone &= ~pages_of(NUM(7), (int64_t)length);
}

/* munmap MAPPING DISTANCE LENGTH */
static void run_munmap(struct exec *exec)
{
	struct mapping *mapping = mapping_of(exec, 0);
	int64_t distance = NUM(1), length = NUM(2);
	int result;

	if (!is_mapped(exec))
		return;
	if (distance < 0 || distance >= (int64_t)mapping->length ||
	    (mapping->gone & pages_of(distance, length))) {
		exec_result(exec, -EFAULT);
		return;
	}
	/* no further than its end, but that nobody can unmap so much */
	if (length > (int64_t)mapping->length - distance)
		length = (int64_t)mapping->length - distance;
	result = CALL(munmap, address_of(exec, 0), (size_t)length);
	exec_result(exec, result);
	if (!result)
		mapping->gone |= pages_of(distance, length);
}

/* msync MAPPING DISTANCE LENGTH FLAGS */
static void run_msync(struct exec *exec)
{
	if (!is_mapped(exec))
		return;
	/* a gap may have been filled, on one side */
	if (mapping_of(exec, 0)->gone & pages_of(NUM(1), NUM(2)))
		exec_result(exec, -ENOMEM);
	else
		exec_result(exec, CALL(msync, address_of(exec, 0),
				       (size_t)NUM(2), INT(3)));
}

/* The host's own call. */
static void run_mprotect(struct exec *exec)
{
	if (is_mapped(exec))
		exec_result(exec, mprotect(address_of(exec, 0), (size_t)NUM(2),
					   INT(3))
					  ? -errno
					  : 0);
}

/* peek MAPPING DISTANCE LENGTH */
static void run_peek(struct exec *exec)
{
	struct mapping *mapping = mapping_of(exec, 0);
	char *buffer = exec->side->buffer, *at;
	size_t size = exec_size(exec, 2), done;
	int64_t result;

	if (!is_there(exec, size))
		return;
	at = address_of(exec, 0);
	result = copy(buffer, at, size, at, &done);
	/* looking at a hole makes a page, too, which the library counts then */
	CALL(msync, mapping->at, mapping->length, 0);
	exec_bytes(exec, result ? result : (int64_t)size, buffer);
	say_done(exec, result, done);
}

/*
 * poke MAPPING DISTANCE BYTES. When the library notices is not defined before
 * msync, which the kernel does not need.
 */
static void run_poke(struct exec *exec)
{
	struct mapping *mapping = mapping_of(exec, 0);
	int64_t result;
	size_t done;
	char *at;

	if (!is_there(exec, LEN(2)))
		return;
	at = address_of(exec, 0);
	result = copy(at, STR(2), LEN(2), at, &done);
	CALL(msync, mapping->at, mapping->length, 0);
	exec_result(exec, result ? result : (int64_t)LEN(2));
	say_done(exec, result, done);
}

static void run_memfd_create(struct exec *exec)
{
	exec_fd(exec, CALL(memfd_create, STR(0), U32(1)));
}

/* ---- handles ---- */

static struct vfs_file_handle *handle_of(const struct exec *exec, unsigned i)
{
	int64_t number = NUM(i);

	if (number < 0 || number >= MAX_HANDLES)
		die("handles are numbered from 0 to %d", MAX_HANDLES - 1);
	return &exec->side->handles[number];
}

/* The same bytes as an earlier one's? Their values are each side's own. */
static unsigned first_like(const struct exec *exec,
			   const struct vfs_file_handle *handle)
{
	unsigned i = 0;

	while (exec->side->handles[i].handle_bytes != handle->handle_bytes ||
	       memcmp(exec->side->handles[i].f_handle, handle->f_handle,
		      handle->handle_bytes) != 0)
		i++;
	return i;
}

/* name_to_handle_at HANDLE DIRFD PATH FLAGS [BYTES] */
static void run_name_to_handle_at(struct exec *exec)
{
	struct vfs_file_handle *handle = handle_of(exec, 0);
	uint64_t mount_id;
	int result;

	handle->handle_bytes =
		exec->call->args[4].given ? U32(4) : sizeof(handle->f_handle);
	result = CALL(name_to_handle_at, INT(1), STR(2), handle, &mount_id,
		      INT(3));
	exec_result(exec, result);
	if (result == -EOVERFLOW || result >= 0)
		text_printf(&exec->side->out, " bytes=%u type=%d",
			    handle->handle_bytes, handle->handle_type);
	if (result >= 0)
		text_printf(&exec->side->out, " as=%u",
			    first_like(exec, handle));
	else
		memset(handle, 0, sizeof(*handle));
}

/* open_by_handle_at FD HANDLE FLAGS [BYTES [TYPE]] */
static void run_open_by_handle_at(struct exec *exec)
{
	struct vfs_file_handle handle = *handle_of(exec, 1);

	if (exec->call->args[3].given)
		handle.handle_bytes = U32(3);
	if (exec->call->args[4].given)
		handle.handle_type = INT(4);
	exec_fd(exec, CALL(open_by_handle_at, INT(0), &handle, INT(2)));
}

/* ---- sockets' names ---- */

static unsigned endpoint_number(const struct exec *exec)
{
	int64_t number = NUM(0);

	if (number < 0 || number >= MAX_ENDPOINTS)
		die("endpoints are numbered from 0 to %d", MAX_ENDPOINTS - 1);
	return (unsigned)number;
}

/* bind ENDPOINT PATH MODE: the endpoint must be free. */
static void run_bind(struct exec *exec)
{
	exec_result(exec,
		    exec->side->class->bind(exec->side, endpoint_number(exec),
					    STR(1), U32(2)));
}

static void run_hang_up(struct exec *exec)
{
	exec->side->class->hang_up(exec->side, endpoint_number(exec));
	exec_result(exec, 0);
}

static void run_connect(struct exec *exec)
{
	exec_result(exec, exec->side->class->connect(exec->side, STR(0)));
}

const struct call_def memory_calls[] = {
	{"mmap", "nnnnnn?nn", run_mmap},
	{"munmap", "nnn", run_munmap},
	{"msync", "nnnn", run_msync},
	{"mprotect", "nnnn", run_mprotect},
	{"peek", "nnn", run_peek},
	{"poke", "nnb", run_poke},
	{"memfd_create", "sn", run_memfd_create},
	{"name_to_handle_at", "nnsn?n", run_name_to_handle_at},
	{"open_by_handle_at", "nnn?nn", run_open_by_handle_at},
	{"bind", "nsn", run_bind},
	{"hang_up", "n", run_hang_up},
	{"connect", "s", run_connect},
	{NULL, NULL, NULL},
};
