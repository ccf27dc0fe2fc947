/* SPDX-License-Identifier: MIT */
/* Extended attributes by path, by link and by descriptor. */
#include "core/xattr.h"

#include <fcntl.h>
#include <vfs/xattr.h>

#include "api/call.h"
#include "core/walk.h"

/* A call, once its place is known. */
struct request {
	int64_t (*apply)(struct vfs__thread *thread,
			 const struct vfs_cred *cred,
			 const struct vfs__path *path,
			 const struct request *request);
	const char *name;
	void *out;
	const void *value;
	size_t size;
	int flags;
};

static int64_t apply_get(struct vfs__thread *thread,
			 const struct vfs_cred *cred,
			 const struct vfs__path *path,
			 const struct request *request)
{
	return vfs__xattr_get(thread, cred, path, request->name, request->out,
			      request->size);
}

static int64_t apply_set(struct vfs__thread *thread,
			 const struct vfs_cred *cred,
			 const struct vfs__path *path,
			 const struct request *request)
{
	return vfs__xattr_set(thread, cred, path, request->name, request->value,
			      request->size, request->flags);
}

static int64_t apply_list(struct vfs__thread *thread,
			  const struct vfs_cred *cred,
			  const struct vfs__path *path,
			  const struct request *request)
{
	return vfs__xattr_list(thread, cred, path, request->out, request->size);
}

static int64_t apply_remove(struct vfs__thread *thread,
			    const struct vfs_cred *cred,
			    const struct vfs__path *path,
			    const struct request *request)
{
	return vfs__xattr_remove(thread, cred, path, request->name);
}

/* A malformed argument is reported before a missing file. */
static int check(const struct request *request)
{
	if (request->apply == apply_list)
		return 0;
	if (request->apply == apply_set)
		return vfs__xattr_check_set(request->name, request->value,
					    request->size, request->flags);
	return vfs__xattr_check_name(request->name);
}

static int64_t by_path(struct vfs_task *task, const char *path, uint32_t walk,
		       const struct request *request)
{
	struct vfs__thread *thread;
	struct vfs_cred *cred;
	struct vfs__path at;
	int64_t result;
	int err = vfs__enter(task, &thread);

	if (!err)
		err = check(request);
	if (!err)
		err = vfs__path_lookup(thread, task, AT_FDCWD, path, walk, &at);
	if (err)
		return err;
	cred = vfs__task_cred(thread, task);
	result = request->apply(thread, cred, &at, request);
	vfs__task_cred_put(thread, cred);
	vfs__path_unref(thread, &at);
	return result;
}

static int64_t by_fd(struct vfs_task *task, int fd,
		     const struct request *request)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	struct vfs_cred *cred;
	int64_t result;
	int err = vfs__enter(task, &thread);

	if (!err)
		err = check(request);
	if (err)
		return err;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	cred = vfs__task_cred(thread, task);
	result = request->apply(thread, cred, &file->path, request);
	vfs__task_cred_put(thread, cred);
	vfs__file_unref(thread, file);
	return result;
}

/* ---- get ---- */

static struct request get_request(const char *name, void *value, size_t size)
{
	return (struct request){
		.apply = apply_get,
		.name = name,
		.out = value,
		.size = size,
	};
}

int64_t vfs_getxattr(struct vfs_task *task, const char *path, const char *name,
		     void *value, size_t size)
{
	const struct request request = get_request(name, value, size);

	return by_path(task, path, VFS__WALK_FOLLOW, &request);
}

int64_t vfs_lgetxattr(struct vfs_task *task, const char *path, const char *name,
		      void *value, size_t size)
{
	const struct request request = get_request(name, value, size);

	return by_path(task, path, 0, &request);
}

int64_t vfs_fgetxattr(struct vfs_task *task, int fd, const char *name,
		      void *value, size_t size)
{
	const struct request request = get_request(name, value, size);

	return by_fd(task, fd, &request);
}

/* ---- set ---- */

static struct request set_request(const char *name, const void *value,
				  size_t size, int flags)
{
	return (struct request){
		.apply = apply_set,
		.name = name,
		.value = value,
		.size = size,
		.flags = flags,
	};
}

int vfs_setxattr(struct vfs_task *task, const char *path, const char *name,
		 const void *value, size_t size, int flags)
{
	const struct request request = set_request(name, value, size, flags);

	return (int)by_path(task, path, VFS__WALK_FOLLOW, &request);
}

int vfs_lsetxattr(struct vfs_task *task, const char *path, const char *name,
		  const void *value, size_t size, int flags)
{
	const struct request request = set_request(name, value, size, flags);

	return (int)by_path(task, path, 0, &request);
}

int vfs_fsetxattr(struct vfs_task *task, int fd, const char *name,
		  const void *value, size_t size, int flags)
{
	const struct request request = set_request(name, value, size, flags);

	return (int)by_fd(task, fd, &request);
}

/* ---- list ---- */

static struct request list_request(char *list, size_t size)
{
	return (struct request){
		.apply = apply_list,
		.out = list,
		.size = size,
	};
}

int64_t vfs_listxattr(struct vfs_task *task, const char *path, char *list,
		      size_t size)
{
	const struct request request = list_request(list, size);

	return by_path(task, path, VFS__WALK_FOLLOW, &request);
}

int64_t vfs_llistxattr(struct vfs_task *task, const char *path, char *list,
		       size_t size)
{
	const struct request request = list_request(list, size);

	return by_path(task, path, 0, &request);
}

int64_t vfs_flistxattr(struct vfs_task *task, int fd, char *list, size_t size)
{
	const struct request request = list_request(list, size);

	return by_fd(task, fd, &request);
}

/* ---- remove ---- */

int vfs_removexattr(struct vfs_task *task, const char *path, const char *name)
{
	const struct request request = {.apply = apply_remove, .name = name};

	return (int)by_path(task, path, VFS__WALK_FOLLOW, &request);
}

int vfs_lremovexattr(struct vfs_task *task, const char *path, const char *name)
{
	const struct request request = {.apply = apply_remove, .name = name};

	return (int)by_path(task, path, 0, &request);
}

int vfs_fremovexattr(struct vfs_task *task, int fd, const char *name)
{
	const struct request request = {.apply = apply_remove, .name = name};

	return (int)by_fd(task, fd, &request);
}
