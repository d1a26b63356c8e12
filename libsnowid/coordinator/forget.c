/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/forget.h"

#include <string.h>

struct sn_forget *sn_forget_find(struct sn_forget_list *list, const uint64_t incarnation[2])
{
	for (size_t i = 0; i < list->count; i++)
		if (memcmp(list->entries[i].incarnation, incarnation, 16) == 0)
			return &list->entries[i];
	return NULL;
}

void sn_forget_remove(struct sn_forget_list *list, const uint64_t incarnation[2])
{
	struct sn_forget *const entry = sn_forget_find(list, incarnation);
	if (!entry)
		return;
	const size_t behind = (size_t)(&list->entries[--list->count] - entry);
	memmove(entry, entry + 1, behind * sizeof *entry);
}

void sn_forget_add(struct sn_forget_list *list, uint64_t worker, const uint64_t incarnation[2])
{
	sn_forget_remove(list, incarnation);
	if (list->count == SN_FORGET_MAX)
		sn_forget_remove(list, list->entries[0].incarnation);
	list->entries[list->count++] = (struct sn_forget){
		.worker = worker, .incarnation = {incarnation[0], incarnation[1]}};
}

const struct sn_forget *sn_forget_first(const struct sn_forget_list *list)
{
	const struct sn_forget *first = NULL;
	for (size_t i = 0; i < list->count; i++)
		if (!first || list->entries[i].ask_at < first->ask_at)
			first = &list->entries[i];
	return first;
}
