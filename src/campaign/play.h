/* Playing a campaign against the real system. */
#ifndef SKINK_CAMPAIGN_PLAY_H
#define SKINK_CAMPAIGN_PLAY_H

#include "campaign/campaign.h"

struct play_options {
    const char *directory; /* of the data set; it must not be there */
    const char *testbed;   /* what {testbed} stands for */
    const char *socket;    /* of the daemon, if there is one */
};

/* Are all programs of the steps named in full? 0 or -1. */
int campaign_check(const struct campaign *campaign, const char *testbed, struct error *err);

/*
 * Plays it and writes the data set, until it is over or SIGINT or SIGTERM comes, which end it
 * tidily. -1 when there can be no data set at all; a step that fails is in the truth.
 */
int campaign_play(const struct campaign *campaign, const struct play_options *options,
                  struct error *err);

#endif
