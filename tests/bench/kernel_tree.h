/* SPDX-License-Identifier: MIT */
/* Where the kernel's side works. */
#ifndef BENCH_KERNEL_TREE_H
#define BENCH_KERNEL_TREE_H

/*
 * Makes a fresh directory on the kernel's tmpfs the current directory and
 * returns what it is, in words: a private tmpfs mount as root, the same in a
 * user namespace, else a directory in /dev/shm or in the temporary directory,
 * which is removed at exit. Must be called before threads exist. Ends the
 * program when none of them works.
 */
const char *kernel_tree_enter(void);

#endif
