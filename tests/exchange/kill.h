/* SPDX-License-Identifier: MIT */
#ifndef EXCHANGE_KILL_H
#define EXCHANGE_KILL_H

#include "exchange.h"

/*
 * A process that works on the layers through the library is killed at a random
 * instant. What the kernel and the library mount afterwards is the same, and in
 * it each name is what it was before the call that was under way, or what it
 * was to be after that. False: not so, and it was printed.
 */
bool kill_sequence(const struct exchange *exchange, uint64_t sequence);

#endif
