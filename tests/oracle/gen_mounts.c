/* SPDX-License-Identifier: MIT */
/* Random mount histories: mounts, binds, moves, propagation, namespaces, over
 * few places, with a look at mountinfo after each step. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "gen.h"

#define ENOUGH 60 /* mounts: from here on they become fewer */

struct template
{
	unsigned weight;
	/* %p: a place; %n: one that is not the root, which would become
	 * read-only, if nobody used what is still going away; %d: a directory;
	 * %t: a kind of propagation; %f, %F: flags; %k: a task; %s, %S: a slot,
	 * a slot for a new descriptor */
	const char *line;
};

static const struct template templates[] = {
	{30, "domount fs %n tmpfs %f"},
	{40, "domount %p %p NULL MS_BIND"},
	{14, "domount %p %p NULL MS_BIND|MS_REC"},
	{34, "domount %p %p NULL MS_MOVE"},
	{44, "domount NULL %p NULL %t"},
	{10, "domount NULL %p NULL %t|MS_REC"},
	{6, "domount NULL %n NULL MS_REMOUNT|MS_NOSUID"},
	{10, "domount NULL %p NULL MS_REMOUNT|MS_BIND|%f"},
	{36, "umount2 %n 0"},
	{12, "umount2 %n MNT_DETACH"},
	{34, "mkdir %d 0755"},
	{8, "rmdir %d"},
	{10, "rename %d %d"},
	{6, "open %p O_RDONLY|O_DIRECTORY 0 -> $%s"},
	{6, "close $%s"},
	{4, "chdir %p"},
	{4, "chdir /"},
	{3, "fchdir $%s"},
	{4, "getcwd"},
	{8, "stat %p"},
	{4, "stat %p/.."},
	{3, "pivot_root %p %p"},
	{5, "clone %k NEWNS"},
	{4, "newuser 3 0:0:65534 0:0:65534 NEWNS"},
	{10, "task 3"},
	{2, "exit 3"},
	{2, "clone %k"},
	{14, "task %k"},
	{3, "exit %k"},
	{3, "unshare NEWNS"},
	{4, "nsopen %k -> $%s"},
	{4, "setns $%s 0"},
	{8, "open_tree AT_FDCWD %p OPEN_TREE_CLONE%R -> $%s"},
	{10, "move_mount $%s \"\" AT_FDCWD %p MOVE_MOUNT_F_EMPTY_PATH"},
	{10, "move_mount AT_FDCWD %p AT_FDCWD %p MOVE_MOUNT_BENEATH"},
	{5, "move_mount $%s \"\" AT_FDCWD %p "
	    "MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_BENEATH"},
	{3, "move_mount AT_FDCWD %p $%s \"\" MOVE_MOUNT_T_EMPTY_PATH"},
	{3, "move_mount AT_FDCWD %p AT_FDCWD %p MOVE_MOUNT_SET_GROUP"},
	{8, "mount_setattr AT_FDCWD %p %r %a %a %T"},
	{3, "mount_setattr $%s \"\" AT_EMPTY_PATH %a %a %T"},
};

static const struct template fewer[] = {
	{30, "umount2 %n 0"},
	{30, "umount2 %n MNT_DETACH"},
	{10, "umount2 /%n MNT_DETACH"},
	{10, "chdir /"},
	{10, "task %k"},
	{5, "exit %k"},
};

static const char *const beginnings[] = {
	"mkdir a 0755",	  "mkdir b 0755",     "mkdir c 0755", "mkdir a/x 0755",
	"mkdir b/x 0755", "mkdir a/x/y 0755", "mkdir d 0755",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void word(struct gen *gen, const char *const words[], unsigned count)
{
	const char *chosen = words[gen_below(gen, count)];

	text_add(&gen->text, chosen, strlen(chosen));
}

static void place(struct gen *gen, bool root)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	static const char *const below[] = {"", "", "/x", "/x", "/x/y", "/y"};
	static const char *const odd[] = {"/", ".", "/a/x", "x", "/b", "a/.."};

	if (root && !gen_below(gen, 16)) {
		word(gen, odd, COUNT(odd));
		return;
	}
	word(gen, names, COUNT(names));
	word(gen, below, COUNT(below));
}

static void directory(struct gen *gen)
{
	static const char *const names[] = {"a/", "b/", "c/", "d/", ""};
	static const char *const below[] = {"x", "y", "x/y", "x/x", "c"};

	word(gen, names, COUNT(names));
	word(gen, below, COUNT(below));
}

void gen_mount_value(struct gen *gen, char kind)
{
	static const char *const propagation[] = {
		"MS_SHARED", "MS_SHARED", "MS_SHARED",	   "MS_PRIVATE",
		"MS_SLAVE",  "MS_SLAVE",  "MS_UNBINDABLE",
	};
	static const char *const flags[] = {
		"0", "0", "MS_RDONLY", "MS_NOSUID", "MS_NOATIME", "MS_NODEV"};
	static const char *const attributes[] = {
		"0", "MOUNT_ATTR_RDONLY", "MOUNT_ATTR_NOSUID",
		"MOUNT_ATTR__ATIME", "MOUNT_ATTR_NODIRATIME"};
	static const char *const changes[] = {"0", "0", "MS_SHARED",
					      "MS_PRIVATE", "MS_SLAVE"};

	switch (kind) {
	case 'p':
		place(gen, true);
		break;
	case 'n':
		place(gen, false);
		break;
	case 'd':
		directory(gen);
		break;
	case 't':
		word(gen, propagation, COUNT(propagation));
		break;
	case 'f':
		word(gen, flags, COUNT(flags));
		break;
	case 'a':
		word(gen, attributes, COUNT(attributes));
		break;
	case 'T':
		word(gen, changes, COUNT(changes));
		break;
	case 'r':
		text_printf(&gen->text,
			    gen_below(gen, 3) ? "0" : "AT_RECURSIVE");
		break;
	case 'R':
		text_printf(&gen->text,
			    gen_below(gen, 3) ? "" : "|AT_RECURSIVE");
		break;
	case 'k':
		text_printf(&gen->text, "%u", gen_below(gen, 3));
		break;
	case 's':
		text_printf(&gen->text, "%u", gen_below(gen, 4));
		break;
	default:
		die("no value of kind %c", kind);
	}
}

static const char *choose(struct gen *gen, const struct template *table,
			  size_t count)
{
	unsigned total = 0, at;

	for (size_t i = 0; i < count; i++)
		total += table[i].weight;
	at = gen_below(gen, total);
	while (at >= table->weight)
		at -= table++->weight;
	return table->line;
}

static const char *next_template(struct gen *gen)
{
	unsigned line = gen->line++;

	if (line < COUNT(beginnings))
		return beginnings[line];
	if (line % 2)
		return "mountinfo";
	if (gen->mount_count > ENOUGH)
		return choose(gen, fewer, COUNT(fewer));
	return choose(gen, templates, COUNT(templates));
}

/* Task 3 is one in a user namespace: on the kernel's side it could not end
 * before its clones, nor look at those outside. */
static bool possible(const struct gen *gen, const char *line)
{
	if (!strncmp(line, "newuser ", 8))
		return kernel_has_userns();
	return gen->current != 3 ||
	       (strncmp(line, "clone ", 6) && strncmp(line, "nsopen ", 7));
}

static void fill(struct gen *gen, const char *template)
{
	text_clear(&gen->text);
	for (const char *p = template; *p; p++) {
		if (*p == '%')
			gen_mount_value(gen, *++p);
		else
			text_add(&gen->text, p, 1);
	}
}

const char *gen_mount_line(struct gen *gen)
{
	const char *template = next_template(gen);

	fill(gen, possible(gen, template) ? template : "mountinfo");
	return gen->text.data;
}

void gen_mount_learn(struct gen *gen, const struct call *call,
		     struct side *side)
{
	if (call->def && !strcmp(call->def->name, "mountinfo") &&
	    side->result >= 0)
		gen->mount_count = (unsigned)side->result;
	if (call->def && !strcmp(call->def->name, "task") && side->result >= 0)
		gen->current = (unsigned)call->args[0].number;
}
