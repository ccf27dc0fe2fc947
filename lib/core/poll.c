/* SPDX-License-Identifier: MIT */
/*
 * poll(2). Contract: pipe.h. Only pipes, FIFOs, devices, queues of events and
 * what was imported from the host are ever not ready; while a call sleeps it
 * holds references on those it looks at. If some of them are the host's, it
 * sleeps in the host's poll, and whoever would wake it by a queue does so by
 * the waiter's eventfd.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <vfs/file.h>

#include "core/device.h"
#include "core/hostfile.h"
#include "core/inotify.h"
#include "core/pipe.h"
#include "core/wait.h"

#define ALWAYS_READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

/* One descriptor that is waited for. */
struct entry {
	struct vfs_file *file; /* referenced */
	uint64_t index;	       /* in the caller's array */
	struct vfs__wait_link links[2];
};

/* A call that sleeps. */
struct polling {
	struct vfs__thread *thread;
	struct vfs_task *task;
	struct vfs_pollfd *fds;
	uint64_t nfds;
	struct vfs__waiter waiter;
	struct entry *entries;
	uint64_t count, room; /* of entries */
	/* what the host looks at; the first is the waiter's */
	struct pollfd *hosts;
	uint64_t host_count;
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
	else if (mode & VFS__FILE_HOST)
		events = vfs__hoststream_poll(file, wanted);
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
	uint32_t mode = vfs__file_mode(entry->file);
	struct vfs__waitqueue *queues[2] = {NULL, NULL};

	if (mode & VFS__FILE_DEVICE)
		queues[0] = vfs__device_queue(entry->file);
	else if (mode & VFS__FILE_NOTIFY)
		queues[0] = &vfs__inotify_group(entry->file)->readable;
	else if (mode & VFS__FILE_STREAM)
		vfs__pipe_poll_queues(entry->file, queues);
	for (int i = 0; i < 2; i++) {
		entry->links[i].queue = NULL;
		if (queues[i])
			vfs__wait_add(queues[i], &entry->links[i], waiter);
	}
}

/* file's reference passes; it has nothing yet. */
static void add_entry(struct polling *p, struct vfs_file *file, uint64_t index)
{
	struct entry *entry = &p->entries[p->count++];

	entry->file = file;
	entry->index = index;
	enter_queues(entry, &p->waiter);
	if (vfs__file_mode(file) & VFS__FILE_HOST)
		p->hosts[p->host_count++] = (struct pollfd){
			.fd = file->host->fd,
			.events = p->fds[index].events,
		};
}

/* The same again, with the streams that have nothing yet put in entries. */
static int collect(struct polling *p)
{
	int ready = 0;

	for (uint64_t i = 0; i < p->nfds; i++) {
		struct vfs_file *file = look_at(p->thread, p->task, &p->fds[i]);

		if (p->fds[i].revents)
			ready++;
		if (file && p->count < p->room)
			add_entry(p, file, i);
		else if (file)
			/* a descriptor became a pipe meanwhile */
			vfs__file_unref(p->thread, file);
	}
	return ready;
}

static int look_again(struct polling *p)
{
	int ready = 0;

	for (uint64_t i = 0; i < p->count; i++) {
		struct vfs_pollfd *fd = &p->fds[p->entries[i].index];

		fd->revents = file_events(p->entries[i].file, fd->events);
		if (fd->revents)
			ready++;
	}
	return ready;
}

static void leave_queues(struct polling *p)
{
	for (uint64_t i = 0; i < p->count; i++) {
		vfs__wait_remove(&p->entries[i].links[0]);
		vfs__wait_remove(&p->entries[i].links[1]);
		vfs__file_unref(p->thread, p->entries[i].file);
	}
}

static int sleep_once(struct polling *p, int64_t deadline)
{
	if (p->host_count > 1)
		return vfs__wait_host(&p->waiter, p->hosts, p->host_count,
				      deadline);
	return vfs__wait_sleep(&p->waiter, deadline);
}

static int wait_in_queues(struct polling *p, int timeout)
{
	int64_t deadline = timeout < 0 ? -1 : vfs__wait_deadline(timeout);
	int ready, err = 0;

	vfs__waiter_init(&p->waiter, p->task);
	ready = collect(p);
	if (!ready)
		ready = look_again(p);
	while (!ready && !err) {
		err = sleep_once(p, deadline);
		ready = look_again(p);
	}
	leave_queues(p);
	vfs__waiter_fini(&p->waiter);
	if (ready)
		return ready;
	return err == -ETIMEDOUT ? 0 : err;
}

/* Nothing is ready: waits for one of `streams`. */
static int wait_ready(struct vfs__thread *thread, struct vfs_task *task,
		      struct vfs_pollfd *fds, uint64_t nfds, uint64_t streams,
		      int timeout)
{
	struct polling p = {
		.thread = thread,
		.task = task,
		.fds = fds,
		.nfds = nfds,
		.room = streams,
		.host_count = 1,
	};
	size_t entries = (size_t)streams * sizeof(struct entry);
	size_t size = entries + ((size_t)streams + 1) * sizeof(struct pollfd);
	int result;

	if (streams) {
		p.entries = vfs__mem_alloc(thread, size);
		if (!p.entries)
			return -ENOMEM;
		p.hosts = (void *)((char *)p.entries + entries);
	}
	result = wait_in_queues(&p, timeout);
	if (streams)
		vfs__mem_free(thread, p.entries, size);
	return result;
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
