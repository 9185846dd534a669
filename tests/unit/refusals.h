/* An operation is done undisturbed, then again and again with one allocation refused each time
 * (faults/places.h): it has to fail for want of memory, or do what it does undisturbed (a program that could
 * not be made faster is as good; an input that is wrong stays so). What it had taken it gives back, or the
 * leak checker says so.
 *
 * A place is refused once in the life of a test program, so that a whole table of inputs can go through it.
 */
#ifndef TOCSIN_TESTS_REFUSALS_H
#define TOCSIN_TESTS_REFUSALS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "places.h"

#define REFUSALS_DEPTH 16

/* Must not change what it does the next time. What comes of it goes to `result`, on success. */
typedef enum err refusals_operation(void *context, struct buf *result, struct err_info *why);

static inline bool refusals_is_sound(enum err got, const struct buf *result, enum err as_rule,
    const struct buf *rule, const struct err_info *why)
{
    if (got == ERR_MEMORY)
        return why->code == ERR_MEMORY;
    return got == as_rule && (got != ERR_OK || str_equal(buf_str(result), buf_str(rule)));
}

/* `name` is printed with what is wrong. Returns the number of faults. */
static inline unsigned refusals_of_memory(const char *name, refusals_operation *operation, void *context)
{
    unsigned faults = 0;
    struct err_info why = { 0 };
    AUTO(buf) struct buf rule = { 0 };
    faults_set_depth(REFUSALS_DEPTH);
    faults_look(FAULT_MEMORY);
    enum err as_rule = operation(context, &rule, &why);
    struct fault_list list = faults_looked();
    for (long i = 0; i < list.count; i++) {
        AUTO(buf) struct buf result = { 0 };
        why = (struct err_info){ 0 };
        faults_refuse(FAULT_MEMORY, list.numbers[i], 0);
        enum err got = operation(context, &result, &why);
        if (!faults_end() || refusals_is_sound(got, &result, as_rule, &rule, &why))
            continue;
        printf("%s: allocation %ld refused: %s (%s) %.*s, undisturbed %s %.*s\n", name, list.numbers[i],
            err_word(got), why.text, STR_ARG(buf_str(&result)), err_word(as_rule), STR_ARG(buf_str(&rule)));
        faults++;
    }
    return faults;
}

#endif
