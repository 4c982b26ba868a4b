/* What the configuration says about the tolerance capacity of a service. */
#ifndef SKINK_TOLERATE_RULE_H
#define SKINK_TOLERATE_RULE_H

#include <stdint.h>

struct tolerance_rule {
    uint64_t horizon;    /* ns */
    double floor;        /* 0 to 1 */
    uint32_t redundancy; /* enum redundancy */
    double exposure;     /* 0 to 1, kappa: of what is exploited anywhere, what it meets */
    double common;       /* 0 to 1: of vulnerabilities and attacks, what all replicas share */
    uint64_t memory;     /* ns, tau: how long alerts that have closed count */
    uint64_t eta;        /* ns; 0: by the trends of each replica */
    double beta;         /* with eta */
    uint64_t latency;    /* ns: who answers so late has failed; 0: latency is not fitted */
    double intrusion;    /* what an intruder who stays costs, in rejuvenations */
    double failure;      /* what a failure costs, in rejuvenations */
};

#endif
