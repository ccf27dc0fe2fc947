/* SPDX-License-Identifier: MIT */
#ifndef EXCHANGE_STACK_H
#define EXCHANGE_STACK_H

#include "exchange.h"

/*
 * Three overlays, each with the one before as its lower layer. The library, and
 * in every second sequence the kernel below the third, work on each of them in
 * turn; both then show the same tree of it. False: not so, and it was printed.
 */
bool stack_sequence(const struct exchange *exchange, uint64_t sequence);

#endif
