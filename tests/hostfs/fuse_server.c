/* SPDX-License-Identifier: MIT */
/* Contract: fuse_server.h. */
#define _GNU_SOURCE
#include "hostfs/fuse_server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINOR 31 /* of the protocol, from before STATX */
#define PAGE 4096u
#define ROOT 1u
#define SUB 2u
#define FILE_NODE 3u

struct question {
	struct fuse_in_header head;
	char body[2 * PAGE + 4096];
};

static void answer(struct fuse_server *s, const struct question *q, int error,
		   const void *body, size_t size)
{
	struct {
		struct fuse_out_header head;
		char body[PAGE];
	} out = {
		.head.error = -error,
		.head.unique = q->head.unique,
		.head.len = (uint32_t)(sizeof(out.head) + size),
	};

	if (size)
		memcpy(out.body, body, size);
	/* ENOENT: whoever asked is gone */
	(void)!write(s->dev, &out, out.head.len);
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.mode = node == FILE_NODE ? S_IFREG | 0666 : S_IFDIR | 0777,
		.size = node == FILE_NODE ? PAGE : 0,
		.nlink = 1,
		.blksize = PAGE,
	};
}

static void say_hello(struct fuse_server *s, const struct question *q)
{
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = MINOR,
		.max_write = PAGE,
		.time_gran = 1,
	};

	answer(s, q, 0, &out, sizeof(out));
}

static void look_up(struct fuse_server *s, const struct question *q)
{
	struct fuse_entry_out out = {
		.nodeid = !strcmp(q->body, "sub")    ? SUB
			  : !strcmp(q->body, "file") ? FILE_NODE
						     : 0,
	};

	out.attr = attributes(out.nodeid);
	if (q->head.nodeid == ROOT && out.nodeid)
		answer(s, q, 0, &out, sizeof(out));
	else
		answer(s, q, ENOENT, NULL, 0);
}

static void tell(struct fuse_server *s, const struct question *q)
{
	const struct fuse_attr_out out = {.attr = attributes(q->head.nodeid)};

	answer(s, q, 0, &out, sizeof(out));
}

static void read_page(struct fuse_server *s, const struct question *q)
{
	static const char page[PAGE];

	__atomic_store_n(&s->waiting, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&s->gate);
	pthread_mutex_unlock(&s->gate);
	answer(s, q, 0, page, sizeof(page));
}

static void reply(struct fuse_server *s, const struct question *q)
{
	static const struct fuse_open_out opened;
	static const struct fuse_statfs_out statfs = {
		.st = {.bsize = PAGE, .frsize = PAGE, .namelen = 255}};

	switch (q->head.opcode) {
	case FUSE_INIT:
		say_hello(s, q);
		break;
	case FUSE_LOOKUP:
		look_up(s, q);
		break;
	case FUSE_GETATTR:
		tell(s, q);
		break;
	case FUSE_STATFS:
		answer(s, q, 0, &statfs, sizeof(statfs));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer(s, q, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		read_page(s, q);
		break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		answer(s, q, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(s, q, ENOSYS, NULL, 0);
	}
}

static bool is_about_files(uint32_t opcode)
{
	return opcode != FUSE_INIT && opcode != FUSE_DESTROY &&
	       opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET;
}

static void *serve(void *context)
{
	struct fuse_server *s = context;
	struct question q;
	ssize_t n;

	for (;;) {
		n = read(s->dev, &q, sizeof(q));
		if (n < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (n < (ssize_t)sizeof(q.head))
			return NULL; /* unmounted */
		if (is_about_files(q.head.opcode))
			__atomic_add_fetch(&s->asked, 1, __ATOMIC_SEQ_CST);
		reply(s, &q);
	}
}

bool fuse_server_start(struct fuse_server *s, const char *dir)
{
	char options[128];

	memset(s, 0, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "%s", dir);
	pthread_mutex_init(&s->gate, NULL);
	s->dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 s->dev);
	if (s->dev < 0 || mount("test", dir, "fuse", 0, options)) {
		if (s->dev >= 0)
			close(s->dev);
		return false;
	}
	if (!pthread_create(&s->thread, NULL, serve, s))
		return true;
	umount2(dir, MNT_DETACH);
	close(s->dev);
	return false;
}

void fuse_server_stop(struct fuse_server *s)
{
	umount2(s->dir, MNT_DETACH);
	pthread_join(s->thread, NULL);
	close(s->dev);
	pthread_mutex_destroy(&s->gate);
}
