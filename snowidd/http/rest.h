/* SPDX-License-Identifier: MIT
 *
 * The service over HTTP: paths and parameters in, JSON, text and a page out.
 */
#ifndef SNOWIDD_REST_H
#define SNOWIDD_REST_H

#include "snowidd/http/request.h"
#include "snowidd/service/service.h"

/* Whom a path is for, and whom a listener serves: clients, who may have to send a token and have a
 * limit on their rate, or operators, who have neither and get no IDs. A server without a listener
 * for operators shows clients all. */
enum rest_audience { REST_CLIENTS = 1, REST_OPERATORS = 2, REST_ALL = 3 };

struct http_handler rest_handler(struct service *service, enum rest_audience audience);

/* The endpoints by their index in the counters; NULL past the last. */
const char *rest_endpoint(size_t index);

#endif
