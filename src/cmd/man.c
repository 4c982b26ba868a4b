/* The manual page, made from the rows of the verbs. */
#include <stdio.h>

#include "cmd/cmd.h"

/* mdoc takes a line that begins with a dot or a quote for a macro, and a backslash for an escape.
 */
static void text(const char *words)
{
    bool line_start = true;
    for (; *words; words++) {
        if (line_start && (*words == '.' || *words == '\''))
            fputs("\\&", stdout);
        if (line_start && *words == '\n')
            fputs(".Pp", stdout);
        if (*words == '\\')
            fputs("\\e", stdout);
        else
            putchar(*words);
        line_start = *words == '\n';
    }
    putchar('\n');
}

static void verb(const struct verb *v)
{
    printf(".Ss skink %s %s\n", v->name, v->operands);
    text(v->description);
    printf(".Bl -tag -width Ds\n");
    for (const struct cmd_option *o = v->options; o && o->name; o++) {
        if (o->letter)
            printf(".It Fl %c , Fl -%s %s%s\n", o->letter, o->name, o->arg ? "Ar " : "",
                   o->arg ? o->arg : "");
        else
            printf(".It Fl -%s %s%s\n", o->name, o->arg ? "Ar " : "", o->arg ? o->arg : "");
        text(o->help);
    }
    printf(".El\n.Bd -literal -offset indent\n");
    text(v->example);
    printf(".Ed\n");
}

void cmd_print_man(void)
{
    printf(".Dd $Mdocdate$\n.Dt SKINK 8\n.Os Skink\n.Sh NAME\n.Nm skink\n"
           ".Nd learn what containers do and detect the intrusion\n.Sh SYNOPSIS\n.Nm skink\n"
           ".Ar verb\n.Op Ar option ...\n.Sh DESCRIPTION\n"
           "Skink learns from system calls what each containerised service normally does and\n"
           "reports the replica that leaves its profile.\n.Sh VERBS\n");
    for (size_t i = 0; cmd_verbs[i]; i++)
        verb(cmd_verbs[i]);
    printf(".Sh EXIT STATUS\n.Bl -tag -width Ds -compact\n.It 0\ndone\n.It 1\n"
           "the question was answered with \"anomalous\" (detect)\n.It 2\nwrong usage or input\n"
           ".It 3\nthe machine cannot: no BPF, no rights\n.El\n");
}
