/* SPDX-License-Identifier: MIT
 *
 * HTTP requests to one of several servers of the same service, for modules, over libcurl. Nothing
 * here waits except sn_http_wait(). No proxy of the environment is used: it would get what is meant
 * for an agent on this host.
 *
 * A server that does not answer, or that answers that it cannot (5xx), is left for the next one. A
 * request that cannot have reached a server is sent to each of the others in turn.
 */
#ifndef SN_HTTP_H
#define SN_HTTP_H

#include "libsnowid/coordinator/module.h"

struct sn_http_request {
	const char *method;
	const char *path;   /* "/v3/kv/txn" */
	const char *body;   /* JSON; NULL: none */
	const char *header; /* one more, such as a token; NULL: none */
	uint64_t timeout_ns;
};

struct sn_http_answer {
	long status;      /* of HTTP; 0: none came, and `why` says why */
	const char *body; /* with a NUL behind it */
	size_t size;
	uint64_t unix_ms;   /* by the server's clock; 0: it did not tell it */
	const char *server; /* "etcd1:2379" */
	const char *why;
	bool hopeless; /* nor will one come, until somebody changes a certificate or a setting */
};

struct sn_http;

/* Returns a code of snowid.h; `why` gets what is wrong with the settings. */
int sn_http_open(const struct sn_coordinator_settings *settings, const char *default_port,
		 struct sn_http **http, char *why, size_t size);

/* Sends a copy of a request. False: there is no memory. */
bool sn_http_send(struct sn_http *http, const struct sn_http_request *request, void *user);

/* Gets one answer, which is valid until the next call; false if there is none. `user` is that of
 * its request. */
bool sn_http_receive(struct sn_http *http, void **user, struct sn_http_answer *answer);

/* Waits until something may have arrived, ns have passed, or sn_http_wake() is called. */
void sn_http_wait(struct sn_http *http, uint64_t ns);
void sn_http_wake(struct sn_http *http);

/* `inherited`: in a child made by fork. Its copies of the descriptors are closed, so that no TLS
 * goodbye ends the connections of its parent; what libcurl holds in memory is left. */
void sn_http_close(struct sn_http *http, bool inherited);

/* CLOCK_MONOTONIC. */
uint64_t sn_http_now(void);

#endif
