/* SPDX-License-Identifier: MIT */
/* cc hello.c $(pkg-config --cflags --libs vfs) */
#include <fcntl.h>
#include <stdio.h>
#include <vfs/vfs.h>

int main(void)
{
	struct vfs *vfs = NULL;
	struct vfs_task *task = NULL;
	char text[64] = "";
	int error = vfs_create(NULL, &vfs); /* its root: an empty tmpfs */

	if (error == 0)
		error = vfs_task_create(vfs, NULL, &task); /* as root */
	int fd = vfs_open(task, "/hello", O_RDWR | O_CREAT, 0644);
	vfs_write(task, fd, "Hello from inside.\n", 19);
	int64_t length = vfs_pread(task, fd, text, sizeof(text) - 1, 0);
	if (error < 0 || length < 0)
		puts(vfs_strerror(error < 0 ? error : (int)length));
	printf("%s", text);
	vfs_task_unref(task);
	vfs_unref(vfs);
	return error < 0 || length != 19;
}
