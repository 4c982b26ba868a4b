#include <stdio.h>

#include "agent/evidence.h"
#include "agent/ledger.h"
#include "base/clock.h"
#include "tolerate/capacity.h"

json_t *evidence_json(const struct evidence *evidence)
{
    json_t *pieces = json_array();
    for (size_t i = 0; i < EVIDENCE_KEPT; i++) {
        const struct piece *piece = &evidence->pieces[i];
        if (piece->alert[0])
            json_array_append_new(
                pieces, json_pack("{s:s,s:I,s:f,s:I,s:I,s:b}", "alert", piece->alert, "replica",
                                  (json_int_t)piece->replica, "score", piece->score, "told",
                                  (json_int_t)piece->told, "told_wall",
                                  (json_int_t)clock_wall(piece->told), "open", piece->open));
    }
    return pieces;
}

/* What was told before the host started has no time of the clock that has begun since: it is told
 * when that began, with what was left of it then. */
static void date(struct piece *piece, uint64_t passed, uint64_t memory, uint64_t now)
{
    piece->told = passed < now ? now - passed : 1;
    piece->score = evidence_left(piece->score, (double)clock_passed(passed, now), (double)memory);
}

void evidence_recall(struct evidence *evidence, const json_t *pieces, bool same_boot,
                     uint64_t memory, uint64_t now)
{
    size_t i;
    const json_t *json;
    json_array_foreach (pieces, i, json) {
        const char *alert = json_string_value(json_object_get(json, "alert"));
        uint64_t replica = same_boot ? record_number(json, "replica") : 0;
        uint64_t passed = same_boot
                              ? clock_passed(now, record_number(json, "told"))
                              : clock_passed(clock_realtime(), record_number(json, "told_wall"));
        struct piece piece = {.replica = replica,
                              .score = json_number_value(json_object_get(json, "score"))};
        if (!alert || !*alert || i >= EVIDENCE_KEPT)
            continue;
        snprintf(piece.alert, sizeof piece.alert, "%s", alert);
        date(&piece, json_is_true(json_object_get(json, "open")) ? 0 : passed, memory, now);
        evidence->pieces[i] = piece;
    }
}
