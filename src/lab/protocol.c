#include "lab/protocol.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"

static const char *const NAMES[] = {
    [PROTOCOL_OFFICIAL] = "official",   [PROTOCOL_RANDOM] = "random", [PROTOCOL_FOLDS] = "folds",
    [PROTOCOL_VALIDATED] = "validated", [PROTOCOL_LID_DS] = "lid-ds", [PROTOCOL_EPOCHS] = "epochs",
};

static int read_parameter(struct protocol *protocol, const char *name, const char *value,
                          struct error *err)
{
    enum protocol_kind kind = protocol->kind;
    bool folds = kind == PROTOCOL_FOLDS || kind == PROTOCOL_EPOCHS;
    double seconds;
    if (strcmp(name, "seed") == 0 && (kind == PROTOCOL_RANDOM || folds))
        return parse_u64("seed", value, 0, UINT64_MAX, &protocol->seed, err);
    if (strcmp(name, "share") == 0 && kind == PROTOCOL_RANDOM)
        return parse_double("share", value, 0.001, 0.999, &protocol->share, err);
    if (strcmp(name, "times") == 0 && kind == PROTOCOL_RANDOM)
        return parse_u64("times", value, 1, 1000, &protocol->times, err);
    if (strcmp(name, "k") == 0 && folds)
        return parse_u64("k", value, 2, 1000, &protocol->folds, err);
    if (strcmp(name, "calls") == 0 && kind == PROTOCOL_EPOCHS)
        return parse_u64("calls", value, 0, UINT64_MAX, &protocol->epoch_calls, err);
    if (strcmp(name, "seconds") == 0 && kind == PROTOCOL_EPOCHS) {
        if (parse_double("seconds", value, 0, 1e9, &seconds, err) < 0)
            return -1;
        protocol->epoch_ns = (uint64_t)(seconds * (double)NS_PER_S);
        return 0;
    }
    return error_set(err, EXIT_USAGE, 0, "protocol %s has no parameter %s", NAMES[kind], name);
}

static struct protocol protocol_initial(enum protocol_kind kind)
{
    return (struct protocol){
        .kind = kind, .seed = 1, .share = 0.5, .folds = 5, .times = 1, .epoch_calls = 500};
}

int protocol_parse(const char *text, struct protocol *protocol, struct error *err)
{
    autofree char *copy = memory_must(strdup(text));
    char *rest = copy, *kind = strsep(&rest, ":");
    for (*protocol = protocol_initial(0); protocol->kind < PROTOCOLS; protocol->kind++)
        if (strcmp(kind, NAMES[protocol->kind]) == 0)
            break;
    if (protocol->kind == PROTOCOLS)
        return error_set(err, EXIT_USAGE, 0,
                         "--protocol %s: no such protocol (there are official, random, folds,"
                         " validated, lid-ds, epochs)",
                         kind);
    for (char *value = NULL, *name; rest;) {
        value = strsep(&rest, ",");
        name = strsep(&value, "=");
        if (!value)
            return error_set(err, EXIT_USAGE, 0, "--protocol %s: %s has no value", text, name);
        if (read_parameter(protocol, name, value, err) < 0)
            return error_context(err, "--protocol %s", text);
    }
    if (protocol->kind == PROTOCOL_EPOCHS && !protocol->epoch_calls && !protocol->epoch_ns)
        return error_set(err, EXIT_USAGE, 0, "--protocol %s: an epoch needs an end", text);
    return 0;
}

struct protocol protocol_for(const struct corpus *corpus)
{
    if (strncmp(corpus->dataset.kind, "lid-ds", strlen("lid-ds")) == 0 ||
        strcmp(corpus->dataset.kind, "campaign") == 0)
        return protocol_initial(PROTOCOL_LID_DS);
    if (!corpus_labelled(corpus, LABEL_TRAINING)) {
        struct protocol folds = protocol_initial(PROTOCOL_FOLDS);
        size_t normal = corpus_labelled(corpus, LABEL_NORMAL);
        if (normal > 1 && normal < folds.folds)
            folds.folds = normal;
        return folds;
    }
    return protocol_initial(corpus_labelled(corpus, LABEL_VALIDATION) ? PROTOCOL_VALIDATED
                                                                      : PROTOCOL_OFFICIAL);
}

static char *write_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *write_text(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        memory_must(text = NULL);
    va_end(arguments);
    return text;
}

char *protocol_name(const struct protocol *protocol)
{
    const char *name = NAMES[protocol->kind];
    unsigned long long seed = protocol->seed;
    switch (protocol->kind) {
    case PROTOCOL_RANDOM:
        return write_text("%s:seed=%llu,share=%g,times=%llu", name, seed, protocol->share,
                          (unsigned long long)protocol->times);
    case PROTOCOL_FOLDS:
        return write_text("%s:k=%llu,seed=%llu", name, (unsigned long long)protocol->folds, seed);
    case PROTOCOL_EPOCHS:
        return write_text("%s:calls=%llu,seconds=%g,k=%llu,seed=%llu", name,
                          (unsigned long long)protocol->epoch_calls,
                          (double)protocol->epoch_ns / (double)NS_PER_S,
                          (unsigned long long)protocol->folds, seed);
    default:
        return write_text("%s", name);
    }
}

static char *epoch_words(const struct protocol *protocol)
{
    double seconds = (double)protocol->epoch_ns / (double)NS_PER_S;
    unsigned long long calls = protocol->epoch_calls;
    if (!protocol->epoch_ns)
        return write_text("%llu calls", calls);
    if (!calls)
        return write_text("%g seconds", seconds);
    return write_text("%llu calls or %g seconds, whichever is over first,", calls, seconds);
}

char *protocol_words(const struct protocol *protocol)
{
    autofree char *epoch = NULL;
    switch (protocol->kind) {
    case PROTOCOL_RANDOM:
        return write_text("All normal traces are shuffled (seed %llu) and dealt %llu times: %g %% "
                          "are learned, the others and all attacks judged.",
                          (unsigned long long)protocol->seed, (unsigned long long)protocol->times,
                          100 * protocol->share);
    case PROTOCOL_FOLDS:
        return write_text("All normal traces are shuffled (seed %llu) and cut into %llu parts. "
                          "Each part, and all attacks, are judged by what the other parts taught.",
                          (unsigned long long)protocol->seed, (unsigned long long)protocol->folds);
    case PROTOCOL_VALIDATED:
        return write_text("The data set's own training traces are learned, its validation traces "
                          "choose the threshold, the others are judged.");
    case PROTOCOL_LID_DS:
        return write_text("The data set's own split. An attack is found when an alarm comes at or "
                          "after its start; a run of alarmed calls anywhere else is one false "
                          "alarm.");
    case PROTOCOL_EPOCHS:
        epoch = epoch_words(protocol);
        return write_text("The data set's own split, or %llu folds where it has none (seed %llu). "
                          "The traces are cut into epochs of %s and each is judged by itself.",
                          (unsigned long long)protocol->folds, (unsigned long long)protocol->seed,
                          epoch);
    default:
        return write_text("The data set's own split: its training traces are learned, its other "
                          "normal traces and its attacks are judged.");
    }
}
