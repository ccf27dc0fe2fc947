/* SPDX-License-Identifier: MIT */
/*
 * What the files of vfs_overlay_commit and vfs_overlay_discard share: commit.c
 * is the calls and the order of things, apply.c one name.
 */
#ifndef OVERLAY_COMMIT_H
#define OVERLAY_COMMIT_H

#include "overlay.h"

/* In the lower directory while a commit is under way: what is on its way from
 * one place to another. */
#define OVERLAY_STAGE ".vfs-commit"
#define OVERLAY_COMMIT_DEPTH 4096u

struct overlay_commit {
	/* Of it the small calls on layers need task, vfs, userxattr and
	 * layers[0].xwhiteouts; it is no file system. */
	struct overlay_super fs;
	struct overlay_layer layer;
	int lower, upper, work; /* roots; work may be -1 */
	int stage;		/* OVERLAY_STAGE; -1 */
	bool apart;		/* upper and lower are not on one mount */
	char *path;		/* from lower's root, of what is looked at */
	size_t path_len, path_room;
};

/* The names in a directory, each with its NUL. */
struct overlay_names {
	char *data;
	size_t used, room;
};

int overlay_names_read(struct overlay_super *fs, int dirfd,
		       struct overlay_names *names);
void overlay_names_fini(struct overlay_super *fs, struct overlay_names *names);

/* Before each step that changes something: a place for tests to fail at. */
int overlay_commit_step(struct overlay_commit *c);
/* One of overlay's own attributes as a string, allocated with *size bytes; or
 * -ENODATA. */
int overlay_get_text(struct overlay_super *fs, int fd, const char *suffix,
		     char **text, size_t *size);
/* c->path with /name behind it; and back to len. 0, -ENOMEM. */
int overlay_path_push(struct overlay_commit *c, const char *name);
void overlay_path_pop(struct overlay_commit *c, size_t len);

/* Everything in upper's directory udir is brought to lower's ldir, and is not
 * in udir afterwards. */
int overlay_apply_dir(struct overlay_commit *c, int udir, int ldir,
		      unsigned depth);
/* The same with what a directory says itself, which it says in the end. */
int overlay_apply_whole(struct overlay_commit *c, int udir, int ldir,
			unsigned depth);
/* `to` gets owner, permissions and times of st and the xattrs of `from`, and
 * loses others. */
int overlay_same_attributes(struct overlay_super *fs, int from, int to,
			    const struct vfs_stat *st);

#endif
