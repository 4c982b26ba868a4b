/* YAML into a struct, by its table of keys. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "agent/config.h"
#include "agent/config_keys.h"
#include "base/memory.h"

#define ENTRIES_MAX 4096 /* services, rules, … of one configuration */
#define DEPTH_MAX   16   /* more than the tables nest */
#define PAIR_NAME   127  /* bytes */
#define PLACE_SIZE  512  /* "services.NAME.detect.frame_threshold" */

/* One run over one YAML document. */
struct reader {
    yaml_document_t document;
    const char *name;
    const struct key_table *table; /* of the whole */
    void *whole;
    struct error *err;
};

static int read_table(struct reader *reader, const struct key_table *table, const yaml_node_t *map,
                      const char *path, void *target);

static void *at(void *target, size_t offset)
{
    return (char *)target + offset;
}

/* Puts FILE:LINE in front of what err says. */
static int at_line(struct reader *reader, const yaml_node_t *node)
{
    return error_context(reader->err, "%s:%zu", reader->name, node->start_mark.line + 1);
}

static int refuse(struct reader *reader, const yaml_node_t *node, const char *path, const char *why)
{
    error_set(reader->err, EXIT_USAGE, 0, "%s: %s", path[0] ? path : "configuration", why);
    return at_line(reader, node);
}

static const yaml_node_t *node_of(struct reader *reader, int index)
{
    return yaml_document_get_node(&reader->document, index);
}

/* The text of a scalar, NULL with err when it is none or nothing to be kept in a C string. */
static const char *scalar(struct reader *reader, const yaml_node_t *node, const char *path)
{
    if (node->type != YAML_SCALAR_NODE) {
        refuse(reader, node, path, "a single value is needed, not a list or a mapping");
        return NULL;
    }
    const char *text = (const char *)node->data.scalar.value;
    if (key_text(path, text, node->data.scalar.length, ERROR_TEXT / 2, reader->err) < 0) {
        at_line(reader, node);
        return NULL;
    }
    return text;
}

static const struct key *key_named(const struct key_table *table, const char *name)
{
    const struct key *key = table->keys;
    while (key->name && strcmp(key->name, name) != 0)
        key++;
    return key->name ? key : NULL;
}

static int refuse_unknown(struct reader *reader, const struct key_table *table,
                          const yaml_node_t *node, const char *path, const char *name)
{
    const char *nearest = key_nearest(table, name);
    error_set(reader->err, EXIT_USAGE, 0, "%s%s%s: unknown key", path, path[0] ? "." : "", name);
    if (nearest)
        error_hint(reader->err, "did you mean %s?", nearest);
    else
        error_hint(reader->err, "%s lists all keys", reader->table->hint);
    return at_line(reader, node);
}

/* Every key of a mapping must be a text, and be there once. */
static int check_pairs(struct reader *reader, const yaml_node_t *map, const char *path)
{
    const yaml_node_pair_t *start = map->data.mapping.pairs.start;
    const yaml_node_pair_t *top = map->data.mapping.pairs.top;
    if (top - start > ENTRIES_MAX)
        return refuse(reader, map, path, "too many entries (at most 4096)");
    for (const yaml_node_pair_t *pair = start; pair < top; pair++) {
        const yaml_node_t *node = node_of(reader, pair->key);
        const char *name = scalar(reader, node, path[0] ? path : "key");
        if (!name)
            return -1;
        for (const yaml_node_pair_t *before = start; before < pair; before++) {
            const yaml_node_t *other = node_of(reader, before->key);
            if (strcmp((const char *)other->data.scalar.value, name) != 0)
                continue;
            error_set(reader->err, EXIT_USAGE, 0, "%s%s%s: given twice, first in line %zu", path,
                      path[0] ? "." : "", name, other->start_mark.line + 1);
            return at_line(reader, node);
        }
    }
    return 0;
}

static int check_names(struct reader *reader, const struct key_table *table, const yaml_node_t *map,
                       const char *path)
{
    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
         pair < map->data.mapping.pairs.top; pair++) {
        const yaml_node_t *node = node_of(reader, pair->key);
        const char *name = (const char *)node->data.scalar.value;
        if (!key_named(table, name))
            return refuse_unknown(reader, table, node, path, name);
    }
    return 0;
}

static const yaml_node_t *find(struct reader *reader, const yaml_node_t *map, const char *name)
{
    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
         pair < map->data.mapping.pairs.top; pair++)
        if (strcmp((const char *)node_of(reader, pair->key)->data.scalar.value, name) == 0)
            return node_of(reader, pair->value);
    return NULL;
}

/* The elements are allocated and counted before they are read, so that keys_free finds them. */
static char *make_array(const struct key *key, void *target, size_t count)
{
    void *elements = memory_must(calloc(count + 1, key->table->size));
    memcpy(at(target, key->offset), &elements, sizeof elements);
    memcpy(at(target, key->table->count_offset), &count, sizeof count);
    return elements;
}

/* A copy of a struct gets texts of its own. */
static void own_texts(const struct key_table *table, void *target)
{
    for (const struct key *key = table->keys; key->name; key++) {
        char **text = at(target, key->offset);
        if (key->type == KEY_GROUP)
            own_texts(key->table, text);
        else if (key_is_text(key->type) && *text)
            *text = memory_must(strdup(*text));
    }
}

static int read_services(struct reader *reader, const struct key *key, const yaml_node_t *map,
                         const char *path)
{
    if (map->type != YAML_MAPPING_NODE)
        return refuse(reader, map, path, "a mapping from names of services is needed");
    if (check_pairs(reader, map, path) < 0)
        return -1;
    struct config *config = reader->whole;
    const yaml_node_pair_t *pairs = map->data.mapping.pairs.start;
    size_t count = (size_t)(map->data.mapping.pairs.top - pairs);
    make_array(key, config, count);
    for (size_t i = 0; i < count; i++) {
        static const struct key NAME = {.name = "name", .type = KEY_TEXT};
        struct service_config *service = &config->services[i];
        const yaml_node_t *name = node_of(reader, pairs[i].key);
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, "%.200s.%.200s", path, (const char *)name->data.scalar.value);
        *service = config->defaults;
        own_texts(key->table, service);
        if (key_set(&NAME, place, (const char *)name->data.scalar.value, &service->name,
                    reader->err) < 0)
            return at_line(reader, name);
        if (read_table(reader, key->table, node_of(reader, pairs[i].value), place, service) < 0)
            return -1;
    }
    return 0;
}

static int read_list(struct reader *reader, const struct key *key, const yaml_node_t *list,
                     const char *path, void *target)
{
    if (list->type != YAML_SEQUENCE_NODE)
        return refuse(reader, list, path, "a list is needed (lines that begin with \"- \")");
    const yaml_node_item_t *items = list->data.sequence.items.start;
    size_t count = (size_t)(list->data.sequence.items.top - items);
    if (count > ENTRIES_MAX)
        return refuse(reader, list, path, "too many entries (at most 4096)");
    char *elements = make_array(key, target, count);
    for (size_t i = 0; i < count; i++) {
        char place[PLACE_SIZE], *element = elements + i * key->table->size;
        snprintf(place, sizeof place, "%.200s[%zu]", path, i);
        keys_default(key->table, element);
        if (read_table(reader, key->table, node_of(reader, items[i]), place, element) < 0)
            return -1;
    }
    return 0;
}

static int read_paths(struct reader *reader, const yaml_node_t *node, const char *path,
                      char ***paths)
{
    static const struct key PATH = {.name = "path", .type = KEY_PATH};
    if (node->type == YAML_SCALAR_NODE) {
        const char *text = scalar(reader, node, path);
        bool off = text && strcmp(text, "off") == 0;
        if (text && !off && strcmp(text, "auto") != 0)
            return refuse(reader, node, path, "a list of paths, auto or off is needed");
        *paths = off ? memory_must(calloc(1, sizeof **paths)) : NULL;
        return text ? 0 : -1;
    }
    if (node->type != YAML_SEQUENCE_NODE)
        return refuse(reader, node, path, "a list of paths, auto or off is needed");
    const yaml_node_item_t *items = node->data.sequence.items.start;
    size_t count = (size_t)(node->data.sequence.items.top - items);
    if (count > ENTRIES_MAX)
        return refuse(reader, node, path, "too many entries (at most 4096)");
    *paths = memory_must(calloc(count + 1, sizeof **paths));
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *item = node_of(reader, items[i]);
        const char *text = scalar(reader, item, path);
        if (!text)
            return -1;
        if (key_set(&PATH, path, text, &(*paths)[i], reader->err) < 0)
            return at_line(reader, item);
    }
    return 0;
}

static int check_pair(struct reader *reader, const yaml_node_t *name, const yaml_node_t *text,
                      const char *path)
{
    const char *key = (const char *)name->data.scalar.value; /* check_pairs has looked at it */
    char place[PLACE_SIZE];
    snprintf(place, sizeof place, "%.200s.%.200s", path, key);
    if (strlen(key) > PAIR_NAME || strchr(key, '='))
        return refuse(reader, name, place, "a name has at most 127 bytes, and no \"=\"");
    return scalar(reader, text, place) ? 0 : -1;
}

static int read_pairs(struct reader *reader, const yaml_node_t *map, const char *path, char **pairs)
{
    size_t size;
    free(*pairs);
    int result = check_pairs(reader, map, path);
    FILE *text = open_memstream(pairs, &size);
    memory_must(text);
    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
         result == 0 && pair < map->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = node_of(reader, pair->key), *value = node_of(reader, pair->value);
        result = check_pair(reader, name, value, path);
        if (result == 0)
            fprintf(text, "%s=%s\n", (const char *)name->data.scalar.value,
                    (const char *)value->data.scalar.value);
    }
    fclose(text);
    return result;
}

static int read_scalar(struct reader *reader, const struct key *key, const yaml_node_t *node,
                       const char *path, void *place)
{
    const char *text = scalar(reader, node, path);
    if (!text)
        return -1;
    if (key_is_text(key->type)) {
        char **old = place;
        free(*old);
        *old = NULL;
    }
    return key_set(key, path, text, place, reader->err) < 0 ? at_line(reader, node) : 0;
}

static int read_key(struct reader *reader, const struct key *key, const yaml_node_t *node,
                    const char *path, void *target)
{
    switch (key->type) {
    case KEY_GROUP:
        return read_table(reader, key->table, node, path, at(target, key->offset));
    case KEY_SERVICES:
        return read_services(reader, key, node, path);
    case KEY_LIST:
        return read_list(reader, key, node, path, target);
    case KEY_PATHS:
        return read_paths(reader, node, path, at(target, key->offset));
    case KEY_PAIRS:
        return node->type == YAML_MAPPING_NODE
                   ? read_pairs(reader, node, path, at(target, key->offset))
                   : read_scalar(reader, key, node, path, at(target, key->offset));
    default:
        return read_scalar(reader, key, node, path, at(target, key->offset));
    }
}

/* The depth of a document is bounded by the tables: whatever nests deeper is of the wrong type. */
static int read_table(struct reader *reader, const struct key_table *table, const yaml_node_t *map,
                      const char *path, void *target)
{
    if (map->type != YAML_MAPPING_NODE)
        return refuse(reader, map, path, "a mapping is needed (lines \"key: value\")");
    if (check_pairs(reader, map, path) < 0 || check_names(reader, table, map, path) < 0)
        return -1;
    for (const struct key *key = table->keys; key->name; key++) {
        const yaml_node_t *node = find(reader, map, key->name);
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, "%s%s%s", path, path[0] ? "." : "", key->name);
        if (!node && key->required)
            return refuse(reader, map, place, "is missing");
        if (node && read_key(reader, key, node, place, target) < 0)
            return -1;
    }
    const char *wrong = table->check ? table->check(target, reader->err) : NULL;
    if (!wrong)
        return 0;
    const yaml_node_t *node = find(reader, map, wrong);
    error_context(reader->err, "%s%s%s", path, path[0] ? "." : "", wrong);
    return at_line(reader, node ? node : map);
}

static size_t line_of_offset(const char *text, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

/* libyaml marks the place of everything but of bytes that are no text at all. */
static int refuse_yaml(const yaml_parser_t *parser, const char *text, size_t size, const char *name,
                       struct error *err)
{
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR)
        line = line_of_offset(text, parser->problem_offset < size ? parser->problem_offset : size);
    return error_set(err, EXIT_USAGE, 0, "%s:%zu: not YAML: %s", name, line,
                     parser->problem ? parser->problem : "out of memory");
}

/* libyaml's scanner takes quadratic time over deep nesting, so depth is looked at event by event.
 */
static int check_depth(const char *text, size_t size, const char *name, struct error *err)
{
    yaml_parser_t parser;
    yaml_event_type_t type = YAML_NO_EVENT;
    int depth = 0;
    int result = 0;
    if (!yaml_parser_initialize(&parser))
        memory_must(NULL);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    while (result == 0 && type != YAML_STREAM_END_EVENT) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            result = refuse_yaml(&parser, text, size, name, err);
            break;
        }
        type = event.type;
        depth += type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT;
        depth -= type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT;
        if (depth > DEPTH_MAX)
            result = error_set(err, EXIT_USAGE, 0, "%s:%zu: nested too deeply (at most %d levels)",
                               name, event.start_mark.line + 1, DEPTH_MAX);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return result;
}

static int read_document(struct reader *reader, yaml_parser_t *parser, const char *text,
                         size_t size)
{
    if (!yaml_parser_load(parser, &reader->document))
        return refuse_yaml(parser, text, size, reader->name, reader->err);
    const yaml_node_t *root = yaml_document_get_root_node(&reader->document);
    int result = root ? read_table(reader, reader->table, root, "", reader->whole) : 0;
    yaml_document_delete(&reader->document);
    if (result < 0 || !root)
        return result;

    if (!yaml_parser_load(parser, &reader->document))
        return refuse_yaml(parser, text, size, reader->name, reader->err);
    root = yaml_document_get_root_node(&reader->document);
    if (root)
        result = refuse(reader, root, "", "a second document begins here (only one is read)");
    yaml_document_delete(&reader->document);
    return result;
}

int keys_read(const struct key_table *table, void *target, const char *text, size_t size,
              const char *name, struct error *err)
{
    struct reader reader = {.name = name, .table = table, .whole = target, .err = err};
    yaml_parser_t parser;
    if (size > KEYS_FILE_MAX)
        return error_set(err, EXIT_USAGE, 0, "%s: %zu bytes is too large (at most 1 MiB)", name,
                         size);
    if (check_depth(text, size, name, err) < 0)
        return -1;
    if (!yaml_parser_initialize(&parser))
        memory_must(NULL);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    int result = read_document(&reader, &parser, text, size);
    yaml_parser_delete(&parser);
    return result;
}
