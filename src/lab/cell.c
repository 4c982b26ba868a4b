#include "lab/cell.h"

#include <stdio.h>
#include <string.h>

const char *cell_decimal(char text[CELL_TEXT], const json_t *value, int digits)
{
    if (json_is_number(value))
        snprintf(text, CELL_TEXT, "%.*f", digits, json_number_value(value));
    else
        snprintf(text, CELL_TEXT, "-");
    return text;
}

const char *cell_amount(char text[CELL_TEXT], const json_t *value)
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    double number = json_number_value(value);
    size_t unit = 0;
    if (!json_is_number(value))
        return cell_decimal(text, value, 0);
    for (; number >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        number /= 1000;
    int digits = number >= 99.5 ? 0 : number >= 9.95 ? 1 : 2;
    if (unit == 0 && json_is_integer(value))
        digits = 0;
    snprintf(text, CELL_TEXT, "%.*f%s", digits, number, units[unit]);
    return text;
}

const char *cell_label(char text[CELL_LABEL], const json_t *detector)
{
    const char *asked = json_string_value(json_object_get(detector, "asked"));
    int smooth = (int)json_integer_value(json_object_get(detector, "smooth"));
    char suffix[CELL_TEXT] = "";
    if (smooth > 1)
        snprintf(suffix, sizeof suffix, " smooth=%d", smooth);
    snprintf(text, CELL_LABEL, "%.*s%s", CELL_LABEL - CELL_TEXT, asked, suffix);
    return text;
}
