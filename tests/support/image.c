/* SPDX-License-Identifier: MIT */
/* Contract: image.h. */
#define _GNU_SOURCE
#include "support/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOP_MAJOR 7
#define WORDS_MAX 30

static bool run_command(int fd, const char *const command[])
{
	char path[IMAGE_PATH], *words[WORDS_MAX + 2];
	unsigned count = 0;
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (; command[count] && count < WORDS_MAX; count++)
		words[count] = (char *)(uintptr_t)command[count];
	words[count++] = path;
	words[count] = NULL;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		fcntl(fd, F_SETFD, 0);
		execvp(words[0], words);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

int image_make(int64_t size, const char *const command[])
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (fd < 0 || (!ftruncate(fd, size) && run_command(fd, command)))
		return fd;
	close(fd);
	return -1;
}

/* The node may be missing where nobody makes one. */
static int open_loop(int number)
{
	char path[IMAGE_PATH];
	int fd;

	snprintf(path, sizeof(path), "/dev/loop%d", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT &&
	    !mknod(path, S_IFBLK | 0600, makedev(LOOP_MAJOR, (unsigned)number)))
		fd = open(path, O_RDWR | O_CLOEXEC);
	return fd;
}

/* Others look for one, too. */
int image_attach(int fd, char path[IMAGE_PATH])
{
	struct loop_config config = {
		.fd = (uint32_t)fd,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int loop = -1;

	for (int i = 0; control >= 0 && loop < 0 && i < 100; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		loop = number < 0 ? -1 : open_loop(number);
		if (loop < 0)
			break;
		snprintf(path, IMAGE_PATH, "/dev/loop%d", number);
		if (!ioctl(loop, LOOP_CONFIGURE, &config))
			break;
		close(loop);
		loop = -1;
		usleep(1000);
	}
	if (control >= 0)
		close(control);
	return loop;
}

bool image_mount(int64_t size, const char *const command[], const char *type,
		 char dir[HOSTDIR_PATH])
{
	char path[IMAGE_PATH];
	int image = image_make(size, command);
	int loop = image < 0 ? -1 : image_attach(image, path);
	bool mounted = false;

	if (loop >= 0 && !hostdir_make(dir)) {
		mounted = !mount(path, dir, type, 0, NULL);
		if (!mounted)
			hostdir_remove(dir);
	}
	if (loop >= 0)
		close(loop);
	if (image >= 0)
		close(image);
	return mounted;
}
