/* SPDX-License-Identifier: MIT */
/*
 * The command line. Each option of -o goes where the table in options.c says:
 * to vfs-fuse itself, to the mount in the host's kernel, to the mount in the
 * tree, to several of them, or nowhere, because it is refused. What is not in
 * the table belongs to the file system's type.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include "layers.h"
#include "session.h"
#include "text.h"
#include "tree.h"

struct options {
	bool help, version, foreground, debug, remount, cache_chosen;
	bool described; /* by a file: the tree */
	const char *mountpoint;
	char *server;	  /* its name, or NULL */
	const char *stop; /* the server to be ended, or NULL */
	const char *source, *type;
	char *own_type; /* what type points to, from -o */
	struct tree tree;
	struct layers *layers; /* of an overlay of the host's directories */
	struct text fuse;      /* for libfuse, and the kernel */
	struct text inside;    /* for the mount in the tree */
	struct session_options session;
	/* of the host's mount when it is remounted */
	unsigned long host_flags;
};

/* 0, or -1 when something is wrong, and stderr says what. Ends the program when
 * there is no memory. */
int options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
