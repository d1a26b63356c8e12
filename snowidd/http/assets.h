/* SPDX-License-Identifier: MIT
 *
 * The files that are built in: page.html and openapi.json. Their bytes are made into assets.c by make.
 */
#ifndef SNOWIDD_ASSETS_H
#define SNOWIDD_ASSETS_H

#include <stddef.h>

extern const unsigned char page_html[], openapi_json[];
extern const size_t page_html_size, openapi_json_size;

#endif
