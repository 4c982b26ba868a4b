#include "respond/token_check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

typedef bool text_rule(const char *text, const struct token_bounds *bounds);

/* ---- paths ---- */

static bool leads_up(const char *path)
{
    size_t length = strlen(path);
    return strstr(path, "/../") || (length >= 3 && strcmp(path + length - 3, "/..") == 0);
}

/* What lies on a file system of one of these types, or has gone meanwhile. */
static bool lies_on(const char *path, long type, long other)
{
    struct statfs found;
    return path[0] == '/' && !leads_up(path) &&
           (statfs(path, &found) != 0 || found.f_type == type || found.f_type == other);
}

static bool is_cgroup(const char *text, const struct token_bounds *bounds)
{
    (void)bounds;
    return lies_on(text, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC);
}

static bool is_network(const char *text, const struct token_bounds *bounds)
{
    (void)bounds;
    return lies_on(text, NSFS_MAGIC, NSFS_MAGIC);
}

/* What follows the directory in the path; NULL: it is not below it. */
static const char *below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    bool inside = !leads_up(path) && strncmp(path, directory, length) == 0 && path[length] == '/';
    return inside ? path + length + 1 : NULL;
}

static bool is_evidence(const char *text, const struct token_bounds *bounds)
{
    static const char EVIDENCE[] = "evidence/";
    const char *name = below(text, bounds->state);
    return name && strncmp(name, EVIDENCE, sizeof EVIDENCE - 1) == 0 && name[sizeof EVIDENCE - 1] &&
           !strchr(name + sizeof EVIDENCE - 1, '/');
}

/* Never where the daemon itself can write: a container is made of what it says. */
static bool is_bundle(const char *text, const struct token_bounds *bounds)
{
    return text[0] == '/' && !leads_up(text) && !below(text, bounds->state);
}

/* ---- what is configured ---- */

static bool is_same(const char *configured, const char *text)
{
    return configured && strcmp(configured, text) == 0;
}

static bool is_balancer(const char *text, const struct token_bounds *bounds)
{
    size_t i = 0;
    while (i < bounds->count && !is_same(bounds->rules[i]->balancer, text))
        i++;
    return i < bounds->count;
}

static bool is_backend(const char *text, const struct token_bounds *bounds)
{
    size_t i = 0;
    while (i < bounds->count && !is_same(bounds->rules[i]->backend, text))
        i++;
    return i < bounds->count;
}

static bool is_site(const char *text, const struct token_bounds *bounds)
{
    size_t i = 0;
    while (i < bounds->count && !is_same(bounds->rules[i]->migrate, text))
        i++;
    return i < bounds->count;
}

static bool is_map_network(const char *text, const struct token_bounds *bounds)
{
    size_t i = 0;
    while (i < bounds->count && !is_same(bounds->rules[i]->map_network, text))
        i++;
    return i < bounds->count;
}

/* "VERB element MAP { KEY : VALUE }" of a map that is configured, and no other command in it. */
static bool is_change(const char *line, size_t length, const char *verb, const char *map)
{
    char begin[256];
    int skip = snprintf(begin, sizeof begin, "%s element %s { ", verb, map);
    if (skip >= (int)sizeof begin || length < (size_t)skip + 2 ||
        strncmp(line, begin, (size_t)skip) != 0 || strncmp(line + length - 2, " }", 2) != 0)
        return false;
    for (size_t i = (size_t)skip; i < length - 2; i++)
        if (!isalnum((unsigned char)line[i]) && !strchr(" .:/_-", line[i]))
            return false;
    return true;
}

static bool is_change_of_any(const char *line, size_t length, const struct token_bounds *bounds)
{
    for (size_t i = 0; i < bounds->count; i++) {
        const char *map = bounds->rules[i]->map;
        if (map && (is_change(line, length, "delete", map) || is_change(line, length, "add", map)))
            return true;
    }
    return false;
}

static bool is_way_back(const char *text, const struct token_bounds *bounds)
{
    for (size_t length; *text; text += length + 1) {
        length = strcspn(text, "\n");
        if (text[length] != '\n' || !is_change_of_any(text, length, bounds))
            return false;
    }
    return true;
}

/* ---- words ---- */

static bool is_word(const char *text, const struct token_bounds *bounds)
{
    (void)bounds;
    return text[0] != '-' && text[0] != '.' && text[strspn(text, WORD)] == '\0';
}

static bool is_quota(const char *text, const struct token_bounds *bounds)
{
    (void)bounds;
    return text[strspn(text, "max0123456789- ")] == '\0';
}

static bool is_address(const char *text, const struct token_bounds *bounds)
{
    struct in_addr parsed;
    (void)bounds;
    return inet_pton(AF_INET, text, &parsed) == 1;
}

static bool is_interface(const char *text, const struct token_bounds *bounds)
{
    (void)bounds;
    return strlen(text) < IF_NAMESIZE && text[0] != '.' && !strpbrk(text, "/ \n");
}

/* ---- the token ---- */

struct member {
    const char *key;
    text_rule *fits;
};

static const struct member TOKEN[] = {
    {"cgroup", is_cgroup},
    {"quota", is_quota},
    {"back", is_way_back},
    {"balancer", is_balancer},
    {"backend", is_backend},
    {"server", is_word},
    {"directory", is_evidence},
    {"id", is_word},
    {"from", is_network},
    {"to", is_site},
    {"home", is_bundle},
    {"engine", is_word},
    {"map_network", is_map_network},
};

static const struct member MOVED[] = {
    {"balancer", is_balancer}, {"backend", is_backend}, {"server", is_word},
    {"from", is_address},      {"to", is_address},      {"interface", is_interface},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static int check(const json_t *object, const struct member *members, size_t count,
                 const struct token_bounds *bounds, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, members[i].key);
        const char *text = json_string_value(value);
        if (!value || (text && (!*text || members[i].fits(text, bounds))))
            continue;
        return error_set(err, EXIT_USAGE, 0,
                         "the measure cannot be taken back: its \"%s\" is \"%.100s\", which this "
                         "configuration does not give it",
                         members[i].key, text ? text : "no text");
    }
    return 0;
}

int token_check(const json_t *token, const struct token_bounds *bounds, struct error *err)
{
    if (check(token, TOKEN, COUNT(TOKEN), bounds, err) < 0 ||
        check(json_object_get(token, "opened"), TOKEN, COUNT(TOKEN), bounds, err) < 0)
        return -1;
    return check(json_object_get(token, "moved"), MOVED, COUNT(MOVED), bounds, err);
}
