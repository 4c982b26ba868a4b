/*
 * An error that a person can act on: what failed, why, and how to mend it.
 *
 * A function that can fail returns int (0 done, -1 failed) or a pointer (NULL failed) and takes
 * `struct error *err` last. It fills err through error_set() and nothing else. err is never NULL.
 */
#ifndef SKINK_BASE_ERROR_H
#define SKINK_BASE_ERROR_H

#define ERROR_TEXT 768

/* Exit codes of the program (see docs/commands.md). */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_ANOMALOUS = 1, /* the question was answered with "anomalous" (detect) */
    EXIT_USAGE = 2,     /* wrong usage or input */
    EXIT_MACHINE = 3,   /* the machine cannot: no BPF, no rights */
};

struct error {
    int code;              /* enum exit_code: what the program should exit with */
    int errnum;            /* errno of the cause, 0 if there was none */
    char text[ERROR_TEXT]; /* "what: why (what to do)", no newline, no "skink: " in front */
};

/*
 * Fills err; errnum > 0 appends ": strerror(errnum)". Always returns -1, so that callers write
 * `return error_set(err, EXIT_USAGE, errno, "cannot open %s", path);`. Text is cut at ERROR_TEXT.
 */
int error_set(struct error *err, int code, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "context: " in front of what err already says. Always returns -1. */
int error_context(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends " (hint)": what the person can do about it. Always returns -1. */
int error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints "skink: text" on standard error and returns err->code, for main and the verbs. */
int error_report(const struct error *err);

#endif
