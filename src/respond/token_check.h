/*
 * Is a token one that a measure wrote? The hand is given it back by the daemon, which may have been
 * taken over meanwhile: its texts become paths and commands, with rights that the daemon lacks.
 */
#ifndef SKINK_RESPOND_TOKEN_CHECK_H
#define SKINK_RESPOND_TOKEN_CHECK_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"
#include "respond/rule.h"

/* What texts are held to. */
struct token_bounds {
    const struct respond_rule **rules; /* of every service, as they are configured */
    size_t count;
    const char *state; /* the state directory */
};

/* 0, or -1: err names the text that no measure would have written here. */
int token_check(const json_t *token, const struct token_bounds *bounds, struct error *err);

#endif
