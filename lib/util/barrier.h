/* SPDX-License-Identifier: MIT */
/*
 * A full memory barrier on every running thread of the process, asked for by
 * one of them (membarrier(2)), so that the others need none: who stores and
 * then loads, often, keeps the compiler from exchanging the two and no more;
 * who has to know, rarely, calls this between its own store and load, and sees
 * either the other's store, or is seen by the other's load.
 */
#ifndef VFS__BARRIER_H
#define VFS__BARRIER_H

#include <stdbool.h>

/* What the frequent side has in place of a barrier. */
#define VFS__COMPILER_FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* - Whether the system has it. */
bool vfs__barrier_supported(void);
/* - Makes the process known to the system, which may take a while, once: the
 *   first barrier would do it, too. */
void vfs__barrier_prepare(void);
/*
 * - False: the system refused (no such call, or a filter that was put up since
 *   vfs__barrier_supported). errno is the application's and stays.
 */
bool vfs__barrier_everywhere(void);
/* - The same, whatever the system says: where it refuses, waits for longer than
 *   any processor keeps a store to itself. */
void vfs__barrier_force(void);

#endif
