/* Checkpoint: the evidence, and with it the whole memory of the replica, which goes on. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "respond/criu.h"
#include "respond/evidence_store.h"
#include "respond/measures.h"
#include "respond/token.h"

static int check(const struct measure_target *target, struct error *err)
{
    struct criu_container container;
    if (!target->rule.checkpoint)
        return error_set(err, EXIT_MACHINE, 0, "is not asked for (respond.checkpoint)");
    return criu_installed(err) < 0 ? -1
                                   : criu_find(target->runc, target->workload.id, &container, err);
}

static int dump(const struct measure_target *target, const char *directory, json_t *token,
                struct error *err)
{
    struct criu_container container;
    char images[PATH_MAX];
    if (snprintf(images, sizeof images, "%s/memory", directory) >= (int)sizeof images ||
        mkdir(images, 0700) < 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: cannot make the directory", images);
    if (criu_find(target->runc, target->workload.id, &container, err) < 0 ||
        criu_fits(&container, images, target->evidence_max, err) < 0)
        return -1;
    uint64_t begun = clock_monotonic();
    if (criu_dump(&container, &target->kernel, images, true, err) < 0)
        return -1;
    uint64_t paused = clock_passed(clock_monotonic(), begun);
    json_object_set_new(token, "pause_ms", json_real((double)paused / (double)NS_PER_MS));
    return 0;
}

static int carry_out(const struct measure_target *target, json_t *token, struct error *err)
{
    if (criu_works(err) < 0 || measure_evidence.carry_out(target, token, err) < 0)
        return -1;
    const char *directory = token_text(token, "directory");
    if (dump(target, directory, token, err) == 0) {
        evidence_prune(target->evidence, directory, target->evidence_max);
        return 0;
    }
    evidence_remove(directory);
    return -1;
}

const struct measure measure_checkpoint = {
    .name = "checkpoint",
    .summary = "copies the same as evidence, and the replica's whole memory (CRIU)",
    .stage = STAGE_EVIDENCE,
    .cost = {.service = 0.05, .operation = 0.1},
    .collateral = 0.01,
    .worked = 19,
    .failed = 1,
    .alone = true,
    .longest = MEASURE_LONGEST + 2 * CRIU_TIME_OUT,
    .check = check,
    .carry_out = carry_out,
};
