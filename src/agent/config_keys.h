/*
 * The keys of a YAML file as data. A table (config_keys.c) is the only place where a key is
 * written: it is read, checked, set to its default, printed with its explanation and freed by it.
 */
#ifndef SKINK_AGENT_CONFIG_KEYS_H
#define SKINK_AGENT_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KEYS_FILE_MAX (1024 * 1024) /* bytes of a file */

enum key_type {
    /* Scalars; the comment names what they are kept in. */
    KEY_TEXT,      /* char *: any text of at most 127 bytes */
    KEY_PATH,      /* char *: an absolute path */
    KEY_FILE,      /* char *: a path, relative to state_dir; "off" becomes "" */
    KEY_ENGINE,    /* char *: an absolute path; "auto" becomes NULL, "off" "" */
    KEY_ADDRESS,   /* char *: metrics_address; "off" becomes NULL */
    KEY_URL,       /* char *: http or https; "off" becomes NULL */
    KEY_MAYBE,     /* char *: any text of at most 1000 bytes; "off" becomes NULL */
    KEY_MATCH,     /* const char *: struct workload_rule's match */
    KEY_PAIRS,     /* char *: a mapping from names to texts, one a line, "NAME=TEXT"; "off": NULL */
    KEY_LINE,      /* char *: any text of at most 1000 bytes */
    KEY_SWITCH,    /* bool */
    KEY_COUNT,     /* uint32_t within min and max */
    KEY_CALLS,     /* uint64_t within min and max */
    KEY_THRESHOLD, /* uint32_t within min and max; "auto" becomes RULE_AUTO, "off" 0 */
    KEY_NUMBER,    /* double within min and max */
    KEY_CHOICE,    /* uint32_t: the place of the word in choices */
    KEY_INTERVAL,  /* struct growth_rule's interval_ns or interval_calls: "100s", "50000 calls" */
    KEY_DURATION,  /* uint64_t, ns; min to max seconds; "auto", when it is the default: 0 */
    KEY_SPAN,      /* struct span: "20s", "20s..30s" */
    /* Containers. */
    KEY_PATHS,    /* char **, NULL-ended: "auto" (NULL), "off" (none), or a list of paths */
    KEY_GROUP,    /* a mapping into the same struct */
    KEY_LIST,     /* an array: a list of mappings */
    KEY_SERVICES, /* struct service_config's array: a mapping by name, defaults filled in */
};

/* A time that is drawn from a range; both ends are the same where nothing is to be drawn. */
struct span {
    uint64_t least, most; /* ns */
};

struct key {
    const char *name; /* NULL ends the table */
    enum key_type type;
    bool required;
    size_t offset;    /* of the value in the struct that the table fills */
    const char *text; /* the default as one would write it, NULL: none; of an array: an example */
    const char *help; /* one paragraph */
    double min, max;
    const char *const *choices;    /* NULL-ended */
    const struct key_table *table; /* of a container's keys */
};

struct key_table {
    const struct key *keys;
    size_t size;         /* arrays: of an element */
    size_t count_offset; /* arrays: of the size_t that counts them, in the struct above */
    /* Do the values fit one another? The name of the key that does not, with err; else NULL. */
    const char *(*check)(const void *target, struct error *err);
    const char *hint; /* of a whole file: where its keys are listed */
};

extern const struct key_table config_keys;

/* Sets one scalar at place from text; path names it in err. What place held is not freed. */
int key_set(const struct key *key, const char *path, const char *text, void *place,
            struct error *err);

/* A text without control characters and not longer than max. */
int key_text(const char *path, const char *text, size_t length, size_t max, struct error *err);

/* Is what the key keeps a single char * that it owns? */
bool key_is_text(enum key_type type);

/* The known key that is most like name, NULL when none is near. */
const char *key_nearest(const struct key_table *table, const char *name);

/* Sets what the table has defaults for; target is all zero. */
void keys_default(const struct key_table *table, void *target);

/* Reads a YAML text, which `name` names in err, over the defaults that target holds. */
int keys_read(const struct key_table *table, void *target, const char *text, size_t size,
              const char *name, struct error *err);

/* Frees every text and array. */
void keys_free(const struct key_table *table, void *target);

/* The text of a file that keys_read may read, NULL with err. Caller frees. */
char *keys_load(const char *path, size_t *size, struct error *err);

#endif
