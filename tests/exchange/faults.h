/* SPDX-License-Identifier: MIT */
#ifndef EXCHANGE_FAULTS_H
#define EXCHANGE_FAULTS_H

#include "exchange.h"

/*
 * Every step of what an overlay does fails in turn: calls on the host with EIO,
 * ENOSPC, EDQUOT and ENOMEM (all: each of them at every step; otherwise one
 * after the other), and allocations. The call answers so, or does without, and
 * the tree is what it was before, or what it was to be. number: which call.
 * False: not so, and it was printed.
 */
bool faults_case(const struct exchange *exchange, uint64_t number);
uint64_t faults_count(void);

#endif
