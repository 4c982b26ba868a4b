/*
 * What a text tells of threads: calls that begin and end, forks, execs, exits. From it come records
 * as the probe would have made them, in the order in which the calls began. Private to the trace
 * room.
 *
 * Memory grows with the threads that live at once, of which Linux has 4 million at the most.
 */
#ifndef SKINK_TRACE_LIVES_H
#define SKINK_TRACE_LIVES_H

#include "trace/text.h"

struct life {
    uint32_t tid, pid;
    bool used;
    bool i386;       /* the program is a 32-bit one */
    bool calling;    /* a call of it has begun and not ended */
    bool threads;    /* that call makes a thread, not a process */
    uint16_t number; /* of that call */
    uint64_t place;  /* of that call in the queue */
    uint64_t born;   /* the place in the queue where it was seen first */
};

struct lives {
    struct text *text;
    struct life *slots; /* a hash table of 2^bits; NULL before the first */
    unsigned bits;
    size_t count;
    uint32_t only;    /* the answer that lives_only gave last */
    uint32_t forking; /* the thread whose fork or clone began last and has not ended; 0: none */
};

void lives_free(struct lives *lives);

/* NULL when it is not known. */
struct life *lives_find(const struct lives *lives, uint32_t tid);

/* The one thread that lives; NULL when none or several do. */
struct life *lives_only(struct lives *lives);

/*
 * The thread, new when it is not known: a child of the one that is forking, else one that was there
 * before the trace began. pid 0: not told. NULL and a fault when there are too many.
 */
struct life *lives_get(struct lives *lives, uint32_t tid, uint32_t pid, uint64_t time);

/* A call begins. call->tid is the thread's; whether its end is told apart. */
void lives_call(struct lives *lives, struct life *life, const struct call *call, bool ends_apart);

/* The end of the thread's running call, with what it returned, and what follows from that. */
void lives_return(struct lives *lives, struct life *life, uint64_t time, bool has_value,
                  int64_t value);

/* The child of a fork shows itself. pid and parent 0: not told. */
struct life *lives_child(struct lives *lives, uint32_t tid, uint32_t pid, uint32_t parent,
                         uint64_t time);

/* The thread ends. */
void lives_exit(struct lives *lives, struct life *life, uint64_t time);

/* The thread, which is executing another program, becomes its process's leader; its id ends. */
void lives_supersede(struct lives *lives, struct life *leader, struct life *life, uint64_t time);

/* Does this call make a thread or a process? */
bool call_forks(uint16_t number);

#endif
