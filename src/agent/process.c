#include "agent/process.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#define SLOTS    8192 /* chains of the hash table; a power of two */
#define REMEMBER (60 * NS_PER_S)

struct process {
    struct process *next; /* in its chain */
    uint32_t pid, parent;
    uint32_t replica;
    bool first;     /* the container's first process: the tree begins here */
    uint64_t began; /* CLOCK_MONOTONIC, 0: before it was heard of */
    uint64_t ended; /* the same, 0: runs */
    char command[PROBE_COMMAND];
    char *program;   /* owned; NULL: as its parent's */
    char *arguments; /* owned; blanks between the words */
};

struct process_table {
    struct hand *hand;
    struct process *chain[SLOTS];
    size_t count;
};

struct process_table *process_table_new(struct hand *hand)
{
    struct process_table *table = memory_must(calloc(1, sizeof *table));
    table->hand = hand;
    return table;
}

static void release(struct process *process)
{
    free(process->program);
    free(process->arguments);
    free(process);
}

void process_table_free(struct process_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        for (struct process *process = table->chain[i]; process;) {
            struct process *next = process->next;
            release(process);
            process = next;
        }
    free(table);
}

static struct process **chain_of(struct process_table *table, uint32_t pid)
{
    return &table->chain[pid * 2654435761U % SLOTS];
}

static struct process *find(struct process_table *table, uint32_t pid)
{
    struct process *process = *chain_of(table, pid);
    while (process && process->pid != pid)
        process = process->next;
    return process;
}

/* Removes what has ended before `limit`. */
static void sweep(struct process_table *table, uint64_t limit)
{
    for (size_t i = 0; i < SLOTS; i++)
        for (struct process **link = &table->chain[i]; *link;) {
            struct process *process = *link;
            if (process->ended && process->ended < limit) {
                *link = process->next;
                release(process);
                table->count--;
            } else {
                link = &process->next;
            }
        }
}

void process_forget(struct process_table *table, uint64_t now)
{
    sweep(table, now > REMEMBER ? now - REMEMBER : 0);
}

/* The process with this pid, made when it is new; NULL when the table is full of living ones. */
static struct process *obtain(struct process_table *table, uint32_t pid)
{
    struct process *process = find(table, pid);
    if (process)
        return process;
    if (table->count >= PROCESSES_MAX)
        sweep(table, UINT64_MAX);
    if (table->count >= PROCESSES_MAX)
        return NULL;
    process = memory_must(calloc(1, sizeof *process));
    process->pid = pid;
    process->next = *chain_of(table, pid);
    *chain_of(table, pid) = process;
    table->count++;
    return process;
}

/* NUL-separated words as one line. */
static char *join_words(const char *words, size_t size)
{
    while (size > 0 && words[size - 1] == '\0')
        size--;
    char *text = memory_must(calloc(1, size + 1));
    memcpy(text, words, size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
    return text;
}

static void set_text(char **place, char *text)
{
    free(*place);
    *place = text;
}

void process_note(struct process_table *table, const struct process_event *event)
{
    const struct event_head *head = &event->head;
    struct process *process = obtain(table, head->pid);
    if (!process)
        return;
    if (head->kind == EVENT_EXIT) {
        process->ended = head->time;
        return;
    }
    if (process->ended) { /* a pid used again */
        process->ended = process->began = 0;
        process->first = false;
        set_text(&process->program, NULL);
        set_text(&process->arguments, NULL);
    }
    if (head->kind == EVENT_FORK || process->began == 0)
        process->began = head->time;
    process->parent = head->parent;
    process->replica = head->replica;
    process->first |= (event->flags & PROCESS_ENTRY) != 0;
    memcpy(process->command, head->command, sizeof process->command);
    if (head->kind != EVENT_EXEC)
        return;
    size_t size = event->arguments_size;
    set_text(&process->program, memory_must(strndup(event->program, sizeof event->program)));
    set_text(&process->arguments,
             join_words(event->arguments, size < PROBE_ARGUMENTS ? size : PROBE_ARGUMENTS));
}

static size_t read_proc(uint32_t pid, const char *file, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/%s", pid, file);
    autofile FILE *stream = fopen(path, "re");
    size_t got = stream ? fread(text, 1, size - 1, stream) : 0;
    text[got] = '\0';
    return got;
}

/* A process that was there before Skink, as /proc tells it; NULL when it has gone. */
static struct process *look_up(struct process_table *table, uint32_t pid, uint32_t replica)
{
    char stat[512];
    char words[PROBE_ARGUMENTS];
    char program[PROBE_PROGRAM];
    if (pid <= 1 || read_proc(pid, "stat", stat, sizeof stat) == 0)
        return NULL;
    const char *after = strrchr(stat, ')'); /* the command may hold blanks and brackets */
    const char *command = strchr(stat, '(');
    unsigned parent;
    if (!after || !command || sscanf(after, ") %*c %u", &parent) != 1)
        return NULL;
    struct process *process = obtain(table, pid);
    if (!process)
        return NULL;
    process->parent = parent;
    process->replica = replica;
    size_t length = (size_t)(after - command - 1);
    snprintf(process->command, sizeof process->command, "%.*s", (int)length, command + 1);
    set_text(&process->arguments,
             join_words(words, read_proc(pid, "cmdline", words, sizeof words)));
    ssize_t size = hand_link(table->hand, (pid_t)pid, "exe", program, sizeof program);
    if (size > 0)
        set_text(&process->program, memory_must(strndup(program, (size_t)size)));
    return process;
}

/* Are both in the same cgroups? Asked of a parent that the probe never reported: the container's
 * runtime is no part of the container. */
static bool same_cgroups(uint32_t a, uint32_t b)
{
    char one[4096];
    char other[4096];
    return read_proc(a, "cgroup", one, sizeof one) > 0 &&
           read_proc(b, "cgroup", other, sizeof other) > 0 && strcmp(one, other) == 0;
}

/* The parent within the replica, or NULL above its first process. */
static struct process *parent_of(struct process_table *table, const struct process *process)
{
    if (process->first)
        return NULL;
    struct process *parent = find(table, process->parent);
    if (!parent && same_cgroups(process->parent, process->pid))
        parent = look_up(table, process->parent, process->replica);
    return parent && parent->replica == process->replica ? parent : NULL;
}

static json_t *argument_json(const char *text)
{
    return text_json(text, strlen(text));
}

static json_t *level(struct process_table *table, const struct process *process)
{
    const char *program = process->program;
    const struct process *above = process;
    for (int i = 0; !program && i < PROCESS_TREE_DEPTH;
         i++) { /* a fork runs its parent's program */
        above = find(table, above->parent);
        if (!above)
            break;
        program = above->program;
    }
    json_t *json = json_pack("{s:I}", "pid", (json_int_t)process->pid);
    json_object_set_new(json, "command", argument_json(process->command));
    json_object_set_new(json, "program", argument_json(program ? program : ""));
    json_object_set_new(json, "arguments",
                        argument_json(process->arguments ? process->arguments : ""));
    return json;
}

bool process_known(struct process_table *table, uint32_t pid, uint32_t replica)
{
    const struct process *process = find(table, pid);
    return process && process->replica == replica;
}

size_t process_line(struct process_table *table, uint32_t pid, uint32_t replica, uint64_t since,
                    uint32_t *line, size_t max)
{
    size_t count = 0;
    const struct process *process = find(table, pid);
    while (process && process->replica == replica && !process->first && process->began >= since &&
           count < max) {
        line[count++] = process->pid;
        process = find(table, process->parent);
    }
    return count;
}

json_t *process_tree(struct process_table *table, uint32_t pid, uint32_t replica,
                     const char *command)
{
    json_t *tree = json_array();
    struct process *process = find(table, pid);
    if (!process)
        process = look_up(table, pid, replica);
    if (!process) {
        json_array_append_new(tree,
                              json_pack("{s:I,s:o,s:s,s:s}", "pid", (json_int_t)pid, "command",
                                        argument_json(command), "program", "", "arguments", ""));
        return tree;
    }
    for (int depth = 0; process && depth < PROCESS_TREE_DEPTH; depth++) {
        json_array_insert_new(tree, 0, level(table, process));
        process = parent_of(table, process);
    }
    return tree;
}
