/* SPDX-License-Identifier: MIT
 *
 * The service over HTTP: paths and parameters in, JSON, text and a page out.
 */
#ifndef SNOWIDD_REST_H
#define SNOWIDD_REST_H

#include "snowidd/http/request.h"
#include "snowidd/service/service.h"

struct http_handler rest_handler(struct service *service);

/* The endpoints by their index in the counters; NULL past the last. */
const char *rest_endpoint(size_t index);

#endif
