/* SPDX-License-Identifier: MIT */
/*
 * Mount options, as Linux spells them (mount(8), "overlay"), and those of
 * vfs_overlay_mount. A comma, a colon or a backslash in a path is written with
 * a backslash before it. Contract: overlay.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "overlay.h"

#define PATH_SIZE 4096u

struct parsing {
	struct vfs *vfs;
	struct overlay_config *config;
	bool split, added; /* lowerdir, lowerdir+ */
};

/* ---- words ---- */

/* The length up to the first `end` without a backslash before it. */
static size_t length_to(const char *text, size_t len, char end)
{
	size_t i;

	for (i = 0; i < len && text[i] != end; i++) {
		if (text[i] == '\\' && i + 1 < len)
			i++;
	}
	return i;
}

static int copy_path(struct vfs *vfs, const char *text, size_t len,
		     bool escaped, char **out)
{
	char *path;
	size_t n = 0;

	if (len >= PATH_SIZE)
		return -ENAMETOOLONG;
	path = vfs_alloc(vfs, PATH_SIZE);
	if (!path)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		if (escaped && text[i] == '\\' && i + 1 < len)
			i++;
		path[n++] = text[i];
	}
	path[n] = '\0';
	*out = path;
	return 0;
}

/* One line to the log. */
static int refuse(struct vfs *vfs, const char *what, const char *text,
		  size_t len)
{
	vfs_log(vfs, VFS_LOG_ERROR, "overlay: %s \"%.*s\"", what, (int)len,
		text);
	return -EINVAL;
}

static bool is_word(const char *value, size_t len, const char *word)
{
	return len == strlen(word) && !memcmp(value, word, len);
}

/* ---- layers ---- */

static int check_path(struct vfs *vfs, const char *text, size_t len,
		      const char *what)
{
	if (!len)
		return refuse(vfs, "empty", what, strlen(what));
	if (*text != '/')
		return refuse(vfs, "not an absolute path:", text, len);
	return 0;
}

static int add_lower(struct parsing *p, const char *text, size_t len,
		     bool escaped)
{
	struct overlay_config *c = p->config;
	int err = check_path(p->vfs, text, len, "lowerdir");

	if (err)
		return err;
	if (c->lower_count == OVERLAY_LAYERS_MAX) {
		vfs_log(p->vfs, VFS_LOG_ERROR,
			"overlay: more than %u lower directories",
			OVERLAY_LAYERS_MAX);
		return -EINVAL;
	}
	c->lower_fd[c->lower_count] = -1;
	err = copy_path(p->vfs, text, len, escaped, &c->lower[c->lower_count]);
	if (!err)
		c->lower_count++;
	return err;
}

static void drop_lower(struct parsing *p)
{
	struct overlay_config *c = p->config;

	while (c->lower_count) {
		c->lower_count--;
		vfs_free(p->vfs, c->lower[c->lower_count], PATH_SIZE);
		c->lower[c->lower_count] = NULL;
	}
}

static int set_lower(struct parsing *p, const char *text, size_t len)
{
	int err = 0;

	if (p->added)
		return refuse(p->vfs, "lowerdir after lowerdir+:", text, len);
	p->split = true;
	drop_lower(p);
	for (;;) {
		size_t n = length_to(text, len, ':');

		err = add_lower(p, text, n, true);
		if (err || n == len)
			return err;
		text += n + 1;
		len -= n + 1;
	}
}

static int append_lower(struct parsing *p, const char *text, size_t len)
{
	if (p->split)
		return refuse(p->vfs, "lowerdir+ after lowerdir:", text, len);
	p->added = true;
	return add_lower(p, text, len, false);
}

static int set_path(struct parsing *p, const char *text, size_t len,
		    const char *what, char **out)
{
	int err = check_path(p->vfs, text, len, what);

	if (err)
		return err;
	vfs_free(p->vfs, *out, PATH_SIZE);
	*out = NULL;
	return copy_path(p->vfs, text, len, true, out);
}

/* A descriptor's number, up to a colon. Bytes, or -EINVAL. */
static int parse_fd(const char *text, size_t len, int *out)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
		n = n * 10 + (text[i] - '0');
		if (n > INT32_MAX)
			return -EINVAL;
	}
	*out = (int)n;
	return i ? (int)i : -EINVAL;
}

static int set_fd(struct parsing *p, const char *text, size_t len, int *out)
{
	int n = parse_fd(text, len, out);

	return n >= 0 && (size_t)n == len
		       ? 0
		       : refuse(p->vfs, "no descriptor:", text, len);
}

static int set_lower_fds(struct parsing *p, const char *text, size_t len)
{
	struct overlay_config *c = p->config;

	drop_lower(p);
	for (;;) {
		int fd, n = parse_fd(text, len, &fd);

		if (n < 0 || ((size_t)n < len && text[n] != ':') ||
		    c->lower_count == OVERLAY_LAYERS_MAX)
			return refuse(p->vfs, "no descriptors:", text, len);
		c->lower[c->lower_count] = NULL;
		c->lower_fd[c->lower_count++] = fd;
		if ((size_t)n == len)
			return 0;
		text += n + 1;
		len -= (size_t)n + 1;
	}
}

/* ---- settings ---- */

static int set_switch(struct parsing *p, const char *value, size_t len,
		      bool *out)
{
	if (is_word(value, len, "on"))
		*out = true;
	else if (is_word(value, len, "off"))
		*out = false;
	else
		return refuse(p->vfs, "neither on nor off:", value, len);
	return 0;
}

static int set_redirect(struct parsing *p, const char *value, size_t len)
{
	static const struct {
		const char *word;
		enum overlay_redirect mode;
	} modes[] = {
		{"on", OVERLAY_REDIRECT_ON},
		{"off", OVERLAY_REDIRECT_OFF},
		{"follow", OVERLAY_REDIRECT_FOLLOW},
		{"nofollow", OVERLAY_REDIRECT_NOFOLLOW},
		{"copy", OVERLAY_REDIRECT_COPY},
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!is_word(value, len, modes[i].word))
			continue;
		p->config->redirect = modes[i].mode;
		p->config->has_redirect = true;
		return 0;
	}
	return refuse(p->vfs, "no such redirect_dir:", value, len);
}

static int set_xino(struct parsing *p, const char *value, size_t len)
{
	if (is_word(value, len, "auto"))
		p->config->xino = OVERLAY_XINO_AUTO;
	else if (is_word(value, len, "on"))
		p->config->xino = OVERLAY_XINO_ON;
	else if (is_word(value, len, "off"))
		p->config->xino = OVERLAY_XINO_OFF;
	else
		return refuse(p->vfs, "no such xino:", value, len);
	return 0;
}

/* What is known and asks for nothing that is not so anyway. */
static int check_same(struct parsing *p, const char *key, const char *value,
		      size_t len)
{
	static const struct {
		const char *key, *value;
	} same[] = {
		{"nfs_export", "off"},	{"verity", "off"},
		{"uuid", "auto"},	{"default_permissions", ""},
		{"override_creds", ""},
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		if (!strcmp(key, same[i].key) &&
		    is_word(value, len, same[i].value))
			return 0;
	}
	vfs_log(p->vfs, VFS_LOG_ERROR, "overlay: unknown option \"%s%s%.*s\"",
		key, len ? "=" : "", (int)len, value);
	return -EINVAL;
}

static int set_whiteouts(struct parsing *p, const char *value, size_t len)
{
	if (!is_word(value, len, "names") && !is_word(value, len, "devices"))
		return refuse(p->vfs, "no such whiteouts:", value, len);
	p->config->marks = is_word(value, len, "names");
	return 0;
}

static int set_flag(struct parsing *p, const char *key, const char *value,
		    size_t len)
{
	struct overlay_config *c = p->config;

	if (!strcmp(key, "userxattr") && !len) {
		c->userxattr = true;
		return 0;
	}
	if (!strcmp(key, "uuid") &&
	    (is_word(value, len, "null") || is_word(value, len, "off"))) {
		c->no_uuid = true;
		return 0;
	}
	if (!strcmp(key, "volatile") && !len) {
		c->is_volatile = true;
		return 0;
	}
	return check_same(p, key, value, len);
}

static int set_option(struct parsing *p, const char *key, const char *value,
		      size_t len)
{
	struct overlay_config *c = p->config;

	if (!strcmp(key, "lowerdir"))
		return set_lower(p, value, len);
	if (!strcmp(key, "lowerdir+"))
		return append_lower(p, value, len);
	if (!strcmp(key, "upperdir"))
		return set_path(p, value, len, key, &c->upper);
	if (!strcmp(key, "workdir"))
		return set_path(p, value, len, key, &c->work);
	if (!strcmp(key, "lowerfd"))
		return set_lower_fds(p, value, len);
	if (!strcmp(key, "upperfd"))
		return set_fd(p, value, len, &c->upper_fd);
	if (!strcmp(key, "workfd"))
		return set_fd(p, value, len, &c->work_fd);
	if (!strcmp(key, "redirect_dir"))
		return set_redirect(p, value, len);
	if (!strcmp(key, "xino"))
		return set_xino(p, value, len);
	if (!strcmp(key, "whiteouts"))
		return set_whiteouts(p, value, len);
	if (!strcmp(key, "metacopy")) {
		c->has_metacopy = true;
		return set_switch(p, value, len, &c->metacopy);
	}
	if (!strcmp(key, "index")) {
		c->has_index = true;
		return set_switch(p, value, len, &c->index);
	}
	return set_flag(p, key, value, len);
}

/* One option, of len bytes. */
static int parse_option(struct parsing *p, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	size_t key_len = equals ? (size_t)(equals - text) : len;
	char key[32];

	if (key_len >= sizeof(key))
		return refuse(p->vfs, "unknown option", text, len);
	memcpy(key, text, key_len);
	key[key_len] = '\0';
	return set_option(p, key, equals ? equals + 1 : "",
			  equals ? len - key_len - 1 : 0);
}

/* ---- what goes together ---- */

static int conflict(struct vfs *vfs, const char *what)
{
	vfs_log(vfs, VFS_LOG_ERROR, "overlay: %s", what);
	return -EINVAL;
}

static int check_userxattr(struct vfs *vfs, struct overlay_config *c)
{
	if (c->has_redirect && c->redirect != OVERLAY_REDIRECT_NOFOLLOW &&
	    c->redirect != OVERLAY_REDIRECT_COPY)
		return conflict(vfs, "userxattr does not go with redirect_dir");
	if (c->metacopy)
		return conflict(vfs, "userxattr does not go with metacopy=on");
	if (!c->has_redirect)
		c->redirect = OVERLAY_REDIRECT_NOFOLLOW;
	return 0;
}

static int check_together(struct vfs *vfs, struct overlay_config *c)
{
	bool has_upper = c->upper || c->upper_fd >= 0;
	bool has_work = c->work || c->work_fd >= 0;

	if (!c->lower_count)
		return conflict(vfs, "lowerdir is missing");
	if (has_upper && !has_work)
		return conflict(vfs, "workdir is missing");

	if (c->userxattr)
		return check_userxattr(vfs, c);
	if (c->metacopy && !c->has_redirect)
		c->redirect = OVERLAY_REDIRECT_ON;
	if (c->metacopy && c->redirect != OVERLAY_REDIRECT_ON)
		return conflict(vfs, "metacopy=on wants redirect_dir=on");
	return 0;
}

int overlay_parse_options(struct vfs *vfs, const char *options, bool all,
			  struct overlay_config *config)
{
	struct parsing p = {.vfs = vfs, .config = config};
	size_t len = options ? strlen(options) : 0;
	int err = 0;

	config->upper_fd = config->work_fd = -1;
	while (!err && len) {
		size_t n = length_to(options, len, ',');

		if (n)
			err = parse_option(&p, options, n);
		n += n < len;
		options += n;
		len -= n;
	}
	return err || !all ? err : check_together(vfs, config);
}

void overlay_free_config(struct vfs *vfs, struct overlay_config *config)
{
	for (uint32_t i = 0; i < config->lower_count; i++)
		vfs_free(vfs, config->lower[i], PATH_SIZE);
	vfs_free(vfs, config->upper, PATH_SIZE);
	vfs_free(vfs, config->work, PATH_SIZE);
}

/* ---- what mountinfo shows ---- */

struct text {
	char *at;
	size_t room, len;
};

static void put(struct text *t, const char *bytes, size_t len)
{
	if (t->len < t->room)
		memcpy(t->at + t->len, bytes,
		       len < t->room - t->len ? len : t->room - t->len);
	t->len += len;
}

static void put_word(struct text *t, const char *word)
{
	put(t, word, strlen(word));
}

/* A path, with what separates options and layers behind a backslash. */
static void put_path(struct text *t, const char *path, int fd)
{
	char number[32];

	if (!path) {
		snprintf(number, sizeof(number), "/proc/self/fd/%d", fd);
		path = number;
	}
	for (; *path; path++) {
		if (*path == ',' || *path == ':' || *path == '\\')
			put(t, "\\", 1);
		put(t, path, 1);
	}
}

static void put_settings(struct text *t, const struct overlay_config *c)
{
	static const char *const redirects[] = {
		[OVERLAY_REDIRECT_ON] = ",redirect_dir=on",
		[OVERLAY_REDIRECT_NOFOLLOW] = ",redirect_dir=nofollow",
		[OVERLAY_REDIRECT_COPY] = ",redirect_dir=copy",
	};
	static const char *const xinos[] = {
		[OVERLAY_XINO_AUTO] = ",xino=auto",
		[OVERLAY_XINO_ON] = ",xino=on",
	};

	if (c->redirect != OVERLAY_REDIRECT_OFF &&
	    c->redirect != OVERLAY_REDIRECT_FOLLOW)
		put_word(t, redirects[c->redirect]);
	if (c->index)
		put_word(t, ",index=on");
	if (c->xino != OVERLAY_XINO_OFF)
		put_word(t, xinos[c->xino]);
	if (c->metacopy)
		put_word(t, ",metacopy=on");
	if (c->is_volatile)
		put_word(t, ",volatile");
	if (c->userxattr)
		put_word(t, ",userxattr");
	if (c->marks)
		put_word(t, ",whiteouts=names");
}

static void put_all(struct text *t, const struct overlay_config *c)
{
	for (uint32_t i = 0; i < c->lower_count; i++) {
		put_word(t, i ? ":" : ",lowerdir=");
		put_path(t, c->lower[i], c->lower_fd[i]);
	}
	if (c->upper || c->upper_fd >= 0) {
		put_word(t, ",upperdir=");
		put_path(t, c->upper, c->upper_fd);
		put_word(t, ",workdir=");
		put_path(t, c->work, c->work_fd);
	}
	put_settings(t, c);
}

int overlay_make_shown(struct overlay_super *fs,
		       const struct overlay_config *config)
{
	struct text text = {.room = 0};

	put_all(&text, config);
	fs->shown_size = (uint32_t)text.len + 1;
	fs->shown = vfs_alloc(fs->vfs, fs->shown_size);
	if (!fs->shown)
		return -ENOMEM;
	text = (struct text){.at = fs->shown, .room = text.len};
	put_all(&text, config);
	fs->shown[text.len] = '\0';
	return 0;
}
