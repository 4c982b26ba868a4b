#include "respond/halt.h"

int halt_check(const struct measure_target *target, struct error *err)
{
    if (!target->kernel.halt)
        return error_set(err, EXIT_MACHINE, 0, "%s: not watched", target->workload.name);
    return 0;
}

int halt_begin(const struct measure_target *target, enum replica_halt halt, json_t *token,
               struct error *err)
{
    if (target->kernel.halt(target->kernel.context, target->replica, target->generation, halt,
                            true) < 0)
        return error_set(err, EXIT_MACHINE, 0, "%s: not watched any more", target->workload.name);
    json_object_set_new(token, "replica", json_integer(target->replica));
    json_object_set_new(token, "generation", json_integer(target->generation));
    return 0;
}

void halt_end(const json_t *token, enum replica_halt halt, const struct measure_kernel *kernel)
{
    uint32_t replica = (uint32_t)json_integer_value(json_object_get(token, "replica"));
    uint32_t generation = (uint32_t)json_integer_value(json_object_get(token, "generation"));
    kernel->halt(kernel->context, replica, generation, halt, false);
}
