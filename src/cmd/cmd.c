#include "cmd/cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

static size_t option_count(const struct verb *verb)
{
    size_t count = 0;
    while (verb->options && verb->options[count].name)
        count++;
    return count;
}

static size_t option_index(const struct verb *verb, const char *name)
{
    size_t i = 0;
    while (strcmp(verb->options[i].name, name) != 0)
        i++;
    return i;
}

const char *cmd_value(const struct cmd_line *line, const struct verb *verb, const char *name)
{
    return line->value[option_index(verb, name)];
}

const char *cmd_next(const struct cmd_line *line, const char *name, size_t *at)
{
    while (line->given[*at].option) {
        const struct cmd_given *given = &line->given[(*at)++];
        if (strcmp(given->option->name, name) == 0)
            return given->value;
    }
    return NULL;
}

bool cmd_has(const struct cmd_line *line, const struct verb *verb, const char *name)
{
    return cmd_value(line, verb, name) != NULL;
}

static void print_option(const struct cmd_option *option)
{
    char left[64];
    snprintf(left, sizeof left, "%c%c%s --%s%s%s", option->letter ? '-' : ' ',
             option->letter ? option->letter : ' ', option->letter ? "," : " ", option->name,
             option->arg ? " " : "", option->arg ? option->arg : "");
    printf("  %-30s %s\n", left, option->help);
}

static void print_help(const struct verb *verb)
{
    static const struct cmd_option help = {"help", 'h', NULL, "show this help"};
    printf("usage: skink %s [OPTION…]%s%s\n\n%s\n\noptions:\n", verb->name,
           verb->operands[0] ? " " : "", verb->operands, verb->description);
    for (size_t i = 0; i < option_count(verb); i++)
        print_option(&verb->options[i]);
    print_option(&help);
    printf("\nexample:\n%s\n", verb->example);
}

static int usage_error(const struct verb *verb, const char *why, const char *word)
{
    fprintf(stderr, "skink: %s: %s%s%s (see skink %s --help)\n", verb->name, why, word ? " " : "",
            word ? word : "", verb->name);
    return EXIT_USAGE;
}

/* Fills line; 0 to go on, -1 when help was printed, else an exit code. */
static int parse(const struct verb *verb, int argc, char **argv, struct cmd_line *line,
                 struct cmd_given *given)
{
    struct option longs[CMD_OPTIONS_MAX + 2] = {0};
    char shorts[3 * CMD_OPTIONS_MAX + 4] = ":h";
    size_t used = strlen(shorts);
    size_t count = option_count(verb);
    for (size_t i = 0; i < count; i++) {
        const struct cmd_option *option = &verb->options[i];
        char letter[3] = {option->letter, option->letter && option->arg ? ':' : '\0', '\0'};
        longs[i] = (struct option){option->name, option->arg ? required_argument : no_argument,
                                   NULL, 1000 + (int)i};
        used += (size_t)snprintf(shorts + used, sizeof shorts - used, "%s", letter);
    }
    longs[count] = (struct option){"help", no_argument, NULL, 'h'};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (c == 'h') {
            print_help(verb);
            return -1;
        }
        if (c == ':')
            return usage_error(verb, "an argument is missing after", argv[optind - 1]);
        size_t i = c >= 1000 ? (size_t)(c - 1000) : 0;
        while (c < 1000 && i < count && verb->options[i].letter != c)
            i++;
        if (c == '?' || i == count)
            return usage_error(verb, "unknown option", argv[optind - 1]);
        line->value[i] = optarg ? optarg : "";
        *given++ = (struct cmd_given){&verb->options[i], line->value[i]};
    }
    line->operand = argv + optind;
    line->count = argc - optind;
    if (line->count < verb->operands_min)
        return usage_error(verb, "something is missing:", verb->operands);
    if (verb->operands_max >= 0 && line->count > verb->operands_max)
        return usage_error(verb, "one word too many:", line->operand[verb->operands_max]);
    return 0;
}

int cmd_run(const struct verb *verb, int argc, char **argv)
{
    size_t letters = 1; /* of every word: "-nj" are two options */
    for (int i = 0; i < argc; i++)
        letters += strlen(argv[i]) + 1;
    autofree struct cmd_given *given = memory_must(calloc(letters, sizeof *given));
    struct cmd_line line = {.given = given};
    struct error err = {.code = EXIT_USAGE};
    int parsed = parse(verb, argc, argv, &line, given);
    if (parsed != 0)
        return parsed < 0 ? EXIT_DONE : parsed;
    int code = verb->run(&line, &err);
    if (code < 0)
        return error_report(&err);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "skink: standard output: writing failed (is the disk full?)\n");
        return EXIT_USAGE;
    }
    return code;
}
