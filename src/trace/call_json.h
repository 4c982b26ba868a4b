/* Calls for machines: their names as JSON. Apart from call.h, which the probe in the kernel shares.
 */
#ifndef SKINK_TRACE_CALL_JSON_H
#define SKINK_TRACE_CALL_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* The names (call_name) of call codes in their order: ["openat", "close"]. The caller's. */
json_t *call_names_json(const uint16_t *codes, size_t count);

#endif
