#include "cmd/output.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

FILE *output_create(const char *path, struct error *err)
{
    FILE *file = fopen(path, "we");
    if (!file)
        error_set(err, EXIT_USAGE, errno, "%s", path);
    return file;
}

int output_close(FILE *file, const char *path, struct error *err)
{
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return error_set(err, EXIT_USAGE, errno, "%s: cannot be written whole", path);
    return 0;
}

int output_text(const char *path, const char *text, struct error *err)
{
    if (strcmp(path, "-") == 0) {
        fputs(text, stdout);
        return 0;
    }
    FILE *file = output_create(path, err);
    if (!file)
        return -1;
    fputs(text, file);
    return output_close(file, path, err);
}
