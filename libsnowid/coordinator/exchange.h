/* SPDX-License-Identifier: MIT
 *
 * A coordinator over HTTP: each of its requests is an exchange of one or several requests of HTTP,
 * one after the other. What these are is up to the service. For modules.
 */
#ifndef SN_EXCHANGE_H
#define SN_EXCHANGE_H

#include <jansson.h>
#include <stdatomic.h>

#include "libsnowid/coordinator/http.h"

#define SN_KEY_SIZE 512

struct sn_exchange {
	struct sn_exchange *next;
	struct sn_request request; /* a copy */
	uint64_t end_ns;
	int step;         /* of the service: what the request on its way is for */
	bool repeated;    /* the step has been repeated with new credentials */
	bool waiting;     /* for somebody else's login */
	char session[64]; /* of the service: that of the incarnation */
	uint64_t found;   /* of the service: the version of the namespace */
	bool finished;
	char *kind;   /* that request.record refers to */
	char **kinds; /* that the records refer to */
	struct sn_record *records;
	struct sn_answer answer;
	char why[1024];
};

struct sn_exchanges;

struct sn_exchange_class {
	/* Sends the first request of an exchange. */
	void (*begin)(struct sn_exchanges *exchanges, struct sn_exchange *exchange);

	/* Reads an answer, then sends the next request or finishes the exchange. */
	void (*proceed)(struct sn_exchanges *exchanges, struct sn_exchange *exchange,
			const struct sn_http_answer *answer);

	/* Frees what it has allocated. */
	void (*close)(struct sn_exchanges *exchanges);
};

struct sn_exchanges {
	struct sn_coordinator coordinator; /* must be the first member (downcast) */
	const struct sn_exchange_class *class;
	struct sn_coordinator_settings settings;
	struct sn_http *http;
	struct sn_exchange *first;    /* those that are on their way or finished */
	struct sn_exchange *answered; /* what was received last */
	atomic_bool woken;
};

/* Prepares what a module has allocated. Returns a code of snowid.h; `why` gets what is wrong. */
int sn_exchanges_open(struct sn_exchanges *exchanges, const struct sn_exchange_class *class,
		      const struct sn_coordinator_settings *settings, const char *default_port,
		      char *why, size_t size);

/* Sends a request for a step; `body` may be NULL, and is freed. */
void sn_exchange_send(struct sn_exchanges *exchanges, struct sn_exchange *exchange, int step,
		      const char *method, const char *path, json_t *body, const char *header);

/* Ends an exchange. The reason is copied. */
void sn_exchange_finish(struct sn_exchange *exchange, enum sn_outcome outcome, const char *format,
			...) __attribute__((format(printf, 3, 4)));

/* Makes room for the records that a READ asks for. False: it has been finished. */
bool sn_exchange_make_records(struct sn_exchange *exchange);

/* Reads a record, which then exists. False: `why` says what is wrong with it. */
bool sn_exchange_read_record(struct sn_exchange *exchange, uint64_t index, const char *key,
			     const char *text, size_t length);

/* Ends an exchange whose `why` says already what somebody has to mend. */
void sn_exchange_deny(struct sn_exchange *exchange);

/* PATH/FOLDER/workerN. */
void sn_exchange_key(const struct sn_exchange *exchange, const char *folder, char key[SN_KEY_SIZE]);

/* Reads N of a key that begins so. False: it is another key, or not of a worker that was asked. */
bool sn_exchange_index(const struct sn_exchange *exchange, const char *folder, const char *key,
		       uint64_t *index);

/* Reads a text of JSON, which the caller frees with free(). NULL: it is none, or is not base64. */
char *sn_json_decode(const json_t *text, size_t *length);
json_t *sn_json_encode(const char *text);

#endif
