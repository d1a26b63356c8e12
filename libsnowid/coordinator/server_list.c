/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/server_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snowid.h"

/* A name, or an IPv6 address in brackets, and maybe a port. */
static bool is_server(const char *text, size_t length)
{
	const char *const bracket = length > 0 && *text == '[' ? memchr(text, ']', length) : NULL;
	size_t host = bracket ? (size_t)(bracket + 1 - text) : 0;

	while (!bracket && host < length &&
	       (isalnum((unsigned char)text[host]) || strchr("-._", text[host])))
		host++;
	for (size_t i = 1; bracket && i < host - 1; i++)
		if (!isxdigit((unsigned char)text[i]) && !strchr(":.%", text[i]))
			return false;
	if (host == 0 || host == length)
		return host > 0;
	if (text[host] != ':' || host + 1 == length || length - host > 6)
		return false;
	for (size_t i = host + 1; i < length; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return true;
}

static bool has_port(const char *text, size_t length)
{
	return length > 0 && text[length - 1] != ']' && memchr(text, ':', length) != NULL;
}

static int server_list_add(struct sn_server_list *list, const char *text, size_t length,
			   const char *default_port, char *why, size_t size)
{
	char server[300];

	const bool port = has_port(text, length);
	const int written = snprintf(server, sizeof server, "%.*s%s%s", (int)length, text,
				     port ? "" : ":", port ? "" : default_port);
	if (!is_server(text, length) || written < 0 || (size_t)written >= sizeof server) {
		(void)snprintf(why, size,
			       "'%.*s' is not a server: write HOST or HOST:PORT, and an IPv6 "
			       "address in brackets",
			       length < 200 ? (int)length : 200, text);
		return SNOWID_E_SYNTAX;
	}
	if (list->count == SN_SERVERS_MAX) {
		(void)snprintf(why, size, "there are more than %d servers", SN_SERVERS_MAX);
		return SNOWID_E_RANGE;
	}
	char *const name = strdup(server);
	if (!name)
		return -ENOMEM;
	list->names[list->count++] = name;
	return 0;
}

int sn_server_list_parse(const char *text, const char *default_port, struct sn_server_list *list,
			 char *why, size_t size)
{
	int error;

	do {
		const size_t length = strcspn(text, ",");
		error = server_list_add(list, text, length, default_port, why, size);
		text += length;
	} while (!error && *text++ == ',');
	return error;
}

void sn_server_list_free(struct sn_server_list *list)
{
	while (list->count > 0)
		free(list->names[--list->count]);
}
