/* The files beside the traces of LID-DS that label them. The first byte says which: runs.csv
 * (2019), or the description of a recording (2021); the rest is the file. */
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trace/dataset.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[] = "/dev/shm/skink-fuzz-XXXXXX";

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *at)
{
    (void)stat, (void)type, (void)at;
    return remove(path);
}

static void remove_root(void)
{
    nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void must(bool held)
{
    if (!held)
        abort();
}

static void write_file(const char *name, const void *data, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
}

static void make_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    must(mkdir(path, 0700) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    must(mkdtemp(root));
    atexit(remove_root);
    make_folder("2019");
    make_folder("2021");
    make_folder("2021/training");
    make_folder("2021/test");
    make_folder("2021/test/normal_and_attack");
    write_file("2021/training/calm.sc", "", 0);
    write_file("2021/test/normal_and_attack/foul.sc", "", 0);
    return 0;
}

static void check(const struct dataset *dataset)
{
    for (size_t i = 0; i < dataset->count; i++) {
        const struct dataset_trace *trace = &dataset->traces[i];
        must(trace->path && trace->name && trace->attack);
        must(trace->label == LABEL_ATTACK || !*trace->attack);
        must(trace->start_known || trace->start == 0);
        must(trace->start <= UINT64_MAX / 2 && trace_label_name(trace->label));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct dataset dataset;
    char path[64];
    if (size == 0)
        return 0;
    bool runs = data[0] & 1;
    write_file(runs ? "2019/runs.csv" : "2021/test/normal_and_attack/foul.json", data + 1,
               size - 1);
    snprintf(path, sizeof path, "%s/%s", root, runs ? "2019" : "2021");
    if (dataset_open(path, &dataset, &err) < 0)
        return 0;
    check(&dataset);
    dataset_clear(&dataset);
    return 0;
}
