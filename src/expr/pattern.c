#include "expr/pattern.h"

#include "base/limits.h"

/* Compiling takes about as long as this many steps for each byte of the pattern. */
#define COMPILE_UNITS_PER_BYTE 4
#define COMPILE_UNITS 50

/* So many states take as long as one unit for CALL_BYTES_PER_UNIT bytes. */
#define STATES_PER_UNIT 32

FALLIBLE pattern_charge(struct call *call, const struct regex *regex, size_t bytes)
{
    return call_charge(call, bytes / CALL_BYTES_PER_UNIT * (1 + regex_size(regex) / STATES_PER_UNIT));
}

#define REST_BYTES_PER_UNIT 128
#define SMALL_FACTOR_MAX 4

FALLIBLE pattern_charge_rest(struct call *call, const struct regex *regex, size_t bytes)
{
    uint64_t factor = 1 + regex_size(regex) / STATES_PER_UNIT;
    /* The automaton of a large pattern may not fit, and then each search takes its size times the rest. */
    if (factor > SMALL_FACTOR_MAX)
        factor = factor * factor / SMALL_FACTOR_MAX;
    return call_charge(call, 1 + bytes / REST_BYTES_PER_UNIT * factor);
}

FALLIBLE pattern_get(struct call *call, struct str pattern, const struct regex **ret)
{
    if (call->regex != NULL && str_equal(call->regex_pattern, pattern)) {
        *ret = call->regex;
        return ERR_OK;
    }
    if (pattern.size > EXPR_PATTERN_BYTES_MAX)
        return call_fail(
            call, "the pattern is longer than EXPR_PATTERN_BYTES_MAX (%d bytes)", EXPR_PATTERN_BYTES_MAX);
    TRY(call_charge(call, COMPILE_UNITS + pattern.size * COMPILE_UNITS_PER_BYTE));
    char error[256];
    struct regex *regex = regex_new(pattern, error, sizeof(error));
    if (regex == NULL)
        return call_fail(call, "the pattern is wrong: %s", error);
    regex_free(call->regex);
    call->regex = regex;
    /* The bytes belong to a value of this evaluation, which outlives the call. */
    call->regex_pattern = pattern;
    *ret = regex;
    return call_charge(call, regex_size(regex) / 4);
}
