/* SPDX-License-Identifier: MIT */
/*
 * config.json of an OCI bundle, read into a struct vfs_bundle_spec. jansson's
 * memory is malloc's, and given back before the calls return; the spec's is the
 * instance's. Contract: <vfs/bundle.h>.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "config.json"
#define FILE_MAX (16u << 20)

/* What is given out is its first member. */
struct config {
	struct vfs_bundle_spec spec;
	struct bundle_arena arena; /* it is in it */
};

/* ---- the top ---- */

const char *config_host_path(struct reader *r, const char *path)
{
	if (*path == '/' || !r->directory || !*r->directory)
		return path;
	return bundle_printf(r->arena, "%s/%s", r->directory, path);
}

static int config_root(struct reader *r, const json_t *object, void *context)
{
	static const char *const names[] = {"path", "readonly", NULL};
	struct vfs_bundle_spec *spec = context;
	bool readonly = false;
	int err = read_string(r, object, "path", true, &spec->root_path);

	if (!err && !*spec->root_path) {
		/* it would be the bundle itself */
		size_t before = reader_enter(r, "path");

		err = bundle_refuse(r->report, "empty");
		reader_leave(r, before);
	}
	if (!err)
		err = read_bool(r, object, "readonly", &readonly);
	if (!err)
		err = read_unknown(r, object, names, NULL);
	if (err)
		return err;
	if (readonly)
		spec->flags |= VFS_BUNDLE_ROOT_READONLY;
	spec->root_path = config_host_path(r, spec->root_path);
	return spec->root_path ? 0 : bundle_no_memory(r->report);
}

static int read_top(struct reader *r, const json_t *top,
		    struct vfs_bundle_spec *spec)
{
	/* those of other platforms are none of a Linux container's */
	static const char *const names[] = {"root", "mounts", "process",
					    "linux", NULL};
	static const struct reader_unused unused[] = {
		{"ociVersion", "a string"},   {"hostname", "a string"},
		{"domainname", "a string"},   {"hooks", "an object"},
		{"annotations", "an object"}, {NULL, NULL}};
	int err = read_unused(r, top, unused);

	if (!err)
		err = read_object(r, top, "root", true, config_root, spec);
	if (!err)
		err = read_array(r, top, "mounts",
				 sizeof(struct vfs_bundle_mount), config_mount,
				 &spec->mounts, &spec->mount_count);
	if (!err)
		err = read_object(r, top, "process", false, config_process,
				  spec);
	if (!err)
		err = read_object(r, top, "linux", false, config_linux, spec);
	return err ? err : read_unknown(r, top, names, unused);
}

/* ---- text ---- */

static int broken(struct bundle_report *report, const json_error_t *error)
{
	if (json_error_code(error) == json_error_out_of_memory)
		return bundle_no_memory(report);
	bundle_where(report, FILE_NAME ":%d:%d", error->line, error->column);
	return bundle_refuse(report, "%s", error->text);
}

static struct config *make_config(struct vfs *vfs)
{
	struct bundle_arena arena = {.vfs = vfs};
	struct config *config = bundle_alloc(&arena, sizeof(*config));

	if (config) {
		config->arena = arena;
		config->spec.size = sizeof(config->spec);
	}
	return config;
}

static int parse(struct bundle_report *report, const char *text, size_t length,
		 const char *directory, uint32_t flags,
		 struct vfs_bundle_spec **out)
{
	struct config *config;
	struct reader r = {.report = report,
			   .directory = directory,
			   .strict = flags & VFS_BUNDLE_STRICT};
	json_error_t error;
	json_t *top;
	int err;

	bundle_where(report, FILE_NAME);
	top = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	/* RLIM_INFINITY is larger than jansson's integers */
	r.reals =
		!top && json_error_code(&error) == json_error_numeric_overflow;
	if (r.reals)
		top = json_loadb(text, length,
				 JSON_REJECT_DUPLICATES |
					 JSON_DECODE_INT_AS_REAL,
				 &error);
	if (!top)
		return broken(report, &error);
	bundle_where(report, FILE_NAME ": /");
	config = json_is_object(top) ? make_config(report->vfs) : NULL;
	if (!json_is_object(top)) {
		err = bundle_refuse(report, "%s where an object belongs",
				    reader_type(top));
	} else if (config) {
		bundle_where(report, FILE_NAME ": ");
		r.len = strlen(report->where);
		r.arena = &config->arena;
		err = read_top(&r, top, &config->spec);
	} else {
		err = bundle_no_memory(report);
	}
	json_decref(top);
	if (!err)
		*out = &config->spec;
	else if (config)
		vfs_bundle_spec_free(&config->spec);
	return err;
}

int vfs_bundle_parse(struct vfs *vfs, const char *text, size_t length,
		     const char *directory, uint32_t flags,
		     struct vfs_bundle_spec **out, char *message, size_t size)
{
	struct bundle_report report = {
		.vfs = vfs, .message = message, .size = size};
	int err, saved = errno;

	if (!vfs || !text || !out)
		return -EFAULT;
	if (flags & ~VFS_BUNDLE_STRICT)
		return bundle_refuse(&report, "unknown flags");
	if (length > FILE_MAX)
		return bundle_fail(&report, -EFBIG, FILE_NAME);
	err = parse(&report, text, length, directory, flags, out);
	errno = saved;
	return err;
}

void vfs_bundle_spec_free(struct vfs_bundle_spec *spec)
{
	struct bundle_arena arena;

	if (!spec)
		return;
	arena = ((struct config *)(void *)spec)->arena;
	bundle_arena_fini(&arena);
}

/* ---- the file ---- */

static int read_all(struct vfs *vfs, int fd, char *text, size_t size)
{
	size_t have = 0;
	ssize_t n = 1;
	int err = 0;

	while (!err && have < size) {
		err = vfs_fault(vfs, "read");
		n = err ? 0 : read(fd, text + have, size - have);
		if (n < 0)
			err = errno == EINTR ? 0 : -errno;
		else if (!n && !err)
			err = -EIO; /* it became shorter */
		have += n > 0 ? (size_t)n : 0;
	}
	return err;
}

static int open_config(struct vfs *vfs, const char *path, struct stat *st)
{
	int fd, err = vfs_fault(vfs, "open");

	if (err)
		return err;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = vfs_fault(vfs, "fstat");
	if (!err && fstat(fd, st))
		err = -errno;
	if (!err && !S_ISREG(st->st_mode))
		err = S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL;
	if (!err && st->st_size > FILE_MAX)
		err = -EFBIG;
	if (err)
		close(fd);
	return err ? err : fd;
}

static int read_file(struct bundle_report *report, const char *directory,
		     uint32_t flags, const char *path,
		     struct vfs_bundle_spec **out)
{
	struct vfs *vfs = report->vfs;
	struct stat st;
	size_t size;
	char *text;
	int err, fd = open_config(vfs, path, &st);

	if (fd < 0)
		return bundle_fail(report, fd, "%s", path);
	size = (size_t)st.st_size;
	text = vfs_alloc(vfs, size + 1);
	err = text ? read_all(vfs, fd, text, size) : -ENOMEM;
	close(fd);
	if (err)
		err = bundle_fail(report, err, "%s", path);
	else
		err = parse(report, text, size, directory, flags, out);
	vfs_free(vfs, text, size + 1);
	return err;
}

int vfs_bundle_read(struct vfs *vfs, const char *directory, uint32_t flags,
		    struct vfs_bundle_spec **out, char *message, size_t size)
{
	struct bundle_report report = {
		.vfs = vfs, .message = message, .size = size};
	struct bundle_arena arena = {.vfs = vfs};
	int err, saved = errno; /* jansson and the host set it */
	const char *path;

	if (!vfs || !directory || !out)
		return -EFAULT;
	if (flags & ~VFS_BUNDLE_STRICT)
		return bundle_refuse(&report, "unknown flags");
	path = bundle_printf(&arena, "%s/" FILE_NAME, directory);
	err = path ? read_file(&report, directory, flags, path, out)
		   : bundle_no_memory(&report);
	bundle_arena_fini(&arena);
	errno = saved;
	return err;
}
