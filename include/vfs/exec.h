/* SPDX-License-Identifier: MIT */
/*
 * What execve(2) asks of a file system: which file a command is, whether it may
 * be run, and what stands in its first line. Nothing is run here.
 */
#ifndef VFS_EXEC_H
#define VFS_EXEC_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The path of the program that name means: name itself if it is absolute; with
 * a slash, joined to the working directory; else the first that can be run in
 * the directories of path_env, separated by colons. Those that are empty or not
 * absolute are passed over, with a line to the log; NULL has none. To be run
 * takes a regular file, execute permission, and a mount without MS_NOEXEC. out
 * gets the path, NUL-terminated, with symlinks as they are.
 *
 * Returns 0 or: -EFAULT task, name or out is NULL; -ENOENT name is empty, or
 * nowhere; -EACCES it is no regular file, not executable for the task, on a
 * noexec mount, or in a directory that may not be searched: in a search, only
 * if no other directory has it; -ERANGE it does not fit in size bytes;
 * -ENAMETOOLONG; -ELOOP and any other error of the walk, which ends a search
 * (-ENOENT, -ENOTDIR, -ESTALE, -ENODEV and -ETIMEDOUT do not); -ENOMEM. Any
 * thread. Since 0.1. See execvp(3), vfs_exec(3).
 */
VFS_API int vfs_resolve_executable(struct vfs_task *task, const char *name,
				   const char *path_env, char *out,
				   size_t size);

/* Room for any answer of vfs_resolve_script. */
#define VFS_SCRIPT_MAX 8192u

/*
 * What execve(2) makes of a file that begins with "#!": the program that is
 * really run and its first arguments. out gets strings, one behind the other,
 * NUL-terminated: the program (an interpreter, as the line has it, relative
 * ones included), its argument if the line has one, and so on for scripts whose
 * interpreter is a script, and path last. What replaces argv[0] is all of them;
 * for a file that is no script, path alone.
 *
 * As Linux does it: 256 bytes are looked at, an argument that does not end
 * there is cut, everything behind the interpreter is one argument. Each file
 * on the way must be one that vfs_resolve_executable could return; read
 * permission is not needed. Whether the last one is a program that the machine
 * knows is not asked.
 *
 * Returns the number of strings or: -EFAULT a NULL; -ENOEXEC a line without
 * an interpreter, or one that does not end within those bytes; -ELOOP more than
 * 5 scripts; -ENOENT path or an interpreter is missing; -EACCES one may not be
 * run; -ERANGE the strings do not fit in size bytes; any error of the walk and
 * of reading; -ENOMEM. Any thread. Since 0.1. See execve(2), vfs_exec(3).
 */
VFS_API int64_t vfs_resolve_script(struct vfs_task *task, const char *path,
				   char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
