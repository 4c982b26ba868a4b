#include "agent/tally.h"

struct tally tally_take(struct tally *counted, const struct replica_counters *now)
{
    const struct replica_losses *lost = &now->lost;
    const struct tally before = *counted;
    *counted = (struct tally){
        .calls = now->calls,
        .lost = lost->reports + lost->quota + lost->table + lost->storage,
        .processes = lost->process,
        .paths = lost->paths,
    };
    return (struct tally){.calls = counted->calls - before.calls,
                          .lost = counted->lost - before.lost,
                          .processes = counted->processes - before.processes,
                          .paths = counted->paths - before.paths};
}
