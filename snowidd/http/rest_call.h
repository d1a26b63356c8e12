/* SPDX-License-Identifier: MIT
 *
 * A request for one of the paths, and the errors that all of them may reply with.
 */
#ifndef SNOWIDD_REST_CALL_H
#define SNOWIDD_REST_CALL_H

#include "snowidd/http/query.h"
#include "snowidd/http/request.h"
#include "snowidd/net/loop.h"
#include "snowidd/service/service.h"

struct rest_call {
	struct http_request request;
	struct query query; /* decoded in thread->scratch: gone after a wait */
	struct id_request ids;
	struct snowid_mask *mask;                  /* of form=masked, otherwise NULL */
	enum snowid_form form;                     /* of numbers that are not masked */
	bool as_text;                              /* numbers are strings in JSON, too */
	void (*write_ids)(struct rest_call *call); /* into the reply, once they are made */
};

static inline struct service *rest_service(const struct rest_call *call)
{
	return call->request.thread->handler->user;
}

static inline struct loop *rest_loop(const struct rest_call *call)
{
	return call->request.thread->loop;
}

static inline struct buffer *rest_body(const struct rest_call *call)
{
	return &call->request.thread->body;
}

/* Makes the reply JSON; the body is up to the caller. */
static inline void rest_reply_json(struct rest_call *call)
{
	call->request.reply.type = "application/json";
}

/* Reads the form and the format that the query asks for. False: IDs of the kind cannot have them,
 * and the reply is an error. */
bool rest_begin_form(struct rest_call *call, const struct served_kind *kind);

/* Writes an ID of the kind in that form, without a 0 behind it: a number, or one of 128 bits. */
size_t rest_format_id(const struct rest_call *call, enum kind_type type, uint64_t number,
		      const struct snowid_id128 *wide, char text[SNOWID_UUID_TEXT]);

/* Whether IDs are numbers in JSON. */
static inline bool rest_ids_are_numbers(const struct rest_call *call, enum kind_type type)
{
	return type == KIND_LAYOUT && !call->mask && !call->as_text;
}

/* Makes the reply an error. */
void rest_reply_problem(struct rest_call *call, unsigned status, const char *code,
			const char *text);

/* Makes the reply the error for a refusal. wait_ns is after which time a client may try again. */
void rest_reply_refusal(struct rest_call *call, enum refusal refusal, uint64_t wait_ns);

#endif
