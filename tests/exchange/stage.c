/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "removed.h"

#define FS_OPTIONS "size=64m,nr_inodes=20k"
#define MOUNT_TRIES 200
#define SHOWN 6

void stage_lines(struct stage *stage, struct side *side, const char *lines)
{
	char *copy = strdup(lines), *rest = copy, *line;

	if (!copy)
		die("out of memory");
	while ((line = strsep(&rest, "\n")))
		stage_run(stage, side, line);
	free(copy);
}

void stage_refill(struct stage *stage, const char *lines)
{
	struct text first = {0};

	side_end(stage->kernel);
	stage->kernel->keep = false;
	side_begin(stage->kernel);
	layers_make(&stage->layers, &first);
	stage_lines(stage, stage->kernel, first.data);
	text_fini(&first);
	stage_lines(stage, stage->kernel, lines);
	side_end(stage->kernel);
	stage->kernel->keep = true;
	side_begin(stage->kernel);
}

void stage_limit(struct layers *layers)
{
	if (layers->fs == LAYERS_EACH && !layers->redirect)
		layers->userxattr = true;
	layers->fs = LAYERS_ONE;
}

void stage_open(struct stage *stage, enum host_kind kind,
		const struct layers *layers, uint64_t seed, uint64_t sequence)
{
	struct layers_script script = {0};

	layers_fill(layers, seed * UINT64_C(0x1000003) + sequence, "", &script);
	stage_open_with(stage, kind, layers, script.lines.data);
	stage->made = strdup(script.lines.data);
	if (!stage->made)
		die("out of memory");
	text_clear(&script.lines);
	stage->script = script;
}

void stage_open_with(struct stage *stage, enum host_kind kind,
		     const struct layers *layers, const char *lines)
{
	const struct host host = {.kind = kind};

	memset(stage, 0, sizeof(*stage));
	text_clear(&stage->log);
	strcpy(stage->upper, "u/upper");
	stage->host.exclusive = true;
	stage->host.dir = host_create(&host, FS_OPTIONS);
	/* before the kernel's side takes it to its namespace */
	for (unsigned i = 0; i < STAGE_TREES; i++)
		stage->trees[i] = open_tree(stage->host.dir, "",
					    AT_EMPTY_PATH | OPEN_TREE_CLONE |
						    OPEN_TREE_CLOEXEC);
	stage->layers = *layers;
	stage->kernel =
		kernel_create(PLACE_MOUNT, FS_OPTIONS, &stage->host, false);
	stage->library =
		vfs_side_create(PLACE_MOUNT, FS_OPTIONS, &stage->host, false);
	stage->kernel->mounts = stage->library->mounts = true;
	stage->kernel->overlay = stage->library->overlay = true;
	call_init(&stage->call);
	stage_refill(stage, lines);
}

void stage_close(struct stage *stage)
{
	side_destroy(stage->library);
	side_destroy(stage->kernel);
	call_fini(&stage->call);
	gen_fini(&stage->gen);
	text_fini(&stage->script.lines);
	text_fini(&stage->log);
	free(stage->made);
	close(stage->host.dir);
	for (unsigned i = 0; i < STAGE_TREES; i++)
		close(stage->trees[i]);
}

static void parse(struct stage *stage, const struct side *side,
		  const char *line)
{
	text_printf(&stage->log, "%s: %s\n", side->class->name, line);
	if (!call_parse(&stage->call, line))
		die("not a line: %s", line);
}

void stage_run(struct stage *stage, struct side *side, const char *line)
{
	parse(stage, side, line);
	if (stage->call.def)
		call_run(&stage->call, side);
}

bool stage_step(struct stage *stage, struct side *side, const char *line)
{
	struct removed removed;

	parse(stage, side, line);
	if (!stage->call.def)
		return true;
	removed_find(stage, side, &removed);
	call_run(&stage->call, side);
	return !removed_is_back(stage, &removed);
}

/* The kernel may not have let go of the layers yet. */
static bool mount_it(struct stage *stage, struct side *side, const char *line)
{
	for (int i = 0; i < MOUNT_TRIES; i++) {
		stage_run(stage, side, line);
		if (side->result != -EBUSY)
			break;
		usleep(1000);
	}
	return side->result >= 0;
}

bool stage_enter_by(struct stage *stage, struct side *side, const char *lines)
{
	char *copy = strdup(lines), *rest = copy, *line;
	bool ok = copy;

	side_begin(side);
	while (ok && (line = strsep(&rest, "\n"))) {
		/* nothing is changed by who only looks */
		if (!strncmp(line, "chmod ", 6))
			continue;
		if (!strncmp(line, "domount ", 8))
			ok = mount_it(stage, side, line);
		else
			stage_run(stage, side, line);
	}
	if (!ok)
		printf("%s: no mount: %s\n", side->class->name, side->out.data);
	free(copy);
	return ok;
}

bool stage_enter(struct stage *stage, struct side *side)
{
	bool is_kernel = side == stage->kernel, ok;
	struct text lines = {0};

	if (!is_kernel)
		text_printf(&lines, "mkdir m 0755\n");
	layers_mount(&stage->layers, is_kernel ? "" : "/h", &lines);
	ok = stage_enter_by(stage, side, lines.data);
	text_fini(&lines);
	return ok;
}

/* Who begins again has left what was mounted. */
void stage_leave(struct stage *stage, struct side *side)
{
	side_end(side);
	if (side == stage->kernel)
		side_begin(side);
}

void stage_seed(struct stage *stage, uint64_t seed, uint64_t number)
{
	gen_init(&stage->gen, seed, number, PLACE_MOUNT, false, &stage->host);
	gen_begin_with(&stage->gen, &stage->script);
}

const char *stage_line(struct stage *stage, struct side *side)
{
	const char *line;

	do {
		line = gen_line(&stage->gen);
	} while (gen_unclear(line, side));
	return line;
}

bool stage_work(struct stage *stage, struct side *side, unsigned length)
{
	bool shown = true;

	for (unsigned i = 0; shown && i < length; i++) {
		shown = stage_step(stage, side, stage_line(stage, side));
		gen_learn(&stage->gen, &stage->call, side);
	}
	if (!shown)
		puts("the kernel gave a removed file its name again");
	return shown;
}

void stage_look(struct side *side, enum detail detail, struct text *out)
{
	int slots[MAX_SLOTS];

	memcpy(slots, side->slots, sizeof(slots));
	memset(side->slots, 0xff, sizeof(slots));
	side_number_reset(&side->inodes);
	side_number_reset(&side->devices);
	side->detail = detail;
	side_snapshot(side, out);
	side->detail = DETAIL_FULL;
	memcpy(side->slots, slots, sizeof(slots));
}

void stage_recall_root(const struct text *expected, struct text *got)
{
	static const char key[] = " attributes=";
	const unsigned long flags = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
	char *from = strstr(expected->data, key), *to = strstr(got->data, key);
	unsigned long set, shown;

	if (!from || !to || strcspn(got->data, "\n") < (size_t)(to - got->data))
		return;
	set = strtoul(from + strlen(key), NULL, 16);
	shown = strtoul(to + strlen(key), NULL, 16);
	/* of one length: a root is a mount's root, too */
	if (!(shown & flags) && (set & ~flags) == shown)
		memcpy(to, from, strcspn(from + 1, " ") + 1);
}

bool stage_same(const struct stage *stage, const char *what,
		const struct text *expected, const struct text *got)
{
	const char *a = expected->data, *b = got->data;
	char config[200];
	unsigned shown = 0;

	if (!strcmp(a, b))
		return true;
	layers_describe(&stage->layers, config, sizeof(config));
	printf("--- %s, %s:\n", what, config);
	while ((*a || *b) && shown < SHOWN) {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");

		if (la != lb || memcmp(a, b, la)) {
			printf("    < %.*s\n    > %.*s\n", (int)la, a, (int)lb,
			       b);
			shown++;
		}
		a += la + (a[la] == '\n');
		b += lb + (b[lb] == '\n');
	}
	printf("# what was done:\n%s---\n", stage->log.data);
	return false;
}
