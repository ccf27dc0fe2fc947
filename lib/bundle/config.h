/* SPDX-License-Identifier: MIT */
/* The parts of a config.json, each into the spec. */
#ifndef BUNDLE_CONFIG_H
#define BUNDLE_CONFIG_H

#include "json.h"

/* context: the struct vfs_bundle_spec. */
read_object_fn config_process, config_linux;

/* element: a struct vfs_bundle_mount, a struct vfs_id_map. */
read_element_fn config_mount, config_id_map;

/* - A path of the host, from the bundle's directory if it is relative. NULL:
 *   out of memory. */
const char *config_host_path(struct reader *r, const char *path);

#endif
