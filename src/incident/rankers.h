/* The rankers one by one; incident/rank.h has the table of them. */
#ifndef SKINK_INCIDENT_RANKERS_H
#define SKINK_INCIDENT_RANKERS_H

#include "incident/rank.h"

rank_function rank_by_trees, rank_by_paths, rank_by_ingress, rank_by_earliest, rank_by_most,
    rank_by_walk, rank_by_walk_back;

#endif
