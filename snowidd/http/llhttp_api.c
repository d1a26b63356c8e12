/* SPDX-License-Identifier: MIT
 *
 * The rest of llhttp, which declares the parser's functions in another way.
 */
#include <api.c>
#include <http.c>
