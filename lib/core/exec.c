/* SPDX-License-Identifier: MIT */
/*
 * Which file a command is, and which program runs it. Contract: exec.h.
 *
 * A script's line is parsed as the kernel does it, its corners included, which
 * tests/bundle/test_exec.c asks the running kernel about.
 */
#include "core/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cwd.h"
#include "core/file.h"
#include "core/pathname.h"
#include "core/perm.h"
#include "core/rw.h"
#include "core/walk.h"

/* What the kernel reads of a file. */
#define HEAD 256u
/* Scripts on the way to a program. */
#define SCRIPTS_MAX 5u
/* All strings: a path, and at most a head for each script. */
#define STRINGS_MAX (VFS__PATH_MAX + 1 + (SCRIPTS_MAX + 1) * (HEAD + 1))

/* ---- may it be run? ---- */

static int may_execute(struct vfs__thread *thread, const struct vfs_cred *cred,
		       const struct vfs__path *path)
{
	struct vfs_inode *inode = path->dentry->inode;

	if (!S_ISREG(vfs__inode_mode(inode)) ||
	    (VFS_READ_ONCE(inode->flags) & VFS_INODE_REFUSED) ||
	    (vfs__mount_flags(path->mnt) & VFS__MNT_NOEXEC))
		return -EACCES;
	return vfs__permission_load(thread, cred, vfs__mount_idmap(path->mnt),
				    inode, VFS__MAY_EXEC);
}

/* *at is referenced on success. */
static int find_program(struct vfs__thread *thread, struct vfs_task *task,
			const char *path, struct vfs__path *at)
{
	struct vfs_cred *cred;
	int err = vfs__path_lookup(thread, task, AT_FDCWD, path,
				   VFS__WALK_FOLLOW, at);

	if (err)
		return err;
	cred = vfs__task_cred(thread, task);
	err = may_execute(thread, cred, at);
	vfs__task_cred_put(thread, cred);
	if (err)
		vfs__path_unref(thread, at);
	return err;
}

static int check_program(struct vfs__thread *thread, struct vfs_task *task,
			 const char *path)
{
	struct vfs__path at;
	int err = find_program(thread, task, path, &at);

	if (!err)
		vfs__path_unref(thread, &at);
	return err;
}

/* ---- which one is it? ---- */

struct search {
	struct vfs__thread *thread;
	struct vfs_task *task;
	char path[VFS__PATH_MAX];
};

/* directory/name into s->path: 0 or -ENAMETOOLONG. */
static int join(struct search *s, const char *directory, size_t len,
		const char *name)
{
	size_t name_len = strnlen(name, sizeof(s->path));
	bool slash = len && directory[len - 1] != '/';

	if (len >= sizeof(s->path) || name_len >= sizeof(s->path) ||
	    len + slash + name_len >= sizeof(s->path))
		return -ENAMETOOLONG;
	memmove(s->path, directory, len);
	s->path[len] = '/';
	memcpy(s->path + len + slash, name, name_len + 1);
	return 0;
}

static int below_cwd(struct search *s, const char *name)
{
	int64_t n = vfs__getcwd(s->thread, s->task, s->path, sizeof(s->path));

	if (n < 0)
		return n == -ERANGE ? -ENAMETOOLONG : (int)n;
	/* outside of the root it has no path to be joined to */
	return s->path[0] == '/' ? join(s, s->path, (size_t)n - 1, name)
				 : -ENOENT;
}

/* Whether a search goes on behind a directory. */
static bool is_nowhere(int err)
{
	return err == -ENOENT || err == -ESTALE || err == -ENOTDIR ||
	       err == -ENODEV || err == -ETIMEDOUT;
}

static int search(struct search *s, const char *name, const char *path_env)
{
	const char *at = path_env;
	int err, result = -ENOENT;

	while (at) {
		size_t len = strcspn(at, ":");

		if (*at != '/') {
			vfs_log(s->task->vfs, VFS_LOG_WARNING,
				"PATH: '%.*s' is not absolute and was passed "
				"over",
				(int)(len < 400 ? len : 400), at);
		} else {
			err = join(s, at, len, name);
			if (!err)
				err = check_program(s->thread, s->task,
						    s->path);
			if (err == -EACCES)
				result = err;
			else if (!is_nowhere(err))
				return err;
		}
		at = at[len] ? at + len + 1 : NULL;
	}
	return result;
}

static int resolve(struct search *s, const char *name, const char *path_env)
{
	int err;

	if (!*name)
		return -ENOENT;
	if (!memchr(name, '/', strnlen(name, VFS__PATH_MAX)))
		return search(s, name, path_env);
	err = *name == '/' ? join(s, "", 0, name) : below_cwd(s, name);
	return err ? err : check_program(s->thread, s->task, s->path);
}

int vfs__resolve_executable(struct vfs__thread *thread, struct vfs_task *task,
			    const char *name, const char *path_env, char *out,
			    size_t size)
{
	struct search *s = vfs__mem_alloc(thread, sizeof(*s));
	size_t len;
	int err;

	if (!s)
		return -ENOMEM;
	s->thread = thread;
	s->task = task;
	err = resolve(s, name, path_env);
	if (!err) {
		len = strlen(s->path) + 1;
		if (len > size)
			err = -ERANGE;
		else
			memcpy(out, s->path, len);
	}
	vfs__mem_free(thread, s, sizeof(*s));
	return err;
}

/* ---- a script's first line ---- */

struct script {
	const char *interpreter; /* both into the head; NUL-terminated */
	const char *argument;	 /* NULL: none */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first that is no blank from `from` to `to` inclusive; HEAD: none. */
static unsigned skip_blanks(const char *head, unsigned from, unsigned to)
{
	while (from <= to && is_blank(head[from]))
		from++;
	return from <= to ? from : HEAD;
}

/* The first blank or NUL there; HEAD: none. */
static unsigned find_end(const char *head, unsigned from, unsigned to)
{
	while (from <= to && !is_blank(head[from]) && head[from])
		from++;
	return from <= to ? from : HEAD;
}

/* Where the line ends. HEAD: without one, the interpreter may have been cut. */
static unsigned line_end(const char *head)
{
	const char *newline = memchr(head, '\n', HEAD);
	unsigned name;

	if (newline)
		return (unsigned)(newline - head);
	name = skip_blanks(head, 2, HEAD - 1);
	if (name == HEAD || find_end(head, name, HEAD - 1) == HEAD)
		return HEAD;
	return HEAD - 1;
}

/* head, which begins with #! and has zeros behind the file's end, is changed.
 */
static int parse_line(char *head, struct script *out)
{
	unsigned name, blank, end = line_end(head);

	if (end == HEAD)
		return -ENOEXEC;
	while (is_blank(head[end - 1]))
		end--;
	head[end] = 0;
	name = skip_blanks(head, 2, end);
	if (name >= end)
		return -ENOEXEC;
	blank = find_end(head, name, end);
	out->interpreter = head + name;
	out->argument = NULL;
	if (head[blank]) {
		out->argument = head + skip_blanks(head, blank, end);
		head[blank] = 0;
	}
	return 0;
}

/* ---- reading it ---- */

/* An open file that the kernel would read for itself: whoever may execute may
 * not be allowed to read. path's references pass, whatever comes. */
static int open_quietly(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs__path *path, struct vfs_file **out)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	struct vfs_inode *inode = path->dentry->inode;
	struct vfs_file *file = vfs__file_alloc(
		thread, task->vfs, path, cred, O_RDONLY | VFS__O_LARGEFILE,
		VFS__FILE_READ | VFS__FILE_SEEKABLE | VFS__FILE_QUIET);
	int err;

	vfs__task_cred_put(thread, cred);
	if (!file) {
		vfs__path_unref(thread, path);
		return -ENOMEM;
	}
	err = inode->ops->open ? inode->ops->open(inode, file) : 0;
	if (err) {
		vfs__file_unref(thread, file);
		return err;
	}
	file->mode |= VFS__FILE_OPENED;
	*out = file;
	return 0;
}

/* The file's first bytes, with zeros behind its end. */
static int read_head(struct vfs__thread *thread, struct vfs_task *task,
		     const char *path, char *head)
{
	struct vfs__path at;
	struct vfs_file *file;
	int64_t offset = 0, n = 1;
	int err = find_program(thread, task, path, &at);

	if (!err)
		err = open_quietly(thread, task, &at, &file);
	if (err)
		return err;
	memset(head, 0, HEAD);
	while (n > 0 && offset < HEAD) {
		const struct vfs_iovec iov = {head + offset,
					      (size_t)(HEAD - offset)};

		n = vfs__file_read(thread, task, file, &iov, 1, &offset);
	}
	vfs__file_unref(thread, file);
	return n < 0 ? (int)n : 0;
}

/* ---- the strings ---- */

struct strings {
	char head[HEAD];
	int64_t count;
	size_t len;
	char text[STRINGS_MAX];
};

/* In front of the others: never too many, by STRINGS_MAX. */
static void put_first(struct strings *s, const char *string)
{
	size_t len = strlen(string) + 1;

	memmove(s->text + len, s->text, s->len);
	memcpy(s->text, string, len);
	s->len += len;
	s->count++;
}

/* 1: the first string was a script, and its interpreter is in front of it. */
static int unfold(struct vfs__thread *thread, struct vfs_task *task,
		  struct strings *s)
{
	struct script script;
	int err = read_head(thread, task, s->text, s->head);

	if (err)
		return err;
	if (s->head[0] != '#' || s->head[1] != '!')
		return 0;
	err = parse_line(s->head, &script);
	if (err)
		return err;
	if (script.argument)
		put_first(s, script.argument);
	put_first(s, script.interpreter);
	/* the kernel opens what no name leads to: a directory */
	return *script.interpreter ? 1 : -EACCES;
}

static int unfold_all(struct vfs__thread *thread, struct vfs_task *task,
		      struct strings *s)
{
	unsigned scripts = 0;
	int more;

	while ((more = unfold(thread, task, s)) == 1) {
		if (++scripts <= SCRIPTS_MAX)
			continue;
		/* that it cannot be run comes before that it is one too many */
		more = check_program(thread, task, s->text);
		return more ? more : -ELOOP;
	}
	return more;
}

int64_t vfs__resolve_script(struct vfs__thread *thread, struct vfs_task *task,
			    const char *path, char *out, size_t size)
{
	struct strings *s;
	int64_t result;

	if (!*path)
		return -ENOENT;
	if (!vfs__string_fits(path, VFS__PATH_MAX))
		return -ENAMETOOLONG;
	s = vfs__mem_alloc(thread, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->count = 0;
	s->len = 0;
	put_first(s, path);
	result = unfold_all(thread, task, s);
	if (!result && s->len > size)
		result = -ERANGE;
	if (!result) {
		memcpy(out, s->text, s->len);
		result = s->count;
	}
	vfs__mem_free(thread, s, sizeof(*s));
	return result;
}
