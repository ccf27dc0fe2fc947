/* SPDX-License-Identifier: MIT */
#ifndef ORACLE_KERNEL_CALLS_H
#define ORACLE_KERNEL_CALLS_H

#include "side.h"

/* The public API's functions, made of raw system calls; a task is a struct
 * ktask in disguise. */
#define X(name) __typeof__(vfs_##name) kernel_##name;
#include "api_calls.inc"
#undef X

int kernel_bind(struct side *side, unsigned number, const char *path,
		uint32_t mode);
int kernel_connect(struct side *side, const char *path);
void kernel_hang_up(struct side *side, unsigned number);

#endif
