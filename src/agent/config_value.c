/* The scalars of the configuration: text into values, each refused with what would be right. */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "agent/config_keys.h"
#include "agent/metrics.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"

#define INTERVAL_MIN    (NS_PER_S / 10)
#define INTERVAL_MAX    (7 * 24 * 3600 * NS_PER_S)
#define NAME_MAX_LENGTH 127
#define PATH_MAX_LENGTH 1000

bool key_is_text(enum key_type type)
{
    return type <= KEY_LINE;
}

int key_text(const char *path, const char *text, size_t length, size_t max, struct error *err)
{
    if (length == 0)
        return error_set(err, EXIT_USAGE, 0, "%s: no value (leave the key out for the default)",
                         path);
    if (length > max)
        return error_set(err, EXIT_USAGE, 0, "%s: %zu bytes long (at most %zu)", path, length, max);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return error_set(err, EXIT_USAGE, 0,
                             "%s: contains the control character 0x%02x (printable text)", path,
                             (unsigned char)text[i]);
    return 0;
}

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static int check_path(const char *path, const char *text, const char *others, struct error *err)
{
    if (text[0] != '/')
        return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" is not an absolute path%s (/…)", path,
                         text, others);
    return 0;
}

static int check_url(const char *path, const char *text, struct error *err)
{
    CURLU *url = curl_url();
    char *scheme = NULL;
    bool right = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                 (is(scheme, "http") || is(scheme, "https"));
    curl_free(scheme);
    curl_url_cleanup(url);
    if (!right)
        return error_set(err, EXIT_USAGE, 0,
                         "%s: \"%s\" is not a URL (http://HOST/PATH, https://HOST/PATH or off)",
                         path, text);
    return 0;
}

static int check_match(const char *path, const char *text, struct error *err)
{
    static const char *const FIELDS[] = {"name=", "image=", "id=", "cgroup="};
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
        if (strncmp(text, FIELDS[i], strlen(FIELDS[i])) == 0 && text[strlen(FIELDS[i])])
            return 0;
    const char *equals = strchr(text, '=');
    if (strncmp(text, "label:", 6) == 0 && equals > text + 6 && equals[1])
        return 0;
    return error_set(err, EXIT_USAGE, 0,
                     "%s: \"%s\" matches nothing (name=GLOB, image=GLOB, id=GLOB, label:KEY=GLOB "
                     "or cgroup=GLOB)",
                     path, text);
}

/* What the key keeps for text: *kept is NULL, "" or text itself. */
static int check_text(const struct key *key, const char *path, const char *text, const char **kept,
                      struct error *err)
{
    size_t max = key->type == KEY_TEXT ? NAME_MAX_LENGTH : PATH_MAX_LENGTH;
    struct sockaddr_storage address;
    *kept = text;
    if (key_text(path, text, strlen(text), max, err) < 0)
        return -1;
    bool off = is(text, "off");
    if ((off && (key->type == KEY_ADDRESS || key->type == KEY_URL || key->type == KEY_MAYBE ||
                 key->type == KEY_PAIRS)) ||
        (is(text, "auto") && key->type == KEY_ENGINE)) {
        *kept = NULL;
        return 0;
    }
    if (off && (key->type == KEY_ENGINE || key->type == KEY_FILE)) {
        *kept = "";
        return 0;
    }
    switch (key->type) {
    case KEY_PATH:
        return check_path(path, text, "", err);
    case KEY_ENGINE:
        return check_path(path, text, ", auto or off", err);
    case KEY_ADDRESS:
        return metrics_address(text, &address, err) < 0 ? error_context(err, "%s", path) : 0;
    case KEY_URL:
        return check_url(path, text, err);
    case KEY_PAIRS:
        return error_set(err, EXIT_USAGE, 0,
                         "%s: a mapping is needed (lines \"NAME: TEXT\"), or off", path);
    case KEY_MATCH:
        return check_match(path, text, err);
    default:
        return 0;
    }
}

static int set_text(const struct key *key, const char *path, const char *text, void *place,
                    struct error *err)
{
    const char *kept;
    if (check_text(key, path, text, &kept, err) < 0)
        return -1;
    char *copy = kept ? memory_must(strdup(kept)) : NULL;
    memcpy(place, &copy, sizeof copy);
    return 0;
}

static int set_switch(const char *path, const char *text, bool *place, struct error *err)
{
    bool yes = is(text, "true") || is(text, "yes") || is(text, "on");
    if (!yes && !is(text, "false") && !is(text, "no") && !is(text, "off"))
        return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" is neither true nor false", path, text);
    *place = yes;
    return 0;
}

static int set_count(const struct key *key, const char *path, const char *text, uint32_t *place,
                     struct error *err)
{
    uint64_t value;
    if (parse_u64(path, text, (uint64_t)key->min, (uint64_t)key->max, &value, err) < 0)
        return -1;
    *place = (uint32_t)value;
    return 0;
}

static int set_threshold(const struct key *key, const char *path, const char *text, uint32_t *place,
                         struct error *err)
{
    if (is(text, "auto") || is(text, "off")) {
        *place = is(text, "auto") ? RULE_AUTO : 0;
        return 0;
    }
    return set_count(key, path, text, place, err) < 0 ? error_hint(err, "or auto, or off") : 0;
}

static int set_interval(const char *path, const char *text, struct growth_rule *place,
                        struct error *err)
{
    static const char CALLS[] = " calls";
    size_t length = strlen(text);
    size_t digits = length > strlen(CALLS) ? length - strlen(CALLS) : 0;
    char number[32];
    if (digits > 0 && digits < sizeof number && is(text + digits, CALLS)) {
        memcpy(number, text, digits);
        number[digits] = '\0';
        place->interval_ns = 0;
        return parse_u64(path, number, 100, 1000000000000000, &place->interval_calls, err);
    }
    uint64_t ns;
    if (parse_duration(path, text, &ns, err) < 0)
        return error_hint(err, "or a number of calls such as \"50000 calls\"");
    if (ns < INTERVAL_MIN || ns > INTERVAL_MAX)
        return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" is not from 100ms to 7d", path, text);
    place->interval_ns = ns;
    place->interval_calls = 0;
    return 0;
}

static int set_choice(const struct key *key, const char *path, const char *text, uint32_t *place,
                      struct error *err)
{
    char words[128] = "";
    size_t length = 0;
    for (uint32_t i = 0; key->choices[i]; i++) {
        if (is(text, key->choices[i])) {
            *place = i;
            return 0;
        }
        length += (size_t)snprintf(words + length, sizeof words - length, "%s%s", i ? ", " : "",
                                   key->choices[i]);
    }
    return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" is none of these: %s", path, text, words);
}

static int set_duration(const struct key *key, const char *path, const char *text, uint64_t *place,
                        struct error *err)
{
    bool word = is(text, "auto") || is(text, "off");
    if (word && key->text && is(text, key->text)) {
        *place = 0;
        return 0;
    }
    if (parse_duration(path, text, place, err) < 0)
        return -1;
    double seconds = (double)*place / (double)NS_PER_S;
    if (seconds < key->min || seconds > key->max)
        return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" is not from %gs to %gs", path, text,
                         key->min, key->max);
    return 0;
}

static int set_span(const struct key *key, const char *path, const char *text, struct span *place,
                    struct error *err)
{
    static const char DOTS[] = "..";
    const char *most = strstr(text, DOTS);
    autofree char *least = memory_must(strndup(text, most ? (size_t)(most - text) : strlen(text)));
    if (set_duration(key, path, least, &place->least, err) < 0 ||
        set_duration(key, path, most ? most + strlen(DOTS) : least, &place->most, err) < 0)
        return error_hint(err, "a time such as 20s, or a range such as 20s..30s");
    if (place->most < place->least)
        return error_set(err, EXIT_USAGE, 0, "%s: \"%s\" ends before it begins", path, text);
    return 0;
}

int key_set(const struct key *key, const char *path, const char *text, void *place,
            struct error *err)
{
    switch (key->type) {
    case KEY_SWITCH:
        return set_switch(path, text, place, err);
    case KEY_COUNT:
        return set_count(key, path, text, place, err);
    case KEY_CALLS:
        return parse_u64(path, text, (uint64_t)key->min, (uint64_t)key->max, place, err);
    case KEY_THRESHOLD:
        return set_threshold(key, path, text, place, err);
    case KEY_NUMBER:
        return parse_double(path, text, key->min, key->max, place, err);
    case KEY_INTERVAL:
        return set_interval(path, text, place, err);
    case KEY_CHOICE:
        return set_choice(key, path, text, place, err);
    case KEY_DURATION:
        return set_duration(key, path, text, place, err);
    case KEY_SPAN:
        return set_span(key, path, text, place, err);
    default:
        return set_text(key, path, text, place, err);
    }
}
