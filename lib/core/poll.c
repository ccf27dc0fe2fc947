/* SPDX-License-Identifier: MIT */
/*
 * poll(2). Contract: pipe.h. Only pipes, FIFOs, devices and queues of events
 * are ever not ready; while a call sleeps it holds references on those it looks
 * at.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <vfs/file.h>

#include "core/device.h"
#include "core/inotify.h"
#include "core/pipe.h"
#include "core/wait.h"

#define ALWAYS_READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)
#define MAY_WAIT (VFS__FILE_STREAM | VFS__FILE_NOTIFY)

/* One descriptor that is waited for. */
struct entry {
	struct vfs_file *file; /* referenced */
	uint64_t index;	       /* in the caller's array */
	struct vfs__wait_link links[2];
};

static int16_t file_events(struct vfs_file *file, int16_t wanted)
{
	uint32_t mode = vfs__file_mode(file);
	uint32_t events = ALWAYS_READY;

	if (mode & VFS__FILE_STREAM)
		events = vfs__pipe_poll(file);
	else if (mode & VFS__FILE_DEVICE)
		events = vfs__device_poll(file);
	else if (mode & VFS__FILE_NOTIFY)
		events = vfs__inotify_poll(file);
	return (int16_t)(events &
			 ((uint16_t)wanted | (uint32_t)(POLLERR | POLLHUP)));
}

/* Fills *fd's answer. A stream that is not ready is returned with its
 * reference; else NULL. */
static struct vfs_file *look_at(struct vfs__thread *thread,
				struct vfs_task *task, struct vfs_pollfd *fd)
{
	struct vfs_file *file;

	fd->revents = 0;
	if (fd->fd < 0)
		return NULL;
	file = vfs__fd_get_io(thread, task, fd->fd);
	if (!file) {
		fd->revents = POLLNVAL;
		return NULL;
	}
	fd->revents = file_events(file, fd->events);
	if (!fd->revents && (vfs__file_mode(file) & VFS__FILE_SPECIAL))
		return file;
	vfs__file_unref(thread, file);
	return NULL;
}

/* How many have an answer; *streams: how many may have one later. */
static int look_at_all(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs_pollfd *fds, uint64_t nfds, uint64_t *streams)
{
	int ready = 0;

	*streams = 0;
	for (uint64_t i = 0; i < nfds; i++) {
		struct vfs_file *file = look_at(thread, task, &fds[i]);

		if (file) {
			(*streams)++;
			vfs__file_unref(thread, file);
		}
		if (fds[i].revents)
			ready++;
	}
	return ready;
}

static void enter_queues(struct entry *entry, struct vfs__waiter *waiter)
{
	struct vfs__waitqueue *queues[2] = {NULL, NULL};

	if (vfs__file_mode(entry->file) & VFS__FILE_DEVICE) {
		vfs__wait_add(vfs__device_queue(entry->file), &entry->links[0],
			      waiter);
		entry->links[1].queue = NULL;
		return;
	}
	if (vfs__file_mode(entry->file) & VFS__FILE_NOTIFY)
		queues[0] = &vfs__inotify_group(entry->file)->readable;
	else
		vfs__pipe_poll_queues(entry->file, queues);
	for (int i = 0; i < 2; i++) {
		entry->links[i].queue = NULL;
		if (queues[i])
			vfs__wait_add(queues[i], &entry->links[i], waiter);
	}
}

/* The same again, with the streams that have nothing yet put in entries, of
 * which there are *count at the most, and their number in *count. */
static int collect(struct vfs__thread *thread, struct vfs_task *task,
		   struct vfs_pollfd *fds, uint64_t nfds,
		   struct vfs__waiter *waiter, struct entry *entries,
		   uint64_t *count)
{
	uint64_t used = 0;
	int ready = 0;

	for (uint64_t i = 0; i < nfds; i++) {
		struct vfs_file *file = look_at(thread, task, &fds[i]);

		if (fds[i].revents)
			ready++;
		if (file && used < *count) {
			entries[used].file = file;
			entries[used].index = i;
			enter_queues(&entries[used++], waiter);
		} else if (file) {
			/* a descriptor became a pipe meanwhile */
			vfs__file_unref(thread, file);
		}
	}
	*count = used;
	return ready;
}

static int look_again(struct vfs_pollfd *fds, struct entry *entries,
		      uint64_t count)
{
	int ready = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct vfs_pollfd *fd = &fds[entries[i].index];

		fd->revents = file_events(entries[i].file, fd->events);
		if (fd->revents)
			ready++;
	}
	return ready;
}

static void leave_queues(struct vfs__thread *thread, struct entry *entries,
			 uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		vfs__wait_remove(&entries[i].links[0]);
		vfs__wait_remove(&entries[i].links[1]);
		vfs__file_unref(thread, entries[i].file);
	}
}

/* Nothing is ready: waits for one of `streams`. */
static int wait_ready(struct vfs__thread *thread, struct vfs_task *task,
		      struct vfs_pollfd *fds, uint64_t nfds, uint64_t streams,
		      int timeout)
{
	int64_t deadline = timeout < 0 ? -1 : vfs__wait_deadline(timeout);
	size_t size = (size_t)streams * sizeof(struct entry);
	struct entry *entries = NULL;
	struct vfs__waiter waiter;
	uint64_t count = streams;
	int ready, err = 0;

	if (streams) {
		entries = vfs__mem_alloc(thread, size);
		if (!entries)
			return -ENOMEM;
	}
	vfs__waiter_init(&waiter, task);
	ready = collect(thread, task, fds, nfds, &waiter, entries, &count);
	if (!ready)
		ready = look_again(fds, entries, count);
	while (!ready && !err) {
		err = vfs__wait_sleep(&waiter, deadline);
		ready = look_again(fds, entries, count);
	}
	leave_queues(thread, entries, count);
	vfs__waiter_fini(&waiter);
	if (entries)
		vfs__mem_free(thread, entries, size);
	if (ready)
		return ready;
	return err == -ETIMEDOUT ? 0 : err;
}

int vfs__poll(struct vfs__thread *thread, struct vfs_task *task,
	      struct vfs_pollfd *fds, uint64_t nfds, int timeout)
{
	uint64_t streams;
	int ready;

	if (nfds > VFS_READ_ONCE(task->nofile_cur) || nfds > INT32_MAX)
		return -EINVAL;
	if (!fds && nfds)
		return -EFAULT;
	ready = look_at_all(thread, task, fds, nfds, &streams);
	if (ready || !timeout)
		return ready;
	return wait_ready(thread, task, fds, nfds, streams, timeout);
}
