/* SPDX-License-Identifier: MIT
 *
 * What is asked of etcd, and what it answers, in JSON: numbers of 64 bits are texts, and members
 * that are 0, false or empty are missing.
 */
#ifndef SN_ETCD_JSON_H
#define SN_ETCD_JSON_H

#include "libsnowid/coordinator/exchange.h"

/* 0 if it is missing. */
uint64_t sn_etcd_number(const json_t *object, const char *name);

/* The bodies of requests; NULL: no memory, or a number of the record is too large. */
json_t *sn_etcd_read_body(const struct sn_exchange *exchange);
json_t *sn_etcd_grant_body(const struct sn_exchange *exchange);
json_t *sn_etcd_lease_body(const struct sn_exchange *exchange);
json_t *sn_etcd_write_body(const struct sn_exchange *exchange);

/* `found`: with the namespace, which must not exist; otherwise it must be the right one. */
json_t *sn_etcd_claim_body(const struct sn_exchange *exchange, bool found);

/* Whether a claim was refused by a service that has no namespace yet. */
bool sn_etcd_has_no_namespace(const json_t *answer);

/* Finishes an exchange with the records that were read. */
void sn_etcd_read_records(struct sn_exchange *exchange, const json_t *answer);

#endif
