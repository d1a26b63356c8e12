/* SPDX-License-Identifier: MIT
 *
 * The service over HTTP: paths and parameters in, JSON, text and a page out.
 */
#ifndef SNOWIDD_REST_H
#define SNOWIDD_REST_H

#include "snowidd/http/http.h"

/* An http_serve_fn. */
bool rest_serve(struct http_request *request, struct http_reply *reply);

/* The endpoints by their index in the counters; NULL past the last. */
const char *rest_endpoint(size_t index);

#endif
