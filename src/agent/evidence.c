#include "agent/evidence.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tolerate/capacity.h"

static struct piece *place_of(struct evidence *evidence, const char *alert)
{
    struct piece *oldest = &evidence->pieces[0];
    for (size_t i = 0; i < EVIDENCE_KEPT; i++) {
        struct piece *piece = &evidence->pieces[i];
        if (strncmp(piece->alert, alert, sizeof piece->alert - 1) == 0)
            return piece;
        if (piece->told < oldest->told)
            oldest = piece;
    }
    return oldest;
}

void evidence_note(struct evidence *evidence, const char *alert, uint64_t replica, double score,
                   bool open, uint64_t now)
{
    struct piece *piece = place_of(evidence, alert);
    *piece = (struct piece){.replica = replica, .score = score, .told = now, .open = open};
    snprintf(piece->alert, sizeof piece->alert, "%s", alert);
}

void evidence_withdraw(struct evidence *evidence, const char *alert)
{
    for (size_t i = 0; i < EVIDENCE_KEPT; i++)
        if (strncmp(evidence->pieces[i].alert, alert, sizeof evidence->pieces[i].alert - 1) == 0)
            evidence->pieces[i] = (struct piece){0};
}

static double left_of(const struct piece *piece, uint64_t memory, uint64_t now)
{
    uint64_t passed = piece->open ? 0 : clock_passed(now, piece->told);
    return evidence_left(piece->score, (double)passed, (double)memory);
}

double evidence_belief(const struct evidence *evidence, uint64_t replica, uint64_t memory,
                       uint64_t now)
{
    double belief = 0;
    for (size_t i = 0; i < EVIDENCE_KEPT; i++) {
        const struct piece *piece = &evidence->pieces[i];
        if (piece->alert[0] && piece->replica == replica)
            belief = belief_add(belief, left_of(piece, memory, now));
    }
    return belief;
}

double evidence_sum(const struct evidence *evidence, uint64_t memory, uint64_t now)
{
    double sum = 0;
    for (size_t i = 0; i < EVIDENCE_KEPT; i++)
        if (evidence->pieces[i].alert[0])
            sum += left_of(&evidence->pieces[i], memory, now);
    return sum;
}
