/* SPDX-License-Identifier: MIT */
/* A mount of a config.json. Contract: config.h. */
#include <string.h>

#include "config.h"

int config_id_map(struct reader *r, const json_t *object, void *element)
{
	static const char *const names[] = {"containerID", "hostID", "size",
					    NULL};
	struct vfs_id_map *map = element;
	int err = read_u32(r, object, "containerID", true, UINT32_MAX,
			   &map->inside);

	if (!err)
		err = read_u32(r, object, "hostID", true, UINT32_MAX,
			       &map->outside);
	if (!err)
		err = read_u32(r, object, "size", true, UINT32_MAX,
			       &map->count);
	return err ? err : read_unknown(r, object, names, NULL);
}

static bool is_bind(const struct vfs_bundle_mount *mount)
{
	if (mount->type && !strcmp(mount->type, "bind"))
		return true;
	for (uint64_t i = 0; i < mount->option_count; i++)
		if (!strcmp(mount->options[i], "bind") ||
		    !strcmp(mount->options[i], "rbind"))
			return true;
	return false;
}

static int read_maps(struct reader *r, const json_t *object,
		     struct vfs_bundle_mount *mount)
{
	int err = read_array(r, object, "uidMappings",
			     sizeof(struct vfs_id_map), config_id_map,
			     &mount->uid_maps, &mount->uid_map_count);

	if (!err)
		err = read_array(r, object, "gidMappings",
				 sizeof(struct vfs_id_map), config_id_map,
				 &mount->gid_maps, &mount->gid_map_count);
	return err;
}

int config_mount(struct reader *r, const json_t *object, void *element)
{
	static const char *const names[] = {
		"destination", "type",	      "source", "options",
		"uidMappings", "gidMappings", NULL};
	struct vfs_bundle_mount *mount = element;
	int err = read_string(r, object, "destination", true,
			      &mount->destination);

	mount->size = sizeof(*mount);
	if (!err)
		err = read_string(r, object, "type", false, &mount->type);
	if (!err)
		err = read_string(r, object, "source", false, &mount->source);
	if (!err)
		err = read_strings(r, object, "options", &mount->options,
				   &mount->option_count);
	if (!err)
		err = read_maps(r, object, mount);
	if (!err)
		err = read_unknown(r, object, names, NULL);
	if (err || !mount->source || !is_bind(mount))
		return err;
	mount->source = config_host_path(r, mount->source);
	return mount->source ? 0 : bundle_no_memory(r->report);
}
