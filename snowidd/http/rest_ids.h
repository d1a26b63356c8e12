/* SPDX-License-Identifier: MIT
 *
 * The paths that make IDs.
 */
#ifndef SNOWIDD_REST_IDS_H
#define SNOWIDD_REST_IDS_H

#include "snowidd/http/rest_call.h"

enum http_outcome rest_get_next_id(struct rest_call *call);
enum http_outcome rest_get_id(struct rest_call *call);
enum http_outcome rest_get_ids(struct rest_call *call);

/* Goes on with one that waits for its IDs. */
enum http_outcome rest_fill_ids(struct rest_call *call);

#endif
