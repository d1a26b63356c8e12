/* SPDX-License-Identifier: MIT
 *
 * The daemon behind a protocol that is fuzzed: a service and a loop, without threads and sockets.
 */
#ifndef FUZZ_DAEMON_H
#define FUZZ_DAEMON_H

#include "snowidd/service/service.h"
#include "tests/unit/snowidd/fake_loop.h"

struct fuzz_daemon {
	struct service *service;
	struct loop_group group;
	struct loop loop;
};

/* Starts it with the options of a command line. Aborts when it cannot. */
void fuzz_daemon_start(struct fuzz_daemon *daemon, char **options);
void fuzz_daemon_free(struct fuzz_daemon *daemon);

/* Gives a connection input in a copy of its own, so that reading past it is noticed. Nothing, if
 * there is no memory. */
void fuzz_daemon_feed(struct connection *connection, const uint8_t *data, size_t length);

#endif
