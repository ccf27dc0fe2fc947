/* SPDX-License-Identifier: MIT */
/* What a config.json has for Linux. Contract: config.h. */
#include <string.h>
#include <sys/stat.h>

#include "config.h"

#define MAJOR_MAX 4095u
#define MINOR_MAX 0xfffffu

static int read_type(struct reader *r, const char *type, uint32_t *out)
{
	static const struct {
		const char *name;
		uint32_t type;
	} types[] = {
		{"c", S_IFCHR}, {"u", S_IFCHR}, {"b", S_IFBLK}, {"p", S_IFIFO}};
	size_t before;
	int err;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(type, types[i].name))
			continue;
		*out = types[i].type;
		return 0;
	}
	before = reader_enter(r, "type");
	err = bundle_refuse(r->report, "\"%s\" is none of c, u, b and p", type);
	reader_leave(r, before);
	return err;
}

static int config_device(struct reader *r, const json_t *object, void *element)
{
	static const char *const names[] = {"path", "type", "major",	"minor",
					    "uid",  "gid",  "fileMode", NULL};
	struct vfs_bundle_device *device = element;
	const char *type = "";
	uint32_t mode = 0666, kind = 0;
	bool number;
	int err = read_string(r, object, "path", true, &device->path);

	device->size = sizeof(*device);
	if (!err)
		err = read_string(r, object, "type", true, &type);
	if (!err)
		err = read_type(r, type, &kind);
	number = kind != S_IFIFO;
	if (!err)
		err = read_u32(r, object, "major", number, MAJOR_MAX,
			       &device->major);
	if (!err)
		err = read_u32(r, object, "minor", number, MINOR_MAX,
			       &device->minor);
	if (!err)
		err = read_u32(r, object, "uid", false, UINT32_MAX - 1,
			       &device->uid);
	if (!err)
		err = read_u32(r, object, "gid", false, UINT32_MAX - 1,
			       &device->gid);
	/* some write the type into it, too */
	if (!err)
		err = read_u32(r, object, "fileMode", false, 0177777, &mode);
	device->mode = kind | (mode & 07777);
	return err ? err : read_unknown(r, object, names, NULL);
}

static int read_maps(struct reader *r, const json_t *object,
		     struct vfs_bundle_spec *spec)
{
	int err = read_array(r, object, "uidMappings",
			     sizeof(struct vfs_id_map), config_id_map,
			     &spec->uid_maps, &spec->uid_map_count);

	if (!err)
		err = read_array(r, object, "gidMappings",
				 sizeof(struct vfs_id_map), config_id_map,
				 &spec->gid_maps, &spec->gid_map_count);
	return err;
}

static int read_paths(struct reader *r, const json_t *object,
		      struct vfs_bundle_spec *spec)
{
	int err = read_strings(r, object, "maskedPaths", &spec->masked_paths,
			       &spec->masked_path_count);

	if (!err)
		err = read_strings(r, object, "readonlyPaths",
				   &spec->readonly_paths,
				   &spec->readonly_path_count);
	return err;
}

static int read_propagation(struct reader *r, const json_t *object,
			    struct vfs_bundle_spec *spec)
{
	static const char name[] = "rootfsPropagation";
	size_t before;
	int err = read_string(r, object, name, false, &spec->propagation);

	if (err || !spec->propagation)
		return err;
	/* some have it empty for "none" */
	if (!*spec->propagation) {
		spec->propagation = NULL;
		return 0;
	}
	before = reader_enter(r, name);
	if (!bundle_propagation(spec->propagation))
		err = bundle_refuse(r->report,
				    "\"%s\" is no kind of propagation",
				    spec->propagation);
	reader_leave(r, before);
	return err;
}

int config_linux(struct reader *r, const json_t *object, void *context)
{
	static const char *const names[] = {
		"uidMappings",	 "gidMappings",	      "devices", "maskedPaths",
		"readonlyPaths", "rootfsPropagation", NULL};
	/* runtime-spec 1.2: nothing of a file system's */
	static const struct reader_unused unused[] = {
		{"namespaces", "an array"},    {"mountLabel", "a string"},
		{"resources", "an object"},    {"cgroupsPath", "a string"},
		{"sysctl", "an object"},       {"seccomp", "an object"},
		{"intelRdt", "an object"},     {"personality", "an object"},
		{"timeOffsets", "an object"},  {"netDevices", "an object"},
		{"memoryPolicy", "an object"}, {NULL, NULL}};
	struct vfs_bundle_spec *spec = context;
	int err = read_maps(r, object, spec);

	if (!err)
		err = read_array(
			r, object, "devices", sizeof(struct vfs_bundle_device),
			config_device, &spec->devices, &spec->device_count);
	if (!err)
		err = read_paths(r, object, spec);
	if (!err)
		err = read_propagation(r, object, spec);
	if (!err)
		err = read_unused(r, object, unused);
	return err ? err : read_unknown(r, object, names, unused);
}
