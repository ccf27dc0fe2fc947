/* SPDX-License-Identifier: MIT */
/*
 * For --overlay: the lines that a script begins with whose tree is an overlay.
 * They make the file systems and directories of the layers, fill them, mount an
 * overlay of them and make it the root, on both sides alike, so that a script
 * that shows a difference is complete, and can be made shorter.
 */
#ifndef ORACLE_LAYERS_H
#define ORACLE_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define LAYERS_MAX 9
#define LAYERS_NAMES 32
#define LAYERS_PATH 64

enum layers_fs {
	LAYERS_ONE,   /* all layers on one file system */
	LAYERS_LOWER, /* the lower ones on one, the upper on another */
	LAYERS_EACH   /* each on its own */
};

struct layers {
	bool on;
	bool no_index; /* of those that are mixed */
	bool mix;      /* every sequence has another configuration */
	unsigned lowers;
	bool redirect, metacopy, index, xino;
	bool userxattr; /* without redirects: Linux has no trust in them */
	enum layers_fs fs;
};

/* lowers=N,redirect_dir=on|off,metacopy=…,index=…,xino=…,userxattr=…,
 * fs=one|lower|each, or
 * mix, or mix,index=off. False: not understood. */
bool layers_parse(struct layers *layers, const char *words);
/* The one that a sequence has: itself, or one of all if they are mixed. */
struct layers layers_of(const struct layers *layers, uint64_t sequence);
void layers_describe(const struct layers *layers, char *out, size_t size);

/* A name that a layer was given, in the merged tree if it is not hidden. */
struct layers_name {
	char path[LAYERS_PATH];
	bool directory;
};

struct layers_script {
	struct text lines;
	struct layers_name names[LAYERS_NAMES];
	unsigned count;
};

/* What makes and fills the layers, in directories below root ("" or "/h"). */
void layers_fill(const struct layers *layers, uint64_t seed, const char *root,
		 struct layers_script *out);
/* What mounts them and makes the overlay the root: behind that. */
void layers_mount(const struct layers *layers, const char *root,
		  struct text *out);
/* The file systems that the layers are on, before they are filled. */
void layers_make(const struct layers *layers, struct text *out);

#endif
