/* SPDX-License-Identifier: MIT */
/*
 * A task of the kernel side: a thread with credentials, root, working
 * directory, umask and descriptors of its own, as far as it was not asked to
 * share them. A call for a task runs on its thread; a task made by
 * ktask_adopt is the calling thread itself, which saves two switches a call.
 */
#ifndef ORACLE_KTASK_H
#define ORACLE_KTASK_H

#include <sys/types.h>

#include "side.h"

struct ktask;

/* The calling thread becomes a task. */
struct ktask *ktask_adopt(void);
/* A new thread, made by (and so inheriting from) parent's thread, or the
 * calling one for NULL. shared: VFS_CLONE_*; home: a descriptor of
 * the root, where the task ends, or -1. */
struct ktask *ktask_spawn(struct ktask *parent, uint64_t shared, int home);
/* Where tasks end: a descriptor of a mount namespace, or -1. */
extern int ktask_last_namespace;
/* Why a task with VFS_CLONE_NEWUSER could not be made; it is to be ended. */
int ktask_error(const struct ktask *task);
/* The process of a task with VFS_CLONE_NEWUSER. */
pid_t ktask_process(const struct ktask *task);
/* Closes what the task alone has open; NULL is accepted. */
void ktask_end(struct ktask *task);

void ktask_run(struct ktask *task, void (*function)(void *), void *argument);
/* A system call by task: its result or a negative errno. */
long ktask_call(struct ktask *task, long number, const long args[6]);
/* The soft limit, applied whenever task runs. */
int ktask_limit(struct ktask *task, int resource, uint64_t cur);

/* The process as it is without a task: the library calls the kernel too. */
void ktask_unlimit(void);

/* To be run on the task's thread. False: not permitted here. */
bool ktask_become(const struct who *who);
/* Every capability that this process may have. */
uint64_t ktask_all_caps(void);

#endif
