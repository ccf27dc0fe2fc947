/* SPDX-License-Identifier: MIT */
/*
 * An overlay on an overlay on an overlay. Each level's upper directory is a
 * layer of its own, so that what the levels show one on another is also what
 * one overlay of all of them shows; that is how the kernel, which stacks two,
 * looks at the third.
 */
#define _GNU_SOURCE
#include "stack.h"

#include <stdio.h>
#include <string.h>

#define LEVELS 3

/* ---- mounting ---- */

/* Where the layers are, and where the levels are mounted. */
static const char *root_of(const struct stage *stage, const struct side *side)
{
	return side == stage->kernel ? "" : "/h";
}

static void add_options(const struct stage *stage, unsigned level,
			const char *root, struct text *lines)
{
	text_printf(lines,
		    ",upperdir=%s/u%u/upper,workdir=%s/u%u/work,"
		    "redirect_dir=%s,metacopy=%s,index=off,uuid=null\" => 0\n",
		    root, level, root, level,
		    stage->layers.redirect ? "on" : "off",
		    stage->layers.metacopy ? "on" : "off");
}

static void mount_level(const struct stage *stage, unsigned level,
			const char *root, struct text *lines)
{
	text_printf(lines, "domount o m%u overlay 0 \"lowerdir=", level);
	if (level == 1)
		text_printf(lines, "%s/l1", root);
	else
		text_printf(lines, "/m%u", level - 1);
	add_options(stage, level, root, lines);
}

/* All levels up to this one, as one overlay, in its place. */
static void mount_flat(const struct stage *stage, unsigned level,
		       const char *root, struct text *lines)
{
	text_printf(lines, "domount o m%u overlay 0 \"lowerdir=", level);
	for (unsigned i = level - 1; i; i--)
		text_printf(lines, "%s/u%u/upper:", root, i);
	text_printf(lines, "%s/l1", root);
	add_options(stage, level, root, lines);
}

static void make_points(const struct stage *stage, const struct side *side,
			struct text *lines)
{
	/* the kernel has them on the layers' file system */
	for (unsigned i = 1; side != stage->kernel && i <= LEVELS; i++)
		text_printf(lines, "mkdir m%u 0755\n", i);
}

static void make_root(unsigned level, struct text *lines)
{
	text_printf(lines,
		    "chdir m%u => 0\npivot_root . . => 0\n"
		    "umount2 . MNT_DETACH => 0\nchdir / => 0\numask 022\n",
		    level);
}

static void make_uppers(struct stage *stage)
{
	char line[64];

	for (unsigned i = 1; i <= LEVELS + 1; i++) {
		snprintf(line, sizeof(line),
			 "mkdir /u%u 0755\nmkdir /u%u/upper 0777\n"
			 "mkdir /u%u/work 0755\n",
			 i, i, i);
		stage_lines(stage, stage->kernel, line);
		snprintf(line, sizeof(line), "mkdir /m%u 0755\n", i);
		stage_lines(stage, stage->kernel, line);
	}
}

static bool enter(struct stage *stage, struct side *side, unsigned level,
		  bool flat)
{
	const char *root = root_of(stage, side);
	struct text lines = {0};
	bool ok;

	snprintf(stage->upper, sizeof(stage->upper), "u%u/upper", level);
	make_points(stage, side, &lines);
	for (unsigned i = 1; !flat && i <= level; i++)
		mount_level(stage, i, root, &lines);
	if (flat)
		mount_flat(stage, level, root, &lines);
	make_root(level, &lines);
	ok = stage_enter_by(stage, side, lines.data);
	text_fini(&lines);
	return ok;
}

/* An overlay has no handles, so that nothing on top of it was marked as being a
 * copy with the lower number; all together there may be such files. */
static void without_marks(struct text *tree)
{
	static const char mark[] = " LISTED WITH ANOTHER INODE NUMBER";
	char *at = tree->data;

	while ((at = strstr(at, mark)))
		memmove(at, at + strlen(mark), strlen(at + strlen(mark)) + 1);
}

static bool look(struct stage *stage, struct side *side, unsigned level,
		 bool flat, const struct text *expected, const char *what)
{
	struct text got = {0};
	bool same = enter(stage, side, level, flat);

	if (same) {
		stage_look(side, DETAIL_PLAIN, &got);
		if (flat)
			without_marks(&got);
		same = stage_same(stage, what, expected, &got);
	}
	stage_leave(stage, side);
	text_fini(&got);
	return same;
}

/* ---- one level on another ---- */

/* side works on this level; both see the same, one level on another and all of
 * them together. */
static bool do_level(struct stage *stage, const struct exchange *exchange,
		     uint64_t number, struct side *side, unsigned level)
{
	struct text expected = {0};
	bool ok;

	stage_seed(stage, exchange->seed, number);
	ok = enter(stage, side, level, false);
	if (ok && !stage_work(stage, side, exchange->length)) {
		stage_leave(stage, side);
		ok = enter(stage, side, level, false);
	}
	if (ok)
		stage_look(side, DETAIL_PLAIN, &expected);
	stage_leave(stage, side);
	ok = ok &&
	     look(stage, stage->library, level, false, &expected,
		  "the library, one on another") &&
	     look(stage, stage->library, level, true, &expected,
		  "the library, all together") &&
	     look(stage, stage->kernel, level, true, &expected,
		  "the kernel, all together");
	if (ok && level < LEVELS)
		ok = look(stage, stage->kernel, level, false, &expected,
			  "the kernel, one on another");
	text_fini(&expected);
	return ok;
}

/* ---- layers inside an overlay ---- */

/* Marks of layers that are kept in an overlay: it stores them with another
 * name, and the overlay of these layers finds them. */
static const char inside[] =
	"mkdir esc 0755\nmkdir esc/low 0755\nmkdir esc/low/d 0755\n"
	"mknod esc/low/d/covered S_IFREG|0644 0\n"
	"mknod esc/low/gone S_IFREG|0644 0\n"
	"mknod esc/low/there S_IFREG|0644 0\n"
	"mkdir esc/low/from 0755\nmknod esc/low/from/x S_IFREG|0600 0\n"
	"mkdir esc/top 0755\nmkdir esc/top/d 0755\nmkdir esc/top/to 0755\n"
	"mknod esc/top/d/new S_IFREG|0644 0\n"
	"mknod esc/top/gone S_IFREG|0644 0\n"
	"setxattr esc/top/d trusted.overlay.opaque \"y\" 0\n"
	"setxattr esc/top/to trusted.overlay.redirect \"from\" 0\n"
	"setxattr esc/top trusted.overlay.opaque \"x\" 0\n"
	"setxattr esc/top/gone trusted.overlay.whiteout \"\" 0\n"
	"setxattr esc/low/there trusted.overlay.overlay.origin \"o\" 0\n";

static bool has(const struct text *tree, const char *path)
{
	char line[64];

	snprintf(line, sizeof(line), "./%s ", path);
	return strstr(tree->data, line);
}

static bool is_right(const struct text *tree)
{
	return has(tree, "there") && has(tree, "d/new") && has(tree, "to/x") &&
	       has(tree, "from/x") && !has(tree, "gone") &&
	       !has(tree, "d/covered");
}

/* What side shows of the layers that are inside the first level. */
static bool show_inside(struct stage *stage, struct side *side,
			struct text *out)
{
	const char *root = root_of(stage, side);
	struct text lines = {0};
	bool ok;

	make_points(stage, side, &lines);
	mount_level(stage, 1, root, &lines);
	text_printf(&lines, "domount o m2 overlay 0 \"lowerdir=/m1/esc/top:"
			    "/m1/esc/low");
	add_options(stage, LEVELS + 1, root, &lines);
	make_root(2, &lines);
	ok = stage_enter_by(stage, side, lines.data);
	if (ok)
		stage_look(side, DETAIL_PLAIN, out);
	stage_leave(stage, side);
	text_fini(&lines);
	return ok;
}

static bool make_inside(struct stage *stage, struct side *side)
{
	bool ok = enter(stage, side, 1, false);

	if (ok) {
		stage_lines(stage, side, inside);
		ok = side->result >= 0;
	}
	stage_leave(stage, side);
	return ok;
}

static bool do_inside(struct stage *stage, struct side *side)
{
	struct text kernel = {0}, library = {0};
	bool ok = make_inside(stage, side);

	/* what was done before may have filled the disk */
	if (!ok) {
		stage_refill(stage, stage->made);
		make_uppers(stage);
		ok = make_inside(stage, side);
		if (!ok)
			printf("--- layers in an overlay: %s\n",
			       side->out.data);
	}
	ok = ok && show_inside(stage, stage->kernel, &kernel) &&
	     show_inside(stage, stage->library, &library) &&
	     stage_same(stage, "layers in an overlay", &kernel, &library);
	if (ok && !is_right(&library)) {
		printf("--- layers in an overlay show something else:\n%s---\n",
		       library.data);
		ok = false;
	}
	text_fini(&kernel);
	text_fini(&library);
	return ok;
}

/* ---- a sequence ---- */

bool stack_sequence(const struct exchange *exchange, uint64_t sequence)
{
	struct layers layers = {.on = true, .lowers = 1};
	struct stage stage;
	bool ok = true;

	layers.redirect = sequence & 2;
	layers.metacopy = layers.redirect && (sequence & 4);
	stage_open(&stage, exchange->kind, &layers, exchange->seed, sequence);
	make_uppers(&stage);
	for (unsigned level = 1; ok && level <= LEVELS; level++) {
		struct side *side = level < LEVELS && (sequence & 1)
					    ? stage.kernel
					    : stage.library;

		ok = do_level(&stage, exchange, sequence * LEVELS + level, side,
			      level);
	}
	ok = ok &&
	     do_inside(&stage, sequence & 1 ? stage.kernel : stage.library);
	stage_close(&stage);
	return ok;
}
