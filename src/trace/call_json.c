#include "trace/call_json.h"

#include "trace/call.h"

json_t *call_names_json(const uint16_t *codes, size_t count)
{
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++) {
        char name[CALL_NAME];
        json_array_append_new(names, json_string(call_name(codes[i], name)));
    }
    return names;
}
