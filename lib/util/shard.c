/* SPDX-License-Identifier: MIT */
/* Contract: shard.h. */
#include "util/shard.h"

#include <errno.h>
#include <string.h>

#define BYTES (VFS__SHARDS * sizeof(struct vfs__refs_shard))

int vfs__refs_init(struct vfs__refs *refs, struct vfs__domain *domain)
{
	refs->shards = vfs__domain_alloc(domain, BYTES, 64);
	if (!refs->shards)
		return -ENOMEM;
	memset(refs->shards, 0, BYTES);
	return 0;
}

void vfs__refs_fini(struct vfs__refs *refs, struct vfs__domain *domain)
{
	vfs__domain_free(domain, refs->shards, BYTES, 64);
	refs->shards = NULL;
}

int64_t vfs__refs_sum(const struct vfs__refs *refs, unsigned which)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < VFS__SHARDS; i++)
		sum += __atomic_load_n(&refs->shards[i].counts[which],
				       __ATOMIC_ACQUIRE);
	return sum;
}
