/* SPDX-License-Identifier: MIT
 *
 * The paths that show the state of the server.
 */
#ifndef SNOWIDD_REST_STATUS_H
#define SNOWIDD_REST_STATUS_H

#include "snowidd/http/rest_call.h"

enum http_outcome rest_get_health(struct rest_call *call);
enum http_outcome rest_get_live(struct rest_call *call);
enum http_outcome rest_get_ready(struct rest_call *call);

#endif
