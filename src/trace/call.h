/* A call: one system call of one thread, and the marks in its life that begin a new window. */
#ifndef SKINK_TRACE_CALL_H
#define SKINK_TRACE_CALL_H

#include <stdbool.h>
#include <stdint.h>

/* A 32-bit (compat) call carries this bit in `number`. */
#define CALL_NUMBER_COMPAT 0x8000
/* The kernel's number did not fit 15 bits (x32, or nonsense on purpose). */
#define CALL_NUMBER_OTHER 0x7fff

enum call_kind {
    CALL_ENTER, /* a system call */
    CALL_EXEC,  /* the thread became another program; its windows start empty */
    CALL_FORK,  /* the thread is new (number unused; parent in `value`); its windows start empty */
    CALL_EXIT,  /* the thread ended */
    CALL_LOST,  /* `value` calls of this thread (of all threads when tid is 0) are missing here */
};

/* 32 bytes; readers fill arrays of these. */
struct call {
    uint64_t time; /* nanoseconds since 1970 (UTC), 0 when the trace has no times */
    int64_t value; /* CALL_ENTER: result, when has_value; CALL_FORK: parent tid; CALL_LOST: count */
    uint32_t tid;  /* thread */
    uint32_t pid;  /* process (thread group) */
    uint16_t number; /* CALL_ENTER: number, CALL_NUMBER_COMPAT for a 32-bit call */
    uint8_t kind;    /* enum call_kind */
    bool has_value;
};

/* Room for the longest name and its NUL. */
#define CALL_NAME 40

/*
 * The name of a call code (profile/pattern.h), by libseccomp's tables: "openat"; 32-bit calls as
 * "openat/32"; a number that has no name as "#451". Writes into text and returns it.
 */
const char *call_name(uint32_t code, char text[CALL_NAME]);

/* The code of a call as struct call carries it. */
uint32_t call_number_code(uint16_t number);

/* The number of a name as call_name writes it ("openat", "openat/32", "#451"), or -1. */
int call_by_name(const char *name);

#endif
