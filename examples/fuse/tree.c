/* SPDX-License-Identifier: MIT */
/* The tree. Contract: tree.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "layers.h"
#include "server.h"
#include "text.h"
#include "tree.h"

/* Where in the instance the tree is; what is beside it is not to be seen. */
#define TREE_PLACE "/tree"

/* Flags that say what is to be done, and not how: for mount(8) alone. */
#define TO_DO                                                          \
	(UINT64_C(0) | MS_REMOUNT | MS_MOVE | MS_SHARED | MS_PRIVATE | \
	 MS_SLAVE | MS_UNBINDABLE)

/* For whoever reads an fstab, not for what is mounted. */
static const char *const words_for_mount8[] = {
	"auto",	 "noauto", "user",    "nouser",	 "users", "owner",
	"group", "nofail", "_netdev", "comment", "loop"};

int tree_flag(const char *option, size_t length, uint64_t *flags)
{
	uint64_t wanted = *flags;
	const char *value;
	size_t i;

	if (vfs_mount_option(option, length, &wanted) == 1 &&
	    !(wanted & TO_DO)) {
		*flags = wanted;
		return 1;
	}
	for (i = 0; i < sizeof(words_for_mount8) / sizeof(char *); i++) {
		if (option_is(option, length, words_for_mount8[i], &value))
			return 2;
	}
	return length > 2 && (!strncmp(option, "x-", 2) ||
			      !strncmp(option, "X-", 2))
		       ? 2
		       : 0;
}

static char *copy(const char *text)
{
	return text_need(strdup(text));
}

void tree_add(struct tree *tree, const char *type, const char *source,
	      const char *target, const char *options)
{
	struct tree_mount *mount;
	struct text data = {0};
	const char *option;
	size_t length;

	tree->mounts = text_need(
		realloc(tree->mounts, (tree->count + 1) * sizeof(*mount)));
	mount = &tree->mounts[tree->count++];
	memset(mount, 0, sizeof(*mount));
	mount->type = copy(type);
	mount->source = copy(source);
	mount->target = copy(target);
	while (options && (length = option_next(&options, &option))) {
		if (!tree_flag(option, length, &mount->flags))
			text_option(&data, option, length);
	}
	mount->data = data.at;
}

/* \040 and its like, as in fstab(5); in place. */
static void unescape(char *field)
{
	char *to = field, *from;

	for (from = field; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		    from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
		    from[3] <= '7') {
			*to = (char)((from[1] - '0') * 64 +
				     (from[2] - '0') * 8 + from[3] - '0');
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static int add_line(struct tree *tree, char *line)
{
	char *field[4] = {NULL}, *rest = line;
	int n = 0;

	while (n < 4 && (field[n] = strtok_r(rest, " \t\n", &rest)))
		unescape(field[n++]);
	if (!n || field[0][0] == '#')
		return 0;
	if (n < 3 || field[1][0] != '/')
		return EINVAL;
	tree_add(tree, field[2], field[0], field[1], field[3]);
	return 0;
}

int tree_load(struct tree *tree, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int number = 0, err = file ? 0 : errno;

	if (!file) {
		fprintf(stderr, "vfs-fuse: %s: %s\n", path, strerror(err));
		return err;
	}
	errno = 0;
	while (!err && getline(&line, &size, file) > 0) {
		number++;
		err = add_line(tree, line);
		if (err)
			fprintf(stderr,
				"vfs-fuse: %s:%d: not a line of fstab(5)\n",
				path, number);
	}
	if (!err && ferror(file)) {
		err = errno ? errno : EIO;
		fprintf(stderr, "vfs-fuse: %s: %s\n", path, strerror(err));
	}
	free(line);
	fclose(file);
	return err;
}

bool tree_has_binds(const struct tree *tree)
{
	size_t i;

	for (i = 0; i < tree->count; i++) {
		if (tree->mounts[i].flags & MS_BIND)
			return true;
	}
	return false;
}

/* ---- making it ---- */

static int mount_one(struct vfs_task *task, const struct tree_mount *m,
		     const char *target)
{
	uint64_t flags = m->flags;
	int err;

	err = vfs_mount(task, m->source, target, m->type, flags, m->data);
	/* the flags of a bind are set by a second call */
	if (!err && flags & MS_BIND && flags & ~(uint64_t)(MS_BIND | MS_REC))
		err = vfs_mount(task, NULL, target, NULL,
				(flags | MS_REMOUNT) & ~(uint64_t)MS_REC, NULL);
	if (err)
		fprintf(stderr, "vfs-fuse: mounting %s (%s) on %s: %s\n",
			m->source, m->type, m->target, vfs_strerror(err));
	return err;
}

static int mount_root(struct server *server, const struct tree *tree)
{
	static const struct tree_mount plain = {.type = (char *)"tmpfs",
						.source = (char *)"tmpfs",
						.target = (char *)"/",
						.data = (char *)"mode=0755"};
	const struct tree_mount *root = &plain;
	size_t i;

	for (i = 0; i < tree->count; i++) {
		if (!strcmp(tree->mounts[i].target, "/"))
			root = &tree->mounts[i];
	}
	if (tree->layers)
		return layers_mount(server->root, tree->layers, root->data,
				    root->flags, TREE_PLACE);
	return mount_one(server->root, root, TREE_PLACE);
}

/* The file or directory that is to be mounted on. */
static int make_place(struct vfs_task *task, const struct tree_mount *m)
{
	struct vfs_stat stat;
	uint32_t flags = 0;

	if (!vfs_stat(task, m->target, &stat))
		return 0;
	if (m->flags & MS_BIND && !vfs_stat(task, m->source, &stat) &&
	    !S_ISDIR(stat.mode))
		flags = VFS_MOUNTPOINT_FILE;
	return vfs_make_mountpoint(task, m->target, flags);
}

static int mount_rest(struct vfs_task *task, const struct tree *tree)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < tree->count; i++) {
		const struct tree_mount *m = &tree->mounts[i];

		if (!strcmp(m->target, "/"))
			continue;
		err = make_place(task, m);
		if (err)
			fprintf(stderr, "vfs-fuse: making %s: %s\n", m->target,
				vfs_strerror(err));
		else
			err = mount_one(task, m, m->target);
	}
	return err;
}

static int build(struct server *server, const struct tree *tree)
{
	struct vfs_task *inside = NULL;
	int err;

	err = vfs_mkdir(server->root, TREE_PLACE, 0755);
	if (!err)
		err = mount_root(server, tree);
	if (!err)
		err = vfs_task_clone(server->root, 0, &inside);
	/* paths of the list begin in the tree */
	if (!err)
		err = vfs_chroot(inside, TREE_PLACE);
	if (!err)
		err = vfs_chdir(inside, "/");
	if (!err)
		err = mount_rest(inside, tree);
	vfs_task_unref(inside);
	return err;
}

int tree_make(struct server *server, const void *tree)
{
	int err = vfs_task_create(server->vfs, NULL, &server->root);

	if (!err)
		err = server_become_user(server, server->root);
	if (!err)
		err = build(server, tree);
	server->place = TREE_PLACE;
	return err;
}

void tree_free(struct tree *tree)
{
	size_t i;

	for (i = 0; i < tree->count; i++) {
		free(tree->mounts[i].type);
		free(tree->mounts[i].source);
		free(tree->mounts[i].target);
		free(tree->mounts[i].data);
	}
	free(tree->mounts);
	tree->mounts = NULL;
	tree->count = 0;
}
