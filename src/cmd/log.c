/* `skink log`: the sealed log, begun, checked and shown. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cmd/ask.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"
#include "seal/key.h"

static const struct cmd_option OPTIONS[] = {
    {"key", 'k', "FILE", "init: write the first key there; verify: check with it"},
    {"from", 0, "N", "verify: the log begins with entry N, older files are kept elsewhere"},
    {"kind", 0, "KIND", "show: entries of this kind only, such as alert or tampered"},
    {"last", 'n', "N", "show: the last N entries"},
    {"state-dir", 0, "DIR", "the daemon's state directory (default: the configuration's)"},
    {"json", 'j', NULL, "print JSON lines"},
    {NULL, 0, NULL, NULL},
};

static char *state_directory(const struct cmd_line *line)
{
    struct error ignored;
    const char *given = cmd_value(line, &verb_log, "state-dir");
    if (given)
        return memory_must(strdup(given));
    struct config *config = config_load(CONFIG_PATH, &ignored);
    if (!config)
        config = config_default();
    char *directory = memory_must(strdup(config->state_dir));
    config_free(config);
    return directory;
}

/* ---- init ---- */

static void warn(void *context, const struct seal_finding *finding)
{
    (void)context;
    fprintf(stderr, "skink: the log so far: %s\n", finding->text);
}

static int init(const char *directory, const struct cmd_line *line, struct error *err)
{
    const char *path = cmd_value(line, &verb_log, "key");
    struct seal_first first;
    if (path && access(path, F_OK) == 0)
        return error_set(err, EXIT_USAGE, 0, "%s: is there already (name a new file)", path);
    if (mkdir(directory, 0750) < 0 && errno != EEXIST)
        return error_set(err, EXIT_USAGE, errno, "state directory %s", directory);
    struct seal_log *log = seal_open(directory, 0, warn, NULL, err);
    int outcome = log ? seal_begin_key(log, &first, err) : -1;
    if (outcome == 0)
        outcome = seal_first_write(path ? path : "-", &first, err);
    key_forget(&first.key);
    seal_close(log);
    if (outcome < 0)
        return -1;
    fprintf(stderr,
            "skink: the log is sealed from entry %" PRIu64
            " on; keep the key where this host cannot reach it\n",
            first.first);
    return EXIT_DONE;
}

/* ---- verify ---- */

static const char *fault_name(enum seal_fault fault)
{
    static const char *const NAMES[] = {
        [SEAL_CHANGED] = "changed", [SEAL_MISSING] = "missing",       [SEAL_OUT_OF_ORDER] = "moved",
        [SEAL_FOREIGN] = "foreign", [SEAL_CUT_OFF] = "cut off",       [SEAL_KEY] = "key",
        [SEAL_TORN] = "unfinished", [SEAL_HANDED_OVER] = "other key", [SEAL_PRUNED] = "pruned"};
    return NAMES[fault];
}

static void print_finding(void *context, const struct seal_finding *finding)
{
    const bool *json = context;
    const char *name = fault_name(finding->fault);
    if (*json) {
        json_t *object = json_pack("{s:s,s:s,s:I,s:I,s:s}", "finding", name, "file", finding->file,
                                   "line", (json_int_t)finding->line, "entry",
                                   (json_int_t)finding->entry, "text", finding->text);
        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(object);
        return;
    }
    terminal_print(stdout, seal_is_notice(finding->fault) ? PAINT_YELLOW : PAINT_RED, name);
    if (finding->line > 0)
        printf("  %s:%" PRIu64, finding->file, finding->line);
    printf("  %s\n", finding->text);
}

static void print_summary(const struct seal_summary *summary, bool keyed, bool in_use, bool json)
{
    char head[SEAL_HEX + 1];
    hex_write(summary->head, head);
    if (json) {
        json_t *object =
            json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:b,s:b,s:s,s:s}", "whole", summary->faults == 0,
                      "faults", (json_int_t)summary->faults, "first", (json_int_t)summary->first,
                      "next", (json_int_t)summary->next, "entries", (json_int_t)summary->entries,
                      "sealed", (json_int_t)summary->sealed, "closed", summary->closed, "in_use",
                      in_use, "last_time", summary->last_time, "head", head);
        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(object);
        return;
    }
    printf("%" PRIu64 " entries, %" PRIu64 " to %" PRIu64 ", the last of %s; %" PRIu64
           " checked with the key\n",
           summary->entries, summary->first, summary->next - 1, summary->last_time,
           summary->sealed);
    printf("head: entry %" PRIu64 ", %s\n", summary->next - 1, head);
    if (!in_use && !summary->closed)
        printf("no daemon writes it, and it has no end: the daemon was killed\n");
    if (!keyed)
        printf("without the key this shows accidents and clumsy hands only: who owns the host can "
               "write the whole chain anew (skink log init)\n");
    terminal_print(stdout, summary->faults ? PAINT_RED : PAINT_GREEN,
                   summary->faults ? "NOT what was written" : "nothing was changed");
    putchar('\n');
}

static int check_files(struct seal_check *check, const char *directory, struct error *err)
{
    char **files = seal_files(directory);
    int outcome =
        *files ? 0 : error_set(err, EXIT_USAGE, 0, "%s: there is no sealed log", directory);
    for (char **file = files; outcome == 0 && *file; file++)
        outcome = seal_check_file(check, *file, err);
    seal_files_free(files);
    return outcome;
}

static int verify(const char *directory, const struct cmd_line *line, struct error *err)
{
    const char *path = cmd_value(line, &verb_log, "key");
    const char *from_text = cmd_value(line, &verb_log, "from");
    bool json = cmd_has(line, &verb_log, "json");
    struct seal_first first;
    struct seal_state state;
    uint64_t from = SEAL_AS_TOLD;
    if ((path && seal_first_read(path, &first, err) < 0) ||
        (from_text && parse_u64("from", from_text, 0, SEAL_AS_TOLD - 1, &from, err) < 0))
        return -1;
    /* The key before the entries: what a daemon adds meanwhile is not taken for missing. */
    struct error unread;
    bool in_use = seal_in_use(directory);
    int had = seal_state_read(directory, &state, &unread);
    struct seal_check *check = seal_check_new(path ? &first : NULL, from, print_finding, &json);
    int outcome = check_files(check, directory, err);
    if (outcome == 0) {
        seal_check_end(check, had == 1 ? &state : NULL, in_use);
        print_summary(seal_check_summary(check), path, in_use, json);
        outcome = seal_check_summary(check)->faults ? EXIT_ANOMALOUS : EXIT_DONE;
    }
    seal_check_free(check);
    return outcome;
}

/* ---- show ---- */

static void show_entry(const char *text, const char *kind, bool json)
{
    json_t *entry = json_loads(text, 0, NULL);
    const char *its = ask_text(entry, "kind");
    if (entry && (!kind || strcmp(kind, its) == 0)) {
        autofree char *body = json_dumps(json_object_get(entry, "body"), JSON_COMPACT);
        const char *message = ask_text(json_object_get(entry, "body"), "message");
        if (json) {
            fputs(text, stdout);
        } else {
            printf("%6lld  %s  ", (long long)ask_number(entry, "seq"), ask_text(entry, "time"));
            terminal_print(stdout, strcmp(its, "tampered") == 0 ? PAINT_RED : PAINT_BOLD, its);
            fputs("  ", stdout);
            terminal_print(stdout, PAINT_NONE, *message ? message : body ? body : "");
            putchar('\n');
        }
    }
    json_decref(entry);
}

/* Counts the fitting entries, or shows those after the first `skip`. */
static uint64_t walk(char **files, const char *kind, bool shows, uint64_t skip, bool json)
{
    uint64_t count = 0;
    for (; *files; files++) {
        autofile FILE *file = fopen(*files, "re");
        autofree char *text = NULL;
        size_t room = 0;
        while (file && getline(&text, &room, file) > 0) {
            char marked[64];
            snprintf(marked, sizeof marked, "\"kind\":\"%.40s\"", kind ? kind : "");
            if (kind && !strstr(text, marked))
                continue;
            if (shows && count >= skip)
                show_entry(text, kind, json);
            count++;
        }
    }
    return count;
}

static int show(const char *directory, const struct cmd_line *line, struct error *err)
{
    const char *last_text = cmd_value(line, &verb_log, "last");
    const char *kind = cmd_value(line, &verb_log, "kind");
    uint64_t last = UINT64_MAX;
    if (last_text && parse_u64("last", last_text, 1, UINT64_MAX, &last, err) < 0)
        return -1;
    char **files = seal_files(directory);
    uint64_t count = walk(files, kind, false, 0, false);
    walk(files, kind, true, count > last ? count - last : 0, cmd_has(line, &verb_log, "json"));
    seal_files_free(files);
    return EXIT_DONE;
}

static int run(const struct cmd_line *line, struct error *err)
{
    static const struct {
        const char *name;
        int (*run)(const char *directory, const struct cmd_line *line, struct error *err);
    } PARTS[] = {{"init", init}, {"verify", verify}, {"show", show}};
    autofree char *directory = state_directory(line);
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++)
        if (strcmp(line->operand[0], PARTS[i].name) == 0)
            return PARTS[i].run(directory, line, err);
    return error_set(err, EXIT_USAGE, 0, "%s: unknown (init, verify or show)", line->operand[0]);
}

const struct verb verb_log = {
    .name = "log",
    .summary = "seal the log of what Skink saw and did, and check that nobody has changed it",
    .operands = "init|verify|show",
    .description =
        "The daemon writes alerts, incidents, measures and its own starts and stops to sealed.log in\n"
        "its state directory. Each entry holds the hash of the one before and is sealed with a key\n"
        "that is forgotten at once, so who takes the host over cannot change what is written.\n\n"
        "init begins with a new first key and prints it, or writes it to a file (--key): keep it\n"
        "elsewhere. The daemon must not be running. verify names the place of every change, gap,\n"
        "moved entry and cut; it exits with 1 when there is one. Without the key it checks the chain\n"
        "of hashes alone. show prints the entries. docs/self-protection.md tells more.",
    .example = "  skink log init --key /media/usb/skink.key\n"
               "  skink log verify --key /media/usb/skink.key\n"
               "  skink log show --kind tampered",
    .options = OPTIONS,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
