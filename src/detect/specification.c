#include "detect/specification.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

/* What "best" stands for, and why: docs/detectors.md. */
#define BEST "markov:order=12,weight=16"

static const struct detector_kind *const KINDS[] = {
    &kind_stide,     &kind_tstide, &kind_bosc,  &kind_lookahead,
    &kind_frequency, &kind_markov, &kind_graph, &kind_quorum,
};
#define KIND_COUNT (sizeof KINDS / sizeof *KINDS)

const struct detector_kind_info *const *detector_kinds(size_t *count)
{
    static const struct detector_kind_info *const infos[KIND_COUNT] = {
        &kind_stide.info,     &kind_tstide.info, &kind_bosc.info,  &kind_lookahead.info,
        &kind_frequency.info, &kind_markov.info, &kind_graph.info, &kind_quorum.info,
    };
    *count = KIND_COUNT;
    return infos;
}

static const struct detector_kind *kind_by_name(const char *name, struct error *err)
{
    char names[256] = "best";
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(KINDS[i]->info.name, name) == 0)
            return KINDS[i];
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, ", %s", KINDS[i]->info.name);
    }
    error_set(err, EXIT_USAGE, 0, "no detector is called \"%s\" (there are: %s)", name, names);
    return NULL;
}

static int parameter_by_name(const struct detector_kind_info *info, const char *name,
                             struct error *err)
{
    char names[256] = "";
    for (size_t i = 0; i < info->parameter_count; i++) {
        if (strcmp(info->parameters[i].name, name) == 0)
            return (int)i;
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "",
                 info->parameters[i].name);
    }
    return error_set(err, EXIT_USAGE, 0, "%s has no parameter \"%s\" (it has: %s)", info->name,
                     name, names[0] ? names : "none");
}

static int parse_choice(const struct detector_parameter *parameter, const char *text, double *value,
                        struct error *err)
{
    char names[256] = "";
    for (size_t i = 0; parameter->choices[i]; i++) {
        if (strcmp(parameter->choices[i], text) == 0) {
            *value = (double)i;
            return 0;
        }
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "",
                 parameter->choices[i]);
    }
    return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" is not one of %s", parameter->name, text,
                     names);
}

static int parse_value(const struct detector_parameter *parameter, const char *text, double *value,
                       struct error *err)
{
    if (parameter->choices)
        return parse_choice(parameter, text, value, err);
    if (!parameter->whole)
        return parse_double(parameter->name, text, parameter->least, parameter->most, value, err);
    uint64_t number;
    if (parse_u64(parameter->name, text, (uint64_t)parameter->least, (uint64_t)parameter->most,
                  &number, err) < 0)
        return -1;
    *value = (double)number;
    return 0;
}

static int parse_parameters(struct specification *spec, char *text, struct error *err)
{
    const struct detector_kind_info *info = &spec->kind->info;
    char *next = text;
    for (char *name; (name = strsep(&next, ","));) {
        char *value = name;
        strsep(&value, "=");
        int index = parameter_by_name(info, name, err);
        if (index < 0)
            return -1;
        if (!value)
            return error_set(err, EXIT_USAGE, 0, "%s: no value (write %s=VALUE)", name, name);
        if (parse_value(&info->parameters[index], value, &spec->setup.values[index], err) < 0)
            return -1;
    }
    return 0;
}

static int add_member(struct specification *spec, const char *text, struct error *err)
{
    struct detector_setup *setup = &spec->setup;
    if (strchr(text, '(') || strncmp(text, "quorum", strlen("quorum")) == 0)
        return error_set(err, EXIT_USAGE, 0, "\"%s\": a quorum cannot be a member", text);
    if (setup->member_count == DETECTOR_MEMBERS)
        return error_set(err, EXIT_USAGE, 0, "more than %d members", DETECTOR_MEMBERS);
    struct detector *member = detector_new(text, err);
    if (!member)
        return -1;
    setup->members[setup->member_count++] = member;
    return 0;
}

/* text: what stands between the brackets, or NULL when there are none. */
static int parse_members(struct specification *spec, char *text, struct error *err)
{
    const char *kind = spec->kind->info.name;
    if (text && !spec->kind->has_members)
        return error_set(err, EXIT_USAGE, 0, "%s has no members", kind);
    for (char *member; (member = strsep(&text, " "));)
        if (*member && add_member(spec, member, err) < 0)
            return -1;
    if (spec->kind->has_members && spec->setup.member_count == 0)
        return error_set(err, EXIT_USAGE, 0, "%s: no members (write %s(stide bosc))", kind, kind);
    return 0;
}

/* Cuts "(...)" off the end of text and returns what is within; NULL without brackets. */
static int cut_brackets(char *text, char **within, struct error *err)
{
    *within = strchr(text, '(');
    if (!*within)
        return 0;
    char *end = text + strlen(text) - 1;
    if (*end != ')')
        return error_set(err, EXIT_USAGE, 0, "\"(\" without \")\" at the end");
    *end = '\0';
    *(*within)++ = '\0';
    return 0;
}

static int parse(struct specification *spec, char *text, struct error *err)
{
    char *members, *parameters = text;
    if (cut_brackets(text, &members, err) < 0)
        return -1;
    strsep(&parameters, ":");
    spec->kind = kind_by_name(text, err);
    if (!spec->kind)
        return -1;
    for (size_t i = 0; i < spec->kind->info.parameter_count; i++)
        spec->setup.values[i] = spec->kind->info.parameters[i].initial;
    if (parameters && parse_parameters(spec, parameters, err) < 0)
        return -1;
    return parse_members(spec, members, err);
}

int specification_parse(struct specification *spec, const char *text, struct error *err)
{
    *spec = (struct specification){0};
    autofree char *copy = memory_must(strdup(strcmp(text, "best") == 0 ? BEST : text));
    if (parse(spec, copy, err) == 0)
        return 0;
    specification_clear(spec);
    return error_context(err, "detector \"%s\"", text);
}

void specification_clear(struct specification *spec)
{
    for (size_t i = 0; i < spec->setup.member_count; i++)
        detector_free(spec->setup.members[i]);
    *spec = (struct specification){0};
}

char *specification_text(const struct specification *spec)
{
    char *text = NULL;
    size_t size;
    FILE *out = memory_must(open_memstream(&text, &size));
    fputs(spec->kind->info.name, out);
    for (size_t i = 0; i < spec->kind->info.parameter_count; i++) {
        const struct detector_parameter *parameter = &spec->kind->info.parameters[i];
        double value = spec->setup.values[i];
        fprintf(out, "%c%s=", i ? ',' : ':', parameter->name);
        if (parameter->choices)
            fputs(parameter->choices[(size_t)value], out);
        else
            fprintf(out, "%.15g", value);
    }
    for (size_t i = 0; i < spec->setup.member_count; i++)
        fprintf(out, "%c%s", i ? ' ' : '(', detector_name(spec->setup.members[i]));
    if (spec->setup.member_count)
        fputc(')', out);
    fclose(out);
    return memory_must(text);
}
