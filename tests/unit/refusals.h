/* An operation is done undisturbed, then again and again with one call refused each time, at another place
 * each time (faults/places.h): it has to fail for that want, or do what it does undisturbed (a program
 * that could not be made faster is as good; an input that is wrong stays so). What it had taken it gives
 * back, or the leak checker says so.
 *
 * A place is refused once in the life of a test program, so that a whole table of inputs can go through it.
 */
#ifndef TOCSIN_TESTS_REFUSALS_H
#define TOCSIN_TESTS_REFUSALS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "places.h"

#define REFUSALS_DEPTH 16

/* Must not change what it does the next time. What comes of it goes to `result`, on success. */
typedef enum err refusals_operation(void *context, struct buf *result, struct err_info *why);

struct refusals_trial {
    const char *name; /* is printed with what is wrong */
    refusals_operation *operation;
    /* Before and after it, undisturbed; may be NULL. */
    void (*begin)(void *context);
    void (*end)(void *context);
    void *context;
};

/* Without room a commit fails as one without disk, and a library that does not start is nobody's fault. */
static inline bool refusals_is_want(enum fault_kind kind, enum err got)
{
    return got == ERR_MEMORY ||
        (kind != FAULT_MEMORY && (got == ERR_IO || got == ERR_FULL || got == ERR_INTERNAL));
}

static inline bool refusals_is_sound(enum fault_kind kind, enum err got, const struct buf *result,
    enum err as_rule, const struct buf *rule, const struct err_info *why)
{
    if (refusals_is_want(kind, got))
        return why->code == got;
    return got == as_rule && (got != ERR_OK || str_equal(buf_str(result), buf_str(rule)));
}

static inline void refusals_call(void (*function)(void *context), void *context)
{
    if (function != NULL)
        function(context);
}

/* Of one kind; the number of faults. */
static inline unsigned refusals_of(enum fault_kind kind, const struct refusals_trial *trial)
{
    static const char *const kinds[] = { "allocation", "statement", "call" };
    unsigned faults = 0;
    struct err_info why = { 0 };
    AUTO(buf) struct buf rule = { 0 };
    faults_set_depth(REFUSALS_DEPTH);
    refusals_call(trial->begin, trial->context);
    faults_look(kind);
    enum err as_rule = trial->operation(trial->context, &rule, &why);
    struct fault_list list = faults_looked();
    refusals_call(trial->end, trial->context);
    for (long i = 0; i < list.count; i++) {
        AUTO(buf) struct buf result = { 0 };
        why = (struct err_info){ 0 };
        refusals_call(trial->begin, trial->context);
        faults_refuse(kind, list.numbers[i], SQLITE_NOMEM);
        enum err got = trial->operation(trial->context, &result, &why);
        bool has_struck = faults_end();
        refusals_call(trial->end, trial->context);
        if (!has_struck || refusals_is_sound(kind, got, &result, as_rule, &rule, &why))
            continue;
        printf("%s: %s %ld refused: %s (%s) %.*s, undisturbed %s %.*s\n", trial->name, kinds[kind],
            list.numbers[i], err_word(got), why.text, STR_ARG(buf_str(&result)), err_word(as_rule),
            STR_ARG(buf_str(&rule)));
        faults++;
    }
    return faults;
}

static inline unsigned refusals_of_memory(const char *name, refusals_operation *operation, void *context)
{
    return refusals_of(
        FAULT_MEMORY, &(struct refusals_trial){ .name = name, .operation = operation, .context = context });
}

#endif
