/* Functions: what the checker knows of them (overloads with types) and what the evaluator calls.
 * Libraries are const tables, one file each, lib_*.c; a table's rows are sorted by name.
 *
 * An overload matches at run time by the types of the values alone (langdef, "Functions"), so the
 * overloads of one function do not overlap after their type variables are erased. */
#ifndef TOCSIN_EXPR_FUNCTION_H
#define TOCSIN_EXPR_FUNCTION_H

#include "expr/call.h"
#include "expr/type.h"

#define FUNCTION_PARAMETERS_MAX 4

struct overload {
    bool is_member; /* called as a.f(b); the receiver is the first parameter */
    uint8_t count;
    const struct type *parameters[FUNCTION_PARAMETERS_MAX];
    const struct type *result;
    /* ERR_INVALID: a CEL error, its text set by call_fail. ERR_LIMIT, ERR_MEMORY end the evaluation. */
    enum err (*apply)(struct call *call, const struct value *arguments, struct value *ret);
};

/* Functions that have a step of their own in the program; the others run as STEP_CALL. estimate.c knows what
 * each of them costs. */
enum function_step {
    FUNCTION_CALL = 0,
    FUNCTION_ADD,
    FUNCTION_SUBTRACT,
    FUNCTION_EQUAL,
    FUNCTION_NOT_EQUAL,
    FUNCTION_LESS,
    FUNCTION_LESS_EQUAL,
    FUNCTION_GREATER,
    FUNCTION_GREATER_EQUAL,
    FUNCTION_INDEX,
    FUNCTION_NOT,
    FUNCTION_MATCHES, /* the pattern is compiled once when it is a constant */
};

struct function {
    struct str name;
    const struct overload *overloads;
    uint8_t overload_count;
    uint8_t step; /* enum function_step */
    bool is_size_dependent; /* its cost grows with what it is given */
    bool keeps_parts; /* gives its arguments as they are, whole or one after another, so what was made safe
                         for a sink stays safe */
    bool is_encoder; /* its result is safe for the sink that it marks it with, and for no other */
    bool gives_own_words; /* whatever it is given: a digest is nobody's text */
};

#define FUNCTION(text, rows) \
    { \
        .name = STR_INIT(text), .overloads = (rows), .overload_count = sizeof(rows) / sizeof((rows)[0]), \
        .is_size_dependent = true \
    }
#define FUNCTION_FLAT(text, rows) \
    { \
        .name = STR_INIT(text), .overloads = (rows), .overload_count = sizeof(rows) / sizeof((rows)[0]) \
    }
#define FUNCTION_KEEPING(text, rows) \
    { \
        .name = STR_INIT(text), .overloads = (rows), .overload_count = sizeof(rows) / sizeof((rows)[0]), \
        .keeps_parts = true \
    }
#define FUNCTION_JOINING(text, rows) \
    { \
        .name = STR_INIT(text), .overloads = (rows), .overload_count = sizeof(rows) / sizeof((rows)[0]), \
        .is_size_dependent = true, .keeps_parts = true \
    }
#define FUNCTION_DIGEST(text, rows) \
    { \
        .name = STR_INIT(text), .overloads = (rows), .overload_count = sizeof(rows) / sizeof((rows)[0]), \
        .is_size_dependent = true, .gives_own_words = true \
    }
#define FUNCTION_ENCODER(text, rows) \
    { \
        .name = STR_INIT(text), .overloads = (rows), .overload_count = sizeof(rows) / sizeof((rows)[0]), \
        .is_size_dependent = true, .is_encoder = true \
    }
#define FUNCTION_STEP(text, rows, which) \
    { \
        .name = STR_INIT(text), .overloads = (rows), .overload_count = sizeof(rows) / sizeof((rows)[0]), \
        .step = (which) \
    }
#define FUNCTION_STEP_KEEPING(text, rows, which) \
    { \
        .name = STR_INIT(text), .overloads = (rows), .overload_count = sizeof(rows) / sizeof((rows)[0]), \
        .step = (which), .keeps_parts = true \
    }

struct library {
    const char *name;
    const struct function *functions;
    uint32_t count;
};

extern const struct library library_standard, library_conversions, library_strings, library_lists,
    library_sets, library_math, library_encoders, library_optional, library_network, library_time,
    library_regex, library_security, library_sinks, library_parsers;

/* Types that the tables share: A and B stand for any type. */
extern const struct type type_a, type_b, type_type_a, type_list_a, type_list_string, type_list_int,
    type_list_uint, type_list_double, type_list_list_a, type_map_ab, type_optional_a, type_optional_b,
    type_optional_string, type_optional_list_a, type_optional_map_ab, type_list_optional_a;

/* NULL when there is none. */
const struct function *function_find(struct str name);
/* The known function whose name is nearest, for "did you mean"; an empty slice when none is near. */
struct str function_nearest(struct str name);
/* All libraries, for docs and tests. */
const struct library *const *function_libraries(uint32_t *ret_count);

/* Whether the overload takes these values; `count` of them, in the style `is_member`. */
bool overload_matches(
    const struct overload *overload, const struct value *arguments, uint32_t count, bool is_member);

/* Names that every environment knows: types ("int", "google.protobuf.Timestamp") and severity.*. */
bool function_constant(struct str name, struct value *ret, const struct type **ret_type);
struct str function_nearest_constant(struct str name, unsigned *distance);

#endif
