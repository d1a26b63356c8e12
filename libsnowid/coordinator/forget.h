/* SPDX-License-Identifier: MIT
 *
 * The incarnations whose claims were given up. A coordinator might keep their leases for as long as
 * the process lives, and nobody else could have the worker.
 */
#ifndef SN_FORGET_H
#define SN_FORGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SN_FORGET_MAX 8 /* of more, the oldest is left to expire */

struct sn_forget {
	uint64_t worker;
	uint64_t incarnation[2];
	uint64_t ask_at; /* elapsed time of the next request */
};

struct sn_forget_list {
	struct sn_forget entries[SN_FORGET_MAX];
	size_t count;
};

/* If it is in the list already, it is asked for at once. */
void sn_forget_add(struct sn_forget_list *list, uint64_t worker, const uint64_t incarnation[2]);

void sn_forget_remove(struct sn_forget_list *list, const uint64_t incarnation[2]);

/* NULL: it is not in the list. */
struct sn_forget *sn_forget_find(struct sn_forget_list *list, const uint64_t incarnation[2]);

/* The one that is to be asked for first; NULL: none. */
const struct sn_forget *sn_forget_first(const struct sn_forget_list *list);

#endif
