#include "campaign/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *path_part(const char *name, char *to, size_t size)
{
    static const char LETTERS[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";
    snprintf(to, size, "%s", name);
    for (char *at = to; *at; at++)
        if (!strchr(LETTERS, *at))
            *at = '-';
    if (to[0] == '.')
        to[0] = '-';
    return to;
}

int path_make(const char *path, struct error *err)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    return error_set(err, EXIT_USAGE, errno, "cannot make %s", path);
}
