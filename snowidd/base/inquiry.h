/* SPDX-License-Identifier: MIT
 *
 * Asks several hosts at once over the network, on an event loop, and collects what they answer
 * until a deadline. What to ask and what an answer means is up to the user: NTP and peers are
 * the two.
 */
#ifndef SNOWIDD_INQUIRY_H
#define SNOWIDD_INQUIRY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "snowidd/base/address.h"

#define INQUIRY_TIMEOUT_MS    2000 /* of a round */
#define INQUIRY_QUESTION_SIZE 1536
#define INQUIRY_ANSWER_SIZE   16384

/* A datagram for each question and answer (UDP), or a connection that the host closes behind its
 * answer (TCP), with TLS if the round has it. */
enum inquiry_transport { INQUIRY_DATAGRAM, INQUIRY_STREAM };

/* `index` is the place of a host in the list given to inquiry_ask(). None of these may call
 * inquiry_close(). */
struct inquiry_handler {
	/* Writes the question just before it is sent, and returns its length; 0: there is none. */
	size_t (*write_question)(void *user, size_t index, char *question, size_t size);

	/* Reads a datagram, or all that came through a connection; a 0 that is not counted follows.
	 * False if a datagram is not the answer to the question: another may still come. */
	bool (*read_answer)(void *user, size_t index, const char *answer, size_t length);

	/* There will be no answer: the host is not the one that was meant, or refuses us. May be
	 * NULL. */
	void (*reject_host)(void *user, size_t index, const char *why);

	/* Every host has answered or failed, or the time is over. */
	void (*end_round)(void *user);
};

struct inquiry;

/* NULL if there is no memory. */
struct inquiry *inquiry_new(uv_loop_t *loop, enum inquiry_transport transport,
			    const struct inquiry_handler *handler, void *user);

/* Begins a round; the hosts are copied. With `tls`, the hosts of streams are asked through TLS,
 * and are sent nothing before they have been verified as it says; NULL: in the clear. False, and
 * end_round() is not called, if the one before still occupies the loop, as it may after its end
 * while a name is being looked up, or if there is no memory. */
bool inquiry_ask(struct inquiry *inquiry, const struct address *hosts, size_t count, SSL_CTX *tls);

/* Whether a round has begun and not ended. */
bool inquiry_is_asking(const struct inquiry *inquiry);

/* Calls no handler any more. The memory is freed when the loop has closed the handles. */
void inquiry_close(struct inquiry *inquiry);

#endif
