/* Which files make up a log. */
#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "seal/seal.h"

static int full_one(const struct dirent *entry)
{
    return fnmatch("sealed-[0-9]*.log", entry->d_name, 0) == 0;
}

char **seal_files(const char *directory)
{
    struct dirent **found = NULL;
    int count = scandir(directory, &found, full_one, alphasort); /* equally many digits each */
    size_t room = (size_t)(count > 0 ? count : 0);
    char **files = memory_must(calloc(room + 2, sizeof *files));
    for (size_t i = 0; i < room; i++) {
        if (asprintf(&files[i], "%s/%s", directory, found[i]->d_name) < 0)
            memory_must(NULL);
        free(found[i]);
    }
    free(found);
    if (asprintf(&files[room], "%s/sealed.log", directory) < 0)
        memory_must(NULL);
    if (access(files[room], F_OK) != 0) {
        free(files[room]);
        files[room] = NULL;
    }
    return files;
}

void seal_files_free(char **files)
{
    for (char **file = files; file && *file; file++)
        free(*file);
    free(files);
}
