/* SPDX-License-Identifier: MIT
 *
 * What is asked of Consul, and what it answers, in JSON.
 */
#ifndef SN_CONSUL_JSON_H
#define SN_CONSUL_JSON_H

#include "libsnowid/coordinator/exchange.h"

#define SN_CONSUL_SESSION 36 /* the length of its ID, a UUID */

/* The bodies of requests; NULL: no memory, or a number of the record is too large. Those of claims
 * count on exchange->found, the index of the namespace, 0 if there is none. */
json_t *sn_consul_read_body(const struct sn_exchange *exchange);
json_t *sn_consul_create_body(const struct sn_exchange *exchange);
json_t *sn_consul_claim_body(const struct sn_exchange *exchange);
json_t *sn_consul_raise_body(const struct sn_exchange *exchange);
json_t *sn_consul_release_body(const struct sn_exchange *exchange);
json_t *sn_consul_reset_body(const struct sn_exchange *exchange);

/* Sets exchange->session. It becomes part of a path, so that only a UUID will do. */
bool sn_consul_take_session(struct sn_exchange *exchange, const json_t *value);

/* Takes the records, the namespace and its index, and the session that locks the first record.
 * False: it has finished the exchange, because the answer cannot be read. */
bool sn_consul_read_records(struct sn_exchange *exchange, const json_t *answer);

#endif
