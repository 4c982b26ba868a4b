/*
 * Processes of the watched replicas: who started whom, with which program and arguments, so that an
 * alert can name the tree from the container's first process down, also when its processes have
 * ended meanwhile. Fed by the probe's exec, fork and exit events.
 */
#ifndef SKINK_AGENT_PROCESS_H
#define SKINK_AGENT_PROCESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/hand.h"
#include "probe/event.h"

#define PROCESS_TREE_DEPTH 16    /* levels that a tree shows */
#define PROCESSES_MAX      32768 /* remembered at a time; beyond these the oldest ended ones go */

struct process_table;

/* hand: looks at processes that were there before; NULL is allowed. */
struct process_table *process_table_new(struct hand *hand);
void process_table_free(struct process_table *table);

/* An exec, fork or exit event of the probe. */
void process_note(struct process_table *table, const struct process_event *event);

/* Forgets processes that ended more than a minute before now (CLOCK_MONOTONIC, ns). */
void process_forget(struct process_table *table, uint64_t now);

/* Has the table heard of this process of the replica? Ended ones are known for a minute. */
bool process_known(struct process_table *table, uint32_t pid, uint32_t replica);

/*
 * The process and those that it descends from, as far as they began after `since`
 * (CLOCK_MONOTONIC): it first. The first of the container is none of
 * them. Returns how many there are, 0 when the process itself is older, or
 * not known.
 */
size_t process_line(struct process_table *table, uint32_t pid, uint32_t replica, uint64_t since,
                    uint32_t *line, size_t max);

/*
 * The tree that leads to a process, the container's first process first: a JSON array of {"pid",
 * "command", "program", "arguments"}. replica: levels above it are left out. What the table never
 * heard of (a process older than Skink) is looked up in /proc. New reference.
 */
json_t *process_tree(struct process_table *table, uint32_t pid, uint32_t replica,
                     const char *command);

#endif
