/* shipping: what a parcel costs, and the label on it. The label printer knows ASCII only, so iconv
 * writes names and addresses anew.
 *
 * Weakness: they are pasted into a shell command between quotes of which they may have some. */
#include "service.h"

#include <stdio.h>
#include <string.h>

static json_t *refuse(int *status, int number, const char *why)
{
    *status = number;
    return json_pack("{s:s}", "error", why);
}

static json_t *quote(const struct request *request, int *status)
{
    const char *product = "", *zip = "";
    char path[64];
    if (json_unpack(request->body, "{s:s, s:s}", "product", &product, "zip", &zip) != 0 ||
        strspn(product, "0123456789") != strlen(product) || strlen(product) > 9)
        return refuse(status, 400, "what, and where to?");
    (void)snprintf(path, sizeof path, "/catalog/product/%s", product);
    json_t *found = call(request, "catalog", path), *weight = json_object_get(found, "weight");
    json_t *answer =
        weight ? json_pack("{s:I}", "cents",
                           390 + json_integer_value(weight) / 10 + (zip[0] == '9' ? 200 : 0))
               : refuse(status, 404, "no such product");
    json_decref(found);
    return answer;
}

static json_t *label(const struct request *request, int *status)
{
    const char *name = "", *address = "";
    char command[2048], text[1024] = "";
    if (json_unpack(request->body, "{s:s, s:s}", "name", &name, "address", &address) != 0 ||
        (size_t)snprintf(command, sizeof command,
                         "printf '%%s\\n' '%s' '%s' | iconv -f UTF-8 -t ASCII//TRANSLIT", name,
                         address) >= sizeof command)
        return refuse(status, 400, "who, and where to?");
    FILE *printer = popen(command, "re");
    if (!printer)
        return refuse(status, 500, "no printer");
    text[fread(text, 1, sizeof text - 1, printer)] = '\0';
    (void)pclose(printer);
    json_t *answer = json_pack("{s:s}", "label", text);
    return answer ? answer : refuse(status, 500, "the printer wrote no text");
}

static json_t *handle(const struct request *request, int *status)
{
    if (strcmp(request->path, "/shipping/quote") == 0)
        return quote(request, status);
    if (strcmp(request->path, "/shipping/label") == 0 && request->body)
        return label(request, status);
    return refuse(status, 404, "not here");
}

int main(void)
{
    return serve(handle);
}
