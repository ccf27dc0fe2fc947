/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 3
/* Entries in a layer, so that five of them do not take all the time. */
#define ENTRIES_MAX 22
#define HIDDEN_NAME_MAX 48

/* What a layer has under a path. */
enum what {
	DIRECTORY,
	OPAQUE,
	OTHER
};

struct filler {
	uint64_t state;
	const char *root;
	char layer[24];
	struct layers_script *out;
	unsigned entries; /* left */
	unsigned number;  /* of the layer, from 0 for the lowest */
	struct {
		unsigned layer;
		enum what what;
		char path[HIDDEN_NAME_MAX];
	} made[(LAYERS_MAX + 1) * ENTRIES_MAX];
	unsigned made_count;
	bool userxattr;
	bool marked; /* not an upper layer, where Linux marks what is merged */
	char file[HIDDEN_NAME_MAX]; /* the last regular one in this layer */
};

static uint64_t next(struct filler *f)
{
	uint64_t z = (f->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned below(struct filler *f, unsigned n)
{
	return (unsigned)((next(f) >> 32) * n >> 32);
}

static bool chance(struct filler *f, unsigned percent)
{
	return below(f, 100) < percent;
}

#define ACCESS "system.posix_acl_access acl:"
#define DEFAULT "system.posix_acl_default acl:"
#define PICK(f, words) ((words)[below(f, sizeof(words) / sizeof((words)[0]))])

/* ---- configurations ---- */

static bool switched(const char *value, bool *out)
{
	*out = !strcmp(value, "on");
	return *out || !strcmp(value, "off");
}

static bool parse_fs(const char *value, enum layers_fs *out)
{
	static const char *const names[] = {"one", "lower", "each"};

	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(value, names[i]))
			continue;
		*out = (enum layers_fs)i;
		return true;
	}
	return false;
}

static bool parse_word(struct layers *layers, const char *key,
		       const char *value)
{
	if (!strcmp(key, "lowers")) {
		layers->lowers = (unsigned)atoi(value);
		return layers->lowers && layers->lowers <= LAYERS_MAX;
	}
	if (!strcmp(key, "fs"))
		return parse_fs(value, &layers->fs);
	return (!strcmp(key, "redirect_dir") &&
		switched(value, &layers->redirect)) ||
	       (!strcmp(key, "metacopy") &&
		switched(value, &layers->metacopy)) ||
	       (!strcmp(key, "index") && switched(value, &layers->index)) ||
	       (!strcmp(key, "xino") && switched(value, &layers->xino)) ||
	       (!strcmp(key, "userxattr") &&
		switched(value, &layers->userxattr));
}

bool layers_parse(struct layers *layers, const char *words)
{
	char *copy = strdup(words), *rest = copy, *word;
	bool ok = copy;

	memset(layers, 0, sizeof(*layers));
	layers->on = true;
	layers->lowers = 1;
	layers->no_index = !strcmp(words, "mix,index=off");
	layers->mix = layers->no_index || !strcmp(words, "mix");
	while (ok && !layers->mix && (word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		ok = value && parse_word(layers, word, value);
	}
	free(copy);
	/* the kernel refuses copies of nothing but attributes without it */
	return ok && (layers->redirect || !layers->metacopy) &&
	       !(layers->redirect && layers->userxattr);
}

struct layers layers_of(const struct layers *layers, uint64_t sequence)
{
	static const unsigned lowers[] = {1, 2, 5};
	struct layers one = *layers;

	if (!layers->mix)
		return one;
	one.mix = false;
	one.lowers = lowers[sequence % 3];
	sequence /= 3;
	one.fs = (enum layers_fs)(sequence % 3);
	sequence /= 3;
	one.redirect = sequence & 1;
	one.index = (sequence & 2) && !layers->no_index;
	one.xino = sequence & 4;
	one.metacopy = one.redirect && (sequence & 8);
	return one;
}

void layers_describe(const struct layers *layers, char *out, size_t size)
{
	static const char *const fs[] = {"one", "lower", "each"};

	if (layers->mix)
		snprintf(out, size, "--overlay mix%s",
			 layers->no_index ? ",index=off" : "");
	else
		snprintf(out, size,
			 "--overlay lowers=%u,redirect_dir=%s,metacopy=%s,"
			 "index=%s,xino=%s,userxattr=%s,fs=%s",
			 layers->lowers, layers->redirect ? "on" : "off",
			 layers->metacopy ? "on" : "off",
			 layers->index ? "on" : "off",
			 layers->xino ? "on" : "off",
			 layers->userxattr ? "on" : "off", fs[layers->fs]);
}

/* ---- what is in a layer ---- */

/* verb, the path in this layer, what follows. */
static void line(struct filler *f, const char *verb, const char *path,
		 const char *rest)
{
	text_printf(&f->out->lines, "%s %s/%s/%s %s\n", verb, f->root, f->layer,
		    path, rest);
}

static void attributes(struct filler *f, const char *path, bool directory)
{
	static const char *const owners[] = {"0 0", "1000 1000", "1001 100",
					     "1002 1003", "1000 100"};
	static const char *const modes[] = {"0777", "0755",  "0700",  "0666",
					    "0644", "0600",  "02775", "01777",
					    "0750", "04755", "0444",  "0"};
	static const char *const attributes[] = {
		"user.a \"lower\" 0", "user.b \"w\"*300 0", "trusted.a \"t\" 0",
		"security.a \"s\" 0", "user.a \"\" 0"};
	static const char *const access_lists[] = {
		ACCESS "u::rwx,u:1000:rwx,g::r-x,m::rwx,o::r-x 0",
		ACCESS "u::rw-,u:1001:r--,g::r--,g:100:rw-,m::rw-,o::--- 0",
		ACCESS "u::rwx,g::rwx,o::r-x 0"};
	static const char *const default_lists[] = {
		DEFAULT "u::rwx,u:1000:rwx,g::r-x,m::rwx,o::r-x 0",
		DEFAULT "u::rwx,u:1001:r--,g::r-x,g:100:rw-,m::rwx,o::r-- 0"};

	if (chance(f, 60))
		line(f, "lchown", path, PICK(f, owners));
	if (chance(f, 80))
		line(f, "chmod", path, PICK(f, modes));
	if (chance(f, 15))
		line(f, "setxattr", path, PICK(f, attributes));
	if (chance(f, 10))
		line(f, "setxattr", path, PICK(f, access_lists));
	if (directory && chance(f, 12))
		line(f, "setxattr", path, PICK(f, default_lists));
	if (chance(f, 10))
		line(f, "utimensat AT_FDCWD", path,
		     "5:1,1000000000:999999999 0");
}

static void content(struct filler *f, const char *path)
{
	char data[64];

	line(f, "open", path, "O_CREAT|O_RDWR 0644 -> $0");
	for (unsigned i = below(f, 3); i; i--) {
		static const unsigned offsets[] = {0, 0, 10, 4096, 5000, 70000};

		snprintf(data, sizeof(data), "pwrite $0 \"%c%c\"*%u %u\n",
			 'A' + below(f, 26), f->layer[0],
			 1 + below(f, chance(f, 80) ? 100 : 3000),
			 PICK(f, offsets));
		text_add(&f->out->lines, data, strlen(data));
	}
	if (chance(f, 10))
		text_printf(&f->out->lines, "ftruncate $0 100000\n");
	text_printf(&f->out->lines, "close $0\n");
	snprintf(f->file, sizeof(f->file), "%s", path);
}

static void special(struct filler *f, const char *path)
{
	static const char *const nodes[] = {"S_IFIFO|0666 0", "S_IFSOCK|0777 0",
					    "S_IFCHR|0666 dev:4000:7",
					    "S_IFBLK|0660 dev:4000:7"};
	static const char *const targets[] = {"symlink a",    "symlink ../b",
					      "symlink /a/b", "symlink nowhere",
					      "symlink c/d",  "symlink ."};

	if (chance(f, 50)) {
		line(f, PICK(f, targets), path, "");
		if (chance(f, 30))
			line(f, "lchown", path, "1000 1000");
	} else {
		line(f, "mknod", path, PICK(f, nodes));
		if (chance(f, 40))
			line(f, "chmod", path, "0640");
	}
}

static void remember(struct filler *f, const char *path, bool directory)
{
	struct layers_name *name;
	unsigned i = f->out->count;

	if (i == LAYERS_NAMES)
		i = below(f, LAYERS_NAMES);
	else
		f->out->count++;
	name = &f->out->names[i];
	snprintf(name->path, sizeof(name->path), "%s", path);
	name->directory = directory;
}

static void made(struct filler *f, const char *path, enum what what)
{
	unsigned i = f->made_count++;

	f->made[i].layer = f->number;
	f->made[i].what = what;
	snprintf(f->made[i].path, sizeof(f->made[i].path), "%s", path);
}

/* What the highest layer from the given one down has: that layer, or none. */
static int find(const struct filler *f, const char *path, size_t len,
		unsigned layer, enum what *what)
{
	for (unsigned i = f->made_count; i--;) {
		if (f->made[i].layer > layer ||
		    strlen(f->made[i].path) != len ||
		    memcmp(f->made[i].path, path, len))
			continue;
		*what = f->made[i].what;
		return (int)f->made[i].layer;
	}
	return -1;
}

/* The layer that has the directory next below this one, or -1. */
static int next_below(const struct filler *f, const char *path, size_t len)
{
	enum what what = OTHER;
	int layer = f->number ? find(f, path, len, f->number - 1, &what) : -1;

	return layer >= 0 && what != OTHER ? layer : -1;
}

/* Does nothing from this layer down to another hide what that one has below
 * path? */
static bool open_down_to(const struct filler *f, const char *path, size_t len,
			 int layer)
{
	for (unsigned i = 0; i < f->made_count; i++) {
		if (strlen(f->made[i].path) != len ||
		    memcmp(f->made[i].path, path, len) ||
		    f->made[i].layer < (unsigned)layer)
			continue;
		if (f->made[i].what == OTHER ||
		    (f->made[i].what == OPAQUE &&
		     f->made[i].layer != (unsigned)layer))
			return false;
	}
	return true;
}

/* Is the directory of this layer laid over one that is below? Only there does
 * an overlay of Linux's hide a whiteout from who lists the directory. */
static bool merged(const struct filler *f, const char *path, size_t len)
{
	int layer = len ? next_below(f, path, len) : (int)f->number - 1;

	if (layer < 0)
		return false;
	for (size_t end = 1; end <= len; end++)
		if ((end == len || path[end] == '/') &&
		    !open_down_to(f, path, end, layer))
			return false;
	return true;
}

static bool can_hide(const struct filler *f, const char *path)
{
	const char *slash = strrchr(path, '/');

	return merged(f, path, slash ? (size_t)(slash - path) : 0);
}

/* Whether a lower layer has a directory of that name. */
static bool is_below(const struct filler *f, const char *path)
{
	enum what what = OTHER;

	return f->number &&
	       find(f, path, strlen(path), f->number - 1, &what) >= 0 &&
	       what != OTHER;
}

static void fill_directory(struct filler *f, const char *path, unsigned depth);

static void make_directory(struct filler *f, const char *path, unsigned depth)
{
	bool opaque = chance(f, 12);

	made(f, path, opaque ? OPAQUE : DIRECTORY);
	line(f, "mkdir", path, "0755");
	if (depth < DEEPEST)
		fill_directory(f, path, depth + 1);
	attributes(f, path, true);
	if (opaque)
		line(f, "setxattr", path,
		     f->userxattr ? "user.overlay.opaque \"y\" 0"
				  : "trusted.overlay.opaque \"y\" 0");
}

static void entry(struct filler *f, const char *path, unsigned depth)
{
	unsigned kind = below(f, 100);

	if (!f->marked && kind >= 60 && is_below(f, path))
		return;
	if (kind >= 50 && kind < 60 && !f->file[0])
		return;
	if (kind < 12) {
		if (!can_hide(f, path))
			return;
		made(f, path, OTHER);
		line(f, "mknod", path, "S_IFCHR 0");
		return;
	}
	remember(f, path, kind >= 60);
	if (kind < 60)
		made(f, path, OTHER);
	if (kind < 40) {
		content(f, path);
		attributes(f, path, false);
	} else if (kind < 50) {
		special(f, path);
	} else if (kind < 60) {
		char verb[160];

		snprintf(verb, sizeof(verb), "link %s/%s/%s", f->root, f->layer,
			 f->file);
		line(f, verb, path, "");
	} else if (kind >= 60) {
		make_directory(f, path, depth);
	}
}

static void fill_directory(struct filler *f, const char *path, unsigned depth)
{
	for (char c = 'a'; c <= 'e'; c++) {
		char name[HIDDEN_NAME_MAX];

		if (!f->entries || !chance(f, depth == 1 ? 75 : 45))
			continue;
		f->entries--;
		snprintf(name, sizeof(name), "%.40s%s%c", path,
			 *path ? "/" : "", c);
		entry(f, name, depth);
	}
}

static void fill_layer(struct filler *f, const char *layer, unsigned entries)
{
	snprintf(f->layer, sizeof(f->layer), "%s", layer);
	f->entries = entries;
	f->file[0] = '\0';
	fill_directory(f, "", 1);
	f->number++;
}

/* ---- scripts ---- */

static void make_fs(struct text *out, const char *name, bool own)
{
	text_printf(out, "mkdir %s 0755 => 0\n", name);
	if (own)
		text_printf(out,
			    "domount %s %s tmpfs 0 "
			    "size=64m,nr_inodes=20k,mode=0755 => 0\n",
			    name, name);
}

void layers_make(const struct layers *layers, struct text *out)
{
	char name[24];

	text_printf(out, "need mounts\nneed overlay\numask 0\n");
	text_printf(out, "mkdir m 0755 => 0\n");
	make_fs(out, "u", layers->fs != LAYERS_ONE);
	if (layers->fs == LAYERS_LOWER)
		make_fs(out, "low", true);
	for (unsigned i = 1; i <= layers->lowers; i++) {
		snprintf(name, sizeof(name), "%sl%u",
			 layers->fs == LAYERS_LOWER ? "low/" : "", i);
		make_fs(out, name, layers->fs == LAYERS_EACH);
	}
}

static const char *lower_name(const struct layers *layers, unsigned number,
			      char out[24])
{
	snprintf(out, 24, "%sl%u%s", layers->fs == LAYERS_LOWER ? "low/" : "",
		 number, layers->fs == LAYERS_EACH ? "/d" : "");
	return out;
}

void layers_fill(const struct layers *layers, uint64_t seed, const char *root,
		 struct layers_script *out)
{
	struct filler f = {.state = seed,
			   .root = root,
			   .out = out,
			   .userxattr = layers->userxattr,
			   .marked = true};
	char name[24];

	next(&f);
	out->count = 0;
	text_printf(&out->lines, "mkdir %s/u/upper 0755 => 0\n", root);
	text_printf(&out->lines, "mkdir %s/u/work 0755 => 0\n", root);
	for (unsigned i = layers->lowers; i; i--) {
		lower_name(layers, i, name);
		if (layers->fs == LAYERS_EACH)
			text_printf(&out->lines, "mkdir %s/%s 0777 => 0\n",
				    root, name);
		fill_layer(&f, name,
			   layers->lowers > 2 ? ENTRIES_MAX / 2 : ENTRIES_MAX);
	}
	/* an overlay that was used before, by something without marks */
	f.marked = false;
	if (chance(&f, 25))
		fill_layer(&f, "u/upper", ENTRIES_MAX / 2);
	text_printf(&out->lines, "chmod %s/u/upper 0777 => 0\n", root);
}

void layers_mount(const struct layers *layers, const char *root,
		  struct text *out)
{
	/* off would follow those that there are, which Linux refuses */
	const char *redirect = layers->redirect	   ? "on"
			       : layers->userxattr ? "nofollow"
						   : "off";
	char name[24];

	text_printf(out, "domount o m overlay 0 \"lowerdir=");
	for (unsigned i = 1; i <= layers->lowers; i++)
		text_printf(out, "%s%s/%s", i > 1 ? ":" : "", root,
			    lower_name(layers, i, name));
	text_printf(out,
		    ",upperdir=%s/u/upper,workdir=%s/u/work,redirect_dir=%s,"
		    "metacopy=%s,index=%s,xino=%s,uuid=null%s\" => 0\n",
		    root, root, redirect, layers->metacopy ? "on" : "off",
		    layers->index ? "on" : "off", layers->xino ? "on" : "off",
		    layers->userxattr ? ",userxattr" : "");
	/* marks at its root are no difference */
	text_printf(out, "chmod m 0777 => 0\nchdir m => 0\n"
			 "pivot_root . . => 0\numount2 . MNT_DETACH => 0\n"
			 "chdir / => 0\numask 022\n");
}
