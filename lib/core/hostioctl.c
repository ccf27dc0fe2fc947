/* SPDX-License-Identifier: MIT */
/*
 * Which ioctls reach the host by an imported descriptor: those that are about
 * the file and stay with it. What would change whose terminal it is, put words
 * into somebody's mouth, or give out another descriptor of the host is refused;
 * what is not known here is not passed on, because nobody knows what it does.
 * Contract: hostfile.h.
 */
#include <asm/termbits.h>
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "core/hostfile.h"

#define PIPE (1u << VFS__HOST_PIPE)
#define SOCKET (1u << VFS__HOST_SOCKET)
#define TERMINAL (1u << VFS__HOST_TERMINAL)

enum fate {
	PASSED,
	SAYS, /* puts something out: not by one that was imported for reading */
	FLOW, /* either, by its argument */
	REFUSED,
};

static const struct {
	uint64_t request;
	uint32_t kinds;
	enum fate fate;
} known[] = {
	{FIONREAD, PIPE | SOCKET | TERMINAL, PASSED},
	{TIOCOUTQ, SOCKET | TERMINAL, PASSED},
	{SIOCATMARK, SOCKET, PASSED},
	{TCGETS, TERMINAL, PASSED},
	{TCSETS, TERMINAL, PASSED},
	{TCSETSW, TERMINAL, PASSED},
	{TCSETSF, TERMINAL, PASSED},
	{TCGETS2, TERMINAL, PASSED},
	{TCSETS2, TERMINAL, PASSED},
	{TCSETSW2, TERMINAL, PASSED},
	{TCSETSF2, TERMINAL, PASSED},
	{TCGETA, TERMINAL, PASSED},
	{TCSETA, TERMINAL, PASSED},
	{TCSETAW, TERMINAL, PASSED},
	{TCSETAF, TERMINAL, PASSED},
	{TCSBRK, TERMINAL, SAYS},
	{TCSBRKP, TERMINAL, SAYS},
	{TIOCSBRK, TERMINAL, SAYS},
	{TIOCCBRK, TERMINAL, SAYS},
	{TCXONC, TERMINAL, FLOW},
	{TCFLSH, TERMINAL, PASSED},
	{TIOCGWINSZ, TERMINAL, PASSED},
	{TIOCSWINSZ, TERMINAL, PASSED},
	{TIOCGPGRP, TERMINAL, PASSED},
	{TIOCSPGRP, TERMINAL, PASSED},
	{TIOCGSID, TERMINAL, PASSED},
	{TIOCGETD, TERMINAL, PASSED},
	{TIOCGPTN, TERMINAL, PASSED},
	{TIOCGPTLCK, TERMINAL, PASSED},
	{TIOCSPTLCK, TERMINAL, SAYS},
	{TIOCGPKT, TERMINAL, PASSED},
	{TIOCPKT, TERMINAL, PASSED},
	{TIOCGEXCL, TERMINAL, PASSED},
	{TIOCEXCL, TERMINAL, PASSED},
	{TIOCNXCL, TERMINAL, PASSED},
	{TIOCMGET, TERMINAL, PASSED},
	{TIOCMSET, TERMINAL, SAYS},
	{TIOCMBIS, TERMINAL, SAYS},
	{TIOCMBIC, TERMINAL, SAYS},
	{TIOCSCTTY, TERMINAL, REFUSED},
	{TIOCNOTTY, TERMINAL, REFUSED},
	{TIOCSTI, TERMINAL, REFUSED},
	{TIOCSETD, TERMINAL, REFUSED},
	{TIOCCONS, TERMINAL, REFUSED},
	{TIOCLINUX, TERMINAL, REFUSED},
	{TIOCVHANGUP, TERMINAL, REFUSED},
	{TIOCGPTPEER, TERMINAL, REFUSED},
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

static bool is_refused(const struct vfs__hostfile *host, enum fate fate,
		       const void *arg)
{
	uintptr_t action = (uintptr_t)arg;

	/* the other side is told to stop, or to go on */
	if (fate == FLOW && (action == TCIOFF || action == TCION))
		fate = SAYS;
	return fate == REFUSED || (fate == SAYS && host->rdonly);
}

int vfs__hoststream_ioctl(struct vfs_file *file, uint64_t request, void *arg)
{
	struct vfs__hostfile *host = file->host;

	for (size_t i = 0; i < KNOWN; i++) {
		if (known[i].request != request ||
		    !(known[i].kinds & 1u << host->kind))
			continue;
		if (is_refused(host, known[i].fate, arg))
			return -EPERM;
		return vfs__host_ioctl(host->fd, request, arg);
	}
	return -ENOTTY;
}
