#include "trace/lives.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/memory.h"

#define LIVES_MAX (1U << 22) /* PID_MAX_LIMIT */

/* The numbers of 32-bit x86, which the C library has only for its own architecture. */
enum { I386_FORK = 2, I386_EXECVE = 11, I386_CLONE = 120, I386_VFORK = 190, I386_EXECVEAT = 358 };

static uint16_t i386(uint16_t number)
{
    return number | CALL_NUMBER_COMPAT;
}

bool call_forks(uint16_t number)
{
    return number == SYS_clone || number == SYS_clone3 || number == SYS_fork ||
           number == SYS_vfork || number == i386(I386_FORK) || number == i386(I386_CLONE) ||
           number == i386(I386_VFORK) || number == i386(SYS_clone3);
}

static bool call_execs(uint16_t number)
{
    return number == SYS_execve || number == SYS_execveat || number == i386(I386_EXECVE) ||
           number == i386(I386_EXECVEAT);
}

/* ---- the table ---- */

void lives_free(struct lives *lives)
{
    free(lives->slots);
}

static size_t home(const struct lives *lives, uint32_t tid)
{
    return (tid * 2654435769U) >> (32 - lives->bits); /* Knuth's multiplicative hash */
}

/* Where the thread is, or where it would go. */
static struct life *slot_of(const struct lives *lives, uint32_t tid)
{
    size_t mask = ((size_t)1 << lives->bits) - 1, at = home(lives, tid);
    while (lives->slots[at].used && lives->slots[at].tid != tid)
        at = (at + 1) & mask;
    return &lives->slots[at];
}

struct life *lives_find(const struct lives *lives, uint32_t tid)
{
    struct life *life = lives->slots ? slot_of(lives, tid) : NULL;
    return life && life->used ? life : NULL;
}

struct life *lives_only(struct lives *lives)
{
    if (lives->count != 1)
        return NULL;
    struct life *life = lives_find(lives, lives->only);
    for (size_t i = 0; !life; i++)
        life = lives->slots[i].used ? &lives->slots[i] : NULL;
    lives->only = life->tid;
    return life;
}

static void grow(struct lives *lives)
{
    struct life *old = lives->slots;
    size_t room = old ? (size_t)1 << lives->bits : 0;
    lives->bits = old ? lives->bits + 1 : 6;
    lives->slots = memory_must(calloc((size_t)1 << lives->bits, sizeof *lives->slots));
    for (size_t i = 0; i < room; i++)
        if (old[i].used)
            *slot_of(lives, old[i].tid) = old[i];
    free(old);
}

static struct life *add(struct lives *lives, uint32_t tid, uint32_t pid)
{
    if (lives->count == LIVES_MAX) {
        text_fault(lives->text, "more threads than Linux has", "", 0);
        return NULL;
    }
    if (!lives->slots || lives->count * 2 >= (size_t)1 << lives->bits)
        grow(lives);
    struct life *life = slot_of(lives, tid);
    *life = (struct life){
        .used = true, .tid = tid, .pid = pid ? pid : tid, .born = lives->text->queue.next};
    lives->count++;
    return life;
}

/* Those behind it in its row move up, so that none is cut off from its home. */
static void delete (struct lives *lives, struct life *life)
{
    size_t mask = ((size_t)1 << lives->bits) - 1, hole = (size_t)(life - lives->slots);
    for (size_t at = (hole + 1) & mask; lives->slots[at].used; at = (at + 1) & mask) {
        size_t from = home(lives, lives->slots[at].tid);
        if (((at - from) & mask) >= ((at - hole) & mask)) {
            lives->slots[hole] = lives->slots[at];
            hole = at;
        }
    }
    lives->slots[hole].used = false;
    lives->count--;
}

/* ---- what happens ---- */

static void mark(struct lives *lives, const struct life *life, enum call_kind kind, uint64_t time,
                 int64_t value)
{
    struct call record = {
        .kind = kind, .tid = life->tid, .pid = life->pid, .time = time, .value = value};
    queue_put(&lives->text->queue, &record, false);
}

struct life *lives_child(struct lives *lives, uint32_t tid, uint32_t pid, uint32_t parent,
                         uint64_t time)
{
    const struct life *forking = lives_find(lives, parent ? parent : lives->forking);
    if (!pid && forking && forking->threads)
        pid = forking->pid;
    bool narrow = forking && forking->i386;
    struct life *life = add(lives, tid, pid);
    if (!life)
        return NULL;
    life->i386 = narrow;
    mark(lives, life, CALL_FORK, time, parent ? parent : lives->forking);
    lives->forking = 0;
    return life;
}

struct life *lives_get(struct lives *lives, uint32_t tid, uint32_t pid, uint64_t time)
{
    struct life *life = lives_find(lives, tid);
    if (life)
        return life;
    return lives->forking ? lives_child(lives, tid, pid, 0, time) : add(lives, tid, pid);
}

/* A call whose end was never told has no result. */
static void abandon(struct lives *lives, struct life *life)
{
    if (life->calling)
        queue_answer(&lives->text->queue, life->place, false, 0);
    life->calling = false;
    if (lives->forking == life->tid)
        lives->forking = 0;
}

void lives_call(struct lives *lives, struct life *life, const struct call *call, bool ends_apart)
{
    abandon(lives, life);
    life->place = queue_put(&lives->text->queue, call, ends_apart);
    life->number = call->number;
    life->calling = true;
    life->threads = false;
    if (ends_apart && call_forks(call->number))
        lives->forking = life->tid;
}

/* The parent learns its child's id. It may have run already; an older thread had the same id. */
static void child_returned(struct lives *lives, const struct life *life, uint64_t place,
                           uint32_t child, uint64_t time)
{
    uint32_t parent = life->tid, pid = life->threads ? life->pid : 0;
    struct life *known = lives_find(lives, child);
    if (known && known->born > place)
        return;
    if (known)
        delete (lives, known);
    lives_child(lives, child, pid, parent, time);
}

void lives_return(struct lives *lives, struct life *life, uint64_t time, bool has_value,
                  int64_t value)
{
    if (!life->calling)
        return;
    queue_answer(&lives->text->queue, life->place, has_value, value);
    life->calling = false;
    if (lives->forking == life->tid)
        lives->forking = 0;
    if (has_value && value == 0 && call_execs(life->number))
        mark(lives, life, CALL_EXEC, time, 0);
    if (has_value && value > 0 && value <= UINT32_MAX && call_forks(life->number))
        child_returned(lives, life, life->place, (uint32_t)value, time);
}

void lives_supersede(struct lives *lives, struct life *leader, struct life *life, uint64_t time)
{
    abandon(lives, leader);
    leader->calling = life->calling;
    leader->number = life->number;
    leader->place = life->place;
    life->calling = false;
    lives_exit(lives, life, time);
}

void lives_exit(struct lives *lives, struct life *life, uint64_t time)
{
    abandon(lives, life);
    mark(lives, life, CALL_EXIT, time, 0);
    delete (lives, life);
}
