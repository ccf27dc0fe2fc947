/* SPDX-License-Identifier: MIT */
/* A fence for both sides, paid for by one. */
#ifndef VFS__FENCE_H
#define VFS__FENCE_H

/*
 * - After it, what other threads of the process stored before is seen here,
 *   and they see what was stored here before, as if each of them had made a
 *   full fence meanwhile. They need a compiler's fence only.
 */
void vfs__heavy_fence(void);

#endif
