/* SPDX-License-Identifier: MIT */
/* The hot half of domain.h. */
#ifndef VFS__DOMAIN_INLINE_H
#define VFS__DOMAIN_INLINE_H

#include "util/epoch.h"

/* The record that this thread used last. A cache, not state: it is keyed by a
 * number that no two domains of the process share. */
struct vfs__tls {
	uint64_t id;
	struct vfs__thread *thread;
};

#if defined(__GLIBC__)
#define VFS__TLS_MODEL __attribute__((tls_model("initial-exec")))
#else
#define VFS__TLS_MODEL
#endif

extern __thread struct vfs__tls vfs__tls VFS__TLS_MODEL
	__attribute__((visibility("hidden")));

/* The first member of struct vfs__domain. */
struct vfs__domain_head {
	uint64_t id;
};

static inline struct vfs__thread *vfs__thread_self(struct vfs__domain *domain)
{
	const struct vfs__domain_head *head = (const void *)domain;

	if (__builtin_expect(vfs__tls.id == head->id, 1))
		return vfs__tls.thread;
	return vfs__thread_lookup(domain);
}

static inline uint32_t vfs__thread_index(const struct vfs__thread *thread)
{
	return thread->index;
}

#endif
