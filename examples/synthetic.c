/* SPDX-License-Identifier: MIT */
/*
 * A synthetic file system: an application shows what it has as files. Here a
 * small shop: its stock is a directory that lists itself, each article's file
 * says how many there are and takes a new number, and a device hands out
 * tickets. docs/backend-guide.md goes through it.
 *
 *	cc synthetic.c $(pkg-config --cflags --libs vfs) && ./a.out
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <vfs/sys/device.h>
#include <vfs/sys/synthetic.h>
#include <vfs/vfs.h>

#define NODE .size = sizeof(struct vfs_synthetic_node)

static struct {
	const char *name;
	int count;
} stock[] = {{"apples", 12}, {"pears", 0}, {"plums", 7}};

#define ARTICLES (sizeof(stock) / sizeof(stock[0]))

/* -- an article: key says which -- */

static int article_show(const struct vfs_synthetic_call *call,
			struct vfs_synthetic_text *text)
{
	vfs_synthetic_printf(text, "%d\n", stock[call->node->key].count);
	return 0;
}

static int64_t article_store(const struct vfs_synthetic_call *call,
			     const void *data, size_t count, int64_t offset)
{
	char text[16] = "";

	(void)offset;
	if (count >= sizeof(text))
		return -EINVAL;
	memcpy(text, data, count);
	stock[call->node->key].count = atoi(text);
	return (int64_t)count;
}

static const struct vfs_synthetic_ops article_ops = {
	.size = sizeof(article_ops),
	.show = article_show,
	.store = article_store,
};

/* -- the stock: what is sold out is not there -- */

static void fill(size_t i, struct vfs_synthetic_node *node)
{
	node->mode = S_IFREG | 0644;
	node->key = i;
	node->ops = &article_ops;
}

static int stock_lookup(const struct vfs_synthetic_call *call, const char *name,
			uint32_t len, struct vfs_synthetic_node *node)
{
	(void)call;
	for (size_t i = 0; i < ARTICLES; i++) {
		if (!stock[i].count || strlen(stock[i].name) != len ||
		    memcmp(stock[i].name, name, len) != 0)
			continue;
		fill(i, node);
		return 0;
	}
	return -ENOENT;
}

static int stock_iterate(const struct vfs_synthetic_call *call, int64_t from,
			 struct vfs_synthetic_listing *listing)
{
	(void)call;
	for (size_t i = (size_t)from; i < ARTICLES; i++) {
		struct vfs_synthetic_node node = {NODE};

		if (!stock[i].count)
			continue;
		fill(i, &node);
		if (!vfs_synthetic_emit(listing, stock[i].name,
					(uint32_t)strlen(stock[i].name), &node,
					(int64_t)i))
			break;
	}
	return 0;
}

static const struct vfs_synthetic_ops stock_ops = {
	.size = sizeof(stock_ops),
	.lookup = stock_lookup,
	.iterate = stock_iterate,
};

/* -- who is served: made anew for whoever opens it -- */

static int serving_show(const struct vfs_synthetic_call *call,
			struct vfs_synthetic_text *text)
{
	vfs_synthetic_printf(text, "task %d\n", vfs_task_id(call->task));
	return 0;
}

static const struct vfs_synthetic_ops serving_ops = {
	.size = sizeof(serving_ops),
	.show = serving_show,
};

/* -- a device: each read is a ticket -- */

static int64_t ticket_read(struct vfs_device *device, struct vfs_file *file,
			   void *buffer, size_t count, int64_t *position)
{
	int *next = vfs_device_context(device);
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (*next)++);

	(void)file;
	(void)position;
	if (count < (size_t)n)
		return -EINVAL;
	memcpy(buffer, text, (size_t)n);
	return n;
}

static const struct vfs_device_ops ticket_ops = {
	.size = sizeof(ticket_ops),
	.read = ticket_read,
};

/* -- the file system -- */

#define TICKETS_MAJOR 240

static const struct vfs_synthetic_node root_nodes[] = {
	{NODE, .name = "latest", .mode = S_IFLNK | 0777,
	 .target = "stock/plums"},
	{NODE, .name = "serving", .mode = S_IFREG | 0444,
	 .flags = VFS_SYNTHETIC_AT_OPEN, .ops = &serving_ops},
	{NODE, .name = "stock", .mode = S_IFDIR | 0755,
	 .flags = VFS_SYNTHETIC_FLAT, .ops = &stock_ops},
	{NODE, .name = "tickets", .mode = S_IFCHR | 0444,
	 .rdev = TICKETS_MAJOR << 8},
	{NODE},
};

static const struct vfs_synthetic_node root_node = {
	NODE, .mode = S_IFDIR | 0755, .children = root_nodes};

static const struct vfs_synthetic_tree shop_tree = {
	.size = sizeof(shop_tree), .magic = 0x5348, .root = &root_node};

static int shop_mount(struct vfs_super *super,
		      const struct vfs_mount_args *args,
		      struct vfs_inode **root)
{
	return vfs_synthetic_mount(super, args, &shop_tree, root);
}

static const struct vfs_filesystem_type shop_type = {
	.size = sizeof(shop_type),
	.name = "shop",
	.inode_size = VFS_SYNTHETIC_INODE_SIZE,
	.super_size = VFS_SYNTHETIC_SUPER_SIZE,
	.mount = shop_mount,
	.unmount = vfs_synthetic_unmount,
};

/* -- a customer -- */

static int must(int result, const char *what)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "%s: %s\n", what, vfs_strerror(result));
	exit(1);
}

static void cat(struct vfs_task *task, const char *path)
{
	int fd = must(vfs_open(task, path, O_RDONLY, 0), path);
	char text[64];
	int n = must((int)vfs_read(task, fd, text, sizeof(text)), path);

	printf("%-14s %.*s", path, n, text);
	must(vfs_close(task, fd), path);
}

static void list(struct vfs_task *task, const char *path)
{
	const struct vfs_dirent *d;
	struct vfs_dir *dir;

	must(vfs_opendir(task, path, &dir), path);
	printf("%-14s", path);
	while (must(vfs_readdir(dir, &d), path) == 1)
		if (d->name[0] != '.')
			printf(" %s", d->name);
	printf("\n");
	vfs_closedir(dir);
}

static void buy_all(struct vfs_task *task, const char *path)
{
	int fd = must(vfs_open(task, path, O_WRONLY | O_TRUNC, 0), path);

	must((int)vfs_write(task, fd, "0\n", 2), path);
	must(vfs_close(task, fd), path);
}

int main(void)
{
	const struct vfs_filesystem_type *types[] = {&shop_type};
	struct vfs_config config = {.size = sizeof(config),
				    .types = types,
				    .type_count = 1,
				    .root_type = "shop"};
	int next = 1;
	struct vfs_device_spec tickets = {.size = sizeof(tickets),
					  .type = S_IFCHR,
					  .major = TICKETS_MAJOR,
					  .count = 1,
					  .name = "tickets",
					  .ops = &ticket_ops,
					  .context = &next};
	struct vfs_task *task;
	struct vfs *vfs;

	must(vfs_create(&config, &vfs), "vfs_create");
	must(vfs_register_device(vfs, &tickets, NULL), "tickets");
	must(vfs_task_create(vfs, NULL, &task), "vfs_task_create");
	list(task, "/");
	list(task, "/stock");
	cat(task, "/latest");
	buy_all(task, "/stock/plums");
	list(task, "/stock");
	cat(task, "/serving");
	cat(task, "/tickets");
	cat(task, "/tickets");
	vfs_task_unref(task);
	vfs_unref(vfs);
	return stock[2].count == 0 && next == 3 ? 0 : 1;
}
