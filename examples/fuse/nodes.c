/* SPDX-License-Identifier: MIT */
/* Nodes. Contract: nodes.h. */
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

#define FIRST_BUCKETS 1024u

/* How many file systems of a tree get a part of the numbers of their own. */
#define MAX_DEVICES 4096u

/* A statmount's strings: those of a hostfs have no path in them. */
#define OPTIONS_ROOM 1024u

/* What is known of a file system. */
struct device {
	uint64_t dev;
	bool shared; /* the host's, and others may change it */
};

struct nodes {
	struct server *server;
	struct node root; /* never in the table's chains, never forgotten */
	bool by_mount;	  /* constant */
	pthread_mutex_t lock;
	/* below: under the lock */
	struct node **buckets;
	size_t size; /* a power of two */
	size_t count;
	uint32_t generation; /* the latest node's */
	struct device *devices;
	size_t device_count, device_room;
};

static size_t bucket_of(uint64_t identity, size_t size)
{
	uint64_t x = identity * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(x >> 32) & (size - 1);
}

/* Whether the file system that fd leads to is a directory of the host that
 * others may change, so that it has to be asked anew each time. */
static bool is_shared(struct server *server, int fd)
{
	struct {
		struct vfs_statmount head;
		char text[OPTIONS_ROOM];
	} mount;
	struct vfs_mnt_id_req req = {
		.size = sizeof(req),
		.param = VFS_STATMOUNT_FS_TYPE | VFS_STATMOUNT_MNT_OPTS,
	};
	struct vfs_stat stat;

	if (vfs_fstat(server->root, fd, &stat))
		return false;
	req.mnt_id = stat.mnt_id;
	return !vfs_statmount(server->root, &req, &mount.head, sizeof(mount),
			      0) &&
	       !strcmp(mount.text + mount.head.fs_type, "hostfs") &&
	       strstr(mount.text + mount.head.mnt_opts, "cache=revalidate");
}

struct nodes *nodes_create(struct server *server, int fd, bool by_mount)
{
	struct nodes *nodes = calloc(1, sizeof(*nodes));
	struct vfs_stat stat;

	if (!nodes)
		return NULL;
	nodes->buckets = calloc(FIRST_BUCKETS, sizeof(struct node *));
	if (!nodes->buckets || vfs_fstat(server->root, fd, &stat) ||
	    vfs_fidentity(server->root, fd, &nodes->root.identity)) {
		free(nodes->buckets);
		free(nodes);
		return NULL;
	}
	nodes->server = server;
	nodes->size = FIRST_BUCKETS;
	nodes->by_mount = by_mount;
	nodes->root.mount = by_mount ? stat.mnt_id : 0;
	nodes->root.fd = fd;
	nodes->root.dev = stat.dev;
	nodes->root.shown_ino = stat.ino;
	nodes->root.mode = stat.mode;
	nodes->root.shared = is_shared(server, fd);
	nodes->root.lookups = 1;
	pthread_mutex_init(&nodes->lock, NULL);
	return nodes;
}

void nodes_destroy(struct nodes *nodes)
{
	struct node *node, *next;
	size_t i;

	if (!nodes)
		return;
	for (i = 0; i < nodes->size; i++) {
		for (node = nodes->buckets[i]; node; node = next) {
			next = node->next;
			vfs_close(nodes->server->root, node->fd);
			free(node);
		}
	}
	vfs_close(nodes->server->root, nodes->root.fd);
	pthread_mutex_destroy(&nodes->lock);
	free(nodes->devices);
	free(nodes->buckets);
	free(nodes);
}

struct node *node_of(struct nodes *nodes, fuse_ino_t number)
{
	if (number == FUSE_ROOT_ID)
		return &nodes->root;
	return (struct node *)(uintptr_t)number;
}

fuse_ino_t node_number(const struct nodes *nodes, const struct node *node)
{
	if (node == &nodes->root)
		return FUSE_ROOT_ID;
	return (fuse_ino_t)(uintptr_t)node;
}

/* Where the node is, or where it would be. Lock held. */
static struct node **find(struct nodes *nodes, uint64_t identity,
			  uint64_t mount)
{
	struct node **at = &nodes->buckets[bucket_of(identity, nodes->size)];

	while (*at && ((*at)->identity != identity || (*at)->mount != mount))
		at = &(*at)->next;
	return at;
}

/* Doubles the table when it is full, if there is memory. Lock held. */
static void grow(struct nodes *nodes)
{
	size_t size = nodes->size * 2, i;
	struct node **buckets, *node, *next;

	if (nodes->count < nodes->size)
		return;
	buckets = calloc(size, sizeof(struct node *));
	if (!buckets)
		return;
	for (i = 0; i < nodes->size; i++) {
		for (node = nodes->buckets[i]; node; node = next) {
			struct node **at =
				&buckets[bucket_of(node->identity, size)];

			next = node->next;
			node->next = *at;
			*at = node;
		}
	}
	free(nodes->buckets);
	nodes->buckets = buckets;
	nodes->size = size;
}

/* Lock held. */
static struct node *find_counted(struct nodes *nodes, uint64_t identity,
				 uint64_t mount)
{
	struct node *node;

	if (identity == nodes->root.identity && mount == nodes->root.mount)
		return &nodes->root;
	node = *find(nodes, identity, mount);
	if (node)
		node->lookups++;
	return node;
}

/* The device's place in the order of discovery, 0 for the root's. */
static size_t device_index(struct nodes *nodes, uint64_t dev)
{
	size_t i;

	if (dev == nodes->root.dev)
		return 0;
	for (i = 0; i < nodes->device_count; i++) {
		if (nodes->devices[i].dev == dev)
			break;
	}
	return i + 1;
}

/* Whether a file of device dev, to which fd leads, is shared; what is said of
 * the first one is true of all. */
static bool learn_device(struct nodes *nodes, uint64_t dev, int fd)
{
	struct device *found = NULL, *larger;
	bool shared = nodes->root.shared;
	size_t i;

	if (dev == nodes->root.dev)
		return shared;
	pthread_mutex_lock(&nodes->lock);
	i = device_index(nodes, dev) - 1;
	if (i < nodes->device_count)
		found = &nodes->devices[i];
	if (found)
		shared = found->shared;
	pthread_mutex_unlock(&nodes->lock);
	if (found)
		return shared;
	shared = is_shared(nodes->server, fd);
	pthread_mutex_lock(&nodes->lock);
	i = device_index(nodes, dev) - 1;
	if (i == nodes->device_room && i < MAX_DEVICES) {
		larger = realloc(nodes->devices,
				 (i ? i * 2 : 8) * sizeof(*larger));
		if (larger) {
			nodes->devices = larger;
			nodes->device_room = i ? i * 2 : 8;
		}
	}
	if (i == nodes->device_count && i < nodes->device_room)
		nodes->devices[nodes->device_count++] =
			(struct device){dev, shared};
	pthread_mutex_unlock(&nodes->lock);
	return shared;
}

/* Lock held. */
static uint64_t shown_ino(struct nodes *nodes, uint64_t dev, uint64_t ino)
{
	if (dev == nodes->root.dev)
		return ino;
	/* from the top: numbers of files grow from the bottom */
	return ino ^
	       ((uint64_t)device_index(nodes, dev) << 51 | UINT64_C(1) << 63);
}

struct node *node_insert(struct nodes *nodes, int fd,
			 const struct vfs_stat *stat)
{
	struct node *fresh = malloc(sizeof(*fresh)), *node = NULL;
	bool shared = learn_device(nodes, stat->dev, fd);
	uint64_t identity, mount = nodes->by_mount ? stat->mnt_id : 0;

	if (vfs_fidentity(nodes->server->root, fd, &identity))
		goto out;
	pthread_mutex_lock(&nodes->lock);
	node = find_counted(nodes, identity, mount);
	if (!node && fresh) {
		struct node **at;

		grow(nodes);
		at = find(nodes, identity, mount);
		fresh->identity = identity;
		fresh->mount = mount;
		/* of a kernel's int */
		nodes->generation = (nodes->generation + 1) & INT32_MAX;
		fresh->generation = nodes->generation;
		fresh->dev = stat->dev;
		fresh->mode = stat->mode;
		fresh->shared = shared;
		fresh->shown_ino = shown_ino(nodes, stat->dev, stat->ino);
		fresh->fd = fd;
		fresh->lookups = 1;
		fresh->kept = fresh->through = 0;
		fresh->mixed = false;
		fresh->next = NULL;
		*at = fresh;
		nodes->count++;
		node = fresh;
		fresh = NULL;
		fd = -1;
	}
	pthread_mutex_unlock(&nodes->lock);
out:
	if (fd >= 0)
		vfs_close(nodes->server->root, fd);
	free(fresh);
	return node;
}

void node_forget(struct nodes *nodes, struct node *node, uint64_t count)
{
	struct node **at;

	if (node == &nodes->root)
		return;
	pthread_mutex_lock(&nodes->lock);
	node->lookups -= count < node->lookups ? count : node->lookups;
	if (node->lookups) {
		pthread_mutex_unlock(&nodes->lock);
		return;
	}
	at = find(nodes, node->identity, node->mount);
	*at = node->next;
	nodes->count--;
	pthread_mutex_unlock(&nodes->lock);
	vfs_close(nodes->server->root, node->fd);
	free(node);
}

uint64_t node_shown_ino(struct nodes *nodes, uint64_t dev, uint64_t ino)
{
	uint64_t shown;

	if (dev == nodes->root.dev)
		return ino;
	pthread_mutex_lock(&nodes->lock);
	shown = shown_ino(nodes, dev, ino);
	pthread_mutex_unlock(&nodes->lock);
	return shown;
}
