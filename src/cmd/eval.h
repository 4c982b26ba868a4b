/* What `skink eval` prints for people. */
#ifndef SKINK_CMD_EVAL_H
#define SKINK_CMD_EVAL_H

#include <jansson.h>

/* The document of lab/evaluation.h as tables. */
void eval_print(const json_t *document);

#endif
