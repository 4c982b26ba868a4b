/* The programs of a campaign, as command lines. */
#ifndef SKINK_CAMPAIGN_PROGRAMS_H
#define SKINK_CAMPAIGN_PROGRAMS_H

#include "campaign/campaign.h"

/* To be freed with words_free; NULL with err: a template wants what there is not. */
char **program_of_step(const struct campaign *campaign, const char *testbed,
                       const struct campaign_step *step, struct error *err);
char **program_of_load(const struct campaign *campaign, const char *testbed, struct error *err);

/* A template in which only {name} can stand: of containers, of a directory. To be freed. */
char *program_text(const struct campaign *campaign, const char *template, struct error *err);

#endif
