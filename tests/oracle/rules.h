/* SPDX-License-Identifier: MIT */
/* What rules ask of a call and its two sides, and those for overlays. */
#ifndef ORACLE_RULES_H
#define ORACLE_RULES_H

#include "run.h"

bool rule_is_call(const struct call *call, const char *name);
/* Of what a descriptor has open. */
bool rule_changes_attributes(const struct call *call);
/* What the descriptor in a slot is open on. False: there is none. */
bool rule_stat_slot(const struct side *side, int slot, struct vfs_stat *out);
bool rule_is_directory(const struct side *side, int slot);

#define RULE(name)                                                     \
	bool name(const struct call *call, const struct side *subject, \
		  const struct side *oracle)

RULE(overlay_removed_lower);
RULE(overlay_removed_special);
RULE(overlay_refused_flags);
RULE(overlay_late_refusal);
RULE(overlay_kept_by_mapping);
RULE(overlay_mapped_lower);
RULE(overlay_kept_setgid);
RULE(overlay_old_relatime);
RULE(overlay_old_relatime_sent);
RULE(overlay_links_of_removed);
RULE(overlay_later_end);
RULE(overlay_limited_copy_up);
RULE(overlay_size_of_list);
RULE(overlay_size_of_directory);
RULE(overlay_copy_between_layers);
RULE(overlay_copied_holes);

#undef RULE

#endif
