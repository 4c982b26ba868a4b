/* The public library (include/skink.h): what its files share. */
#ifndef SKINK_LIBRARY_LIBRARY_H
#define SKINK_LIBRARY_LIBRARY_H

#include <skink.h>

#include "base/error.h"
#include "trace/call.h"

#define LIBRARY_BATCH 256

/* Hands an error out, to whoever wants it. */
void library_tell(struct skink_error *err, const struct error *why);

/* The public call and ours are the same bytes, but not the same type: they are copied. */
void library_take_calls(struct call *ours, const struct skink_call *theirs, size_t count);
void library_give_calls(struct skink_call *theirs, const struct call *ours, size_t count);

#endif
