/*
 * The probe: follows the calls of watched threads, compares their patterns with the profile of
 * their service, and lets out nothing but what is new. See event.h for what it tells user space.
 *
 * Its parts, each with what it is for:
 */
#include "probe/calls.bpf.h"
#include "probe/cgroups.bpf.h"
#include "probe/files.bpf.h"
#include "probe/flows.bpf.h"
#include "probe/judge.bpf.h"
#include "probe/maps.bpf.h"
#include "probe/record.bpf.h"
#include "probe/report.bpf.h"
#include "probe/signals.bpf.h"
#include "probe/table.bpf.h"
#include "probe/threads.bpf.h"

char LICENSE[] SEC("license") = "GPL";
