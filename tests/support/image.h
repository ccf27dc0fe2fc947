/* SPDX-License-Identifier: MIT */
/*
 * Disks for tests: an image in memory behind a loop device of the host, which
 * goes with the last who uses it.
 */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "support/hostdir.h"

#define IMAGE_PATH 40

/* An image of size bytes, formatted by command, a list that ends with NULL, to
 * which the image's path is added; at most 30 words. A descriptor; -1: the
 * command is missing, or fails. */
int image_make(int64_t size, const char *const command[]);
/* A loop device for fd, named in path: a descriptor of it, which is kept until
 * it is mounted; -1: there is none. */
int image_attach(int fd, char path[IMAGE_PATH]);
/* Both, and mounted as a file system of that type on a fresh directory. False:
 * the command, a device, or the permission is missing. */
bool image_mount(int64_t size, const char *const command[], const char *type,
		 char dir[HOSTDIR_PATH]);

#endif
