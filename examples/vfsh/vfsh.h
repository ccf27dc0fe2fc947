/* SPDX-License-Identifier: MIT */
/*
 * vfsh: a shell over one libvfs instance. It uses nothing but <vfs/vfs.h>.
 *
 * A line becomes a list of steps (parse.c), each step's words are expanded
 * over the virtual tree (glob.c) and handed to a command (run.c, cmd_*.c).
 * A command returns its exit status: 0, 1 for a failure that it has already
 * reported, 2 for wrong usage.
 */
#ifndef VFSH_H
#define VFSH_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vfs/vfs.h>

#define SH_PATH_SIZE 4096

enum sh_id_file {
	SH_USERS,
	SH_GROUPS,
	SH_ID_FILES
};

struct shell {
	struct vfs *vfs;
	struct vfs_task *task;
	struct vfs_cred_spec ids; /* who the task is; groups are owned */
	const char *command;	  /* the running command, for messages */
	FILE *out;		  /* where its output goes */
	int status;		  /* of the last command */
	int failure;		  /* of the last list that failed */
	bool interactive;
	bool stop_on_failure;
	bool quit;
	/* Set by the thread that waits for SIGINT, cleared before each line. */
	atomic_bool interrupted;
	struct watcher *watcher;     /* what `watch` began, or NULL */
	char *id_files[SH_ID_FILES]; /* texts, see ids.c; NULL: not read */
};

struct command {
	const char *name;
	int (*run)(struct shell *sh, int argc, char **argv);
	const char *usage; /* what follows the name */
	const char *help;  /* one line */
};

/* Each ends with an entry whose name is NULL. */
extern const struct command sh_list_commands[];
extern const struct command sh_info_commands[];
extern const struct command sh_find_commands[];
extern const struct command sh_data_commands[];
extern const struct command sh_copy_commands[];
extern const struct command sh_mount_commands[];
extern const struct command sh_overlay_commands[];
extern const struct command sh_name_commands[];
extern const struct command sh_attr_commands[];
extern const struct command sh_xattr_commands[];
extern const struct command sh_watch_commands[];
extern const struct command sh_shell_commands[];

/* ---- parse.c ---- */

struct word {
	char *text;    /* the word with its quotes taken off */
	char *pattern; /* for fnmatch; NULL: nothing to expand */
};

enum step_joint {
	STEP_ALWAYS,
	STEP_AND,
	STEP_OR
};

/* One command and how it hangs on the one before. */
struct step {
	struct step *next;
	struct word *words;
	size_t count;
	struct word target; /* of > and >>; text NULL: none */
	enum step_joint joint;
	bool append;
};

enum parse_result {
	PARSE_OK,
	PARSE_INCOMPLETE,
	PARSE_ERROR
};

/* On PARSE_ERROR *error is a static text; otherwise the steps are the
 * caller's. An empty text gives no step. */
enum parse_result sh_parse(const char *text, struct step **out,
			   const char **error);
void sh_steps_free(struct step *steps);

/* ---- run.c ---- */

/* Parses and runs; PARSE_INCOMPLETE runs nothing. */
enum parse_result sh_run_text(struct shell *sh, const char *text);
/* Runs one command by its words; its status. */
int sh_run_words(struct shell *sh, int argc, char **argv);
const struct command *sh_command_find(const char *name);
/* The families, in the order of `help`; ends with NULL. */
extern const struct command *const sh_families[];

/* ---- glob.c ---- */

struct names {
	char **items;
	unsigned char *types; /* DT_* */
	size_t count;
	size_t room;
};

void sh_names_add(struct names *names, char *owned, unsigned char type);
void sh_names_sort(struct names *names);
void sh_names_free(struct names *names);
/* The entries of a directory but `.` and `..`, sorted; a negative errno
 * leaves out empty. */
int sh_list(struct shell *sh, const char *path, struct names *out);
/* Adds what the word stands for to out: itself when nothing matches. */
void sh_expand(struct shell *sh, const struct word *word, struct names *out);

/* ---- util.c ---- */

void *sh_alloc(size_t size);
void *sh_realloc(void *pointer, size_t size);
char *sh_strdup(const char *text);
char *sh_join(const char *dir, const char *name);
const char *sh_basename(const char *path);

/* "command: what: why"; returns 1. error: a negative errno. */
int sh_fail(struct shell *sh, const char *what, int error);
/* "command: message"; returns 1. */
int sh_complain(struct shell *sh, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The usage line; returns 2. */
int sh_usage(struct shell *sh);
/* getopt for one command: start with argc, argv as the command got them. */
void sh_options_start(void);

bool sh_parse_number(const char *text, uint64_t max, uint64_t *out);
/* A size with k, m, g or t behind it. */
bool sh_parse_size(const char *text, int64_t *out);
/* UID:GID[:GROUP,GROUP...] into spec; frees the groups it held. */
bool sh_parse_ids(const char *text, struct vfs_cred_spec *spec);
int sh_become(struct shell *sh, const struct vfs_cred_spec *spec);
/* Mount options, with commas: words that are flags go there, the others stay in
 * text. */
void sh_take_flags(char *text, uint64_t *flags);
/* The mode that an octal or symbolic text makes of one; false: malformed. */
bool sh_parse_mode(const char *text, uint32_t old, uint32_t umask,
		   uint32_t *out);
uint32_t sh_umask(struct shell *sh);
/* text: at least 11 bytes. */
void sh_mode_text(uint32_t mode, char *text);
/* 1.5K, 234M; out: at least 16 bytes. */
void sh_human(uint64_t bytes, char *out, size_t size);
char *sh_readlink(struct shell *sh, const char *path);
double sh_now(void);
int sh_write_all(struct shell *sh, int fd, const void *data, size_t size);

/* A set of (device, inode) pairs, each with a text. */
struct link_map {
	struct link_entry *entries;
	size_t count;
	size_t room;
};

/* The text put with the pair, or NULL. */
const char *sh_links_find(const struct link_map *map, uint64_t dev,
			  uint64_t ino);
void sh_links_add(struct link_map *map, uint64_t dev, uint64_t ino,
		  const char *text);
void sh_links_free(struct link_map *map);

/* ---- complete.c, with libedit only ---- */

void sh_complete_init(struct shell *sh);

/* ---- ids.c: names from the virtual /etc/passwd and /etc/group ---- */

#define SH_NAME_SIZE 32
/* The name, or the number, in buffer of SH_NAME_SIZE. */
const char *sh_user_name(struct shell *sh, uint32_t id, char *buffer);
const char *sh_group_name(struct shell *sh, uint32_t id, char *buffer);
/* A number or a name. */
bool sh_user_id(struct shell *sh, const char *text, uint32_t *out);
bool sh_group_id(struct shell *sh, const char *text, uint32_t *out);
void sh_ids_forget(struct shell *sh);

/* ---- cmd_watch.c ---- */

void sh_watch_end(struct shell *sh);

/* ---- walk.c: every entry under a path ---- */

struct walk_entry {
	const char *path;
	const char *name;
	const struct vfs_stat *stat;
	int depth;
	bool after; /* a directory, after its entries */
};

/* What the visitor returns: 0 goes on, WALK_SKIP does not enter the
 * directory, anything else ends the walk. */
#define WALK_SKIP (-1)

struct walk {
	int (*visit)(struct shell *sh, struct walk *walk,
		     const struct walk_entry *entry);
	void *context;
	int max_depth; /* negative: none */
	bool after;    /* also call for directories when they are done */
	bool follow;   /* the path itself, when it is a symbolic link */
	int status;    /* 1 once anything could not be read */
};

int sh_walk(struct shell *sh, struct walk *walk, const char *path);

/* ---- side.c: the two trees that cp can read and write ---- */

struct side {
	int (*stat)(struct shell *sh, const char *path, bool follow,
		    struct vfs_stat *out);
	int (*list)(struct shell *sh, const char *path, struct names *out);
	char *(*readlink)(struct shell *sh, const char *path);
	int (*open)(struct shell *sh, const char *path, int flags,
		    uint32_t mode);
	int64_t (*read)(struct shell *sh, int fd, void *buffer, size_t size);
	int64_t (*write)(struct shell *sh, int fd, const void *buffer,
			 size_t size);
	int64_t (*seek)(struct shell *sh, int fd, int64_t offset, int whence);
	int (*resize)(struct shell *sh, int fd, int64_t size);
	int (*close)(struct shell *sh, int fd);
	int (*mkdir)(struct shell *sh, const char *path, uint32_t mode);
	int (*mknod)(struct shell *sh, const char *path, uint32_t mode,
		     uint64_t dev);
	int (*symlink)(struct shell *sh, const char *target, const char *path);
	int (*link)(struct shell *sh, const char *from, const char *path);
	int (*unlink)(struct shell *sh, const char *path);
	/* None of these follows a symbolic link. */
	int (*chmod)(struct shell *sh, const char *path, uint32_t mode);
	int (*chown)(struct shell *sh, const char *path, uint32_t uid,
		     uint32_t gid);
	int (*utimes)(struct shell *sh, const char *path,
		      const struct vfs_timespec times[2]);
	int64_t (*listxattr)(struct shell *sh, const char *path, char *list,
			     size_t size);
	int64_t (*getxattr)(struct shell *sh, const char *path,
			    const char *name, void *value, size_t size);
	int (*setxattr)(struct shell *sh, const char *path, const char *name,
			const void *value, size_t size);
};

extern const struct side sh_virtual_side;
extern const struct side sh_host_side;

#endif
