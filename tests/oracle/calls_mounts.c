/* SPDX-License-Identifier: MIT */
/*
 * Calls on mounts, and mountinfo in a form that two sides can be compared by:
 * the lines in the order of the tree, with identities numbered as they come.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define MAX_MOUNTS 4096
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000u
#endif

/* A line of mountinfo, cut into pieces. */
struct line {
	unsigned long id, parent;
	unsigned major, minor;
	char *root, *point, *options, *tags, *tail;
	struct line *up; /* of parent */
	unsigned level;	 /* in the tree */
	unsigned number;
};

static void run_domount(struct exec *exec)
{
	exec_result(exec, CALL(mount, STR(0), STR(1), STR(2), (uint64_t)NUM(3),
			       STR(4)));
}

static void run_umount2(struct exec *exec)
{
	exec_result(exec, CALL(umount2, STR(0), INT(1)));
}

static void run_pivot_root(struct exec *exec)
{
	exec_result(exec, CALL(pivot_root, STR(0), STR(1)));
}

static void run_unshare(struct exec *exec)
{
	exec_result(exec, CALL(unshare, (uint64_t)NUM(0)));
}

static void run_setns(struct exec *exec)
{
	exec_result(exec, CALL(setns, INT(0), INT(1)));
}

static void run_nsopen(struct exec *exec)
{
	int64_t task = NUM(0);

	if (task < 0 || task >= MAX_TASKS || !exec->side->tasks[task])
		exec_result(exec, -ESRCH);
	else
		exec_fd(exec,
			exec->side->class->open_ns(exec->side, (unsigned)task,
						   exec->call->args[1].given
							   ? (uint64_t)NUM(1)
							   : VFS_CLONE_NEWNS));
}

/* ---- descriptors ---- */

static void run_open_tree(struct exec *exec)
{
	exec_fd(exec, CALL(open_tree, INT(0), STR(1), U32(2)));
}

static void run_move_mount(struct exec *exec)
{
	exec_result(exec,
		    CALL(move_mount, INT(0), STR(1), INT(2), STR(3), U32(4)));
}

static void run_fsopen(struct exec *exec)
{
	exec_fd(exec, CALL(fsopen, STR(0), U32(1)));
}

static void run_fspick(struct exec *exec)
{
	exec_fd(exec, CALL(fspick, INT(0), STR(1), U32(2)));
}

static void run_fsconfig(struct exec *exec)
{
	exec_result(exec,
		    CALL(fsconfig, INT(0), U32(1), STR(2), STR(3), INT(4)));
}

static void run_fsmount(struct exec *exec)
{
	exec_fd(exec, CALL(fsmount, INT(0), U32(1), U32(2)));
}

/* dirfd path flags set clear propagation [size] */
static void run_mount_setattr(struct exec *exec)
{
	struct vfs_mount_attr attr = {
		.attr_set = (uint64_t)NUM(3),
		.attr_clr = (uint64_t)NUM(4),
		.propagation = (uint64_t)NUM(5),
	};
	size_t size = exec->call->args[6].given ? (size_t)NUM(6) : sizeof(attr);
	char padded[8192] = {0};

	memcpy(padded, &attr, sizeof(attr));
	exec_result(exec,
		    CALL(mount_setattr, INT(0), STR(1), U32(2),
			 (const struct vfs_mount_attr *)(void *)padded, size));
}

/* The identity of the mount at path: statx(2) tells. */
static int64_t mount_id(struct exec *exec, const char *path)
{
	struct vfs_stat st;
	int result = CALL(statx, AT_FDCWD, path, 0, STATX_MNT_ID_UNIQUE, &st);

	return result ? result : (int64_t)st.mnt_id;
}

static const char *string_at(const struct vfs_statmount *sm, uint64_t bit,
			     uint32_t offset)
{
	return sm->mask & bit ? (const char *)(sm + 1) + offset : "-";
}

/* On a hostfs the root's is not the kernel's. */
static const char *type_of(const struct side *side, const char *type)
{
	return side->host->kind &&
			       (!strcmp(type, "hostfs") ||
				!strcmp(type, "tmpfs") || !strcmp(type, "ext4"))
		       ? "root"
		       : type;
}

static void show_statmount(struct exec *exec, const struct vfs_statmount *sm)
{
	struct side *side = exec->side;
	struct text *out = &side->out;
	uint64_t set = sm->mask;

	text_printf(out, " mask=%llx", (unsigned long long)set);
	if (set & VFS_STATMOUNT_SB_BASIC)
		text_printf(out, " magic=%llx flags=%x",
			    (unsigned long long)sm->sb_magic, sm->sb_flags);
	if (set & VFS_STATMOUNT_MNT_BASIC)
		text_printf(out,
			    " attr=%llx propagation=%llx peer=%d master=%d",
			    (unsigned long long)sm->mnt_attr,
			    (unsigned long long)sm->mnt_propagation,
			    !!sm->mnt_peer_group, !!sm->mnt_master);
	if (set & VFS_STATMOUNT_PROPAGATE_FROM)
		text_printf(out, " from=%d", !!sm->propagate_from);
	text_printf(out, " root=%s point=%s type=%s source=%s",
		    string_at(sm, VFS_STATMOUNT_MNT_ROOT, sm->mnt_root),
		    string_at(sm, VFS_STATMOUNT_MNT_POINT, sm->mnt_point),
		    type_of(exec->side,
			    string_at(sm, VFS_STATMOUNT_FS_TYPE, sm->fs_type)),
		    string_at(sm, VFS_STATMOUNT_SB_SOURCE, sm->sb_source));
}

/* path mask [size [flags [id]]] */
static void run_statmount(struct exec *exec)
{
	int64_t id =
		exec->call->args[4].given ? NUM(4) : mount_id(exec, STR(0));
	struct vfs_mnt_id_req req = {.size = sizeof(req),
				     .mnt_id = (uint64_t)id,
				     .param = (uint64_t)NUM(1)};
	struct vfs_statmount *sm = (void *)exec->side->buffer;
	size_t size = exec->call->args[2].given ? (size_t)NUM(2) : 4096;
	int result;

	if (id < 0 && !exec->call->args[4].given) {
		exec_result(exec, id);
		return;
	}
	result = CALL(statmount, &req, sm, size, U32(3));
	exec_result(exec, result);
	if (!result)
		show_statmount(exec, sm);
}

/* path (or "" for all) count [flags]: how many there are. */
static void run_listmount(struct exec *exec)
{
	struct vfs_mnt_id_req req = {.size = sizeof(req),
				     .mnt_id = VFS_LSMT_ROOT};
	uint64_t *ids = (void *)exec->side->buffer;
	size_t count = (size_t)NUM(1);
	int64_t n;

	if (*STR(0)) {
		int64_t id = mount_id(exec, STR(0));

		if (id < 0) {
			exec_result(exec, id);
			return;
		}
		req.mnt_id = (uint64_t)id;
	}
	n = CALL(listmount, &req, ids, count, U32(2));
	exec_result(exec, n);
	for (int64_t i = 0; i < n; i++) {
		struct vfs_statmount *sm = (void *)(ids + count);

		req.mnt_id = ids[i];
		req.param = VFS_STATMOUNT_MNT_POINT | VFS_STATMOUNT_SB_SOURCE;
		if (!CALL(statmount, &req, sm, 4096, 0))
			text_printf(&exec->side->out, " %s",
				    string_at(sm, VFS_STATMOUNT_MNT_POINT,
					      sm->mnt_point));
	}
}

/* A path whose mount it is, a number, or - for the whole namespace. */
static int64_t request_id(struct exec *exec, const char *word)
{
	if (!strcmp(word, "-"))
		return (int64_t)VFS_LSMT_ROOT;
	if (*word >= '0' && *word <= '9')
		return (int64_t)strtoull(word, NULL, 0);
	return mount_id(exec, word);
}

/* ask_mount ID SIZE ROOM [NAMESPACE [SPARE]]: what statmount and listmount say
 * to a request of SIZE bytes with ROOM for the answer. */
static void run_ask_mount(struct exec *exec)
{
	int64_t id = request_id(exec, STR(0));
	struct {
		struct vfs_mnt_id_req req;
		char tail[8192];
	} large = {.req = {.size = U32(1),
			   .zero = U32(4),
			   .mnt_id = (uint64_t)id,
			   .param = 0,
			   .mnt_ns_id = (uint64_t)NUM(3)}};
	void *buffer = exec->side->buffer;
	int64_t listed;

	if (large.req.size > sizeof(large.req))
		large.tail[0] = (char)(large.req.size & 1);
	listed = CALL(listmount, &large.req, buffer, (size_t)NUM(2), 0);
	exec_result(exec,
		    CALL(statmount, &large.req, buffer, (size_t)NUM(2), 0));
	text_printf(&exec->side->out, " listmount=%lld", (long long)listed);
}

/* ---- mountinfo ---- */

/* What the root is: the same on both sides, whatever each calls it. */
static char *same_root(const struct side *side, char *tail)
{
	static const char *const names[] = {"hostfs none ", "tmpfs kernel ",
					    "ext4 /dev/loop"};
	char *options;

	for (size_t i = 0; side->host->kind && i < 3; i++) {
		if (strncmp(tail, names[i], strlen(names[i])))
			continue;
		options = strrchr(tail, ' ');
		options[strcspn(options, ",")] = '\0';
		return options;
	}
	return tail;
}

static bool parse(const struct side *side, char *text, struct line *line)
{
	char *save = NULL, *word;
	char *dash = strstr(text, " - ");

	if (!dash || sscanf(text, "%lu %lu %u:%u", &line->id, &line->parent,
			    &line->major, &line->minor) != 4)
		return false;
	*dash = '\0';
	line->tail = same_root(side, dash + 3);
	for (int i = 0; i < 3; i++)
		word = strtok_r(i ? NULL : text, " ", &save);
	line->root = strtok_r(NULL, " ", &save);
	line->point = strtok_r(NULL, " ", &save);
	line->options = strtok_r(NULL, " ", &save);
	line->tags = save;
	(void)word;
	return line->options != NULL;
}

static int compare(const struct line *x, const struct line *y)
{
	int order = strcmp(x->point, y->point);

	if (!order && x->level != y->level)
		order = x->level < y->level ? -1 : 1;
	if (!order)
		order = strcmp(x->tail, y->tail);
	if (!order)
		order = strcmp(x->root, y->root);
	if (!order && x->up != y->up && x->up && y->up)
		order = compare(x->up, y->up);
	return order;
}

static int by_place(const void *a, const void *b)
{
	return compare(*(struct line *const *)a, *(struct line *const *)b);
}

static struct line *find(struct line *lines, unsigned count, unsigned long id)
{
	for (unsigned i = 0; i < count; i++)
		if (lines[i].id == id)
			return &lines[i];
	return NULL;
}

/* What only one of the sides says. */
static void cut_options(char *tail)
{
	static const char *const words[] = {",inode64", ",inode32"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *at = strstr(tail, words[i]);

		if (at)
			memmove(at, at + strlen(words[i]),
				strlen(at + strlen(words[i])) + 1);
	}
}

static void show_tags(struct side *side, char *tags)
{
	char *save = NULL;

	for (char *word = strtok_r(tags, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		char *colon = strchr(word, ':');

		if (!colon) {
			text_printf(&side->out, " %s", word);
			continue;
		}
		text_printf(&side->out, " %.*s:%u", (int)(colon - word), word,
			    side_number(&side->groups, 1,
					strtoul(colon + 1, NULL, 10)));
	}
}

static void show_line(struct side *side, struct line *line,
		      const struct line *parent)
{
	struct text *out = &side->out;

	text_printf(out, "\n    %u %u %u ", line->number,
		    parent ? parent->number : 0,
		    side_number(&side->devices,
				(uint64_t)line->major << 32 | line->minor, 1));
	if (!strncmp(line->root, "mnt:[", 5))
		text_printf(out, "mnt:[%u]",
			    side_number(&side->groups, 2,
					strtoul(line->root + 5, NULL, 10)));
	else
		text_printf(out, "%s", line->root);
	text_printf(out, " %s %s", line->point, line->options);
	show_tags(side, line->tags);
	cut_options(line->tail);
	text_printf(out, " - %s", line->tail);
}

static void run_mountinfo(struct exec *exec)
{
	struct side *side = exec->side;
	int64_t len = side->class->mountinfo(side, side->buffer, BUFFER_SIZE);
	struct line *lines = calloc(MAX_MOUNTS, sizeof(*lines));
	struct line **order = calloc(MAX_MOUNTS, sizeof(struct line *));
	unsigned count = 0;
	char *save = NULL;

	if (!lines || !order)
		die("out of memory");
	if (len >= 0)
		for (char *text = strtok_r(side->buffer, "\n", &save); text;
		     text = strtok_r(NULL, "\n", &save))
			if (count == MAX_MOUNTS ||
			    !parse(side, text, &lines[count++]))
				die("mountinfo: %s", text);
	for (unsigned i = 0; i < count; i++) {
		lines[i].up = find(lines, count, lines[i].parent);
		order[i] = &lines[i];
	}
	for (unsigned i = 0; i < count; i++)
		for (struct line *p = lines[i].up; p && lines[i].level < count;
		     p = p->up)
			lines[i].level++;
	qsort(order, count, sizeof(*order), by_place);
	for (unsigned i = 0; i < count; i++)
		order[i]->number = i + 1;
	/* numbers are given anew when they are free, by the kernel */
	side_number_reset(&side->groups);
	side_number_reset(&side->devices);
	side_number_reset(&side->inodes);
	exec_result(exec, len < 0 ? len : count);
	for (unsigned i = 0; i < count; i++)
		show_line(side, order[i], order[i]->up);
	free(order);
	free(lines);
}

const struct call_def mount_calls[] = {
	{"domount", "sssn?s", run_domount},
	{"umount2", "sn", run_umount2},
	{"pivot_root", "ss", run_pivot_root},
	{"unshare", "n", run_unshare},
	{"setns", "nn", run_setns},
	{"nsopen", "n?n", run_nsopen},
	{"open_tree", "nsn", run_open_tree},
	{"move_mount", "nsnsn", run_move_mount},
	{"fsopen", "sn", run_fsopen},
	{"fspick", "nsn", run_fspick},
	{"fsconfig", "nnssn", run_fsconfig},
	{"fsmount", "nnn", run_fsmount},
	{"mount_setattr", "nsnnnn?n", run_mount_setattr},
	{"statmount", "sn?nnn", run_statmount},
	{"listmount", "sn?n", run_listmount},
	{"ask_mount", "snn?nn", run_ask_mount},
	{"mountinfo", "", run_mountinfo},
	{NULL, NULL, NULL},
};
