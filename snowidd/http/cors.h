/* SPDX-License-Identifier: MIT
 *
 * Whether scripts of another web site may read a reply: cross-origin resource sharing
 * (https://fetch.spec.whatwg.org/#http-cors-protocol).
 */
#ifndef SNOWIDD_CORS_H
#define SNOWIDD_CORS_H

#include "snowidd/config/settings.h"
#include "snowidd/http/request.h"

/* Has the reply say whether the origin of the request may read it. True if the request only asks
 * for that, before it is made, and is replied to: it comes without a token. */
bool cors_allow(struct http_request *request, const struct text_list *origins);

#endif
