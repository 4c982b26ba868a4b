/* The measures one by one; respond/measure.h has the interface, measures.c the table. */
#ifndef SKINK_RESPOND_MEASURES_H
#define SKINK_RESPOND_MEASURES_H

#include "respond/measure.h"

extern const struct measure measure_hold, measure_stop, measure_kill, measure_pause,
    measure_quarantine, measure_refuse, measure_throttle, measure_redirect, measure_remap,
    measure_evidence, measure_replace, measure_decoy, measure_renew, measure_revoke,
    measure_shuffle, measure_checkpoint, measure_migrate;

/* Is the replica's network its own, and its filter out of its reach? */
int quarantine_possible(const struct measure_target *target, struct error *err);
bool quarantine_is_on(const struct measure_target *target);

#endif
