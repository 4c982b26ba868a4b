/* `skink doctor`: can this machine do it, and what to do where not. */
#include <jansson.h>
#include <stdio.h>

#include "agent/doctor.h"
#include "cmd/cmd.h"

static const struct cmd_option OPTIONS[] = {
    {"config", 'c', "FILE", "take the engines and the state directory from this configuration"},
    {"json", 'j', NULL, "print JSON"},
    {NULL, 0, NULL, NULL},
};

static void print_table(const struct doctor_finding *findings, size_t count)
{
    for (const struct doctor_finding *f = findings; f < findings + count; f++) {
        printf("%-5s %-9s %s\n", doctor_verdict_name(f->verdict), f->point, f->found);
        if (f->advice[0])
            printf("%-5s %-9s → %s\n", "", "", f->advice);
    }
    printf("\n%s\n", doctor_verdict(findings, count) == DOCTOR_FAIL ? "Skink cannot work here."
                                                                    : "Skink can work here.");
}

static void print_json(const struct doctor_finding *findings, size_t count)
{
    json_t *list = json_array();
    for (const struct doctor_finding *f = findings; f < findings + count; f++)
        json_array_append_new(list, json_pack("{ss ss ss ss}", "point", f->point, "verdict",
                                              doctor_verdict_name(f->verdict), "found", f->found,
                                              "advice", f->advice));
    json_t *answer = json_pack("{sb so}", "works", doctor_verdict(findings, count) != DOCTOR_FAIL,
                               "findings", list);
    json_dumpf(answer, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(answer);
}

static int run(const struct cmd_line *line, struct error *err)
{
    struct doctor_finding findings[DOCTOR_FINDINGS];
    const char *path = cmd_value(line, &verb_doctor, "config");
    struct config *config = path ? config_load(path, err) : config_default();
    if (!config)
        return -1;
    size_t count = doctor_examine(config, findings);
    config_free(config);
    if (cmd_has(line, &verb_doctor, "json"))
        print_json(findings, count);
    else
        print_table(findings, count);
    return doctor_verdict(findings, count) == DOCTOR_FAIL ? EXIT_MACHINE : EXIT_DONE;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .summary = "can this machine do it, and what to do where not",
    .operands = "",
    .description =
        "Tries every point that Skink depends on: kernel, BTF, rights, BPF, cgroups, the container\n"
        "engines and the state directory. Each line is ok, warn (Skink works, but less well) or\n"
        "fail, with what to do. Changes nothing. Exits with 0 when Skink can work, 3 when not.",
    .example = "  sudo skink doctor\n"
               "  sudo skink doctor --json | jq '.findings[] | select(.verdict != \"ok\")'",
    .options = OPTIONS,
    .operands_max = 0,
    .run = run,
};
