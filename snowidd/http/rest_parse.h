/* SPDX-License-Identifier: MIT
 *
 * The paths that read IDs and times, and make no IDs.
 */
#ifndef SNOWIDD_REST_PARSE_H
#define SNOWIDD_REST_PARSE_H

#include "snowidd/http/rest_call.h"

enum http_outcome rest_get_parse(struct rest_call *call);
enum http_outcome rest_get_range(struct rest_call *call);

#endif
