#include "library/library.h"

#include <stdio.h>
#include <string.h>

#include "profile/pattern.h"

#define SAME(theirs, ours)                                                                       \
    _Static_assert(offsetof(struct skink_call, theirs) == offsetof(struct call, ours) &&         \
                       sizeof((struct skink_call *)0)->theirs == sizeof((struct call *)0)->ours, \
                   "struct skink_call is struct call")

SAME(time, time);
SAME(value, value);
SAME(tid, tid);
SAME(pid, pid);
SAME(number, number);
SAME(kind, kind);
SAME(has_value, has_value);
_Static_assert(sizeof(struct skink_call) == sizeof(struct call),
               "struct skink_call is struct call");
_Static_assert((int)SKINK_CALL == CALL_ENTER && (int)SKINK_EXEC == CALL_EXEC &&
                   (int)SKINK_FORK == CALL_FORK && (int)SKINK_EXIT == CALL_EXIT &&
                   (int)SKINK_LOST == CALL_LOST,
               "enum skink_kind is enum call_kind");
_Static_assert(SKINK_NUMBER_I386 == CALL_NUMBER_COMPAT && SKINK_CODES == CALL_CODES &&
                   SKINK_NAME == CALL_NAME,
               "what skink.h says of calls");
_Static_assert((int)SKINK_WRONG_INPUT == EXIT_USAGE && (int)SKINK_MACHINE == EXIT_MACHINE,
               "enum skink_reason is enum exit_code");

const char *skink_version(void)
{
    return SKINK_VERSION;
}

void library_tell(struct skink_error *err, const struct error *why)
{
    if (!err)
        return;
    err->reason = why->code;
    err->number = why->errnum;
    snprintf(err->text, sizeof err->text, "%s", why->text);
}

void library_take_calls(struct call *ours, const struct skink_call *theirs, size_t count)
{
    memcpy(ours, theirs, count * sizeof *ours);
}

void library_give_calls(struct skink_call *theirs, const struct call *ours, size_t count)
{
    memcpy(theirs, ours, count * sizeof *theirs);
}

uint16_t skink_call_code(const struct skink_call *call)
{
    return (uint16_t)call_number_code(call->number);
}

const char *skink_code_name(uint16_t code, char text[SKINK_NAME])
{
    return call_name(code, text);
}
