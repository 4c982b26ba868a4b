/*
 * The verbs of the command line. A verb is one row of data, from which come its parsing, its --help
 * and its part of the man page: nothing about it is written twice.
 */
#ifndef SKINK_CMD_CMD_H
#define SKINK_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define CMD_OPTIONS_MAX 24

struct cmd_option {
    const char *name; /* long name without dashes; NULL ends the list */
    char letter;      /* short form, 0: none */
    const char *arg;  /* name of its argument as help shows it, NULL: a switch */
    const char *help; /* one sentence, no full stop */
};

/* An option that was given. */
struct cmd_given {
    const struct cmd_option *option;
    const char *value;
};

/* What was on the command line, in the order of verb->options. */
struct cmd_line {
    const struct cmd_given *given;      /* every option as it came, ended by a NULL option */
    const char *value[CMD_OPTIONS_MAX]; /* NULL: absent; the last one given; "" for a switch */
    int count;                          /* operands */
    char **operand;                     /* NULL-ended */
};

struct verb {
    const char *name;
    const char *summary;              /* one line, for the list of verbs */
    const char *operands;             /* "[FILE…]", "-- COMMAND [ARG…]", "" */
    const char *description;          /* paragraphs, for --help and the man page */
    const char *example;              /* lines "  skink …" */
    const struct cmd_option *options; /* ended by a NULL name; --help is added to every verb */
    int operands_min, operands_max;   /* max -1: any number */
    int (*run)(const struct cmd_line *line, struct error *err); /* exit code; -1: err says */
};

/* The value of the option called name, NULL when absent. name must be one of the verb's. */
const char *cmd_value(const struct cmd_line *line, const struct verb *verb, const char *name);

/* The values of an option that may be repeated: *at is 0 at first; NULL after the last one. */
const char *cmd_next(const struct cmd_line *line, const char *name, size_t *at);

/* Is the switch there? */
bool cmd_has(const struct cmd_line *line, const struct verb *verb, const char *name);

/* Parses and runs a verb; argv[0] is its name. Returns the program's exit code. */
int cmd_run(const struct verb *verb, int argc, char **argv);

/* Every verb, ended by a NULL name (src/main.c). */
extern const struct verb *const cmd_verbs[];

/* Prints the whole manual page in mdoc to standard output (`skink help --man`). */
void cmd_print_man(void);

extern const struct verb verb_alerts, verb_approve, verb_convert, verb_demo, verb_detect,
    verb_doctor, verb_eval, verb_harm, verb_help, verb_incidents, verb_inject, verb_learn, verb_log,
    verb_measures, verb_plan, verb_profile, verb_record, verb_run, verb_status, verb_tolerance,
    verb_trace, verb_undo, verb_vote;

#endif
