/* SPDX-License-Identifier: MIT
 *
 * The servers of a service, as a URL names them. For modules.
 */
#ifndef SN_SERVER_LIST_H
#define SN_SERVER_LIST_H

#include <stddef.h>

#define SN_SERVERS_MAX 64

struct sn_server_list {
	char *names[SN_SERVERS_MAX]; /* "etcd1:2379": all with a port */
	size_t count;
};

/* Adds those of "HOST,HOST:PORT,[ADDRESS]:PORT". Returns a code of snowid.h; `why` gets what is
 * wrong. The list is freed in any case. */
int sn_server_list_parse(const char *text, const char *default_port, struct sn_server_list *list,
			 char *why, size_t size);

void sn_server_list_free(struct sn_server_list *list);

#endif
